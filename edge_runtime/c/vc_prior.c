#include "vc_prior.h"

#include "vc_bytes.h"
#include "vc_compand.h"
#include "vc_error.h"
#include "vc_prior_match.h"

enum {
    MOST_SYMBOL_BYTES = 7, /* escape interval 17 bits, Elias gamma of at most 17 bits 36 */
    ALL_ROWS = 0x7fffffff
};

/* Planning */

/* What there is beside the plan. */
static void plan_state(vc_prior *p, const vc_plan *plan, int t, vc_arena *a)
{
    vc_net_plan(&p->net, plan, a);
    p->zeros = (vc_interval *)vc_arena_take(a, plan->most_symbols, sizeof *p->zeros);
    p->cells = (vc_cell *)vc_arena_take(a, plan->most_symbols, sizeof *p->cells);
    vc_prior_match_plan(p, plan, t, a);
}

int64_t vc_prior_plan_memory(const vc_plan *plan)
{
    vc_prior p;
    vc_arena a = {NULL, 0};
    plan_state(&p, plan, 0, &a);
    return a.used + VC_ARENA_ALIGN;
}

int vc_prior_plan_begin(vc_prior *p, const vc_plan *plan, int t, void *memory, size_t n)
{
    int64_t need = vc_prior_plan_memory(plan);
    if (t < 0 || t > 255) return VC_EARGUMENT;
    if (!memory || (uint64_t)need > n) return VC_ESPACE;
    vc_zero(p, sizeof *p);
    vc_zero(memory, (size_t)need);
    vc_arena a = vc_arena_in(memory);
    plan_state(p, plan, t, &a);
    vc_net_load(&p->net, t);
    p->end_row = ALL_ROWS;
    return VC_OK;
}

int vc_prior_rows(vc_prior *p, int32_t first, int32_t end)
{
    const vc_plan *plan = p->net.plan;
    if (plan->model->rank != 1 || first < 0 || first >= end || end > plan->geometry.rows) return VC_EARGUMENT;
    p->first_row = first;
    p->end_row = end;
    return VC_OK;
}

int vc_prior_step(vc_prior *p, int t)
{
    int kernel = p->net.kernel;
    if (t < 0 || t > 255) return VC_EARGUMENT;
    vc_net_load(&p->net, t);
    p->net.kernel = kernel;
    vc_prior_match_step(p, t);
    return VC_OK;
}

/* The end of the rows that the next call codes, in a grid of so many. */
static int32_t end_row(const vc_prior *p, int32_t rows)
{
    return p->end_row < rows ? p->end_row : rows;
}

int64_t vc_prior_bound(const vc_prior *p, int first_stage, int last_stage)
{
    const vc_plan *plan = p->net.plan;
    int64_t symbols = 0;
    if (first_stage < 0 || last_stage < first_stage || last_stage >= plan->model->n_stages) return VC_EARGUMENT;
    for (int s = first_stage; s <= last_stage; s++) {
        vc_geometry grid = vc_plan_grid(plan->model, &plan->geometry, (uint32_t)s);
        symbols += (int64_t)(end_row(p, grid.rows) - p->first_row) * grid.cols * plan->model->stages[s].n_symbols;
    }
    return symbols * MOST_SYMBOL_BYTES + 8;
}

/* Checking */

static int check_band(const vc_prior *p, uint32_t band, const vc_band *b)
{
    const vc_model *m = p->net.plan->model;
    vc_geometry g = p->net.plan->geometry;
    int level = vc_model_band(m, band).level;
    int32_t rows = m->rank == 1 ? (end_row(p, g.rows) - p->first_row) << (m->levels - level) : g.rows >> level;
    int32_t cols = m->rank == 1 ? g.cols : g.cols >> level;
    return b->data && b->rows == rows && b->cols == cols && b->stride >= cols ? VC_OK : VC_EBAND;
}

int vc_prior_check(const vc_prior *p, int first_stage, int last_stage, const vc_band *bands)
{
    const vc_model *m = p->net.plan->model;
    if (first_stage < 0 || last_stage < first_stage || last_stage >= m->n_stages) return VC_EARGUMENT;
    if (first_stage > p->next_stage) return VC_EORDER;
    if (p->first_row > 0 && p->first_row != p->next_row) return VC_EROWS;
    for (int s = first_stage; s <= last_stage; s++) {
        uint32_t n, first = vc_model_stage_bands(m, (uint32_t)s, &n);
        for (uint32_t b = first; b < first + n; b++) {
            int error = check_band(p, b, &bands[b]);
            if (error) return error;
        }
    }
    return VC_OK;
}

void vc_prior_clear(const vc_prior *p, uint32_t stage, const vc_band *bands)
{
    uint32_t n, first = vc_model_stage_bands(p->net.plan->model, stage, &n);
    for (uint32_t b = first; b < first + n; b++)
        for (int32_t y = 0; y < bands[b].rows; y++)
            vc_zero(bands[b].data + (ptrdiff_t)y * bands[b].stride, (size_t)bands[b].cols * sizeof(int16_t));
}

/* Running */

