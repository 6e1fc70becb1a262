/* Convolutions with the DSP instructions of Arm (Cortex-M4, M7, M33 and A): two products of 16 bit at a time, for four output channels side by side. Weights stay
   the model's int8 ones: SXTB16 widens every other one of four, so the inputs are paired likewise, once for all channels. Fours of zeros, of which there are many
   behind rectifiers and among latents, are left out. */
#include "vc_conv.h"

#if VC_HAVE_DSP

#include "vc_bytes.h"

enum { CHANNELS = 4, COLUMNS = 2 };

#define DSP_INLINE __attribute__((always_inline)) static inline

static inline uint32_t load(const void *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

/* Blocks as they are written, of one column or of two neighbours. */
typedef struct listed {
    uint32_t *end;
    int32_t weights; /* of the last one */
} listed;

DSP_INLINE uint32_t *put_block(uint32_t *to, int32_t weights, const int16_t *x, ptrdiff_t pitch, const int cols)
{
    uint32_t low[COLUMNS], high[COLUMNS], any = 0;
    for (int c = 0; c < cols; c++) {
        low[c] = load(x + c * pitch);
        high[c] = load(x + c * pitch + 2);
        any |= low[c] | high[c];
    }
    if (any == 0) return to;
    *to++ = (uint32_t)weights;
    for (int c = 0; c < cols; c++, to += 2) {
        __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(to[0]) : "r"(low[c]), "r"(high[c]));
        __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(to[1]) : "r"(low[c]), "r"(high[c]));
    }
    return to;
}

/* Fewer than four inputs; `last` is where the last four weights begin, beyond which nothing is read. */
DSP_INLINE void list_rest(listed *k, const int16_t *x, ptrdiff_t pitch, int32_t n, int32_t weights, int32_t last, const int cols)
{
    int16_t four[COLUMNS * VC_BLOCK];
    int32_t from = weights < last ? weights : last;
    vc_zero(four, sizeof four); /* an initialiser would become a call of memset */
    for (int32_t i = 0; i < n; i++)
        for (int c = 0; c < cols; c++) four[c * VC_BLOCK + weights - from + i] = x[c * pitch + i];
    uint32_t *end = put_block(k->end, from - k->weights, four, VC_BLOCK, cols);
    if (end == k->end) return;
    k->end = end;
    k->weights = from;
}

DSP_INLINE void list_run(listed *k, const int16_t *x, const vc_segment *s, int32_t last, const int cols)
{
    uint32_t *end = k->end;
    int32_t before = k->weights, n = s->length, weights = s->weight;
    for (; n >= VC_BLOCK; n -= VC_BLOCK, x += VC_BLOCK, weights += VC_BLOCK) {
        uint32_t *next = put_block(end, weights - before, x, s->pitch, cols);
        if (next != end) before = weights;
        end = next;
    }
    k->end = end;
    k->weights = before;
    if (n > 0) list_rest(k, x, s->pitch, n, weights, last, cols);
}

/* The condition, of which two neighbours are not zero, as if it were a plane. */
DSP_INLINE void list_condition(listed *k, const vc_net *n, const vc_segment *s, int32_t last, const int cols)
{
    for (int32_t i = n->lit; i < n->lit + 2; i++) {
        int16_t q = (int16_t)n->condition[i];
        if (i >= s->offset && i < s->offset + s->length) list_rest(k, &q, 0, 1, s->weight + i - s->offset, last, cols);
    }
}

/* All inputs of a site, or of two; returns the end of the list. */
DSP_INLINE const uint32_t *list_sites(const vc_conv_row *r, int32_t column, const int cols)
{
    const vc_layer *l = r->layer;
    int32_t last = (int32_t)l->o.fan_in - VC_BLOCK;
    listed k = {r->net->blocks, 0};
    for (int32_t i = 0; i < l->n_segments; i++) {
        const vc_segment *s = &l->segments[i];
        if (r->inputs[i]) list_run(&k, r->inputs[i] + (ptrdiff_t)column * s->pitch, s, last, cols);
    }
    for (int32_t i = l->n_segments; i < l->n_segments + l->n_conditions; i++) list_condition(&k, r->net, &l->segments[i], last, cols);
    return k.end;
}

