#include "vc_net.h"

#include "vc_bytes.h"
#include "vc_conv.h"

#if VC_HAVE_AVX2
enum { VECTOR = 4 * VC_LANES };

/* Room for whole vectors, aligned as they are loaded. */
static void *take_vectors(vc_arena *a, ptrdiff_t count, size_t size)
{
    uint8_t *p = (uint8_t *)vc_arena_take(a, count > 0 ? count * (ptrdiff_t)size + VECTOR : 0, 1);
    return p ? p + (VECTOR - (uintptr_t)p % VECTOR) % VECTOR : NULL;
}
#endif

/* Words that vc_conv_dsp makes of a block: of one column, or of two. */
enum { BLOCK_OF_ONE = 3, BLOCK_OF_TWO = 5 };

void vc_net_plan(vc_net *n, const vc_plan *p, vc_arena *a)
{
    n->plan = p;
    n->activations = (int16_t *)vc_arena_take(a, p->activations, sizeof *n->activations);
    n->inputs = (const int16_t **)vc_arena_take(a, p->most_segments, sizeof *n->inputs);
    n->blocks = (uint32_t *)vc_arena_take(a, (int64_t)p->most_blocks * (p->geometry.cols > 1 ? BLOCK_OF_TWO : BLOCK_OF_ONE), sizeof *n->blocks);
#if VC_HAVE_AVX2
    n->bias = (int32_t *)take_vectors(a, p->lanes, sizeof *n->bias);
    n->shift = (int32_t *)take_vectors(a, p->lanes, sizeof *n->shift);
    n->weights = (int16_t *)take_vectors(a, p->packed, sizeof *n->weights);
#endif
}

/* Loading */

static void load_condition(vc_net *n, int t)
{
    const vc_model *m = n->plan->model;
    int32_t lo = m->t_lo, hi = m->t_hi, end = (m->n_condition - 1) * 256;
    int32_t p = ((t < lo ? lo : t > hi ? hi : t) - lo) * end / (hi - lo);
    n->lit = p / 256 < m->n_condition - 2 ? p / 256 : m->n_condition - 2;
    for (int32_t k = 0; k < m->n_condition; k++) {
        int32_t d = p > 256 * k ? p - 256 * k : 256 * k - p;
        n->condition[k] = d < 256 ? 256 - d : 0;
    }
}

#if VC_HAVE_AVX2
static void pack_segment(const vc_layer *l, const vc_segment *s, uint32_t channel, int16_t *out, int32_t width)
{
    const int8_t *w = (const int8_t *)l->o.weights + (size_t)channel * l->o.fan_in + s->weight;
    out += 2 * (ptrdiff_t)width * s->pair;
    for (int32_t i = 0; i < s->length; i++) out[(ptrdiff_t)(i / 2) * 2 * width + i % 2] = w[i];
}

/* The memory is zero, so padding needs no care. */
static void pack_layer(const vc_net *n, const vc_layer *l)
{
    for (int32_t first = 0, width; first < l->o.n; first += width) {
        int16_t *block = n->weights + l->packed + (ptrdiff_t)first * 2 * l->n_pairs;
        width = vc_block_width(l->o.n - first);
        for (int32_t c = first; c < first + width && c < l->o.n; c++)
            for (int32_t i = 0; i < l->n_segments; i++) pack_segment(l, &l->segments[i], (uint32_t)c, block + 2 * (c - first), width);
    }
}

static void load_layer(const vc_net *n, const vc_layer *l)
{
    if (l->o.type != VC_CONV) return;
    for (int32_t c = 0; c < l->o.n; c++) {
        n->bias[l->lane + c] = vc_conv_bias(n, l, c);
        n->shift[l->lane + c] = l->o.shifts[c];
    }
    pack_layer(n, l);
}

static void load_layers(const vc_net *n)
{
    const vc_plan *p = n->plan;
    for (uint32_t s = 0; s < p->model->n_stages; s++)
        for (int32_t i = 0; i < vc_plan_layers(p->model, s); i++) load_layer(n, &p->layers[s][i]);
}
#endif