void vc_code_note(const vc_code_row *r, int32_t i, int32_t column, int32_t z)
{
    if (z == 0) return;
    ptrdiff_t at = (ptrdiff_t)column * r->known_pitch + i;
    int32_t magnitude = vc_compand(z < 0 ? -z : z);
    if (r->known[0]) r->known[0][at] = (int16_t)(z < 0 ? -magnitude : magnitude);
    if (r->known[1]) r->known[1][at] = (int16_t)magnitude;
    if (r->known[2]) r->known[2][at] = vc_sat16(16 * z);
}

/* Clears row `row` of the coder's planes of a stage and says where the rows begin. */
static void begin_known(const vc_prior *p, uint32_t stage, int32_t row, int32_t cols, int16_t *known[3])
{
    for (int k = 0; k < 3; k++) {
        int32_t plane = p->net.plan->known[stage][k];
        known[k] = NULL;
        if (plane == VC_NO_PLANE) continue;
        known[k] = vc_net_row(&p->net, (uint32_t)plane, row);
        vc_zero(known[k], (size_t)cols * (size_t)p->net.plan->planes[plane].channels * sizeof(int16_t));
    }
}

/* `row` is counted from the first that the bands have. */
static void find_cells(const vc_prior *p, const vc_symbol *symbols, int32_t n, int32_t row, int32_t cols, const vc_band *bands)
{
    for (int32_t i = 0; i < n; i++) {
        const vc_symbol *s = &symbols[i];
        const vc_band *b = &bands[s->band];
        ptrdiff_t y = (ptrdiff_t)row * s->row_step + s->row_first;
        int32_t count = (b->cols - s->col_first + s->col_step - 1) / s->col_step;
        vc_cell cell = {b->data + y * b->stride + s->col_first, s->col_step, count < cols ? count : cols, s->band};
        p->cells[i] = cell;
    }
}

typedef struct run {
    vc_prior *p;
    const vc_band *bands;
    vc_code_handler code;
    void *context;
} run;

static int run_code(const run *k, uint32_t stage, const vc_layer *l, int32_t row, int16_t *const known[3], int32_t cols)
{
    const vc_prior *p = k->p;
    vc_code_row r;
    r.cells = p->cells;
    r.parameters = vc_net_row(&p->net, l->o.plane, row) + l->o.first;
    for (int i = 0; i < 3; i++) r.known[i] = known[i] ? known[i] + l->o.source : NULL;
    r.zeros = p->zeros;
    r.n = l->o.n;
    r.cols = cols;
    r.kernel = p->net.kernel;
    r.pitch = p->net.plan->planes[l->o.plane].channels;
    r.known_pitch = p->net.plan->model->stages[stage].n_symbols;
    find_cells(p, p->net.plan->symbols[stage] + l->o.source, r.n, row - p->first_row, cols, k->bands);
    return k->code(&r, k->context);
}

static int run_operation(const run *k, uint32_t stage, const vc_layer *l, int32_t row, int16_t *const known[3], int32_t cols)
{
    switch (l->o.type) {
    case VC_CONV: vc_net_conv(&k->p->net, l, row); return VC_OK;
    case VC_MATCH: vc_prior_match_find(k->p, l, row, cols, k->bands); return VC_OK;
    case VC_BLEND: vc_prior_match_blend(k->p, l, row, cols); return VC_OK;
    default: return k->code ? run_code(k, stage, l, row, known, cols) : VC_OK;
    }
}

static int run_row(const run *k, uint32_t stage, int32_t row, int32_t cols)
{
    const vc_plan *plan = k->p->net.plan;
    const vc_stage *s = &plan->model->stages[stage];
    int16_t *known[3];
    begin_known(k->p, stage, row, cols, known);
    vc_prior_match_next(k->p, row - k->p->first_row);
    for (int32_t i = s->n_prelude; i < s->n_prelude + s->n_row; i++) {
        int error = run_operation(k, stage, &plan->layers[stage][i], row, known, cols);
        if (error) return error;
    }
    vc_prior_match_end(k->p, k->bands);
    return VC_OK;
}

static int run_stage(const run *k, uint32_t stage)
{
    const vc_plan *plan = k->p->net.plan;
    vc_geometry grid = vc_plan_grid(plan->model, &plan->geometry, stage);
    vc_net_prelude(&k->p->net, stage);
    if (k->p->first_row == 0) vc_prior_match_begin(k->p);
    for (int32_t row = k->p->first_row; row < end_row(k->p, grid.rows); row++) {
        int error = run_row(k, stage, row, grid.cols);
        if (error) return error;
    }
    return VC_OK;
}

int vc_prior_run(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, vc_code_handler code, void *context)
{
    run k = {p, bands, code, context};
    p->next_stage = first_stage;
    p->next_row = 0;
    for (int s = first_stage; s <= last_stage; s++) {
        int error = run_stage(&k, (uint32_t)s);
        if (error) return error;
        p->next_stage = s + 1;
    }
    p->next_row = p->end_row;
    return VC_OK;
}

int vc_prior_run_row(vc_prior *p, uint32_t stage, int32_t row, const vc_band *bands, vc_code_handler code, void *context)
{
    run k = {p, bands, code, context};
    const vc_plan *plan = p->net.plan;
    if (row == 0) vc_zero(p->net.activations + plan->local, (size_t)(plan->activations - plan->local) * sizeof(int16_t));
    p->first_row = row; /* the first that the bands have */
    vc_net_prelude_row(&p->net, stage, row);
    return run_row(&k, stage, row, vc_plan_grid(plan->model, &plan->geometry, stage).cols);
}
