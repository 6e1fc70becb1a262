/* Binary logarithms of interval widths. */
#ifndef VC_LOG2_H
#define VC_LOG2_H

#include <stdint.h>

/* floor(log2(v)), v > 0 */
static inline uint32_t vc_floor_log2(uint32_t v)
{
#ifdef __GNUC__
    return 31u - (uint32_t)__builtin_clz(v);
#else
    uint32_t n = 0;
    for (unsigned s = 16; s > 0; s /= 2)
        if (v >> s) {
            v >>= s;
            n += s;
        }
    return n;
#endif
}

/* Fraction of log2(mantissa / 2^31) in 2^-bits, 2^31 <= mantissa < 2^32, rounded down: repeated squaring. */
static inline uint32_t vc_log2_fraction(uint32_t mantissa, int bits)
{
    uint32_t fraction = 0;
    for (int i = 0; i < bits; i++) {
        uint64_t square = ((uint64_t)mantissa * mantissa) >> 31;
        fraction <<= 1;
        if (square >> 32 != 0) {
            fraction |= 1;
            square >>= 1;
        }
        mantissa = (uint32_t)square;
    }
    return fraction;
}

/* log2(width) in 1/256, rounded down; width >= 1 */
static inline uint32_t vc_log2_256(uint32_t width)
{
    uint32_t whole = vc_floor_log2(width);
    return (whole << 8) + vc_log2_fraction(width << (31 - whole), 8);
}

#endif
