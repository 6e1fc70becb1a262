#include "vc_prior.h"

#include "vc_bytes.h"
#include "vc_compand.h"
#include "vc_error.h"

enum {
    MOST_SYMBOL_BYTES = 7, /* escape interval 17 bits, Elias gamma of at most 17 bits 36 */
    MOST_SYMBOLS = 256,    /* of a site */
    ALL_ROWS = 0x7fffffff
};

/* Planning */

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

/* Returns the most symbols that a CODE of the stage handles at once. */
static int64_t plan_symbols(vc_prior *p, const vc_model *m, const vc_geometry *g, uint32_t stage, vc_arena *a)
{
    const vc_stage *s = &m->stages[stage];
    vc_symbol *symbols = (vc_symbol *)vc_arena_take(a, s->n_symbols, sizeof *symbols);
    for (uint32_t i = 0; symbols && i < s->n_symbols; i++) symbols[i] = place_symbol(m, s, m->blob + s->symbols + 4 * i);
    p->symbols[stage] = symbols;
    return (int64_t)s->n_symbols * vc_net_grid(m, g, stage).cols;
}

static void plan_match(vc_prior *p, const vc_model *m, const vc_geometry *g, int t, vc_arena *a)
{
    if (!m->has_match) return;
    const vc_stage *s = &m->stages[0];
    vc_match_setup setup;
    vc_match_set_up(&setup, m, t);
    vc_match_plan(&p->match, &setup, g->rows, g->cols, a);
    p->match_symbols = (vc_match_symbol *)vc_arena_take(a, s->n_symbols, sizeof *p->match_symbols);
    for (uint32_t i = 0; p->match_symbols && i < s->n_symbols; i++) {
        vc_match_symbol symbol = {vc_u16(m->blob + s->symbols + 4 * i), vc_u16(m->blob + s->symbols + 4 * i + 2)};
        p->match_symbols[i] = symbol;
    }
}

static void plan(vc_prior *p, const vc_model *m, const vc_geometry *g, int t, vc_arena *a)
{
    int64_t most = 0;
    vc_net_plan(&p->net, m, g, a);
    for (uint32_t s = 0; s < m->n_stages; s++) {
        int64_t symbols = plan_symbols(p, m, g, s, a);
        if (symbols > most) most = symbols;
    }
    p->zeros = (vc_interval *)vc_arena_take(a, most, sizeof *p->zeros);
    p->cells = (vc_cell *)vc_arena_take(a, MOST_SYMBOLS, sizeof *p->cells);
    plan_match(p, m, g, t, a);
}

static void find_known(vc_prior *p, const vc_model *m)
{
    for (uint32_t s = 0; s < m->n_stages; s++) p->known[s][0] = p->known[s][1] = p->known[s][2] = VC_NO_PLANE;
    for (int i = 0; i < 4; i++) p->matched[i] = VC_NO_PLANE;
    for (uint32_t i = 0; i < m->n_planes; i++) {
        vc_plane_info info = vc_model_plane(m, i);
        if (info.kind >= VC_BEST) p->matched[info.kind - VC_BEST] = (int32_t)i;
        else if (info.kind != VC_COMPUTED) p->known[info.stage][info.kind - VC_SIGNED] = (int32_t)i;
    }
}

int64_t vc_prior_memory(const vc_model *m, const vc_geometry *g)
{
    vc_prior p;
    vc_arena a = {NULL, 0};
    int error = vc_net_check(m, g);
    if (error) return error;
    plan(&p, m, g, 0, &a);
    return a.used + VC_ARENA_ALIGN;
}

int vc_prior_begin(vc_prior *p, const vc_model *m, const vc_geometry *g, int t, void *memory, size_t n)
{
    int64_t need = vc_prior_memory(m, g);
    if (need < 0) return (int)need;
    if (t < 0 || t > 255) return VC_EARGUMENT;
    if (!memory || (uint64_t)need > n) return VC_ESPACE;
    vc_zero(p, sizeof *p);
    vc_zero(memory, (size_t)need);
    uintptr_t address = (uintptr_t)memory % VC_ARENA_ALIGN;
    vc_arena a = {(uint8_t *)memory + (VC_ARENA_ALIGN - address) % VC_ARENA_ALIGN, 0};
    plan(p, m, g, t, &a);
    find_known(p, m);
    vc_net_load(&p->net, t);
    p->end_row = ALL_ROWS;
    return VC_OK;
}

