/* How planes tell sizes: docs/format.md section 4. */
#ifndef VC_COMPAND_H
#define VC_COMPAND_H

#include <stdint.h>

/* 256 log2(n), between powers of two on a straight line; n > 0. */
static inline int32_t vc_compand_log2(int32_t n)
{
    int32_t e = 0;
    while (e < 30 && n >> (e + 1) != 0) e++;
    return 256 * e + (e < 8 ? n << (8 - e) : n >> (e - 8)) - 256;
}

/* A(n) */
static inline int32_t vc_compand(int32_t n)
{
    return vc_compand_log2(n + 1);
}

#endif
