#include "vc_pyramid.h"

#include "vc_bytes.h"
#include "vc_filter.h"
#include "vc_split.h"

enum { ENDLESS = 1 << 30, MANY_ROWS = 1 << 20 };

/* Values of a block at a level; level 0 has the samples. */
static int32_t sites(const vc_model *m, int32_t level)
{
    return (int32_t)1 << (m->levels - level);
}

static int32_t half(const vc_model *m, int32_t level)
{
    return (vc_model_filter(m, (uint32_t)level, 0, 0).taps - 1) / 2;
}

/* Sites that the coefficients of a level come late: number i needs values up to 2 i + half of the level below, of which those of the blocks that are in are there
   but for the last `late` ones. */
static int32_t find_late(const vc_model *m, int32_t level)
{
    int32_t late = 0;
    for (int32_t l = 1; l <= level; l++) late = (late + half(m, l)) / 2;
    return late;
}

int32_t vc_pyramid_delay(const vc_model *m)
{
    return find_late(m, m->levels) + 1;
}

/* Blocks that what comes out is late. */
static int32_t blocks_late(const vc_pyramid *p)
{
    return p->level[p->model->levels - 1].late;
}

static int16_t *take(vc_arena *a, int32_t n)
{
    return (int16_t *)vc_arena_take(a, n, sizeof(int16_t));
}

void vc_pyramid_plan(vc_pyramid *p, const vc_model *m, vc_arena *a)
{
    p->model = m;
    p->kept = vc_power_of_two(vc_pyramid_delay(m));
    for (int32_t l = 1; l <= m->levels; l++) {
        vc_pyramid_level *v = &p->level[l - 1];
        v->late = find_late(m, l);
        v->kept = 2 * v->late + half(m, l) - (l == 1 ? 0 : p->level[l - 2].late);
        v->line = take(a, v->kept + sites(m, l - 1));
        v->details = take(a, p->kept * sites(m, l));
    }
    p->approximation = take(a, p->kept);
}

void vc_pyramid_begin(vc_pyramid *p)
{
    p->row = 0;
    p->rows = ENDLESS;
    for (int32_t l = 1; l <= p->model->levels; l++)
        vc_zero(p->level[l - 1].line, (size_t)(p->level[l - 1].kept + sites(p->model, l - 1)) * sizeof(int16_t));
}

void vc_pyramid_end(vc_pyramid *p)
{
    p->rows = p->row;
}

/* Mirrors what lies before the signal's first value and behind the last of n; value number `first` comes first in the line. What cannot be told yet is not
   needed yet. */
static void mirror(int16_t *line, int32_t length, int32_t first, int32_t n)
{
    if (first >= 0 && first + length <= n) return;
    for (int32_t i = 0; i < length; i++) {
        int32_t source = vc_reflect(first + i, n) - first;
        if (source >= 0 && source < length) line[i] = line[source];
    }
}

/* Splits a block's worth of one level; `low` is where the approximation goes on. Details may go around the end of their ring. */
static void split(const vc_pyramid *p, int32_t level, int16_t *low)
{
    const vc_pyramid_level *v = &p->level[level - 1];
    vc_filter f = vc_model_filter(p->model, (uint32_t)level, 0, 0);
    int32_t n = sites(p->model, level), ring = p->kept * n, at = (p->row * n - v->late) & (ring - 1), first = ring - at < n ? ring - at : n;
    vc_filter_along(&f, v->line, 2, 1, first, low, v->details + at);
    vc_filter_along(&f, v->line + 2 * first, 2, 1, n - first, low + first, v->details);
}

void vc_pyramid_push(vc_pyramid *p, const int16_t *x)
{
    const vc_model *m = p->model;
    int16_t *fresh = p->level[0].line + p->level[0].kept;
    for (int32_t i = 0; x && i < sites(m, 0); i++) fresh[i] = x[i];
    for (int32_t l = 1, late = 0; l <= m->levels; l++) {
        const vc_pyramid_level *v = &p->level[l - 1];
        int32_t n = sites(m, l - 1), last = l == m->levels;
        mirror(v->line, v->kept + n, p->row * n - late - v->kept, p->rows == ENDLESS ? ENDLESS : p->rows * n);
        split(p, l, last ? p->approximation + ((p->row - v->late) & (p->kept - 1)) : p->level[l].line + p->level[l].kept);
        vc_move_down(v->line, v->line + n, v->kept);
        late = v->late;
    }
    p->row++;
    if (p->row == MANY_ROWS && p->rows == ENDLESS) p->row = MANY_ROWS / 2;
}

const int16_t *vc_pyramid_band(const vc_pyramid *p, uint32_t band)
{
    int32_t at = (p->row - blocks_late(p) - 1) & (p->kept - 1);
    if (band == 0) return p->approximation + at;
    int32_t level = p->model->levels + 1 - (int32_t)band;
    return p->level[level - 1].details + at * sites(p->model, level);
}
