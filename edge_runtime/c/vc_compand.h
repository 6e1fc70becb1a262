/* How planes tell sizes: docs/format.md section 4. */
#ifndef VC_COMPAND_H
#define VC_COMPAND_H

#include <stdint.h>

#include "vc_log2.h"

/* 256 log2(n), between powers of two on a straight line; n > 0. */
static inline int32_t vc_compand_log2(int32_t n)
{
    int32_t e = (int32_t)vc_floor_log2((uint32_t)n);
    return 256 * e + (e < 8 ? n << (8 - e) : n >> (e - 8)) - 256;
}

/* A(n) */
static inline int32_t vc_compand(int32_t n)
{
    return vc_compand_log2(n + 1);
}

#endif
