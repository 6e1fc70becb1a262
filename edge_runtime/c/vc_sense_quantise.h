/* The quantiser of compressed sensing: docs/format.md section 14. */
#ifndef VC_SENSE_QUANTISE_H
#define VC_SENSE_QUANTISE_H

#include <stdint.h>

/* Quantises a measurement, |y| at most 2^23, with exponent e and rounding 0..255 in 1/256: sign(y) ((|y| m + ...) >> ...), the product by m as shifted additions. */
int16_t vc_sense_quantise(int32_t y, int32_t exponent, int32_t rounding);

/* The same in two steps, the first for all measurements of one exponent. */
typedef struct vc_sense_quantiser {
    uint32_t multiplier, half; /* (|y| multiplier + half) >> shift */
    uint32_t shift;            /* above 31: all is 0 */
} vc_sense_quantiser;

vc_sense_quantiser vc_sense_quantiser_at(int32_t exponent, int32_t rounding);

int16_t vc_sense_quantise_by(const vc_sense_quantiser *q, int32_t y);

#endif
