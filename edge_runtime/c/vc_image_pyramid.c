#include "vc_image_pyramid.h"

#include "vc_bytes.h"
#include "vc_split.h"

static vc_filter along_y(const vc_image_pyramid *p, int32_t level, uint32_t colour)
{
    return vc_model_filter(p->model, (uint32_t)level, 1, colour);
}

static int16_t *take(vc_arena *a, int64_t n)
{
    return (int16_t *)vc_arena_take(a, n, sizeof(int16_t));
}

void vc_image_pyramid_plan(vc_image_pyramid *p, const vc_model *m, int32_t rows, int32_t cols, vc_arena *a)
{
    p->model = m;
    p->rows = rows;
    p->cols = cols;
    for (uint32_t c = 0; c < m->colours; c++)
        for (int32_t l = 1; l <= m->levels; l++) p->level[c][l - 1].rows = take(a, (int64_t)along_y(p, l, c).taps * (cols >> (l - 1)));
    p->line = take(a, vc_split_scratch(cols));
    for (int i = 0; i < 4; i++) p->made[i] = take(a, cols / 2);
}

void vc_image_pyramid_begin(vc_image_pyramid *p, vc_image_rows give, void *context)
{
    p->give = give;
    p->context = context;
    for (uint32_t c = 0; c < p->model->colours; c++)
        for (int32_t l = 0; l < p->model->levels; l++) p->level[c][l].come = p->level[c][l].made = 0;
}

/* Row of a level that a tap of output row i reads. */
static const int16_t *tap_row(const vc_image_pyramid *p, const vc_image_level *v, const vc_filter *f, int32_t level, int32_t i, int32_t tap)
{
    int32_t row = vc_reflect(2 * i + tap - (f->taps - 1) / 2, p->rows >> (level - 1));
    return v->rows + (ptrdiff_t)(row % f->taps) * (p->cols >> (level - 1));
}

/* Makes a row of coefficients: the filters along y over both halves. */
static void make_row(const vc_image_pyramid *p, const vc_image_level *v, const vc_filter *f, int32_t level, uint32_t colour, int32_t i)
{
    const int16_t *rows[VC_MOST_TAPS];
    int32_t half = p->cols >> level;
    for (int32_t k = 0; k < f->taps; k++) rows[k] = tap_row(p, v, f, level, i, k);
    vc_split_rows(f, rows, half, p->made[3], p->made[1]);
    for (int32_t k = 0; k < f->taps; k++) rows[k] += half;
    vc_split_rows(f, rows, half, p->made[0], p->made[2]);
    const int16_t *bands[4] = {p->made[0], p->made[1], p->made[2], level == p->model->levels ? p->made[3] : NULL};
    p->give(p->context, level, i, colour, bands);
}

static void take_row(vc_image_pyramid *p, uint32_t colour, int32_t level, const int16_t *x);

/* Makes the rows of coefficients that all rows have come for. Calls itself by way of take_row, once for each level at most. */
static void make_rows(vc_image_pyramid *p, uint32_t colour, int32_t level)
{
    vc_image_level *v = &p->level[colour][level - 1];
    vc_filter f = along_y(p, level, colour);
    int32_t n = p->rows >> (level - 1), half = (f.taps - 1) / 2;
    while (2 * v->made < n && (v->come == n || v->come > 2 * v->made + half)) {
        make_row(p, v, &f, level, colour, v->made++);
        if (level < p->model->levels) take_row(p, colour, level + 1, p->made[3]);
    }
}

static int16_t *slot(const vc_image_pyramid *p, uint32_t colour, int32_t level, int32_t row)
{
    return p->level[colour][level - 1].rows + (ptrdiff_t)(row % along_y(p, level, colour).taps) * (p->cols >> (level - 1));
}

/* Splits a row along x into its slot. */
static void take_row(vc_image_pyramid *p, uint32_t colour, int32_t level, const int16_t *x)
{
    vc_filter along = vc_model_filter(p->model, (uint32_t)level, 0, colour);
    int32_t cols = p->cols >> (level - 1);
    int16_t *to = slot(p, colour, level, p->level[colour][level - 1].come++);
    vc_split_line(&along, x, 1, cols, to, 1, to + cols / 2, 1, p->line);
    make_rows(p, colour, level);
}

void vc_image_pyramid_push(vc_image_pyramid *p, uint32_t colour, const int16_t *x)
{
    take_row(p, colour, 1, x);
}

void vc_image_pyramid_repeat(vc_image_pyramid *p, uint32_t colour)
{
    vc_image_level *v = &p->level[colour][0];
    if (v->come == 0) return;
    const int16_t *from = slot(p, colour, 1, v->come - 1);
    vc_move_down(slot(p, colour, 1, v->come++), from, p->cols);
    make_rows(p, colour, 1);
}
