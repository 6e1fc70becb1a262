/* Checks the C core on any machine against cases that another machine wrote (make_cases.py): analysis and quantiser give the same latents,
   encoding the same bytes, decoding the same latents. Then damages models and payloads, which must end in errors or garbage.

       check_cases CASES [mutants a case]

   A test program: it may use libc, the core may not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "vc_analysis.h"
#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_packet_reader.h"
#include "vc_packet_writer.h"
#include "vc_prior.h"
#include "vc_quantise.h"
#include "vc_target.h"

enum { MOST_BANDS = 128, MOST_PAYLOADS = 16 };

typedef struct payload {
    int first, last;
    int32_t first_row, end_row; /* of a part of a signal's blocks; 0, 0: all */
    const uint8_t *data;
    size_t n;
} payload;

typedef struct test_case {
    const uint8_t *blob;
    size_t blob_size;
    int32_t rows, cols;
    int t;
    const uint8_t *samples; /* as in the file, or none */
    uint32_t n_samples;
    const uint8_t *latents;
    uint32_t n_latents, weight, n_payloads;
    payload payloads[MOST_PAYLOADS];
} test_case;

/* Bands in one block of memory; returns their numbers in all. */
static uint32_t make_bands(const vc_model *m, int32_t rows, int32_t cols, vc_band *bands)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < m->n_bands; i++) {
        int level = vc_model_band(m, i).level;
        vc_band b = {NULL, rows >> level, m->rank == 2 ? cols >> level : cols, m->rank == 2 ? cols >> level : cols};
        b.data = (int16_t *)need((size_t)b.rows * (size_t)b.cols * sizeof(int16_t));
        bands[i] = b;
        total += (uint32_t)(b.rows * b.cols);
    }
    return total;
}

static void free_bands(const vc_model *m, vc_band *bands)
{
    for (uint32_t i = 0; i < m->n_bands; i++) free(bands[i].data);
}

static void fill_bands(const vc_model *m, vc_band *bands, const uint8_t *latents)
{
    for (uint32_t i = 0; i < m->n_bands; i++)
        for (int32_t k = 0; k < bands[i].rows * bands[i].cols; k++, latents += 2) bands[i].data[k] = vc_i16(latents);
}

static int bands_equal(const vc_model *m, const vc_band *bands, const uint8_t *latents)
{
    for (uint32_t i = 0; i < m->n_bands; i++)
        for (int32_t k = 0; k < bands[i].rows * bands[i].cols; k++, latents += 2)
            if (bands[i].data[k] != vc_i16(latents)) return 0;
    return 1;
}

/* Returns where the next case begins. */
static const uint8_t *parse(const uint8_t *p, test_case *c, vc_model *m, vc_band *bands, int number)
{
    if (memcmp(p, "VCAS", 4) != 0) fail("not a case", number);
    c->blob_size = vc_u32(p + 4);
    c->blob = p + 8;
    p = c->blob + c->blob_size;
    c->rows = vc_i32(p);
    c->cols = vc_i32(p + 4);
    c->t = vc_i32(p + 8);
    c->n_samples = vc_u32(p + 12);
    c->samples = p + 16;
    int error = vc_model_load(m, c->blob, c->blob_size);
    if (error) fail(vc_error_text(error), number);
    c->n_latents = make_bands(m, c->rows, c->cols, bands);
    c->latents = c->samples + 2 * c->n_samples;
    p = c->latents + 2 * c->n_latents;
    c->weight = vc_u32(p);
    c->n_payloads = vc_u32(p + 4);
    p += 8;
    if (c->n_payloads > MOST_PAYLOADS) fail("too many payloads", number);
    for (uint32_t i = 0; i < c->n_payloads; i++) {
        payload v = {vc_i32(p), vc_i32(p + 4), vc_i32(p + 8), vc_i32(p + 12), p + 20, vc_u32(p + 16)};
        c->payloads[i] = v;
        p += 20 + v.n;
    }
    return p;
}

/* Coefficients of the samples into `bands`. */
static void analyse(const test_case *c, const vc_model *m, vc_band *bands, int number)
{
    int64_t size = vc_analysis_memory(m, c->rows, c->cols);
    if (size < 0) fail("analysis refuses the shape", number);
    void *memory = need((size_t)size);
    int16_t *x = (int16_t *)need(c->n_samples * sizeof *x);
    for (uint32_t i = 0; i < c->n_samples; i++) x[i] = vc_i16(c->samples + 2 * i);
    int error = vc_analyse(m, x, c->rows, c->cols, bands, memory, (size_t)size);
    if (error) fail(vc_error_text(error), number);
    free(x);
    free(memory);
}

