/* How large the next residual is expected to be, docs/format.md section 12, and so its distribution. */
#ifndef VC_RESIDUAL_H
#define VC_RESIDUAL_H

#include <stdint.h>

#include "vc_distribution.h"

enum { VC_LEVELS = 32, VC_RATIOS = 16, VC_EXTREME = 32767 };

/* State of one channel, 2 KB. Sizes are in 1/4096 of a quantisation step. */
typedef struct vc_residual {
    int64_t fast, slow;                   /* running means of sizes */
    int32_t means[VC_LEVELS][VC_RATIOS];  /* mean size seen where slow and fast / slow were such; 0: not yet */
    int32_t *mean;                        /* the one for the residual at hand */
    int32_t low;                          /* bits of it that are coded as they are */
} vc_residual;

void vc_residual_begin(vc_residual *r);

/* Distribution of the next residual, shifted right by r->low; centre: its mean in 1/16, -8..8. */
void vc_residual_expect(vc_residual *r, int32_t centre, vc_distribution *d);

/* Takes a residual in. */
void vc_residual_learn(vc_residual *r, int32_t centre, int32_t q);

#endif
