/* Convolutions with MVE (Helium: Cortex-M55, M85): eight products of 16 bit at a time, for four output channels side by side. Weights stay the model's int8 ones and
   are widened as they are loaded. Inputs are laid out as the weights of a channel are, so that a site takes one loop, whose tail is predicated. */
#include "vc_conv.h"

#if VC_HAVE_MVE

#include <arm_mve.h>

#include "vc_bytes.h"

enum { CHANNELS = 4 };

/* n > 0 numbers */
static inline void copy(int16_t *to, const int16_t *from, int32_t n)
{
    __asm__ volatile("dlstp.16 lr, %[n]\n"
                     "1:\n\t"
                     "vldrh.u16 q0, [%[from]], #16\n\t"
                     "vstrh.16 q0, [%[to]], #16\n\t"
                     "letp lr, 1b"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [n] "r"(n)
                     : "lr", "q0", "memory");
}

/* All inputs of a site, the condition's among them. */
static const int16_t *lay_site(const vc_conv_row *r, int32_t column)
{
    const vc_layer *l = r->layer;
    int16_t *to = (int16_t *)(void *)r->net->blocks;
    for (int32_t i = 0; i < l->n_segments; i++) {
        const vc_segment *s = &l->segments[i];
        if (r->inputs[i]) copy(to + s->weight, r->inputs[i] + (ptrdiff_t)column * s->pitch, s->length);
        else vc_zero(to + s->weight, (size_t)s->length * sizeof *to);
    }
    for (int32_t i = l->n_segments; i < l->n_segments + l->n_conditions; i++) {
        const vc_segment *s = &l->segments[i];
        for (int32_t k = 0; k < s->length; k++) to[s->weight + k] = (int16_t)r->net->condition[s->offset + k];
    }
    return to;
}

/* Sums of n > 0 products for four channels, whose weights lie `pitch` apart. */
static inline int32x4_t dot_four(const int16_t *x, const int8_t *w, int32_t n, ptrdiff_t pitch)
{
    const int8_t *w1 = w + pitch, *w2 = w1 + pitch, *w3 = w2 + pitch;
    int32_t a = 0, b = 0, c = 0, d = 0;
    __asm__("dlstp.16 lr, %[n]\n"
            "1:\n\t"
            "vldrh.u16 q0, [%[x]], #16\n\t"
            "vldrb.s16 q1, [%[w]], #8\n\t"
            "vmlava.s16 %[a], q0, q1\n\t"
            "vldrb.s16 q2, [%[w1]], #8\n\t"
            "vmlava.s16 %[b], q0, q2\n\t"
            "vldrb.s16 q1, [%[w2]], #8\n\t"
            "vmlava.s16 %[c], q0, q1\n\t"
            "vldrb.s16 q2, [%[w3]], #8\n\t"
            "vmlava.s16 %[d], q0, q2\n\t"
            "letp lr, 1b"
            : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [x] "+r"(x), [w] "+l"(w), [w1] "+l"(w1), [w2] "+l"(w2), [w3] "+l"(w3)
            : [n] "r"(n)
            : "lr", "q0", "q1", "q2", "memory");
    int32x4_t sums = {a, b, c, d};
    return sums;
}

static void run_four(const vc_conv_row *r, int32_t first, const int16_t *x, int16_t *out)
{
    const vc_layer *l = r->layer;
    int32_t n = (int32_t)l->o.fan_in;
    int32x4_t sums = dot_four(x, (const int8_t *)l->o.weights + (ptrdiff_t)first * n, n, n);
    int32x4_t bias = vreinterpretq_s32_u8(vldrbq_u8(l->o.bias + 4 * (ptrdiff_t)first));
    int32x4_t shifts = vreinterpretq_s32_u32(vldrbq_u32(l->o.shifts + first));
    int32x4_t v = vrshlq_s32(vaddq_s32(sums, bias), vnegq_s32(shifts));
    if (l->o.relu) v = vmaxq_s32(v, vdupq_n_s32(0));
    vstrhq_s32(out + first, vreinterpretq_s32_s16(vqmovnbq_s32(vdupq_n_s16(0), v)));
}

/* The last four channels may overlap those before, and give the same again. */
static void run_site(const vc_conv_row *r, int32_t column)
{
    const int16_t *x = lay_site(r, column);
    int32_t last = r->layer->o.n - CHANNELS;
    int16_t *out = r->out + (ptrdiff_t)column * r->out_pitch;
    for (int32_t c = 0; c < last; c += CHANNELS) run_four(r, c, x, out);
    run_four(r, last, x, out);
}

void vc_conv_mve(const vc_conv_row *r)
{
    if (r->layer->o.n < CHANNELS) vc_conv_portable(r);
    else for (int32_t c = 0; c < r->cols; c++) run_site(r, c);
}

#else

typedef int vc_conv_mve_is_left_out;

#endif
