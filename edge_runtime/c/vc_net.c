#include "vc_net.h"

#include "vc_bytes.h"
#include "vc_conv.h"
#include "vc_error.h"

enum {
    ALL_ROWS = 0x7fffffff,
    MAX_SIDE = 65536 + 256,     /* 65535 padded to a multiple of 2^8 */
    MAX_PIXELS = 1 << 28,
    MAX_SAMPLES = 1 << 22,
    MAX_SIGNAL_CHANNELS = 256,
    ROW_SLACK = 32 /* a pair of an odd segment may reach one past the end of the last row */
};

int vc_net_check(const vc_model *m, const vc_geometry *g)
{
    int32_t unit = 1 << m->levels;
    if (g->rows < 1 || g->cols < 1) return VC_EARGUMENT;
    if (m->rank == 1) {
        int64_t samples = (int64_t)g->rows * unit * g->cols;
        return g->cols > MAX_SIGNAL_CHANNELS || samples > MAX_SAMPLES ? VC_ELARGE : VC_OK;
    }
    if (g->rows % unit != 0 || g->cols % unit != 0) return VC_EARGUMENT;
    if (g->rows > MAX_SIDE || g->cols > MAX_SIDE) return VC_ELARGE;
    return (int64_t)(g->rows - unit) * (g->cols - unit) > MAX_PIXELS ? VC_ELARGE : VC_OK;
}

vc_geometry vc_net_grid(const vc_model *m, const vc_geometry *g, uint32_t stage)
{
    const vc_stage *s = &m->stages[stage];
    vc_geometry grid = *g;
    if (m->rank == 2) {
        grid.rows >>= s->level;
        grid.cols = ((grid.cols >> s->level) + s->phases - 1) / s->phases;
    }
    return grid;
}

/* Planning */

static int32_t power_of_two(int32_t n)
{
    int32_t p = 1;
    while (p < n) p *= 2;
    return p;
}

static void plan_plane(vc_net *n, uint32_t i, vc_arena *a)
{
    vc_plane_info info = vc_model_plane(n->model, i);
    vc_reach reach = n->model->reach[i];
    vc_geometry grid = vc_net_grid(n->model, &n->geometry, info.stage);
    int64_t step = (int64_t)info.channels * (reach.left + grid.cols + reach.right);
    int32_t kept = reach.rows == 0 ? grid.rows : power_of_two(reach.rows);
    int whole = reach.rows == 0 || kept >= grid.rows;
    int16_t *data = (int16_t *)vc_arena_take(a, step * (whole ? grid.rows : kept) + ROW_SLACK, sizeof(int16_t));
    if (!data) return;
    vc_plane p = {data + (ptrdiff_t)info.channels * reach.left, (ptrdiff_t)step, info.channels, whole ? ALL_ROWS : kept - 1};
    n->planes[i] = p;
}

/* Whether a kernel row's taps lie side by side: the term takes all channels of its plane. */
static int is_dense(const vc_model *m, const vc_term *t)
{
    return t->n == vc_model_plane(m, t->plane).channels;
}

static int32_t count_segments(const vc_model *m, const vc_operation *o)
{
    int32_t count = 0;
    for (uint32_t i = 0; i < o->n_terms; i++) {
        vc_term t = vc_operation_term(o, i);
        if (t.plane != VC_CONDITION) count += is_dense(m, &t) ? t.kh : t.kh * t.kw;
    }
    return count;
}

static void add_segment(vc_layer *l, const vc_segment *s)
{
    l->segments[l->n_segments++] = *s;
    l->n_pairs += (s->length + 1) / 2;
}

static void fill_term(const vc_model *m, vc_layer *l, const vc_term *t, int32_t weight)
{
    int32_t channels = vc_model_plane(m, t->plane).channels;
    int32_t runs = is_dense(m, t) ? 1 : t->kw;
    int32_t length = t->kw / runs * t->n;
    for (int32_t i = 0; i < t->kh; i++)
        for (int32_t j = 0; j < runs; j++) {
            vc_segment s = {t->plane, (int16_t)(t->oy + i * t->dilation), (t->ox + j) * channels + t->first, length,
                            channels, weight, l->n_pairs};
            add_segment(l, &s);
            weight += length;
        }
}

