#include "vc_sense_quantise.h"

#include "vc_band.h"

enum { FRACTION_BITS = 5, MOST_SHIFT = 24 };

/* round(128 2^(-i/32)). */
static const uint8_t multipliers[32] = {128, 125, 123, 120, 117, 115, 112, 110, 108, 105, 103, 101, 99, 97, 95, 92,
                                        91,  89,  87,  85,  83,  81,  79,  78,  76,  74,  73,  71,  70, 68, 67, 65};

vc_sense_quantiser vc_sense_quantiser_at(int32_t exponent, int32_t rounding)
{
    uint32_t e = exponent < 0 ? 0 : (uint32_t)exponent, shift = e >> FRACTION_BITS;
    vc_sense_quantiser q = {multipliers[e & 31], (uint32_t)rounding >> 1, 7 + shift};
    if (shift > 0 && shift <= MOST_SHIFT) q.half = (uint32_t)rounding << (shift - 1);
    return q;
}

/* v times a multiplier up to 128, by additions of shifted values. */
static uint32_t times(uint32_t v, uint32_t multiplier)
{
    uint32_t product = 0;
    for (; multiplier != 0; multiplier >>= 1, v <<= 1)
        if (multiplier & 1) product += v;
    return product;
}

/* The product is at most 2^30 and what is added to it below 2^31: neither needs more than 32 bits. Most of the small ones are seen to be 0 without it. */
int16_t vc_sense_quantise_by(const vc_sense_quantiser *q, int32_t y)
{
    uint32_t size = (uint32_t)(y < 0 ? -y : y);
    if (q->shift > 7 + MOST_SHIFT || ((size << 7) + q->half) >> q->shift == 0) return 0;
    uint32_t whole = (times(size, q->multiplier) + q->half) >> q->shift;
    int32_t z = whole > VC_LATENT_MAX ? VC_LATENT_MAX : (int32_t)whole;
    return (int16_t)(y < 0 ? -z : z);
}

int16_t vc_sense_quantise(int32_t y, int32_t exponent, int32_t rounding)
{
    vc_sense_quantiser q = vc_sense_quantiser_at(exponent, rounding);
    return vc_sense_quantise_by(&q, y);
}
