#include "vc_sense.h"

#include "vc_bytes.h"
#include "vc_error.h"

enum {
    HEAD_SIZE = 12,
    CODE_SIZE = 4,
    RATIO_SIZE = 4,
    ROW_SIZE = 8,
    TERM_SIZE = 3,
    MAX_CONTEXTS = 64,
    MAX_BANKS = 16,
    MAX_SHIFT = 5,
    MAX_EXPONENT = 1023,
    MAX_OFFSET = 512,
    SCALES = 48,
    SPIKES = 64,
    BEFORE = 0x8000, /* of a reference: the window before */
    MINUS = 0x80,    /* of a term */
    MEAN_LIMIT = 32767 * 16,
    MAX_BLOB = 1 << 24
};

vc_sense_step vc_sense_step_of(const vc_sense *s, int t)
{
    const uint8_t *p = s->blob + HEAD_SIZE + CODE_SIZE * (uint32_t)t;
    vc_sense_step step = {vc_u16(p), p[2], p[3]};
    return step;
}

vc_sense_row vc_sense_row_at(const vc_sense *s, uint32_t at)
{
    const uint8_t *p = s->blob + at;
    vc_sense_row row;
    row.offset = vc_i16(p);
    row.class_number = p[2];
    row.n_means = p[3];
    row.n_sizes = p[4];
    row.n_entries = vc_u16(p + 6);
    row.entries = p + ROW_SIZE;
    row.means = row.entries + 2 * row.n_entries;
    row.sizes = row.means + TERM_SIZE * row.n_means;
    row.next = at + ROW_SIZE + 2u * row.n_entries + TERM_SIZE * ((uint32_t)row.n_means + row.n_sizes);
    return row;
}

/* The measurement that a term names. */
static int32_t named(const uint8_t *term, const int16_t *now, const int16_t *before)
{
    uint32_t reference = vc_u16(term);
    if (reference & BEFORE) return before ? before[reference & ~(uint32_t)BEFORE] : 0;
    return now[reference];
}

static int32_t shifted(int32_t v, unsigned shift)
{
    return (int32_t)((uint32_t)v << shift);
}

static int32_t mean_of(const vc_sense_row *row, const int16_t *now, const int16_t *before)
{
    int32_t mean = 0;
    for (int i = 0; i < row->n_means; i++) {
        const uint8_t *term = row->means + TERM_SIZE * i;
        int32_t v = shifted(named(term, now, before), term[2] & 7u);
        mean += term[2] & MINUS ? -v : v;
    }
    return mean < -MEAN_LIMIT ? -MEAN_LIMIT : mean > MEAN_LIMIT ? MEAN_LIMIT : mean;
}

static int32_t size_of(const vc_sense_row *row, const int16_t *now, const int16_t *before)
{
    int32_t size = 0;
    for (int i = 0; i < row->n_sizes; i++) {
        const uint8_t *term = row->sizes + TERM_SIZE * i;
        int32_t v = named(term, now, before);
        size += shifted(v < 0 ? -v : v, term[2]);
    }
    return size;
}

void vc_sense_expect(
    const vc_sense *s, vc_sense_step step, const vc_sense_row *row, const int16_t *now, const int16_t *before, vc_distribution *d)
{
    const uint8_t *p = s->blob + s->ratios[step.ratio].classes[row->class_number];
    uint32_t contexts = p[0], context = 0;
    int32_t size = size_of(row, now, before);
    while (context + 1 < contexts && size >= vc_u16(p + 1 + 2 * context)) context++;
    const uint8_t *entry = p + 1 + 2 * (contexts - 1) + 2 * (step.bank * contexts + context);
    vc_distribution_pick(d, mean_of(row, now, before), entry[0], entry[1]);
}

/* --- loading ------------------------------------------------------------------------------------------------------------ */

static int has(const vc_sense *s, uint32_t at, uint64_t n)
{
    return n <= s->size - at;
}

static int parse_head(vc_sense *s)
{
    const uint8_t *p = s->blob;
    if (!has(s, 0, HEAD_SIZE)) return VC_EM_END;
    if (p[0] != 'V' || p[1] != 'C' || p[2] != 'S' || p[3] != 'S' || p[4] != 1) return VC_EM_SENSE;
    s->n_ratios = p[5];
    s->window = vc_u16(p + 6);
    s->codes = vc_u16(p + 8);
    s->rounding = p[10];
    if (p[11] || s->n_ratios < 1 || s->n_ratios > VC_SENSE_MAX_RATIOS || s->window < 8 || s->window > VC_SENSE_MAX_WINDOW) return VC_EM_FIELD;
    if (s->codes < 2 || s->codes > VC_SENSE_MAX_CODES || s->rounding > 128) return VC_EM_FIELD;
    return has(s, HEAD_SIZE, (uint64_t)CODE_SIZE * s->codes) ? VC_OK : VC_EM_END;
}

