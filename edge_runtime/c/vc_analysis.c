#include "vc_analysis.h"

#include "vc_arena.h"
#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_lapped.h"
#include "vc_plan.h"
#include "vc_split.h"

typedef struct workspace {
    int16_t *whole;  /* the approximation that is being split */
    int16_t *halves; /* rank 2: after the split along x, low half beside high half */
    int16_t *line;   /* scratch of vc_split_line */
    int32_t *folded; /* lapped: a block */
} workspace;

static void plan(const vc_model *m, int64_t rows, int64_t cols, vc_arena *a, workspace *w)
{
    int64_t pixels = m->rank == 2 ? rows * cols : rows;
    if (m->transform == VC_LAPPED) {
        w->folded = (int32_t *)vc_arena_take(a, (int64_t)1 << m->levels, sizeof(int32_t));
        return;
    }
    w->whole = (int16_t *)vc_arena_take(a, pixels, sizeof(int16_t));
    w->halves = (int16_t *)vc_arena_take(a, m->rank == 2 ? pixels : 0, sizeof(int16_t));
    w->line = (int16_t *)vc_arena_take(a, vc_split_scratch(m->rank == 2 ? cols : rows), sizeof(int16_t));
}

/* The limits are those of coding; a signal may come in one piece of any length that 31 bits count. */
static int check_shape(const vc_model *m, int32_t rows, int32_t cols)
{
    int32_t unit = 1 << m->levels;
    vc_geometry g = {rows, cols};
    if (rows < 1 || cols < 1 || rows % unit != 0) return VC_EARGUMENT;
    return m->rank == 2 ? vc_plan_check(m, &g) : VC_OK;
}

int64_t vc_analysis_memory(const vc_model *m, int32_t rows, int32_t cols)
{
    workspace w;
    vc_arena a = {NULL, 0};
    int error = check_shape(m, rows, cols);
    if (error) return error;
    plan(m, rows, cols, &a, &w);
    return a.used + VC_ARENA_ALIGN;
}

static int check_bands(const vc_model *m, int32_t rows, int32_t cols, const vc_band *bands)
{
    for (uint32_t i = 0; i < m->n_bands; i++) {
        int level = vc_model_band(m, i).level;
        int32_t width = m->rank == 2 ? cols >> level : cols;
        const vc_band *b = &bands[i];
        if (!b->data || b->rows != rows >> level || b->cols != width || b->stride < width) return VC_EBAND;
    }
    return VC_OK;
}

/* Rank 1 */

static void analyse_channel(const vc_model *m, const int16_t *x, int32_t rows, int32_t cols, int32_t channel, const vc_band *bands,
                            const workspace *w)
{
    int32_t n = rows;
    for (uint32_t level = 1; level <= m->levels; level++, n /= 2) {
        vc_filter f = vc_model_filter(m, level, 0, 0);
        const vc_band *detail = &bands[1 + (m->levels - level)];
        const int16_t *from = level == 1 ? x + channel : w->whole;
        int last = level == m->levels;
        vc_split_line(&f, from, level == 1 ? cols : 1, n, last ? bands[0].data + channel : w->whole, last ? bands[0].stride : 1,
                      detail->data + channel, detail->stride, w->line);
    }
}

/* Frequency 0 is band 0, 2^(j-1) .. 2^j - 1 are band j. */
static void lap_block(const vc_model *m, const int32_t *folded, int32_t block, int32_t channel, const vc_band *bands)
{
    uint32_t band = 0, first = 0;
    for (uint32_t k = 0; k < 1u << m->levels; k++) {
        if (k >> band) band++, first = k;
        ptrdiff_t row = ((ptrdiff_t)block << (band ? band - 1 : 0)) + (ptrdiff_t)(k - first);
        bands[band].data[row * bands[band].stride + channel] = vc_lapped_coefficient(m->levels, m->lapped_shift, folded, k);
    }
}

static void lap_channel(const vc_model *m, const int16_t *x, int32_t rows, int32_t cols, int32_t channel, const vc_band *bands,
                        const workspace *w)
{
    int32_t blocks = rows >> m->levels;
    for (int32_t b = 0; b < blocks; b++) {
        int sides = (b > 0 ? VC_LAPPED_BEFORE : 0) | (b + 1 < blocks ? VC_LAPPED_AFTER : 0);
        vc_lapped_fold(m->levels, x + ((ptrdiff_t)b << m->levels) * cols + channel, cols, sides, w->folded);
        lap_block(m, w->folded, b, channel, bands);
    }
}

/* Rank 2 */

static void mix(const vc_model *m, const int16_t *x, int64_t pixels, uint32_t colour, int16_t *out)
{
    const int8_t *row = (const int8_t *)m->blob + m->mix + colour * (m->colours + 1u);
    unsigned shift = (unsigned)row[m->colours];
    for (int64_t i = 0; i < pixels; i++) {
        int32_t sum = 0;
        for (uint32_t j = 0; j < m->colours; j++) sum += row[j] * *x++;
        out[i] = vc_round_shift_sat16(sum, shift);
    }
}

/* One level of one colour plane: `whole` is h x w, contiguous, and becomes the h/2 x w/2 approximation where that is not the last. */
static void split_level(const vc_model *m, uint32_t level, uint32_t colour, int32_t h, int32_t w, const vc_band *bands, const workspace *k)
{
    vc_filter along = vc_model_filter(m, level, 0, colour), down = vc_model_filter(m, level, 1, colour);
    const vc_band *detail = &bands[m->colours + 3u * m->colours * (m->levels - level) + 3 * colour];
    const vc_band *approximation = &bands[colour];
    int last = level == m->levels;
    for (int32_t y = 0; y < h; y++) {
        int16_t *half = k->halves + (ptrdiff_t)y * w;
        vc_split_line(&along, k->whole + (ptrdiff_t)y * w, 1, w, half, 1, half + w / 2, 1, k->line);
    }
    vc_split_columns(&down, k->halves, w, h, w / 2, last ? approximation->data : k->whole, last ? approximation->stride : w / 2,
                     detail[1].data, detail[1].stride);
    vc_split_columns(&down, k->halves + w / 2, w, h, w / 2, detail[0].data, detail[0].stride, detail[2].data, detail[2].stride);
}

static void analyse_colour(const vc_model *m, const int16_t *x, int32_t rows, int32_t cols, uint32_t colour, const vc_band *bands,
                           const workspace *w)
{
    mix(m, x, (int64_t)rows * cols, colour, w->whole);
    for (uint32_t level = 1; level <= m->levels; level++) split_level(m, level, colour, rows >> (level - 1), cols >> (level - 1), bands, w);
}

int vc_analyse(const vc_model *m, const int16_t *x, int32_t rows, int32_t cols, const vc_band *bands, void *memory, size_t n)
{
    workspace w;
    int64_t need = vc_analysis_memory(m, rows, cols);
    if (need < 0) return (int)need;
    if (!memory || (uint64_t)need > n) return VC_ESPACE;
    int error = check_bands(m, rows, cols, bands);
    if (error) return error;
    vc_arena a = vc_arena_in(memory);
    plan(m, rows, cols, &a, &w);
    if (m->transform == VC_LAPPED)
        for (int32_t c = 0; c < cols; c++) lap_channel(m, x, rows, cols, c, bands, &w);
    else if (m->rank == 1)
        for (int32_t c = 0; c < cols; c++) analyse_channel(m, x, rows, cols, c, bands, &w);
    else
        for (uint32_t c = 0; c < m->colours; c++) analyse_colour(m, x, rows, cols, c, bands, &w);
    return VC_OK;
}