int vc_prior_rows(vc_prior *p, int32_t first, int32_t end)
{
    if (p->net.model->rank != 1 || first < 0 || first >= end || end > p->net.geometry.rows) return VC_EARGUMENT;
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
    if (p->net.model->has_match) vc_history_step(&p->match.history, p->net.model, t);
    return VC_OK;
}

/* The end of the rows that the next call codes, in a grid of so many. */
static int32_t end_row(const vc_prior *p, int32_t rows)
{
    return p->end_row < rows ? p->end_row : rows;
}

int64_t vc_prior_bound(const vc_prior *p, int first_stage, int last_stage)
{
    int64_t symbols = 0;
    if (first_stage < 0 || last_stage < first_stage || last_stage >= p->net.model->n_stages) return VC_EARGUMENT;
    for (int s = first_stage; s <= last_stage; s++) {
        vc_geometry grid = vc_net_grid(p->net.model, &p->net.geometry, (uint32_t)s);
        symbols += (int64_t)(end_row(p, grid.rows) - p->first_row) * grid.cols * p->net.model->stages[s].n_symbols;
    }
    return symbols * MOST_SYMBOL_BYTES + 8;
}

/* Checking */

static int check_band(const vc_prior *p, uint32_t band, const vc_band *b)
{
    const vc_model *m = p->net.model;
    vc_geometry g = p->net.geometry;
    int level = vc_model_band(m, band).level;
    int32_t rows = m->rank == 1 ? g.rows << (m->levels - level) : g.rows >> level;
    int32_t cols = m->rank == 1 ? g.cols : g.cols >> level;
    return b->data && b->rows == rows && b->cols == cols && b->stride >= cols ? VC_OK : VC_EBAND;
}

int vc_prior_check(const vc_prior *p, int first_stage, int last_stage, const vc_band *bands)
{
    if (first_stage < 0 || last_stage < first_stage || last_stage >= p->net.model->n_stages) return VC_EARGUMENT;
    if (first_stage > p->next_stage) return VC_EORDER;
    if (p->first_row > 0 && p->first_row != p->next_row) return VC_EROWS;
    for (int s = first_stage; s <= last_stage; s++) {
        uint32_t n, first = vc_model_stage_bands(p->net.model, (uint32_t)s, &n);
        for (uint32_t b = first; b < first + n; b++) {
            int error = check_band(p, b, &bands[b]);
            if (error) return error;
        }
    }
    return VC_OK;
}

vc_rows vc_prior_band_rows(const vc_prior *p, const vc_band *b)
{
    vc_rows all = {0, b->rows};
    if (p->net.model->rank != 1) return all;
    int32_t scale = b->rows / p->net.geometry.rows;
    vc_rows part = {p->first_row * scale, end_row(p, p->net.geometry.rows) * scale};
    return part;
}

void vc_prior_clear(const vc_prior *p, uint32_t stage, const vc_band *bands)
{
    uint32_t n, first = vc_model_stage_bands(p->net.model, stage, &n);
    for (uint32_t b = first; b < first + n; b++) {
        vc_rows rows = vc_prior_band_rows(p, &bands[b]);
        for (int32_t y = rows.first; y < rows.end; y++)
            vc_zero(bands[b].data + (ptrdiff_t)y * bands[b].stride, (size_t)bands[b].cols * sizeof(int16_t));
    }
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
        known[k] = NULL;
        if (p->known[stage][k] == VC_NO_PLANE) continue;
        const vc_plane *plane = &p->net.planes[p->known[stage][k]];
        known[k] = vc_plane_row(plane, row);
        vc_zero(known[k], (size_t)cols * (size_t)plane->channels * sizeof(int16_t));
    }
}

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
    const vc_plane *parameters = &p->net.planes[l->o.plane];
    vc_code_row r;
    r.cells = p->cells;
    r.parameters = vc_plane_row(parameters, row) + l->o.first;
    for (int i = 0; i < 3; i++) r.known[i] = known[i] ? known[i] + l->o.source : NULL;
    r.zeros = p->zeros;
    r.n = l->o.n;
    r.cols = cols;
    r.kernel = p->net.kernel;
    r.pitch = parameters->channels;
    r.known_pitch = p->net.model->stages[stage].n_symbols;
    find_cells(p, p->symbols[stage] + l->o.source, r.n, row, cols, k->bands);
    return k->code(&r, k->context);
}

