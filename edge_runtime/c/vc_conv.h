/* Convolution kernels: one row of one CONV. All give the same bits. */
#ifndef VC_CONV_H
#define VC_CONV_H

#include "vc_bytes.h"
#include "vc_net.h"
#include "vc_target.h"

/* Bias of an output channel, with the share of the condition, which is the same at every site. */
int32_t vc_conv_bias(const vc_net *n, const vc_layer *l, int32_t channel);

/* Output channels in the next block of packed weights when `left` channels are left: one to three vectors, and not one where two and two do. */
static inline int32_t vc_block_width(int32_t left)
{
    int32_t vectors = (left + VC_LANES - 1) / VC_LANES;
    return VC_LANES * (vectors == 3 || vectors > 4 ? 3 : vectors < 2 ? 1 : 2);
}

/* What becomes of the sum of an output channel. */
static inline int16_t vc_conv_rounded(const vc_layer *l, int32_t channel, int32_t sum)
{
    int16_t v = vc_round_shift_sat16(sum, l->o.shifts[channel]);
    return l->o.relu && v < 0 ? 0 : v;
}

/* Straight from the model's int8 weights; need no packed copy. */
void vc_conv_portable(const vc_conv_row *r);
#if VC_HAVE_DSP
void vc_conv_dsp(const vc_conv_row *r);
#endif
#if VC_HAVE_MVE
void vc_conv_mve(const vc_conv_row *r);
#endif

#if VC_HAVE_SPARSE
void vc_conv_sparse(const vc_conv_row *r);
#endif
#if VC_HAVE_AVX2
void vc_conv_avx2(const vc_conv_row *r);
#endif

#endif
