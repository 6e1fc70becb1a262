/* Distribution of one symbol, docs/format.md section 5: a logistic with a spike at zero, as integer CDF points. */
#ifndef VC_DISTRIBUTION_H
#define VC_DISTRIBUTION_H

#include <stdint.h>

#include "vc_range_decoder.h"
#include "vc_range_encoder.h"

enum { VC_PRECISION = 16 };

typedef struct vc_distribution {
    int32_t mean;     /* in 1/16 */
    int32_t first;    /* z of row value 0: m - K */
    int32_t last;     /* the escape's row value: 2K + 1 */
    uint32_t inverse; /* 2^17 / scale */
    uint32_t spike;   /* extra probability of zero */
    uint32_t free;    /* 65536 - V, what remains after one count a value */
} vc_distribution;

/* Interval of a row value in 2^16. */
typedef struct vc_interval {
    uint32_t lo, hi;
} vc_interval;

/* Prepares the distribution from its three parameters (int16 activations). */
void vc_distribution_set(vc_distribution *d, int32_t mean, int32_t scale, int32_t spike);

/* The same with the numbers that scale and spike have in their tables, 0..47 and 0..63. */
void vc_distribution_pick(vc_distribution *d, int32_t mean, uint32_t scale, uint32_t spike);

/* CDF point j, 0 <= j <= last + 1. */
uint32_t vc_distribution_cdf(const vc_distribution *d, int32_t j);

/* Interval of z, or that of the escape where z is outside the window. */
vc_interval vc_distribution_interval(const vc_distribution *d, int32_t z);

/* Codes z with its interval, and its escape code where it needs one. */
void vc_distribution_encode(const vc_distribution *d, int32_t z, vc_range_encoder *e);

/* vc_distribution_pick and vc_distribution_encode in one. */
void vc_distribution_code(int32_t mean, uint32_t scale, uint32_t spike, int32_t z, vc_range_encoder *e);

/* Decodes a symbol that is known not to lie in `zero`, the interval of z = 0. Returns 0 or VC_EESCAPE. */
int vc_distribution_decode(const vc_distribution *d, vc_interval zero, vc_range_decoder *r, int32_t *z);

/* Whether z has a row value of its own. */
static inline int vc_distribution_holds(const vc_distribution *d, int32_t z)
{
    return z >= d->first && z < d->first + d->last;
}

#endif
