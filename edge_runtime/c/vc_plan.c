#include "vc_plan.h"

#include "vc_bytes.h"
#include "vc_error.h"

enum {
    ALL_ROWS = 0x7fffffff,
    MAX_SIDE = 65536 + 256, /* 65535 padded to a multiple of 2^8 */
    MAX_PIXELS = 1 << 28,
    MAX_SAMPLES = 1 << 22,
    MAX_SIGNAL_CHANNELS = 256,
    PLANE_ALIGN = 4, /* activations */
    SLACK = 4        /* a pair of an odd segment may reach one past the end of the last row */
};

int vc_plan_check(const vc_model *m, const vc_geometry *g)
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

static void raise_to(int32_t *most, int32_t n)
{
    if (n > *most) *most = n;
}

/* Planes */

static void plan_plane(vc_plan *p, uint32_t i, vc_plane *plane)
{
    vc_plane_info info = vc_model_plane(p->model, i);
    vc_reach reach = p->model->reach[i];
    vc_geometry grid = vc_plan_grid(p->model, &p->geometry, info.stage);
    ptrdiff_t step = (ptrdiff_t)info.channels * (reach.left + grid.cols + reach.right);
    int32_t kept = reach.rows == 0 ? grid.rows : vc_power_of_two(reach.rows);
    int whole = kept >= grid.rows;
    vc_plane made = {p->activations + (ptrdiff_t)info.channels * reach.left, step, info.channels, whole ? ALL_ROWS : kept - 1};
    if (plane) *plane = made;
    p->activations += (step * (whole ? grid.rows : kept) + PLANE_ALIGN - 1) / PLANE_ALIGN * PLANE_ALIGN;
}

static void plan_planes(vc_plan *p, vc_arena *a)
{
    vc_plane *planes = (vc_plane *)vc_arena_take(a, p->model->n_planes, sizeof *planes);
    p->activations = 0;
    for (uint32_t i = 0; i < p->model->n_planes; i++) plan_plane(p, i, planes ? &planes[i] : NULL);
    p->activations += SLACK;
    p->local = p->activations;
    p->planes = planes;
}

static void find_known(vc_plan *p)
{
    for (uint32_t s = 0; s < p->model->n_stages; s++) p->known[s][0] = p->known[s][1] = p->known[s][2] = VC_NO_PLANE;
    for (int i = 0; i < 4; i++) p->matched[i] = VC_NO_PLANE;
    for (uint32_t i = 0; i < p->model->n_planes; i++) {
        vc_plane_info info = vc_model_plane(p->model, i);
        if (info.kind >= VC_BEST) p->matched[info.kind - VC_BEST] = (int32_t)i;
        else if (info.kind != VC_COMPUTED) p->known[info.stage][info.kind - VC_SIGNED] = (int32_t)i;
    }
}

/* Layers */

/* Whether a kernel row's taps lie side by side: the term takes all channels of its plane. */
static int is_dense(const vc_model *m, const vc_term *t)
{
    return t->n == vc_model_plane(m, t->plane).channels;
}

/* The segments of a term, from `weight` on; with `to` also written there. Returns how many, and adds their pairs. */
static int32_t split_term(const vc_model *m, const vc_term *t, int32_t weight, int32_t *pairs, vc_segment *to)
{
    int32_t channels = vc_model_plane(m, t->plane).channels, count = 0;
    int32_t runs = is_dense(m, t) ? 1 : t->kw, length = t->kw / runs * t->n;
    for (int32_t i = 0; i < t->kh; i++)
        for (int32_t j = 0; j < runs; j++, count++, weight += length) {
            vc_segment s = {t->plane, (int16_t)(t->oy + i * t->dilation), (t->ox + j) * channels + t->first, length, channels, weight, *pairs};
            if (to) to[count] = s;
            *pairs += (length + 1) / 2;
        }
    return count;
}

/* The segments of a CONV that read planes, or the condition; written to `to` if given. */
static int32_t split_terms(const vc_model *m, const vc_operation *o, int of_condition, int32_t *pairs, vc_segment *to)
{
    int32_t count = 0, weight = 0;
    for (uint32_t i = 0; i < o->n_terms; i++) {
        vc_term t = vc_operation_term(o, i);
        vc_segment *at = to ? to + count : NULL;
        vc_segment condition = {t.plane, 0, t.first, t.n, 0, weight, 0};
        if (!of_condition && t.plane != VC_CONDITION) count += split_term(m, &t, weight, pairs, at);
        if (of_condition && t.plane == VC_CONDITION) {
            if (at) *at = condition;
            count++;
        }
        weight += (int32_t)vc_term_weights(&t);
    }
    return count;
}

