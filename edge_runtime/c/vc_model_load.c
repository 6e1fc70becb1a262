#include "vc_model.h"

#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_model_check.h"

enum {
    HEAD_SIZE = 24,
    SYMBOL_SIZE = 4,
    TERM_SIZE = 12,
    CONV_SIZE = 10,
    SHUFFLE_SIZE = 5,
    CODE_SIZE = 9, /* BLEND's, too */
    MATCH_SIZE = 5,
    MAX_SITES = 7,
    MIN_TAPS = 3,
    MAX_TAPS = 31,
    MAX_BLOB = 1 << 28
};

/* Where parsing stands. */
typedef struct cursor {
    vc_model *m;
    uint32_t at;
} cursor;

static const uint8_t *here(const cursor *c)
{
    return c->m->blob + c->at;
}

static int has(const cursor *c, uint64_t n)
{
    return n <= c->m->size - c->at;
}

static int parse_head(cursor *c)
{
    vc_model *m = c->m;
    const uint8_t *p = here(c);
    if (!has(c, HEAD_SIZE)) return VC_EM_END;
    if (p[0] != 'V' || p[1] != 'S' || p[2] != 'Y' || p[3] != 'M' || p[4] < 1 || p[4] > 2) return VC_EM_MAGIC;
    m->has_match = p[4] == 2;
    m->rank = p[5];
    m->levels = p[6];
    m->colours = p[7];
    m->t_lo = vc_u16(p + 8);
    m->t_hi = vc_u16(p + 10);
    m->n_condition = p[12];
    m->n_stages = p[13];
    m->n_planes = vc_u16(p + 14);
    m->in_offset = vc_i32(p + 16);
    m->in_shift = vc_i8(p + 20);
    m->transform = p[21];
    m->lapped_shift = p[22];
    c->at += HEAD_SIZE;
    return p[23] ? VC_EM_FIELD : VC_OK;
}

static int check_transform(const vc_model *m)
{
    if (m->transform == VC_WAVELET) return m->lapped_shift ? VC_EM_FIELD : VC_OK;
    if (m->transform != VC_LAPPED || m->rank != 1 || m->levels < 2) return VC_EM_FIELD;
    return m->lapped_shift > VC_MAX_SHIFT ? VC_EM_FIELD : VC_OK;
}

static int check_head(vc_model *m)
{
    if (m->rank != 1 && (m->rank != 2 || m->has_match)) return VC_EM_FIELD;
    if (m->levels < 1 || m->levels > VC_MAX_LEVELS) return VC_EM_FIELD;
    if (m->colours < 1 || m->colours > (m->rank == 1 ? 1 : VC_MAX_COLOURS)) return VC_EM_FIELD;
    if (m->t_lo >= m->t_hi || m->t_hi > 255) return VC_EM_FIELD;
    if (m->n_condition < 2 || m->n_condition > VC_MAX_CONDITION) return VC_EM_FIELD;
    if (m->n_stages != (m->rank == 1 ? 1 : m->levels + 1)) return VC_EM_FIELD;
    if (m->in_shift < -15 || m->in_shift > 15) return VC_EM_FIELD;
    if (m->n_planes > VC_MAX_PLANES) return VC_EM_LIMIT;
    m->n_bands = (uint16_t)(m->rank == 1 ? 1 + m->levels : m->colours * (1 + 3 * m->levels));
    return check_transform(m);
}

static int parse_mix(cursor *c)
{
    uint32_t n = c->m->colours, row = n + 1;
    c->m->mix = c->at;
    if (c->m->rank == 1) return VC_OK;
    if (!has(c, n * row)) return VC_EM_END;
    for (uint32_t i = 0; i < n; i++)
        if (here(c)[i * row + n] > VC_MAX_SHIFT) return VC_EM_FIELD;
    c->at += n * row;
    return VC_OK;
}

static int parse_filter(cursor *c, uint32_t *offset)
{
    *offset = c->at;
    if (!has(c, 1)) return VC_EM_END;
    uint32_t taps = *here(c);
    if (taps < MIN_TAPS || taps > MAX_TAPS || taps % 2 == 0) return VC_EM_FIELD;
    if (!has(c, 2 * taps + 3)) return VC_EM_END;
    const uint8_t *shifts = here(c) + 1 + 2 * taps;
    c->at += 2 * taps + 3;
    return shifts[0] > VC_MAX_SHIFT || shifts[1] > VC_MAX_SHIFT ? VC_EM_FIELD : VC_OK;
}

