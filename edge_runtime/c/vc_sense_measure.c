#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_sense.h"

enum { FRACTION_BITS = 5, MINUS_COLUMN = 0x8000, MOST_SHIFT = 24 };

/* round(128 2^(-i/32)). */
static const uint8_t multipliers[32] = {128, 125, 123, 120, 117, 115, 112, 110, 108, 105, 103, 101, 99, 97, 95, 92,
                                        91,  89,  87,  85,  83,  81,  79,  78,  76,  74,  73,  71,  70, 68, 67, 65};

/* v times a multiplier, by additions of shifted values; both are small enough for 31 bits. */
static uint32_t times(uint32_t v, uint32_t multiplier)
{
    uint32_t product = 0;
    for (; multiplier != 0; multiplier >>= 1, v <<= 1)
        if (multiplier & 1) product += v;
    return product;
}

int16_t vc_sense_quantise(int32_t y, int32_t exponent, int32_t rounding)
{
    if (exponent < 0) exponent = 0;
    uint32_t size = (uint32_t)(y < 0 ? -y : y), shift = (uint32_t)exponent >> FRACTION_BITS;
    if (shift > MOST_SHIFT) return 0;
    uint32_t product = times(size, multipliers[exponent & 31]);
    uint32_t whole = (uint32_t)(((uint64_t)product + (((uint64_t)(uint32_t)rounding << (7 + shift)) >> 8)) >> (7 + shift));
    int32_t z = whole > VC_LATENT_MAX ? VC_LATENT_MAX : (int32_t)whole;
    return (int16_t)(y < 0 ? -z : z);
}

/* One row of y = Phi x. */
static int32_t measure_row(const vc_sense_row *row, const int16_t *x, size_t stride)
{
    int32_t y = 0;
    for (uint32_t i = 0; i < row->n_entries; i++) {
        uint32_t column = vc_u16(row->entries + 2 * i);
        int32_t v = x[stride * (column & 0x7fffu)];
        y += column & MINUS_COLUMN ? -v : v;
    }
    return y;
}

int vc_sense_measure(const vc_sense *s, int t, int rounding, const int16_t *x, size_t stride, int16_t *z)
{
    if (t < 0 || t >= s->codes || rounding > 255) return VC_EARGUMENT;
    vc_sense_step step = vc_sense_step_of(s, t);
    uint32_t at = s->ratios[step.ratio].rows;
    int32_t round = rounding < 0 ? s->rounding : rounding;
    for (int r = 0; r < s->ratios[step.ratio].measurements; r++) {
        vc_sense_row row = vc_sense_row_at(s, at);
        z[r] = vc_sense_quantise(measure_row(&row, x, stride), step.exponent + row.offset, round);
        at = row.next;
    }
    return s->ratios[step.ratio].measurements;
}
