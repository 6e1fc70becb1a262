#include "vc_distribution.h"

#include "vc_distribution_cdf.h"
#include "vc_tables.h"
#include "vc_target.h"

enum { SCALES = 48, SPIKES = 64 };

static int32_t clamp(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

VC_APART void vc_distribution_pick(vc_distribution *d, int32_t mean, uint32_t scale, uint32_t spike)
{
    int32_t half = (int32_t)vc_half[scale];
    d->mean = mean;
    d->first = ((mean + 8) >> 4) - half;
    d->last = 2 * half + 1;
    d->inverse = vc_inverse[scale];
    d->spike = vc_distribution_holds(d, 0) ? vc_spike[spike] : 0;
    d->free = 65535u - (uint32_t)d->last;
}

void vc_distribution_set(vc_distribution *d, int32_t mean, int32_t scale, int32_t spike)
{
    int32_t i = clamp(((scale + 32) >> 6) + 16, 0, SCALES - 1), n = clamp(((spike + 32) >> 6) + 32, 0, SPIKES - 1);
    vc_distribution_pick(d, mean, (uint32_t)i, (uint32_t)n);
}

uint32_t vc_distribution_cdf(const vc_distribution *d, int32_t j)
{
    if (j <= 0) return 0;
    return j > d->last ? 65536 : vc_inner_cdf(d, j);
}

static vc_interval row_interval(const vc_distribution *d, int32_t j)
{
    vc_interval v = {vc_distribution_cdf(d, j), vc_distribution_cdf(d, j + 1)};
    return v;
}

vc_interval vc_distribution_interval(const vc_distribution *d, int32_t z)
{
    return row_interval(d, vc_distribution_holds(d, z) ? z - d->first : d->last);
}

void vc_distribution_encode(const vc_distribution *d, int32_t z, vc_range_encoder *e)
{
    vc_interval v = vc_distribution_interval(d, z);
    vc_range_encode_fine(e, v.lo, v.hi);
    if (!vc_distribution_holds(d, z)) vc_range_encode_escaped(e, z - d->first, d->last);
}

void vc_distribution_code(int32_t mean, uint32_t scale, uint32_t spike, int32_t z, vc_range_encoder *e)
{
    vc_distribution d;
    vc_distribution_pick(&d, mean, scale, spike);
    int32_t j = vc_distribution_holds(&d, z) ? z - d.first : d.last;
    uint32_t lo = j > 0 ? vc_inner_cdf(&d, j) : 0, hi = j < d.last ? vc_inner_cdf(&d, j + 1) : 65536;
    vc_range_encode_fine(e, lo, hi);
    if (j == d.last) vc_range_encode_escaped(e, z - d.first, d.last);
}