void vc_net_load(vc_net *n, int t)
{
    load_condition(n, t);
    n->kernel = vc_best_kernel();
#if VC_HAVE_AVX2
    if (n->plan->lanes == 0) n->kernel = VC_KERNEL_PORTABLE;
    else load_layers(n);
#endif
}

/* Running */

static vc_geometry grid_of(const vc_net *n, const vc_layer *l)
{
    const vc_plan *p = n->plan;
    return vc_plan_grid(p->model, &p->geometry, vc_model_plane(p->model, l->o.plane).stage);
}

static void run_conv(int kernel, const vc_conv_row *r)
{
    switch (kernel) {
#if VC_HAVE_AVX2
    case VC_KERNEL_AVX2: vc_conv_avx2(r); return;
#endif
#if VC_HAVE_DSP
    case VC_KERNEL_DSP: vc_conv_dsp(r); return;
#endif
#if VC_HAVE_MVE
    case VC_KERNEL_MVE: vc_conv_mve(r); return;
#endif
#if VC_HAVE_SPARSE
    case VC_KERNEL_SPARSE: vc_conv_sparse(r); return;
#endif
    default: vc_conv_portable(r); return;
    }
}

void vc_net_conv(vc_net *n, const vc_layer *l, int32_t row)
{
    vc_geometry grid = grid_of(n, l);
    for (int32_t i = 0; i < l->n_segments; i++) {
        const vc_segment *s = &l->segments[i];
        int32_t from = row + s->row;
        n->inputs[i] = from >= 0 && from < grid.rows ? vc_net_row(n, s->plane, from) + s->offset : NULL;
    }
    vc_conv_row r = {n, l, n->inputs, vc_net_row(n, l->o.plane, row) + l->o.first, n->plan->planes[l->o.plane].channels, grid.cols};
    run_conv(n->kernel, &r);
}

/* Row r of the output takes its sites from row r / 2 of the input: two neighbours from one site's channels. The output's grid, with
   the same phases one level finer, has at most twice the input's rows and columns. */
static void shuffle_row(const vc_net *n, const vc_layer *l, int32_t row, int32_t cols)
{
    int32_t from = n->plan->planes[l->o.source].channels, channels = n->plan->planes[l->o.plane].channels;
    int16_t *y = vc_net_row(n, l->o.plane, row);
    const int16_t *x = vc_net_row(n, l->o.source, row / 2) + (ptrdiff_t)(row % 2) * 2 * channels;
    for (int32_t c = 0; c < cols; c++)
        for (int32_t k = 0; k < channels; k++) *y++ = x[(ptrdiff_t)(c / 2) * from + (c % 2) * channels + k];
}

static void run_over_grid(vc_net *n, const vc_layer *l)
{
    vc_geometry grid = grid_of(n, l);
    for (int32_t row = 0; row < grid.rows; row++) {
        if (l->o.type == VC_SHUFFLE) shuffle_row(n, l, row, grid.cols);
        else vc_net_conv(n, l, row);
    }
}

void vc_net_prelude(vc_net *n, uint32_t stage)
{
    for (int32_t i = 0; i < n->plan->model->stages[stage].n_prelude; i++) run_over_grid(n, &n->plan->layers[stage][i]);
}

void vc_net_prelude_row(vc_net *n, uint32_t stage, int32_t row)
{
    const vc_plan *p = n->plan;
    int32_t count = p->model->stages[stage].n_prelude, rows = vc_plan_grid(p->model, &p->geometry, stage).rows;
    if (count == 0 || row % 2 != 0) return;
    vc_net_prelude_row(n, stage - 1, row / 2); /* a first stage has no prelude */
    for (int32_t i = 0; i < count; i++) {
        const vc_layer *l = &p->layers[stage][i];
        if (l->o.type == VC_CONV) vc_net_conv(n, l, row / 2);
        else
            for (int32_t r = row; r < row + 2 && r < rows; r++) shuffle_row(n, l, r, grid_of(n, l).cols);
    }
}
