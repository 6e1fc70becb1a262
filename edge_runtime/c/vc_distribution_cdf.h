/* The arithmetic of docs/format.md section 5, for the files that handle distributions. */
#ifndef VC_DISTRIBUTION_CDF_H
#define VC_DISTRIBUTION_CDF_H

#include <stdint.h>

#include "vc_distribution.h"
#include "vc_tables.h"

enum { VC_LOGISTIC_END = 384 };

/* LOGISTIC(u) - 32768 for u >= 0. The product stays below 2^27: u is at most 16 K + 24, and K about 12 scales. */
static inline uint32_t vc_logistic_at(uint32_t u, uint32_t inverse)
{
    uint32_t a = (u * inverse) >> 8;
    if (a >= VC_LOGISTIC_END << 8) return 32768;
    const vc_entry *point = vc_logistic + (a >> 8);
    return point[0] + (((uint32_t)(point[1] - point[0]) * (uint8_t)a) >> 8);
}

/* C(z). ((65536 - w) g) >> 16 is written so that it fits in 32 bits for every w below 65536. */
static inline uint32_t vc_cumulative(const vc_distribution *d, int32_t z)
{
    int32_t u = 16 * z - 8 - d->mean;
    uint32_t g = u >= 0 ? 32768 + vc_logistic_at((uint32_t)u, d->inverse) : 32768 - vc_logistic_at((uint32_t)-u, d->inverse);
    uint32_t c = g - ((d->spike * g + 65535) >> 16);
    return z > 0 ? c + d->spike : c;
}

/* CDF point 0 < j <= last. */
static inline uint32_t vc_inner_cdf(const vc_distribution *d, int32_t j)
{
    return (uint32_t)j + ((vc_cumulative(d, d->first + j) * d->free) >> 16);
}

#endif