/* One channel of a block: what is added to `w` is the address of its weights. */
#define CHANNEL(sum, address)                         \
    "ldr %[v], [%[w]" address "]\n\t"                 \
    "sxtb16 %[u], %[v]\n\t"                           \
    "smlad %[" sum "], %[even], %[u], %[" sum "]\n\t" \
    "sxtb16 %[v], %[v], ror #8\n\t"                   \
    "smlad %[" sum "], %[odd], %[v], %[" sum "]\n\t"

/* Adds the products of all blocks; the weights of a channel are `pitch` behind those of the one before. The numbers of the registers that LDM fills rise. */
static inline void add_blocks(int32_t sums[CHANNELS], const uint32_t *x, const uint32_t *end, const int8_t *w, ptrdiff_t pitch)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    ptrdiff_t pitch3 = 3 * pitch;
    register uint32_t v __asm__("r4"), even __asm__("r5"), odd __asm__("r6");
    uint32_t u;
    if (x == end) return;
    __asm__("1:\n\t"
            "ldmia %[x]!, {%[v], %[even], %[odd]}\n\t"
            "add %[w], %[w], %[v]\n\t"
            CHANNEL("a", "") CHANNEL("b", ", %[pitch]") CHANNEL("c", ", %[pitch], lsl #1") CHANNEL("d", ", %[pitch3]")
            "cmp %[x], %[end]\n\t"
            "bne 1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x), [w] "+r"(w),
              [v] "=&r"(v), [even] "=&r"(even), [odd] "=&r"(odd), [u] "=&r"(u)
            : [end] "r"(end), [pitch] "r"(pitch), [pitch3] "r"(pitch3)
            : "cc", "memory");
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* vc_round_shift_sat16, with zeros for what is below. */
static inline int16_t round_relu(int32_t v, unsigned s)
{
    int32_t half = ((int32_t)1 << s) >> 1;
    __asm__("qadd %0, %1, %2" : "=r"(v) : "r"(v), "r"(half));
    __asm__("usat %0, #15, %1" : "=r"(v) : "r"(v >> s));
    return (int16_t)v;
}

/* Rounds, saturates and stores the sums of four channels. */
static inline void put_four(const vc_layer *l, int32_t first, const int32_t sums[CHANNELS], int16_t *out)
{
    const uint8_t *shifts = l->o.shifts + first;
    out += first;
    if (l->o.relu) {
        out[0] = round_relu(sums[0], shifts[0]);
        out[1] = round_relu(sums[1], shifts[1]);
        out[2] = round_relu(sums[2], shifts[2]);
        out[3] = round_relu(sums[3], shifts[3]);
    } else {
        out[0] = vc_round_shift_sat16(sums[0], shifts[0]);
        out[1] = vc_round_shift_sat16(sums[1], shifts[1]);
        out[2] = vc_round_shift_sat16(sums[2], shifts[2]);
        out[3] = vc_round_shift_sat16(sums[3], shifts[3]);
    }
}

static void run_four(const vc_conv_row *r, int32_t first, const uint32_t *end, int16_t *out)
{
    const vc_layer *l = r->layer;
    ptrdiff_t pitch = (ptrdiff_t)l->o.fan_in;
    const uint8_t *bias = l->o.bias + 4 * (ptrdiff_t)first;
    int32_t sums[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) sums[i] = (int32_t)load(bias + 4 * i);
    add_blocks(sums, r->net->blocks, end, (const int8_t *)l->o.weights + first * pitch, pitch);
    put_four(l, first, sums, out);
}

/* The last four channels may overlap those before, and give the same again. */
static void run_site(const vc_conv_row *r, int32_t column)
{
    const uint32_t *end = list_sites(r, column, 1);
    int32_t last = r->layer->o.n - CHANNELS;
    int16_t *out = r->out + (ptrdiff_t)column * r->out_pitch;
    for (int32_t c = 0; c < last; c += CHANNELS) run_four(r, c, end, out);
    run_four(r, last, end, out);
}

#if !VC_ONE_COLUMN

