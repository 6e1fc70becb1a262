/* Tables of docs/format.md, sections 3 and 5. Those in vc_tables.c are normative.
   Generated: python edge_runtime/c/make_tables.py edge_runtime/c */
#ifndef VC_TABLES_H
#define VC_TABLES_H

#include <stdint.h>

#include "vc_build.h"

/* Devices are short of flash; elsewhere vectors are gathered from words. */
#if VC_FOR_DEVICE
typedef uint16_t vc_entry;
#else
typedef uint32_t vc_entry;
#endif

/* round(2^15 2^(-k/16)): reciprocal of the step's fraction of an octave */
extern const uint16_t vc_step[16];

/* ceil(12 s_i) + 1: half of the window of values that need no escape */
extern const vc_entry vc_half[48];

/* round(2^17 / s_i) */
extern const uint32_t vc_inverse[48];

/* round(65536 sigmoid((n - 32) / 4)): extra probability of zero */
extern const vc_entry vc_spike[64];

/* round(65536 / (1 + exp(-n / 32))) - 32768; the last once more, so that it has a neighbour too */
extern const vc_entry vc_logistic[386];

#endif
