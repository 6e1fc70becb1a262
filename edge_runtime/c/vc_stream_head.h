/* What sync packets say: docs/format.md section 13. */
#ifndef VC_STREAM_HEAD_H
#define VC_STREAM_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "vc_varint.h"

enum {
    VC_LONG_VARINT_MAX = 7,
    VC_STREAM_HEAD_FIXED = 1 + 4 + 2 + 2 + 1 + 5 * VC_VARINT_MAX + 3 /* bytes of the constant part at most, but for offsets and facts */
};

typedef struct vc_stream_head {
    uint32_t model_id;
    uint16_t synthesis_id, stream_id;
    uint8_t step_code, shift;
    uint32_t channels, rate, rate_divisor, rows, group;
    const int32_t *offsets; /* of each channel */
    const char *facts;      /* JSON metadata, or NULL */
} vc_stream_head;

/* Writes a value below 2^48, at most VC_LONG_VARINT_MAX bytes; returns how many. */
size_t vc_long_varint_write(uint8_t *p, uint64_t v);

/* Writes the constant part of a sync packet of int16 samples whose segment begins with packet 0; returns its bytes. */
size_t vc_stream_head_write(const vc_stream_head *h, uint8_t *p);

/* The most that the payload of a sync packet takes. */
size_t vc_stream_head_bound(uint32_t channels, const char *facts);

#endif