/* One channel of a block of two columns. */
#define CHANNEL_OF_TWO(first, second, address)               \
    "ldr %[v], [%[w]" address "]\n\t"                        \
    "sxtb16 %[u], %[v]\n\t"                                  \
    "smlad %[" first "], %[even], %[u], %[" first "]\n\t"    \
    "smlad %[" second "], %[even1], %[u], %[" second "]\n\t" \
    "sxtb16 %[v], %[v], ror #8\n\t"                          \
    "smlad %[" first "], %[odd], %[v], %[" first "]\n\t"     \
    "smlad %[" second "], %[odd1], %[v], %[" second "]\n\t"

/* add_blocks for two channels at two columns: sums[2 * channel + column]. There is no register left for the end. */
DSP_INLINE void add_blocks_of_two(int32_t sums[CHANNELS], const uint32_t *x, const uint32_t *end, const int8_t *w, ptrdiff_t pitch)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    register uint32_t v __asm__("r4"), even __asm__("r5"), odd __asm__("r6"), even1 __asm__("r8"), odd1 __asm__("r9");
    uint32_t u;
    if (x == end) return;
    __asm__("1:\n\t"
            "ldmia %[x]!, {%[v], %[even], %[odd], %[even1], %[odd1]}\n\t"
            "add %[w], %[w], %[v]\n\t"
            CHANNEL_OF_TWO("a", "b", "") CHANNEL_OF_TWO("c", "d", ", %[pitch]")
            "ldr %[u], %[end]\n\t"
            "cmp %[x], %[u]\n\t"
            "bne 1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x), [w] "+r"(w),
              [v] "=&r"(v), [even] "=&r"(even), [odd] "=&r"(odd), [even1] "=&r"(even1), [odd1] "=&r"(odd1), [u] "=&r"(u)
            : [end] "m"(end), [pitch] "r"(pitch)
            : "cc", "memory");
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

static inline int16_t rounded(int32_t sum, unsigned shift, int32_t negative)
{
    int32_t v = vc_round_shift_sat16(sum, shift);
    return (int16_t)(v & (negative | ~(v >> 31)));
}

static void run_two(const vc_conv_row *r, int32_t first, const uint32_t *end, int16_t *out)
{
    const vc_layer *l = r->layer;
    ptrdiff_t pitch = (ptrdiff_t)l->o.fan_in;
    const uint8_t *shifts = l->o.shifts + first;
    int32_t bias = (int32_t)load(l->o.bias + 4 * (ptrdiff_t)first), bias1 = (int32_t)load(l->o.bias + 4 * (ptrdiff_t)first + 4);
    int32_t sums[CHANNELS] = {bias, bias, bias1, bias1}, negative = l->o.relu ? 0 : -1; /* what stays of numbers below zero */
    add_blocks_of_two(sums, r->net->blocks, end, (const int8_t *)l->o.weights + first * pitch, pitch);
    int16_t *here = out + first, *beside = here + r->out_pitch;
    here[0] = rounded(sums[0], shifts[0], negative);
    here[1] = rounded(sums[2], shifts[1], negative);
    beside[0] = rounded(sums[1], shifts[0], negative);
    beside[1] = rounded(sums[3], shifts[1], negative);
}

static void run_two_sites(const vc_conv_row *r, int32_t column)
{
    const uint32_t *end = list_sites(r, column, COLUMNS);
    int32_t last = r->layer->o.n - CHANNELS / COLUMNS;
    int16_t *out = r->out + (ptrdiff_t)column * r->out_pitch;
    for (int32_t c = 0; c < last; c += CHANNELS / COLUMNS) run_two(r, c, end, out);
    run_two(r, last, end, out);
}

#endif

void vc_conv_dsp(const vc_conv_row *r)
{
    int32_t c = 0;
    if (r->layer->o.n < CHANNELS || r->layer->o.fan_in < VC_BLOCK) {
        vc_conv_portable(r);
        return;
    }
#if !VC_ONE_COLUMN
    for (; c + COLUMNS <= r->cols; c += COLUMNS) run_two_sites(r, c);
#endif
    for (; c < r->cols; c++) run_site(r, c);
}

#else

typedef int vc_conv_dsp_is_left_out;

#endif
