/* Convolution kernels: one row of one CONV. All give the same bits. */
#ifndef VC_CONV_H
#define VC_CONV_H

#include "vc_net.h"
#include "vc_target.h"

enum { VC_LANES = 8 }; /* 32-bit sums in a vector */

/* Output channels in the next block of packed weights when `left` channels are left: one to three vectors, and not one where two and two do. */
static inline int32_t vc_block_width(int32_t left)
{
    int32_t vectors = (left + VC_LANES - 1) / VC_LANES;
    return VC_LANES * (vectors == 3 || vectors > 4 ? 3 : vectors < 2 ? 1 : 2);
}

/* Straight from the model's int8 weights; needs no packed copy. */
void vc_conv_portable(const vc_conv_row *r);

#if VC_HAVE_AVX2
void vc_conv_avx2(const vc_conv_row *r);
#endif

#endif