static int parse_filters(cursor *c)
{
    vc_model *m = c->m;
    if (m->transform == VC_LAPPED) return VC_OK;
    for (uint32_t level = 0; level < m->levels; level++)
        for (uint32_t axis = 0; axis < m->rank; axis++)
            for (uint32_t colour = 0; colour < m->colours; colour++) {
                int error = parse_filter(c, &m->filters[level][axis][colour]);
                if (error) return error;
            }
    return VC_OK;
}

static int parse_bands(cursor *c)
{
    c->m->bands = c->at;
    if (!has(c, (uint32_t)VC_BAND_SIZE * c->m->n_bands)) return VC_EM_END;
    for (uint32_t i = 0; i < c->m->n_bands; i++, c->at += VC_BAND_SIZE)
        if (here(c)[3] != 0) return VC_EM_FIELD;
    return VC_OK;
}

static int parse_match(cursor *c)
{
    c->m->match = c->at;
    if (!c->m->has_match) return VC_OK;
    if (!has(c, VC_MATCH_HEAD)) return VC_EM_END;
    vc_match_info i = vc_model_match(c->m);
    uint32_t taps = 8u * i.sites * c->m->levels;
    if (i.sites % 2 == 0 || i.sites > MAX_SITES || i.shift > VC_MAX_SHIFT) return VC_EM_FIELD;
    if (!has(c, VC_MATCH_HEAD + taps)) return VC_EM_END;
    c->at += VC_MATCH_HEAD + taps;
    return VC_OK;
}

static int parse_planes(cursor *c)
{
    c->m->planes = c->at;
    if (!has(c, (uint32_t)VC_PLANE_SIZE * c->m->n_planes)) return VC_EM_END;
    for (uint32_t i = 0; i < c->m->n_planes; i++, c->at += VC_PLANE_SIZE) {
        vc_plane_info p = vc_model_plane(c->m, i);
        if (p.stage >= c->m->n_stages || p.kind >= VC_PLANE_KINDS || p.channels == 0 || here(c)[5] != 0) return VC_EM_FIELD;
        if (p.channels > VC_MAX_CHANNELS) return VC_EM_LIMIT;
    }
    return VC_OK;
}

static int parse_stage(cursor *c, uint32_t number)
{
    vc_stage *s = &c->m->stages[number];
    if (!has(c, 4)) return VC_EM_END;
    s->level = here(c)[0];
    s->phases = here(c)[1];
    s->n_symbols = vc_u16(here(c) + 2);
    c->at += 4;
    s->symbols = c->at;
    uint64_t symbols = (uint64_t)SYMBOL_SIZE * s->n_symbols;
    if (!has(c, symbols + 4)) return VC_EM_END;
    c->at += (uint32_t)symbols;
    s->n_prelude = vc_u16(here(c));
    s->n_row = vc_u16(here(c) + 2);
    c->at += 4;
    s->operations = c->at;
    if ((uint32_t)s->n_prelude + s->n_row > VC_MAX_OPERATIONS) return VC_EM_LIMIT;
    for (uint32_t i = 0; i < (uint32_t)s->n_prelude + s->n_row; i++) {
        vc_operation o;
        int error = vc_operation_read(c->m, c->at, &o);
        if (error) return error;
        c->at += o.size;
    }
    return VC_OK;
}

static int parse_stages(cursor *c)
{
    for (uint32_t i = 0; i < c->m->n_stages; i++) {
        int error = parse_stage(c, i);
        if (error) return error;
    }
    return c->at == c->m->size ? VC_OK : VC_EM_TRAILING;
}

int vc_model_load(vc_model *m, const uint8_t *blob, size_t n)
{
    static int (*const parts[])(cursor *) = {parse_mix, parse_filters, parse_bands, parse_match, parse_planes, parse_stages};
    vc_zero(m, sizeof *m);
    if (n > MAX_BLOB) return VC_EM_LIMIT;
    m->blob = blob;
    m->size = (uint32_t)n;
    cursor c = {m, 0};
    int error = parse_head(&c);
    if (!error) error = check_head(m);
    for (size_t i = 0; !error && i < sizeof parts / sizeof *parts; i++) error = parts[i](&c);
    return error ? error : vc_model_check(m);
}

vc_term vc_operation_term(const vc_operation *o, uint32_t i)
{
    const uint8_t *p = o->terms + TERM_SIZE * i;
    vc_term t = {vc_u16(p), vc_u16(p + 2), vc_u16(p + 4), p[6], p[7], p[10], vc_i8(p + 8), vc_i8(p + 9)};
    return t;
}

static int term_is_valid(const vc_term *t, const uint8_t *p)
{
    if (t->n == 0 || t->kh == 0 || t->kw == 0 || t->dilation == 0 || p[11] != 0) return 0;
    if (t->plane != VC_CONDITION) return 1;
    return t->kh == 1 && t->kw == 1 && t->oy == 0 && t->ox == 0 && t->dilation == 1;
}