/* Coefficients in `bands` to latents, and what they exceed them by into `excess`, if given. */
static void quantise(const test_case *c, const vc_model *m, vc_band *bands, vc_band *excess, int number)
{
    for (uint32_t i = 0; i < m->n_bands; i++) {
        size_t n = (size_t)(bands[i].rows * bands[i].cols);
        int16_t *y = (int16_t *)need(n * sizeof *y);
        memcpy(y, bands[i].data, n * sizeof *y);
        int error = vc_quantise_band(m, i, c->t, -1, y, bands[i].data, n);
        if (!error && excess) error = vc_quantise_excess(m, i, c->t, y, bands[i].data, excess[i].data, n);
        if (error) fail(vc_error_text(error), number);
        free(y);
    }
}

static void check_analysis(const test_case *c, const vc_model *m, vc_band *bands, int number)
{
    if (c->n_samples == 0 || c->weight != 0) return;
    analyse(c, m, bands, number);
    quantise(c, m, bands, NULL, number);
    if (!bands_equal(m, bands, c->latents)) fail("other latents from the same samples", number);
}

static vc_geometry geometry(const test_case *c, const vc_model *m)
{
    vc_geometry g = {m->rank == 2 ? c->rows : c->rows >> m->levels, c->cols};
    return g;
}

/* A prior with memory that ends where it should, for the address sanitizer. */
static void *begin(vc_prior *p, const test_case *c, const vc_model *m, int kernel, int number)
{
    vc_geometry g = geometry(c, m);
    int64_t size = vc_prior_memory(m, &g);
    if (size < 0) fail("the prior refuses the shape", number);
    void *memory = need((size_t)size);
    int error = vc_prior_begin(p, m, &g, c->t, memory, (size_t)size);
    if (error) fail(vc_error_text(error), number);
    p->net.kernel = kernel;
    return memory;
}

/* Turns to the blocks of a payload; `part` has what the bands have of them. */
static void choose_rows(vc_prior *p, const vc_model *m, const payload *v, const vc_band *bands, vc_band *part, int number)
{
    if (v->end_row > 0 && vc_prior_rows(p, v->first_row, v->end_row) != VC_OK) fail("the prior refuses the rows", number);
    for (uint32_t i = 0; i < m->n_bands; i++) {
        part[i] = bands[i];
        if (v->end_row == 0) continue;
        int shift = m->levels - vc_model_band(m, i).level;
        part[i].data += ((ptrdiff_t)v->first_row << shift) * part[i].stride;
        part[i].rows = (v->end_row - v->first_row) << shift;
    }
}

static void check_encoding(const test_case *c, const vc_model *m, vc_band *bands, int kernel, int number)
{
    vc_prior p;
    void *memory = begin(&p, c, m, kernel, number);
    fill_bands(m, bands, c->latents);
    for (uint32_t i = 0; i < c->n_payloads; i++) {
        const payload *v = &c->payloads[i];
        uint8_t *out = (uint8_t *)need(v->n);
        vc_band part[MOST_BANDS];
        choose_rows(&p, m, v, bands, part, number);
        int64_t n = vc_prior_encode(&p, v->first, v->last, part, out, v->n);
        if (n != (int64_t)v->n || memcmp(out, v->data, v->n) != 0) fail("other bytes from the same latents", number);
        free(out);
    }
    free(memory);
}

/* From samples to bytes, with rate-distortion optimised quantisation. */
static void check_choosing(const test_case *c, const vc_model *m, vc_band *bands, int kernel, int number)
{
    vc_prior p;
    vc_band excess[MOST_BANDS];
    if (c->weight == 0) return;
    void *memory = begin(&p, c, m, kernel, number);
    make_bands(m, c->rows, c->cols, excess);
    analyse(c, m, bands, number);
    quantise(c, m, bands, excess, number);
    for (uint32_t i = 0; i < c->n_payloads; i++) {
        const payload *v = &c->payloads[i];
        vc_band part[MOST_BANDS], beside[MOST_BANDS];
        choose_rows(&p, m, v, excess, beside, number);
        choose_rows(&p, m, v, bands, part, number);
        size_t size = (size_t)vc_prior_bound(&p, v->first, v->last);
        uint8_t *out = (uint8_t *)need(size);
        int64_t n = vc_prior_encode_rdoq(&p, v->first, v->last, part, beside, c->weight, out, size);
        if (n != (int64_t)v->n || memcmp(out, v->data, v->n) != 0) fail("other bytes from the same choice", number);
        free(out);
    }
    if (!bands_equal(m, bands, c->latents)) fail("other latents chosen", number);
    free_bands(m, excess);
    free(memory);
}