/* Where a view of what was matched lies, from a symbol on; NULL where the model has no such plane. */
static int16_t *matched(const vc_prior *p, int kind, int32_t row, int32_t symbol)
{
    int32_t plane = p->matched[kind - VC_BEST];
    return plane == VC_NO_PLANE ? NULL : vc_plane_row(&p->net.planes[plane], row) + symbol;
}

static void run_match(const run *k, const vc_layer *l, int32_t row, int32_t cols)
{
    vc_prior *p = k->p;
    int32_t first = l->o.source;
    vc_match_out out = {matched(p, VC_BEST, row, first), matched(p, VC_MEAN, row, first), matched(p, VC_RAW_MEAN, row, first),
                        matched(p, VC_DISTANCE, row, first), p->net.model->stages[0].n_symbols};
    vc_match_find(&p->match, p->match_symbols, k->bands, cols, first, l->o.n, &out);
}

/* Draws means to what was matched, by gates of 0 .. 256. */
static void run_blend(const vc_prior *p, const vc_layer *l, int32_t row, int32_t cols)
{
    const vc_plane *parameters = &p->net.planes[l->o.plane];
    int16_t *mean = vc_plane_row(parameters, row) + l->o.first;
    const int16_t *wanted = matched(p, VC_RAW_MEAN, row, l->o.source);
    for (int32_t c = 0; c < cols; c++, mean += parameters->channels, wanted += p->net.model->stages[0].n_symbols)
        for (int32_t i = 0; i < l->o.n; i++) {
            int32_t gate = mean[3 * l->o.n + i];
            gate = gate < 0 ? 0 : gate > 256 ? 256 : gate;
            mean[i] = (int16_t)(mean[i] + ((gate * (wanted[i] - mean[i]) + 128) >> 8));
        }
}

static int run_operation(const run *k, uint32_t stage, const vc_layer *l, int32_t row, int16_t *const known[3], int32_t cols)
{
    switch (l->o.type) {
    case VC_CONV: vc_net_conv(&k->p->net, l, row); return VC_OK;
    case VC_MATCH: run_match(k, l, row, cols); return VC_OK;
    case VC_BLEND: run_blend(k->p, l, row, cols); return VC_OK;
    default: return k->code ? run_code(k, stage, l, row, known, cols) : VC_OK;
    }
}

static int run_row(const run *k, uint32_t stage, int32_t row, int32_t cols)
{
    const vc_stage *s = &k->p->net.model->stages[stage];
    int16_t *known[3];
    begin_known(k->p, stage, row, cols, known);
    if (k->p->net.model->has_match) vc_match_next(&k->p->match);
    for (int32_t i = s->n_prelude; i < s->n_prelude + s->n_row; i++) {
        int error = run_operation(k, stage, &k->p->net.layers[stage][i], row, known, cols);
        if (error) return error;
    }
    if (k->p->net.model->has_match) vc_match_end(&k->p->match, k->p->match_symbols, k->bands);
    return VC_OK;
}

static int run_stage(const run *k, uint32_t stage)
{
    vc_geometry grid = vc_net_grid(k->p->net.model, &k->p->net.geometry, stage);
    vc_net_prelude(&k->p->net, stage);
    if (k->p->net.model->has_match && k->p->first_row == 0) vc_match_begin(&k->p->match);
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
