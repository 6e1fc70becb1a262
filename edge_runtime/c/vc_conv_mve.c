/* Convolutions with MVE (Helium: Cortex-M55, M85): eight products of 16 bit at a time, for four output channels side by side. Weights stay the model's int8 ones and
   are widened as they are loaded. */
#include "vc_conv.h"

#if VC_HAVE_MVE

#include <arm_mve.h>

enum { INPUTS = 8 };

/* Adds products of n inputs and the weights of four channels, `pitch` apart. */
static void add_segment(int32_t sums[VC_CONV_CHANNELS], const int16_t *x, const int8_t *w, int32_t n, ptrdiff_t pitch)
{
    const int8_t *w1 = w + pitch, *w2 = w1 + pitch, *w3 = w2 + pitch;
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (; n >= INPUTS; n -= INPUTS, x += INPUTS, w += INPUTS, w1 += INPUTS, w2 += INPUTS, w3 += INPUTS) {
        int16x8_t v = vldrhq_s16(x);
        a = vmladavaq_s16(a, v, vldrbq_s16(w));
        b = vmladavaq_s16(b, v, vldrbq_s16(w1));
        c = vmladavaq_s16(c, v, vldrbq_s16(w2));
        d = vmladavaq_s16(d, v, vldrbq_s16(w3));
    }
    if (n > 0) {
        mve_pred16_t some = vctp16q((uint32_t)n);
        int16x8_t v = vldrhq_z_s16(x, some);
        a = vmladavaq_s16(a, v, vldrbq_z_s16(w, some));
        b = vmladavaq_s16(b, v, vldrbq_z_s16(w1, some));
        c = vmladavaq_s16(c, v, vldrbq_z_s16(w2, some));
        d = vmladavaq_s16(d, v, vldrbq_z_s16(w3, some));
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

void vc_conv_mve(const vc_conv_row *r)
{
    vc_conv_by_four(r, add_segment);
}

#else

typedef int vc_conv_mve_is_left_out;

#endif
