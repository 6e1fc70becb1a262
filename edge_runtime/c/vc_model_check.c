#include "vc_model_check.h"

#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_history.h"

enum { MOST_SYMBOLS = 256, MOST_COMPARED = 127 };

/* An operation and where it stands: number `index` of its stage, prelude first. */
typedef struct site {
    const vc_model *m;
    vc_operation o;
    uint32_t stage, index;
} site;

typedef int (*visitor)(const site *s, void *context);

/* Calls `visit` for every operation in order, until one returns an error. */
static int for_each_operation(const vc_model *m, visitor visit, void *context)
{
    site s;
    s.m = m;
    for (s.stage = 0; s.stage < m->n_stages; s.stage++) {
        const vc_stage *stage = &m->stages[s.stage];
        uint32_t at = stage->operations;
        for (s.index = 0; s.index < (uint32_t)stage->n_prelude + stage->n_row; s.index++) {
            vc_operation_read(m, at, &s.o);
            int error = visit(&s, context);
            if (error) return error;
            at += s.o.size;
        }
    }
    return VC_OK;
}

static int in_prelude(const site *s)
{
    return s->index < s->m->stages[s->stage].n_prelude;
}

/* Stages and symbols */

static int check_stage_shape(const vc_model *m, uint32_t number)
{
    const vc_stage *s = &m->stages[number];
    uint32_t level = m->rank == 1 ? 0 : number == 0 ? m->levels : m->levels - number + 1;
    uint32_t most_phases = m->rank == 1 ? 1 : 2;
    return s->level == level && s->phases >= 1 && s->phases <= most_phases ? VC_OK : VC_EM_FIELD;
}

/* Symbols of a band that a site carries. */
static uint32_t symbols_of_band(const vc_model *m, const vc_stage *s, uint32_t band)
{
    if (m->rank == 2) return s->phases;
    return 1u << (m->levels - vc_model_band(m, band).level);
}

/* A number of its own for each symbol of a stage, below its number of symbols. */
static uint32_t symbol_index(const vc_model *m, const vc_stage *s, uint32_t first_band, uint32_t band, uint32_t d)
{
    if (m->rank == 2) return (band - first_band) * s->phases + d;
    return band == 0 ? 0 : (1u << (band - 1)) + d;
}

static int check_symbols(const vc_model *m, uint32_t number)
{
    const vc_stage *s = &m->stages[number];
    uint8_t seen[MOST_SYMBOLS];
    uint32_t n_bands, first = vc_model_stage_bands(m, number, &n_bands), total = 0;
    vc_zero(seen, sizeof seen);
    for (uint32_t b = first; b < first + n_bands; b++) total += symbols_of_band(m, s, b);
    if (s->n_symbols != total) return VC_EM_SYMBOL;
    for (uint32_t i = 0; i < total; i++) {
        uint32_t band = vc_u16(m->blob + s->symbols + 4 * i), d = vc_u16(m->blob + s->symbols + 4 * i + 2);
        if (band < first || band >= first + n_bands || d >= symbols_of_band(m, s, band)) return VC_EM_SYMBOL;
        uint8_t *mark = &seen[symbol_index(m, s, first, band, d)];
        if (*mark) return VC_EM_SYMBOL;
        *mark = 1;
    }
    return VC_OK;
}

/* Each operation by itself */

static int is_computed(const vc_model *m, uint32_t plane)
{
    return plane < m->n_planes && vc_model_plane(m, plane).kind == VC_COMPUTED;
}

/* Whether the operation may write this plane at all. */
static int may_write(const site *s, uint32_t plane)
{
    if (!is_computed(s->m, plane)) return 0;
    uint32_t stage = vc_model_plane(s->m, plane).stage;
    return in_prelude(s) ? stage <= s->stage : stage == s->stage;
}

static int same_grid(const vc_model *m, uint32_t stage_a, uint32_t stage_b)
{
    const vc_stage *a = &m->stages[stage_a], *b = &m->stages[stage_b];
    return a->level == b->level && a->phases == b->phases;
}

static int check_term(const site *s, const vc_term *t)
{
    const vc_model *m = s->m;
    if (t->plane == VC_CONDITION) return t->first + t->n <= m->n_condition ? VC_OK : VC_EM_FIELD;
    if (t->plane >= m->n_planes) return VC_EM_PLANE;
    vc_plane_info p = vc_model_plane(m, t->plane);
    if (t->first + t->n > p.channels) return VC_EM_FIELD;
    return same_grid(m, p.stage, vc_model_plane(m, s->o.plane).stage) ? VC_OK : VC_EM_PLANE;
}

