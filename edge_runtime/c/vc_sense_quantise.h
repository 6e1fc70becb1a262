/* The quantiser of compressed sensing: docs/format.md section 14. */
#ifndef VC_SENSE_QUANTISE_H
#define VC_SENSE_QUANTISE_H

#include <stdint.h>

/* Quantises a measurement, |y| at most 2^23, with exponent e and rounding 0..255 in 1/256: sign(y) ((|y| m + ...) >> ...), the product by m as shifted additions. */
int16_t vc_sense_quantise(int32_t y, int32_t exponent, int32_t rounding);

#endif