static void fill_segments(const vc_model *m, vc_layer *l)
{
    int32_t weight = 0;
    l->n_segments = l->n_pairs = 0;
    for (uint32_t i = 0; i < l->o.n_terms; i++) {
        vc_term t = vc_operation_term(&l->o, i);
        if (t.plane != VC_CONDITION) fill_term(m, l, &t, weight);
        weight += (int32_t)vc_term_weights(&t);
    }
}

/* Pairs of inputs after each segment is padded to an even length. */
static int64_t count_pairs(const vc_model *m, const vc_operation *o)
{
    int64_t pairs = 0;
    for (uint32_t i = 0; i < o->n_terms; i++) {
        vc_term t = vc_operation_term(o, i);
        if (t.plane == VC_CONDITION) continue;
        int64_t runs = is_dense(m, &t) ? 1 : t.kw;
        pairs += t.kh * runs * ((t.kw / runs * t.n + 1) / 2);
    }
    return pairs;
}

static int32_t padded_channels(int32_t n)
{
    return (n + VC_LANES - 1) / VC_LANES * VC_LANES;
}

/* `l` is where the operation `o` belongs, or NULL while only counting. */
static int32_t plan_layer(vc_net *n, const vc_operation *o, vc_layer *l, vc_arena *a)
{
    if (o->type != VC_CONV) return 0;
    int32_t segments = count_segments(n->model, o), width = padded_channels(o->n);
    vc_segment *s = (vc_segment *)vc_arena_take(a, segments, sizeof *s);
    int32_t *bias = (int32_t *)vc_arena_take(a, width, sizeof *bias);
    int32_t *shift = (int32_t *)vc_arena_take(a, width, sizeof *shift);
    int16_t *packed = VC_HAVE_AVX2 ? (int16_t *)vc_arena_take(a, 2 * width * count_pairs(n->model, o), sizeof *packed) : NULL;
    if (l) {
        l->segments = s;
        l->bias = bias;
        l->shift = shift;
        l->packed = packed;
        fill_segments(n->model, l);
    }
    return segments;
}

/* Returns the most segments of any layer of the stage. */
static int32_t plan_stage(vc_net *n, uint32_t stage, vc_arena *a)
{
    const vc_stage *s = &n->model->stages[stage];
    int32_t count = s->n_prelude + s->n_row, most = 0;
    vc_layer *layers = (vc_layer *)vc_arena_take(a, count, sizeof *layers);
    uint32_t at = s->operations;
    for (int32_t i = 0; i < count; i++) {
        vc_operation counted, *o = layers ? &layers[i].o : &counted;
        vc_operation_read(n->model, at, o);
        int32_t segments = plan_layer(n, o, layers ? &layers[i] : NULL, a);
        if (segments > most) most = segments;
        at += o->size;
    }
    n->layers[stage] = layers;
    return most;
}

void vc_net_plan(vc_net *n, const vc_model *m, const vc_geometry *g, vc_arena *a)
{
    int32_t most = 0;
    n->model = m;
    n->geometry = *g;
    n->planes = (vc_plane *)vc_arena_take(a, m->n_planes, sizeof *n->planes);
    for (uint32_t i = 0; i < m->n_planes; i++) plan_plane(n, i, a);
    for (uint32_t s = 0; s < m->n_stages; s++) {
        int32_t segments = plan_stage(n, s, a);
        if (segments > most) most = segments;
    }
    n->inputs = (const int16_t **)vc_arena_take(a, most, sizeof *n->inputs);
}

/* Loading weights */

static void condition_levels(const vc_model *m, int t, int32_t *q)
{
    int32_t lo = m->t_lo, hi = m->t_hi, end = (m->n_condition - 1) * 256;
    int32_t p = ((t < lo ? lo : t > hi ? hi : t) - lo) * end / (hi - lo);
    for (int32_t k = 0; k < m->n_condition; k++) {
        int32_t d = p > 256 * k ? p - 256 * k : 256 * k - p;
        q[k] = d < 256 ? 256 - d : 0;
    }
}

static void load_bias(vc_layer *l, const int32_t *condition)
{
    for (uint32_t c = 0; c < l->o.n; c++) {
        const int8_t *w = (const int8_t *)l->o.weights + (size_t)c * l->o.fan_in;
        int32_t bias = vc_i32(l->o.bias + 4 * c);
        for (uint32_t i = 0; i < l->o.n_terms; i++) {
            vc_term t = vc_operation_term(&l->o, i);
            if (t.plane == VC_CONDITION)
                for (uint32_t k = 0; k < t.n; k++) bias += w[k] * condition[t.first + k];
            w += vc_term_weights(&t);
        }
        l->bias[c] = bias;
        l->shift[c] = l->o.shifts[c];
    }
}