/* 32768 times the sum of |w|, plus |bias|, below 2^31; shifts up to 15. */
static int check_sums(const vc_operation *o)
{
    for (uint32_t c = 0; c < o->n; c++) {
        const uint8_t *w = o->weights + (size_t)c * o->fan_in;
        int64_t bias = vc_i32(o->bias + 4 * c), sum = bias < 0 ? -bias : bias;
        for (uint32_t i = 0; i < o->fan_in; i++) sum += (int64_t)32768 * (w[i] < 128 ? w[i] : 256 - w[i]);
        if (sum > INT32_MAX) return VC_EM_SUM;
        if (o->shifts[c] > VC_MAX_SHIFT) return VC_EM_FIELD;
    }
    return VC_OK;
}

static int check_conv(const site *s)
{
    const vc_operation *o = &s->o;
    if (!may_write(s, o->plane)) return VC_EM_PLANE;
    if (o->first + o->n > vc_model_plane(s->m, o->plane).channels) return VC_EM_FIELD;
    for (uint32_t i = 0; i < o->n_terms; i++) {
        vc_term t = vc_operation_term(o, i);
        int error = check_term(s, &t);
        if (error) return error;
    }
    return check_sums(o);
}

static int check_shuffle(const site *s)
{
    const vc_model *m = s->m;
    if (m->rank != 2 || !in_prelude(s) || s->o.source >= m->n_planes || !may_write(s, s->o.plane)) return VC_EM_PLANE;
    vc_plane_info from = vc_model_plane(m, s->o.source), to = vc_model_plane(m, s->o.plane);
    const vc_stage *a = &m->stages[from.stage], *b = &m->stages[to.stage];
    if (a->level != b->level + 1 || a->phases != b->phases || from.channels != 4 * to.channels) return VC_EM_PLANE;
    return VC_OK;
}

static int check_code(const site *s)
{
    if (in_prelude(s) || !may_write(s, s->o.plane)) return VC_EM_PLANE;
    if (s->o.first + 3 * s->o.n > vc_model_plane(s->m, s->o.plane).channels) return VC_EM_FIELD;
    return s->o.source + s->o.n <= s->m->stages[s->stage].n_symbols ? VC_OK : VC_EM_SYMBOL;
}

static int has_plane(const vc_model *m, uint8_t kind)
{
    for (uint32_t i = 0; i < m->n_planes; i++)
        if (vc_model_plane(m, i).kind == kind) return 1;
    return 0;
}

static int check_match(const site *s)
{
    if (in_prelude(s)) return VC_EM_PLANE;
    return s->o.source + s->o.n <= s->m->stages[s->stage].n_symbols ? VC_OK : VC_EM_SYMBOL;
}

/* A CODE's parameters, and as many gates. */
static int check_blend(const site *s)
{
    int error = check_code(s);
    if (error) return error;
    if (s->o.first + 4 * s->o.n > vc_model_plane(s->m, s->o.plane).channels) return VC_EM_FIELD;
    return has_plane(s->m, VC_RAW_MEAN) ? VC_OK : VC_EM_PLANE;
}

static int check_operation(const site *s, void *context)
{
    (void)context;
    switch (s->o.type) {
    case VC_CONV: return check_conv(s);
    case VC_SHUFFLE: return check_shuffle(s);
    case VC_MATCH: return check_match(s);
    case VC_BLEND: return check_blend(s);
    default: return check_code(s);
    }
}

/* What happens to one plane */

typedef struct history {
    uint32_t plane;
    vc_plane_info info;
    uint16_t writer[VC_MAX_CHANNELS]; /* who writes each channel: 0 nobody, else 1 + 256 stage + index */
    int prelude_writes, others_read;
    int32_t left, right, rows;
} history;

static int mark(history *h, const site *s, uint32_t first, uint32_t n)
{
    for (uint32_t c = first; c < first + n; c++) {
        if (h->writer[c]) return h->info.kind == VC_COMPUTED ? VC_EM_WRITER : VC_EM_SYMBOL;
        h->writer[c] = (uint16_t)(1 + 256 * s->stage + s->index);
    }
    if (in_prelude(s)) h->prelude_writes = 1;
    return VC_OK;
}