static int read_terms(vc_operation *o)
{
    o->fan_in = 0;
    for (uint32_t i = 0; i < o->n_terms; i++) {
        vc_term t = vc_operation_term(o, i);
        if (!term_is_valid(&t, o->terms + TERM_SIZE * i)) return VC_EM_FIELD;
        if (t.kh > VC_MAX_KERNEL || t.kw > VC_MAX_KERNEL || t.n > VC_MAX_CHANNELS) return VC_EM_LIMIT;
        o->fan_in += vc_term_weights(&t);
    }
    return VC_OK;
}

static int read_conv(const uint8_t *p, uint32_t left, vc_operation *o)
{
    if (left < CONV_SIZE) return VC_EM_END;
    o->relu = p[1];
    o->n_terms = p[2];
    o->plane = vc_u16(p + 4);
    o->first = vc_u16(p + 6);
    o->n = vc_u16(p + 8);
    if (o->relu > 1 || o->n_terms == 0 || p[3] != 0 || o->n == 0) return VC_EM_FIELD;
    if (o->n_terms > VC_MAX_TERMS || o->n > VC_MAX_CHANNELS) return VC_EM_LIMIT;
    o->terms = p + CONV_SIZE;
    uint32_t head = CONV_SIZE + (uint32_t)TERM_SIZE * o->n_terms;
    if (left < head) return VC_EM_END;
    int error = read_terms(o);
    if (error) return error;
    uint64_t size = head + (uint64_t)o->n * (5 + (uint64_t)o->fan_in);
    if (left < size) return VC_EM_END;
    o->shifts = p + head;
    o->bias = o->shifts + o->n;
    o->weights = o->bias + 4u * o->n;
    o->size = (uint32_t)size;
    return VC_OK;
}

static int read_shuffle(const uint8_t *p, uint32_t left, vc_operation *o)
{
    if (left < SHUFFLE_SIZE) return VC_EM_END;
    o->source = vc_u16(p + 1);
    o->plane = vc_u16(p + 3);
    o->size = SHUFFLE_SIZE;
    return VC_OK;
}

static int read_code(const uint8_t *p, uint32_t left, vc_operation *o)
{
    if (left < CODE_SIZE) return VC_EM_END;
    o->plane = vc_u16(p + 1);
    o->first = vc_u16(p + 3);
    o->source = vc_u16(p + 5);
    o->n = vc_u16(p + 7);
    o->size = CODE_SIZE;
    return o->n == 0 ? VC_EM_FIELD : VC_OK;
}

static int read_match(const uint8_t *p, uint32_t left, vc_operation *o)
{
    if (left < MATCH_SIZE) return VC_EM_END;
    o->source = vc_u16(p + 1);
    o->n = vc_u16(p + 3);
    o->size = MATCH_SIZE;
    return o->n == 0 ? VC_EM_FIELD : VC_OK;
}

int vc_operation_read(const vc_model *m, uint32_t at, vc_operation *o)
{
    const uint8_t *p = m->blob + at;
    uint32_t left = m->size - at;
    vc_zero(o, sizeof *o);
    if (left == 0) return VC_EM_END;
    o->type = p[0];
    switch (o->type) {
    case VC_CONV: return read_conv(p, left, o);
    case VC_SHUFFLE: return read_shuffle(p, left, o);
    case VC_CODE: return read_code(p, left, o);
    case VC_MATCH: return m->has_match ? read_match(p, left, o) : VC_EM_FIELD;
    case VC_BLEND: return m->has_match ? read_code(p, left, o) : VC_EM_FIELD;
    default: return VC_EM_FIELD;
    }
}

static int64_t conv_macs(const vc_operation *o)
{
    int64_t inputs = 0;
    for (uint32_t i = 0; i < o->n_terms; i++) {
        vc_term t = vc_operation_term(o, i);
        if (t.plane != VC_CONDITION) inputs += vc_term_weights(&t);
    }
    return inputs * o->n;
}

/* An operation costs at every site of the grid of the plane it writes, whichever stage's list it stands in. */
int64_t vc_model_stage_macs(const vc_model *m, uint32_t stage)
{
    int64_t macs = 0;
    for (uint32_t s = 0; s < m->n_stages; s++) {
        uint32_t at = m->stages[s].operations;
        for (uint32_t i = 0; i < (uint32_t)m->stages[s].n_prelude + m->stages[s].n_row; i++) {
            vc_operation o;
            vc_operation_read(m, at, &o);
            if (o.type == VC_CONV && vc_model_plane(m, o.plane).stage == stage) macs += conv_macs(&o);
            at += o.size;
        }
    }
    return macs;
}
