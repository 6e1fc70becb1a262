#include "vc_band.h"
#include "vc_distribution.h"
#include "vc_distribution_cdf.h"
#include "vc_error.h"

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
    uint64_t point = vc_range_scale(s->r, vc_inner_cdf(s->d, j), VC_PRECISION);
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