static int mark_writes(const site *s, void *context)
{
    history *h = (history *)context;
    uint8_t kind = h->info.kind;
    if (s->o.type == VC_CODE) return kind >= VC_SIGNED && kind <= VC_RAW && h->info.stage == s->stage ? mark(h, s, s->o.source, s->o.n) : VC_OK;
    if (s->o.type == VC_MATCH) return kind >= VC_BEST ? mark(h, s, s->o.source, kind == VC_DISTANCE ? 1 : s->o.n) : VC_OK;
    if (s->o.type == VC_BLEND || s->o.plane != h->plane) return VC_OK;
    return s->o.type == VC_CONV ? mark(h, s, s->o.first, s->o.n) : mark(h, s, 0, h->info.channels);
}

/* Whether every row of what `writer` wrote is there when operation s runs. */
static int is_whole(const site *s, uint32_t stage, uint32_t index)
{
    return stage < s->stage || (stage == s->stage && index < s->index && index < s->m->stages[stage].n_prelude);
}

/* Whether rows up to last_row (relative to the current one) are there. */
static int is_readable(const site *s, uint32_t writer, int32_t last_row)
{
    if (writer == 0) return 0;
    uint32_t stage = (writer - 1) / 256, index = (writer - 1) % 256;
    if (is_whole(s, stage, index)) return 1;
    if (in_prelude(s) || stage != s->stage || index < s->m->stages[stage].n_prelude) return 0;
    return last_row < 0 || (last_row == 0 && index < s->index);
}