/* Thresholds rise; scales and spikes lie within their tables. */
static int check_tables(const uint8_t *p, uint32_t contexts, uint32_t banks)
{
    for (uint32_t i = 2; i < contexts; i++)
        if (vc_u16(p + 1 + 2 * (i - 2)) >= vc_u16(p + 1 + 2 * (i - 1))) return VC_EM_FIELD;
    const uint8_t *entry = p + 1 + 2 * (contexts - 1);
    for (uint32_t i = 0; i < contexts * banks; i++)
        if (entry[2 * i] >= SCALES || entry[2 * i + 1] >= SPIKES) return VC_EM_FIELD;
    return VC_OK;
}

static int parse_class(vc_sense *s, uint32_t banks, uint32_t *at)
{
    if (!has(s, *at, 1)) return VC_EM_END;
    uint32_t contexts = s->blob[*at];
    if (contexts < 1 || contexts > MAX_CONTEXTS) return VC_EM_FIELD;
    uint32_t size = 1 + 2 * (contexts - 1) + 2 * contexts * banks;
    if (!has(s, *at, size)) return VC_EM_END;
    int error = check_tables(s->blob + *at, contexts, banks);
    *at += size;
    return error;
}

static int check_entries(const vc_sense *s, const vc_sense_row *row)
{
    int32_t last = -1;
    for (uint32_t i = 0; i < row->n_entries; i++) {
        int32_t column = vc_u16(row->entries + 2 * i) & 0x7fff;
        if (column <= last || column >= s->window) return VC_EM_FIELD;
        last = column;
    }
    return VC_OK;
}

/* Terms name what is known before the row is decoded. */
static int check_terms(const uint8_t *terms, uint32_t n, uint32_t row, uint32_t measurements, uint32_t flags)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t reference = vc_u16(terms + TERM_SIZE * i), how = terms[TERM_SIZE * i + 2];
        if ((how & ~flags) > MAX_SHIFT) return VC_EM_FIELD;
        if ((reference & ~(uint32_t)BEFORE) >= (reference & BEFORE ? measurements : row)) return VC_EM_CAUSAL;
    }
    return VC_OK;
}

static int check_row(const vc_sense *s, const vc_sense_row *row, uint32_t number, uint32_t measurements, uint32_t classes)
{
    if (row->class_number >= classes || row->offset < -MAX_OFFSET || row->offset > MAX_OFFSET) return VC_EM_FIELD;
    int error = check_entries(s, row);
    if (!error) error = check_terms(row->means, row->n_means, number, measurements, MINUS);
    return error ? error : check_terms(row->sizes, row->n_sizes, number, measurements, 0);
}

static int parse_row(vc_sense *s, uint32_t number, uint32_t measurements, uint32_t classes, uint32_t *at)
{
    if (!has(s, *at, ROW_SIZE)) return VC_EM_END;
    vc_sense_row row = vc_sense_row_at(s, *at);
    if (s->blob[*at + 5] || row.n_entries < 1 || row.n_entries > VC_SENSE_MAX_ENTRIES) return VC_EM_FIELD;
    if (row.n_means > VC_SENSE_MAX_TERMS || row.n_sizes > VC_SENSE_MAX_TERMS) return VC_EM_FIELD;
    if (!has(s, *at, row.next - *at)) return VC_EM_END;
    *at = row.next;
    return check_row(s, &row, number, measurements, classes);
}

static int parse_ratio(vc_sense *s, uint32_t number, uint32_t *at)
{
    if (!has(s, *at, RATIO_SIZE)) return VC_EM_END;
    const uint8_t *p = s->blob + *at;
    uint32_t measurements = vc_u16(p), banks = p[2], classes = p[3];
    if (measurements < 1 || measurements > s->window || banks < 1 || banks > MAX_BANKS || classes < 1 || classes > VC_SENSE_MAX_CLASSES) return VC_EM_FIELD;
    s->ratios[number].measurements = (uint16_t)measurements;
    s->ratios[number].n_banks = (uint8_t)banks;
    s->ratios[number].n_classes = (uint8_t)classes;
    *at += RATIO_SIZE;
    int error = VC_OK;
    for (uint32_t c = 0; c < classes && !error; c++) {
        s->ratios[number].classes[c] = *at;
        error = parse_class(s, banks, at);
    }
    s->ratios[number].rows = *at;
    for (uint32_t r = 0; r < measurements && !error; r++) error = parse_row(s, r, measurements, classes, at);
    return error;
}

static int check_codes(const vc_sense *s)
{
    for (int t = 0; t < s->codes; t++) {
        vc_sense_step step = vc_sense_step_of(s, t);
        if (step.ratio >= s->n_ratios || step.exponent > MAX_EXPONENT || step.bank >= s->ratios[step.ratio].n_banks) return VC_EM_FIELD;
    }
    return VC_OK;
}

int vc_sense_load(vc_sense *s, const uint8_t *blob, size_t n)
{
    if (n > MAX_BLOB) return VC_EM_LIMIT;
    s->blob = blob;
    s->size = (uint32_t)n;
    int error = parse_head(s);
    if (error) return error;
    uint32_t at = HEAD_SIZE + CODE_SIZE * (uint32_t)s->codes;
    for (uint32_t r = 0; r < s->n_ratios && !error; r++) error = parse_ratio(s, r, &at);
    if (!error && at != s->size) error = VC_EM_TRAILING;
    return error ? error : check_codes(s);
}
