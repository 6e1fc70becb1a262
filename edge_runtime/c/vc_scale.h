/* Logarithms of sizes by shifts and small comparisons, for docs/format.md section 12. */
#ifndef VC_SCALE_H
#define VC_SCALE_H

#include <stdint.h>

/* floor(log2(v)), v > 0. */
static inline int32_t vc_log2_floor(uint64_t v)
{
    int32_t n = 0;
    for (int s = 32; s > 0; s /= 2)
        if (v >> s) {
            v >>= s;
            n += s;
        }
    return n;
}

/* 8 log2(v), between powers of two on a straight line; v >= 8. */
static inline int32_t vc_log2_eighths(uint64_t v)
{
    int32_t n = vc_log2_floor(v);
    return 8 * n + (int32_t)((v >> (n - 3)) & 7);
}

/* floor(4 log2(v)), v >= 128. */
static inline int32_t vc_log2_quarters(uint64_t v)
{
    int32_t n = vc_log2_floor(v);
    uint64_t m = v >> (n - 7);
    return 4 * n + (m >= 153) + (m >= 182) + (m >= 216);
}

/* v limited to 0 .. n - 1. */
static inline int32_t vc_within(int32_t v, int32_t n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

#endif
