/* What a quality means to an encoder: the setting, ten to a step code (codec/rate.py, codec/rdoq.py). */
#ifndef VC_SETTING_H
#define VC_SETTING_H

#include <stdint.h>

#include "vc_model.h"

enum { VC_SUBSTEPS = 10 /* settings a step code */ };

/* The model's t_hi .. t_lo for a quality of 0 .. 1000, in tenths; halves to the even one. */
int32_t vc_setting_of(const vc_model *m, int32_t quality);

/* Rounding offset of a band at effort 1 or 2, in 1/256. */
int32_t vc_setting_round(const vc_model *m, uint32_t band, int32_t setting, int effort);

/* What the coder weighs a squared step with at effort 2, in 1/256 bit. */
uint32_t vc_setting_weight(int32_t setting);

#endif