static int check_read(const history *h, const site *s, uint32_t first, uint32_t n, int32_t last_row)
{
    for (uint32_t c = first; c < first + n; c++)
        if (!is_readable(s, h->writer[c], last_row)) return VC_EM_CAUSAL;
    return VC_OK;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int note_read(history *h, const site *s, const vc_term *t)
{
    h->left = larger(h->left, -t->ox);
    h->right = larger(h->right, t->ox + t->kw - 1);
    h->rows = larger(h->rows, 1 - t->oy);
    if (in_prelude(s) || s->stage != h->info.stage) h->others_read = 1;
    return check_read(h, s, t->first, t->n, t->oy + (t->kh - 1) * t->dilation);
}

static int check_code_read(const history *h, const site *s)
{
    uint32_t prelude = s->m->stages[s->stage].n_prelude;
    for (uint32_t c = s->o.first; c < (uint32_t)s->o.first + 3u * s->o.n; c++)
        if (h->writer[c] && (h->writer[c] - 1u) % 256 < prelude) return VC_EM_CAUSAL;
    return check_read(h, s, s->o.first, 3u * s->o.n, 0);
}

static int check_blend_read(const history *h, const site *s)
{
    if (h->info.kind == VC_RAW_MEAN) return check_read(h, s, s->o.source, s->o.n, 0);
    if (s->o.plane != h->plane) return VC_OK;
    int error = check_read(h, s, s->o.first, s->o.n, 0);
    return error ? error : check_read(h, s, s->o.first + 3u * s->o.n, s->o.n, 0);
}

static int check_reads(const site *s, void *context)
{
    history *h = (history *)context;
    if (s->o.type == VC_MATCH) return VC_OK;
    if (s->o.type == VC_BLEND) return check_blend_read(h, s);
    if (s->o.type == VC_CODE) return s->o.plane == h->plane ? check_code_read(h, s) : VC_OK;
    if (s->o.type == VC_SHUFFLE) {
        if (s->o.source != h->plane) return VC_OK;
        h->others_read = 1;
        return check_read(h, s, 0, h->info.channels, INT32_MAX);
    }
    for (uint32_t i = 0; i < s->o.n_terms; i++) {
        vc_term t = vc_operation_term(&s->o, i);
        if (t.plane != h->plane) continue;
        int error = note_read(h, s, &t);
        if (error) return error;
    }
    return VC_OK;
}

static int check_depth(const history *h, vc_reach *reach)
{
    uint32_t depth = h->info.depth;
    if (depth != 0 && (h->others_read || (int32_t)depth < h->rows)) return VC_EM_DEPTH;
    reach->left = (uint8_t)h->left;
    reach->right = (uint8_t)h->right;
    reach->rows = (uint8_t)(h->others_read || h->prelude_writes ? 0 : h->rows);
    return VC_OK;
}

static int check_plane(vc_model *m, uint32_t plane)
{
    history h;
    vc_zero(&h, sizeof h);
    h.plane = plane;
    h.info = vc_model_plane(m, plane);
    h.rows = 1;
    if (h.info.kind != VC_COMPUTED && h.info.channels != m->stages[h.info.stage].n_symbols) return VC_EM_PLANE;
    int error = for_each_operation(m, mark_writes, &h);
    if (!error) error = for_each_operation(m, check_reads, &h);
    return error ? error : check_depth(&h, &m->reach[plane]);
}

/* Planes of the coder and of MATCH: at most one of each kind a stage. */
static int check_kinds(const vc_model *m)
{
    uint8_t seen[VC_MAX_STAGES][VC_PLANE_KINDS];
    vc_zero(seen, sizeof seen);
    for (uint32_t i = 0; i < m->n_planes; i++) {
        vc_plane_info p = vc_model_plane(m, i);
        if (p.kind != VC_COMPUTED && seen[p.stage][p.kind]++) return VC_EM_PLANE;
        if (p.kind >= VC_BEST && !m->has_match) return VC_EM_FIELD;
    }
    return VC_OK;
}

/* The match section */

/* Sums of the inverse filters stay within 32 bits. */
static int check_inverse(const vc_match_info *i, uint32_t levels)
{
    for (uint32_t l = 0; l < levels; l++)
        for (uint32_t phase = 0; phase < 2; phase++) {
            int32_t sum = 0;
            for (uint32_t j = 0; j < 2u * i->sites; j++) {
                int32_t w = vc_i16(i->inverse + 8 * l * i->sites + 4 * j + 2 * phase);
                sum += w < 0 ? -w : w;
            }
            if (sum > 65535) return VC_EM_SUM;
        }
    return VC_OK;
}

/* Lags are even, and none looks at a block before it is coded; sums of squared differences stay within 31 bits. */
static int check_match_section(const vc_model *m)
{
    if (!m->has_match) return VC_OK;
    if (m->transform != VC_WAVELET) return VC_EM_FIELD;
    vc_match_info i = vc_model_match(m);
    vc_history_setup s;
    vc_history_set_up(&s, m, 0);
    if (i.nearest % 2 || i.farthest % 2 || i.farthest < i.nearest || i.nearest < vc_history_delay(&s)) return VC_EM_FIELD;
    if (i.previous < 1 || i.previous > i.known || i.known > m->stages[0].n_symbols) return VC_EM_FIELD;
    if (i.previous + 2 * i.known > MOST_COMPARED) return VC_EM_FIELD;
    return check_inverse(&i, m->levels);
}

/* What a MATCH compares has been coded by then. */
static int check_compared(const site *s, const uint8_t *coded)
{
    uint32_t known = vc_model_match(s->m).known;
    for (uint32_t i = 0; i < s->o.source && i < known; i++)
        if (!coded[i]) return VC_EM_CAUSAL;
    return VC_OK;
}

/* Every symbol of a stage is coded once. */
static int mark_coded(const site *s, void *context)
{
    uint8_t(*coded)[MOST_SYMBOLS] = (uint8_t(*)[MOST_SYMBOLS])context;
    if (s->o.type == VC_MATCH) return check_compared(s, coded[s->stage]);
    if (s->o.type != VC_CODE) return VC_OK;
    for (uint32_t i = s->o.source; i < (uint32_t)s->o.source + s->o.n; i++)
        if (coded[s->stage][i]++) return VC_EM_SYMBOL;
    return VC_OK;
}

static int check_coded(const vc_model *m)
{
    uint8_t coded[VC_MAX_STAGES][MOST_SYMBOLS];
    vc_zero(coded, sizeof coded);
    int error = for_each_operation(m, mark_coded, coded);
    for (uint32_t s = 0; !error && s < m->n_stages; s++)
        for (uint32_t i = 0; i < m->stages[s].n_symbols; i++)
            if (!coded[s][i]) return VC_EM_SYMBOL;
    return error;
}

int vc_model_check(vc_model *m)
{
    for (uint32_t i = 0; i < m->n_stages; i++) {
        int error = check_stage_shape(m, i);
        if (!error) error = check_symbols(m, i);
        if (error) return error;
    }
    int error = check_kinds(m);
    if (!error) error = check_match_section(m);
    if (!error) error = for_each_operation(m, check_operation, NULL);
    if (!error) error = check_coded(m);
    for (uint32_t i = 0; !error && i < m->n_planes; i++) error = check_plane(m, i);
    return error;
}
