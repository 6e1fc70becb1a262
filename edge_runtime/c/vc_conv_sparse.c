/* Convolutions for devices that multiply one number at a time (Cortex-M0+, RISC-V). The inputs of a site that are not 0, fewer than half behind rectifiers and among
   latents, are listed once for all channels. */
#include "vc_conv.h"

#if VC_HAVE_SPARSE

#include "vc_bytes.h"

enum { CHANNELS = 2, FARTHEST = 255 };

/* Inputs as they are listed, and how far the weight of each lies behind that of the one before. */
typedef struct listed {
    int16_t *x;
    uint8_t *step;
    int32_t n, at; /* the last one's weight */
} listed;

static inline void put(listed *k, int16_t x, int32_t weight)
{
    for (; weight - k->at > FARTHEST; k->at += FARTHEST, k->n++) {
        k->x[k->n] = 0;
        k->step[k->n] = FARTHEST;
    }
    k->x[k->n] = x;
    k->step[k->n++] = (uint8_t)(weight - k->at);
    k->at = weight;
}

static void list_run(listed *k, const int16_t *x, int32_t n, int32_t weight)
{
    for (int32_t i = 0; i < n; i++)
        if (x[i] != 0) put(k, x[i], weight + i);
}

/* The condition, of which two neighbours may not be 0, as if it were a plane. */
static void list_condition(listed *k, const vc_net *n, const vc_segment *s)
{
    for (int32_t i = n->lit; i < n->lit + 2; i++)
        if (i >= s->offset && i < s->offset + s->length) put(k, (int16_t)n->condition[i], s->weight + i - s->offset);
}

/* All inputs of a site in the order of their weights. */
static void list_site(listed *k, const vc_conv_row *r, int32_t column)
{
    const vc_layer *l = r->layer;
    const vc_segment *s = l->segments, *end = s + l->n_segments, *condition = end, *last = end + l->n_conditions;
    const int16_t *const *input = r->inputs;
    k->x = (int16_t *)(void *)r->net->blocks;
    k->step = (uint8_t *)(k->x + (ptrdiff_t)VC_BLOCK * r->net->plan->most_blocks);
    k->n = k->at = 0;
    while (s < end || condition < last) {
        if (condition == last || (s < end && s->weight < condition->weight)) {
            if (*input) list_run(k, *input + (ptrdiff_t)column * s->pitch, s->length, s->weight);
            s++;
            input++;
        } else list_condition(k, r->net, condition++);
    }
}

static void run_two(const vc_conv_row *r, const listed *k, int32_t first, int16_t *out)
{
    const vc_layer *l = r->layer;
    ptrdiff_t pitch = (ptrdiff_t)l->o.fan_in;
    const int8_t *w = (const int8_t *)l->o.weights + first * pitch;
    const uint8_t *bias = l->o.bias + 4 * (ptrdiff_t)first, *step = k->step;
    int32_t a = vc_i32(bias), b = vc_i32(bias + 4);
    for (const int16_t *x = k->x, *end = x + k->n; x != end; x++) {
        w += *step++;
        a += *x * w[0];
        b += *x * w[pitch];
    }
    out[first] = vc_conv_rounded(l, first, a);
    out[first + 1] = vc_conv_rounded(l, first + 1, b);
}

/* The last two channels may overlap those before, and give the same again. */
static void run_site(const vc_conv_row *r, int32_t column)
{
    listed k;
    list_site(&k, r, column);
    int32_t last = r->layer->o.n - CHANNELS;
    int16_t *out = r->out + (ptrdiff_t)column * r->out_pitch;
    for (int32_t c = 0; c < last; c += CHANNELS) run_two(r, &k, c, out);
    run_two(r, &k, last, out);
}

void vc_conv_sparse(const vc_conv_row *r)
{
    if (r->layer->o.n < CHANNELS) vc_conv_portable(r);
    else for (int32_t c = 0; c < r->cols; c++) run_site(r, c);
}

#else

typedef int vc_conv_sparse_is_left_out;

#endif
