#include "vc_distribution.h"

#include "vc_band.h"
#include "vc_error.h"
#include "vc_tables.h"

enum { SCALES = 48, SPIKES = 64, LOGISTIC_END = 384 };

static int32_t clamp(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

void vc_distribution_set(vc_distribution *d, int32_t mean, int32_t scale, int32_t spike)
{
    int32_t i = clamp(((scale + 32) >> 6) + 16, 0, SCALES - 1);
    int32_t half = (int32_t)vc_half[i];
    d->mean = mean;
    d->first = ((mean + 8) >> 4) - half;
    d->last = 2 * half + 1;
    d->inverse = vc_inverse[i];
    d->spike = vc_distribution_holds(d, 0) ? vc_spike[clamp(((spike + 32) >> 6) + 32, 0, SPIKES - 1)] : 0;
    d->free = 65535u - (uint32_t)d->last;
}

/* LOGISTIC(u) for u >= 0. The product stays below 2^27: u is at most 16 K + 24, and K about 12 scales. */
static uint32_t logistic(uint32_t u, uint32_t inverse)
{
    uint32_t a = (u * inverse) >> 8;
    uint32_t n = a >> 8;
    if (n >= LOGISTIC_END) return 65536;
    return vc_logistic[n] + (((vc_logistic[n + 1] - vc_logistic[n]) * (a & 255)) >> 8);
}

/* C(z). ((65536 - w) g) >> 16 is written so that it fits in 32 bits for every w below 65536. */
static uint32_t cumulative(const vc_distribution *d, int32_t z)
{
    int32_t u = 16 * z - 8 - d->mean;
    uint32_t g = u >= 0 ? logistic((uint32_t)u, d->inverse) : 65536 - logistic((uint32_t)-u, d->inverse);
    uint32_t c = g - ((d->spike * g + 65535) >> 16);
    return z > 0 ? c + d->spike : c;
}

/* 0 < j <= last */
static uint32_t inner_cdf(const vc_distribution *d, int32_t j)
{
    return (uint32_t)j + ((cumulative(d, d->first + j) * d->free) >> 16);
}

uint32_t vc_distribution_cdf(const vc_distribution *d, int32_t j)
{
    if (j <= 0) return 0;
    return j > d->last ? 65536 : inner_cdf(d, j);
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
    vc_range_encode(e, v.lo, v.hi, VC_PRECISION);
    if (!vc_distribution_holds(d, z)) vc_range_encode_escaped(e, z - d->first, d->last);
}

/* The search: the symbol's row value is in [low, high); a and b are the scaled CDF points of these ends. */
typedef struct search {
    const vc_distribution *d;
    const vc_range_decoder *r;
    int32_t low, high;
    uint32_t a;
    uint64_t b;
} search;

/* Halves the range at j, low < j < high, and tells whether the symbol lies below. */
static int probe(search *s, int32_t j)
{
    uint64_t point = vc_range_scale(s->r, inner_cdf(s->d, j), VC_PRECISION);
    int below = s->r->offset < point;
    if (below) {
        s->high = j;
        s->b = point;
    } else {
        s->low = j;
        s->a = (uint32_t)point;
    }
    return below;
}

/* Steps away from the end nearest to the mean, each step twice the one before, until the symbol is passed. */
static void gallop(search *s, int32_t centre)
{
    int32_t step = 1;
    if (s->low >= centre)
        while (s->low + step < s->high && !probe(s, s->low + step)) step *= 2;
    else
        while (s->high - step > s->low && probe(s, s->high - step)) step *= 2;
}

/* Starts with what the test for zero has already told. */
static void exclude_zero(search *s, vc_interval zero)
{
    uint64_t a = vc_range_scale(s->r, zero.lo, VC_PRECISION);
    if (s->r->offset < a) {
        s->high = -s->d->first;
        s->b = a;
    } else {
        s->low = 1 - s->d->first;
        s->a = (uint32_t)vc_range_scale(s->r, zero.hi, VC_PRECISION);
    }
}

int vc_distribution_decode(const vc_distribution *d, vc_interval zero, vc_range_decoder *r, int32_t *z)
{
    search s = {d, r, 0, d->last + 1, 0, (uint64_t)r->size1 + 1};
    if (zero.hi != 0) exclude_zero(&s, zero);
    int32_t centre = d->last / 2;
    if (s.low < centre && centre < s.high) probe(&s, centre);
    gallop(&s, centre);
    while (s.high - s.low > 1) probe(&s, s.low + (s.high - s.low) / 2);
    vc_range_narrow(r, s.a, s.b);
    int32_t j = s.low;
    if (j == d->last) {
        int error = vc_range_decode_escaped(r, d->last, &j);
        if (error) return error;
    }
    *z = d->first + j;
    return *z < -VC_LATENT_MAX || *z > VC_LATENT_MAX ? VC_EESCAPE : VC_OK;
}