static void check_decoding(const test_case *c, const vc_model *m, vc_band *bands, int kernel, int number)
{
    vc_prior p;
    void *memory = begin(&p, c, m, kernel, number);
    for (uint32_t i = 0; i < m->n_bands; i++) memset(bands[i].data, 1, (size_t)(bands[i].rows * bands[i].cols) * sizeof(int16_t));
    for (uint32_t i = 0; i < c->n_payloads; i++) {
        vc_band part[MOST_BANDS];
        choose_rows(&p, m, &c->payloads[i], bands, part, number);
        int error = vc_prior_decode(&p, c->payloads[i].first, c->payloads[i].last, part, c->payloads[i].data, c->payloads[i].n);
        if (error) fail(vc_error_text(error), number);
    }
    if (!bands_equal(m, bands, c->latents)) fail("other latents from the same bytes", number);
    free(memory);
}

static void check_packets(const test_case *c, int number)
{
    for (uint32_t i = 0; i < c->n_payloads; i++) {
        const payload *v = &c->payloads[i];
        size_t size = vc_packet_size(v->n);
        uint8_t *out = (uint8_t *)need(size);
        vc_packet p;
        if (vc_packet_write(out, size, VC_KIND_DATA, (unsigned)number & 255, v->data, v->n) != (int64_t)size) fail("packet not written", number);
        if (vc_packet_read(out, size, &p) != VC_OK || p.n != v->n || p.size != size) fail("packet not read", number);
        if (memcmp(p.payload, v->data, v->n) != 0) fail("packet changed", number);
        free(out);
    }
}

/* Damage */

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static uint8_t *damaged(const uint8_t *data, size_t n)
{
    uint8_t *copy = (uint8_t *)need(n);
    memcpy(copy, data, n);
    for (uint32_t i = 0; n > 0 && i <= random_below(3); i++) copy[random_below((uint32_t)n)] = (uint8_t)random_below(256);
    return copy;
}

/* Any bytes decode to something or are refused. */
static void try_payload(const test_case *c, const vc_model *m, vc_band *bands, int number)
{
    vc_prior p;
    void *memory = begin(&p, c, m, vc_best_kernel(), number);
    for (uint32_t i = 0; i < c->n_payloads; i++) {
        uint8_t *data = damaged(c->payloads[i].data, c->payloads[i].n);
        vc_band part[MOST_BANDS];
        choose_rows(&p, m, &c->payloads[i], bands, part, number);
        int error = vc_prior_decode(&p, c->payloads[i].first, c->payloads[i].last, part, data, c->payloads[i].n);
        free(data);
        if (error && error != VC_EESCAPE) fail("an unexpected error", number);
        if (error) break;
    }
    free(memory);
}

/* A damaged model is refused, or runs. */
static void try_model(const test_case *c, int number)
{
    vc_model m;
    vc_band bands[MOST_BANDS];
    uint8_t *blob = damaged(c->blob, c->blob_size);
    test_case k = *c;
    if (vc_model_load(&m, blob, c->blob_size) == VC_OK) {
        k.rows = 1 << m.levels;
        k.cols = m.rank == 2 ? 1 << m.levels : 2;
        make_bands(&m, k.rows, k.cols, bands);
        k.n_payloads = 1;
        k.payloads[0].first = 0;
        k.payloads[0].last = m.n_stages - 1;
        k.payloads[0].first_row = k.payloads[0].end_row = 0;
        try_payload(&k, &m, bands, number);
        free_bands(&m, bands);
    }
    free(blob);
}

int main(int argc, char **argv)
{
    size_t n;
    int number = 0;
    if (argc < 2) fail("usage: check_cases CASES [mutants a case]", 0);
    uint8_t *data = read_file(argv[1], &n);
    int mutants = argc > 2 ? atoi(argv[2]) : 0;
    for (const uint8_t *at = data; at < data + n; number++) {
        test_case c;
        vc_model m;
        vc_band bands[MOST_BANDS];
        at = parse(at, &c, &m, bands, number);
        check_analysis(&c, &m, bands, number);
        for (int kernel = VC_KERNEL_PORTABLE; kernel <= vc_best_kernel(); kernel++) {
            check_encoding(&c, &m, bands, kernel, number);
            check_choosing(&c, &m, bands, kernel, number);
            check_decoding(&c, &m, bands, kernel, number);
        }
        check_packets(&c, number);
        for (int i = 0; i < mutants; i++) {
            try_payload(&c, &m, bands, number);
            try_model(&c, number);
        }
        free_bands(&m, bands);
    }
    free(data);
    printf("%d cases agree, %d mutants of each end well\n", number, mutants);
    return 0;
}