static void pack_segment(const vc_layer *l, const vc_segment *s, uint32_t channel, int16_t *out, int32_t width)
{
    const int8_t *w = (const int8_t *)l->o.weights + (size_t)channel * l->o.fan_in + s->weight;
    out += 2 * (ptrdiff_t)width * s->pair;
    for (int32_t i = 0; i < s->length; i++) out[(ptrdiff_t)(i / 2) * 2 * width + i % 2] = w[i];
}

/* The memory is zero, so padding needs no care. */
static void pack_layer(vc_layer *l)
{
    for (int32_t first = 0, width; first < l->o.n; first += width) {
        int16_t *block = l->packed + (ptrdiff_t)first * 2 * l->n_pairs;
        width = vc_block_width(l->o.n - first);
        for (int32_t c = first; c < first + width && c < l->o.n; c++)
            for (int32_t i = 0; i < l->n_segments; i++) pack_segment(l, &l->segments[i], (uint32_t)c, block + 2 * (c - first), width);
    }
}

void vc_net_load(vc_net *n, int t)
{
    int32_t condition[VC_MAX_CONDITION];
    condition_levels(n->model, t, condition);
    for (uint32_t s = 0; s < n->model->n_stages; s++)
        for (int32_t i = 0; i < n->model->stages[s].n_prelude + n->model->stages[s].n_row; i++) {
            vc_layer *l = &n->layers[s][i];
            if (l->o.type != VC_CONV) continue;
            load_bias(l, condition);
            if (l->packed) pack_layer(l);
        }
    n->kernel = vc_best_kernel();
}

/* Running */

void vc_net_conv(vc_net *n, const vc_layer *l, int32_t row)
{
    const vc_plane *out = &n->planes[l->o.plane];
    vc_geometry grid = vc_net_grid(n->model, &n->geometry, vc_model_plane(n->model, l->o.plane).stage);
    for (int32_t i = 0; i < l->n_segments; i++) {
        const vc_segment *s = &l->segments[i];
        int32_t from = row + s->row;
        n->inputs[i] = from >= 0 && from < grid.rows ? vc_plane_row(&n->planes[s->plane], from) + s->offset : NULL;
    }
    vc_conv_row r = {l, n->inputs, vc_plane_row(out, row) + l->o.first, out->channels, grid.cols};
#if VC_HAVE_AVX2
    if (n->kernel == VC_KERNEL_AVX2) {
        vc_conv_avx2(&r);
        return;
    }
#endif
    vc_conv_portable(&r);
}

/* Row r of the output takes its sites from row r / 2 of the input: two neighbours from one site's channels. The output's grid, with
   the same phases one level finer, has at most twice the input's rows and columns. */
static void shuffle_row(const vc_net *n, const vc_layer *l, int32_t row, int32_t cols)
{
    const vc_plane *from = &n->planes[l->o.source], *to = &n->planes[l->o.plane];
    int32_t channels = to->channels;
    int16_t *y = vc_plane_row(to, row);
    const int16_t *x = vc_plane_row(from, row / 2) + (ptrdiff_t)(row % 2) * 2 * channels;
    for (int32_t c = 0; c < cols; c++)
        for (int32_t k = 0; k < channels; k++)
            *y++ = x[(ptrdiff_t)(c / 2) * from->channels + (c % 2) * channels + k];
}

static void run_over_grid(vc_net *n, const vc_layer *l)
{
    vc_geometry grid = vc_net_grid(n->model, &n->geometry, vc_model_plane(n->model, l->o.plane).stage);
    for (int32_t row = 0; row < grid.rows; row++) {
        if (l->o.type == VC_SHUFFLE) shuffle_row(n, l, row, grid.cols);
        else vc_net_conv(n, l, row);
    }
}

void vc_net_prelude(vc_net *n, uint32_t stage)
{
    for (int32_t i = 0; i < n->model->stages[stage].n_prelude; i++) run_over_grid(n, &n->layers[stage][i]);
}
