/* Convolutions with the DSP instructions of Arm (Cortex-M4, M7, M33 and A): two products of 16 bit at a time, for four output channels side by side. Weights stay
   the model's int8 ones: SXTB16 widens every other one of four, so the inputs are paired likewise. */
#include "vc_conv.h"

#if VC_HAVE_DSP

enum { INPUTS = 4 };

static inline uint32_t load(const int16_t *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

/* One channel: `even` and `odd` hold the inputs, `w` and what is added to it is the address of its weights. */
#define CHANNEL(sum, address)                         \
    "ldr %[v], [%[w]" address "]\n\t"                 \
    "sxtb16 %[u], %[v]\n\t"                           \
    "smlad %[" sum "], %[even], %[u], %[" sum "]\n\t" \
    "sxtb16 %[v], %[v], ror #8\n\t"                   \
    "smlad %[" sum "], %[odd], %[v], %[" sum "]\n\t"

/* Adds products of n inputs and the weights of four channels, `pitch` apart. */
static void add_segment(int32_t sums[VC_CONV_CHANNELS], const int16_t *x, const int8_t *w, int32_t n, ptrdiff_t pitch)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    ptrdiff_t pitch3 = 3 * pitch;
    const int16_t *end = x + (uint32_t)n / INPUTS * INPUTS;
    for (; x != end; x += INPUTS, w += INPUTS) {
        uint32_t low = load(x), odd = load(x + 2), even, u, v;
        __asm__("pkhbt %[even], %[low], %[odd], lsl #16\n\t"
                "pkhtb %[odd], %[odd], %[low], asr #16\n\t"
                CHANNEL("a", "") CHANNEL("b", ", %[pitch]") CHANNEL("c", ", %[pitch], lsl #1") CHANNEL("d", ", %[pitch3]")
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [odd] "+r"(odd), [even] "=&r"(even), [u] "=&r"(u), [v] "=&r"(v)
                : [low] "r"(low), [w] "r"(w), [pitch] "r"(pitch), [pitch3] "r"(pitch3));
    }
    for (uint32_t rest = (uint32_t)n % INPUTS; rest > 0; rest--, x++, w++) {
        a += *x * w[0];
        b += *x * w[pitch];
        c += *x * w[2 * pitch];
        d += *x * w[pitch3];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

void vc_conv_dsp(const vc_conv_row *r)
{
    vc_conv_by_four(r, add_segment);
}

#else

typedef int vc_conv_dsp_is_left_out;

#endif