/* How many blocks the inputs of a CONV are at most, if each segment begins one. */
static int32_t count_blocks(const vc_layer *l)
{
    return ((int32_t)l->o.fan_in + (VC_BLOCK - 1) * (l->n_segments + l->n_conditions)) / VC_BLOCK;
}

static void plan_conv(vc_plan *p, vc_layer *l, vc_arena *a)
{
    int32_t pairs = 0;
    l->n_segments = split_terms(p->model, &l->o, 0, &l->n_pairs, NULL);
    l->n_conditions = split_terms(p->model, &l->o, 1, &pairs, NULL);
    vc_segment *segments = (vc_segment *)vc_arena_take(a, l->n_segments + l->n_conditions, sizeof *segments);
    if (segments) {
        split_terms(p->model, &l->o, 0, &pairs, segments);
        split_terms(p->model, &l->o, 1, &pairs, segments + l->n_segments);
    }
    l->segments = segments;
    raise_to(&p->most_segments, l->n_segments);
    raise_to(&p->most_blocks, count_blocks(l));
    int32_t width = (l->o.n + VC_LANES - 1) / VC_LANES * VC_LANES;
    p->lanes += width;
    p->packed += (ptrdiff_t)2 * width * l->n_pairs;
}

static void plan_layers(vc_plan *p, uint32_t stage, vc_arena *a)
{
    int32_t count = vc_plan_layers(p->model, stage), cols = vc_plan_grid(p->model, &p->geometry, stage).cols;
    vc_layer *layers = (vc_layer *)vc_arena_take(a, count, sizeof *layers);
    uint32_t at = p->model->stages[stage].operations;
    for (int32_t i = 0; i < count; i++) {
        vc_layer counted, *l = layers ? &layers[i] : &counted;
        vc_operation_read(p->model, at, &l->o);
        l->segments = NULL;
        l->n_segments = l->n_conditions = l->n_pairs = 0;
        l->lane = p->lanes;
        l->packed = p->packed;
        if (l->o.type == VC_CONV) plan_conv(p, l, a);
        if (l->o.type == VC_CODE) raise_to(&p->most_symbols, l->o.n * cols);
        at += l->o.size;
    }
    p->layers[stage] = layers;
}

/* Symbols */

static vc_symbol place_symbol(const vc_model *m, const vc_stage *s, const uint8_t *entry)
{
    int32_t band = vc_u16(entry), d = vc_u16(entry + 2);
    if (m->rank == 2) {
        vc_symbol v = {band, 1, 0, s->phases, d};
        return v;
    }
    vc_symbol v = {band, 1 << (m->levels - vc_model_band(m, (uint32_t)band).level), d, 1, 0};
    return v;
}

static void plan_symbols(vc_plan *p, uint32_t stage, vc_arena *a)
{
    const vc_stage *s = &p->model->stages[stage];
    vc_symbol *symbols = (vc_symbol *)vc_arena_take(a, s->n_symbols, sizeof *symbols);
    for (uint32_t i = 0; symbols && i < s->n_symbols; i++) symbols[i] = place_symbol(p->model, s, p->model->blob + s->symbols + 4 * i);
    p->symbols[stage] = symbols;
}

void vc_plan_make(vc_plan *p, const vc_model *m, const vc_geometry *g, vc_arena *a)
{
    p->model = m;
    p->geometry = *g;
    p->most_segments = p->most_symbols = p->most_blocks = p->lanes = 0;
    p->packed = 0;
    plan_planes(p, a);
    find_known(p);
    for (uint32_t s = 0; s < m->n_stages; s++) {
        plan_layers(p, s, a);
        plan_symbols(p, s, a);
    }
}

int64_t vc_plan_memory(const vc_model *m, const vc_geometry *g)
{
    vc_plan counted;
    vc_arena a = {NULL, 0};
    int error = vc_plan_check(m, g);
    if (error) return error;
    vc_arena_take(&a, 1, sizeof counted);
    vc_plan_make(&counted, m, g, &a);
    return a.used + VC_ARENA_ALIGN;
}

vc_plan *vc_plan_place(const vc_model *m, const vc_geometry *g, void *memory)
{
    vc_arena a = vc_arena_in(memory);
    vc_plan *p = (vc_plan *)vc_arena_take(&a, 1, sizeof *p);
    vc_plan_make(p, m, g, &a);
    return p;
}
