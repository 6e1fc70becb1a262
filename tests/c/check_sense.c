/* Checks vc_sense on any machine against windows that another machine measured and coded (make_sense.py): the same samples give the same measurements
   and bytes, the same bytes the same measurements. Then damages payloads and the model, which must do something or be refused.

       check_sense CASES [mutants a case]

   A test program: it may use libc, the core may not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_sense.h"

typedef struct test_case {
    int t;
    int32_t channels, windows;
    size_t rows; /* measurements of a window */
    int16_t *x, *z;
    const uint8_t *payload;
    size_t n;
} test_case;

static size_t size_of(const test_case *c)
{
    return (size_t)c->channels * (size_t)c->windows * c->rows;
}

static int16_t *read_numbers(const uint8_t **p, size_t n)
{
    int16_t *x = (int16_t *)need(n * sizeof(int16_t));
    for (size_t i = 0; i < n; i++, *p += 2) x[i] = vc_i16(*p);
    return x;
}

/* Returns where the next case begins. */
static const uint8_t *parse(const vc_sense *s, const uint8_t *p, test_case *c, int number)
{
    if (memcmp(p, "VCSC", 4) != 0) fail("not a case", number);
    c->t = vc_i32(p + 4);
    c->channels = vc_i32(p + 8);
    c->windows = vc_i32(p + 12);
    c->rows = s->ratios[vc_sense_step_of(s, c->t).ratio].measurements;
    p += 16;
    c->x = read_numbers(&p, (size_t)c->channels * (size_t)c->windows * s->window);
    c->z = read_numbers(&p, size_of(c));
    c->n = vc_u32(p);
    c->payload = p + 4;
    return c->payload + c->n;
}

static void check_measuring(const vc_sense *s, const test_case *c, int number)
{
    int16_t z[VC_SENSE_MAX_WINDOW];
    const int16_t *wanted = c->z;
    for (int32_t w = 0; w < c->windows; w++)
        for (int32_t k = 0; k < c->channels; k++, wanted += c->rows) {
            const int16_t *x = c->x + (size_t)w * s->window * (size_t)c->channels + k;
            if (vc_sense_measure(s, c->t, -1, x, (size_t)c->channels, z) != (int)c->rows) fail("no measurements", number);
            if (memcmp(z, wanted, c->rows * sizeof *z) != 0) fail("other measurements from the same samples", number);
        }
}

static void check_coding(const vc_sense *s, const test_case *c, int number)
{
    uint8_t *out = (uint8_t *)need(c->n);
    int16_t *z = (int16_t *)need(size_of(c) * sizeof *z);
    int64_t n = vc_sense_encode(s, c->t, c->channels, c->windows, c->z, out, c->n);
    if (n != (int64_t)c->n || memcmp(out, c->payload, c->n) != 0) fail("other bytes from the same measurements", number);
    if (c->n > 0 && vc_sense_encode(s, c->t, c->channels, c->windows, c->z, out, c->n - 1) != VC_ESPACE) fail("too small a buffer goes unnoticed", number);
    int error = vc_sense_decode(s, c->t, c->channels, c->windows, c->payload, c->n, z);
    if (error) fail(vc_error_text(error), number);
    if (memcmp(z, c->z, size_of(c) * sizeof *z) != 0) fail("other measurements from the same bytes", number);
    free(z);
    free(out);
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static uint8_t *damaged(const uint8_t *from, size_t n)
{
    uint8_t *data = (uint8_t *)need(n);
    memcpy(data, from, n);
    for (uint32_t i = 0; n > 0 && i <= random_below(8); i++) data[random_below((uint32_t)n)] = (uint8_t)random_below(256);
    return data;
}

/* Any bytes decode to something or are refused. */
static void try_payload(const vc_sense *s, const test_case *c, int number)
{
    uint8_t *data = damaged(c->payload, c->n);
    int16_t *z = (int16_t *)need(size_of(c) * sizeof *z);
    int error = vc_sense_decode(s, c->t, c->channels, c->windows, data, c->n, z);
    if (error && error != VC_EESCAPE) fail("an unexpected error", number);
    free(z);
    free(data);
}

/* A model with any bytes is refused, or measures and decodes within its bounds. */
static void try_model(const vc_sense *s, const test_case *c)
{
    uint8_t *blob = damaged(s->blob, s->size);
    vc_sense other;
    if (vc_sense_load(&other, blob, s->size) == VC_OK && other.window <= s->window) {
        int16_t z[2 * VC_SENSE_MAX_WINDOW], x[VC_SENSE_MAX_WINDOW] = {0};
        int t = (int)random_below(other.codes);
        vc_sense_measure(&other, t, -1, x, 1, z);
        vc_sense_decode(&other, t, 1, 2, c->payload, c->n, z);
    }
    free(blob);
}

int main(int argc, char **argv)
{
    size_t n;
    int number = 0;
    if (argc < 2) fail("usage: check_sense CASES [mutants a case]", 0);
    uint8_t *data = read_file(argv[1], &n);
    int mutants = argc > 2 ? atoi(argv[2]) : 0;
    vc_sense s;
    if (vc_sense_load(&s, data + 4, vc_u32(data)) != VC_OK) fail("the model is refused", 0);
    for (const uint8_t *at = data + 4 + vc_u32(data); at < data + n; number++) {
        test_case c;
        at = parse(&s, at, &c, number);
        check_measuring(&s, &c, number);
        check_coding(&s, &c, number);
        for (int i = 0; i < mutants; i++) {
            try_payload(&s, &c, number);
            try_model(&s, &c);
        }
        free(c.x);
        free(c.z);
    }
    free(data);
    printf("%d sensed packets agree, %d mutants of each end well\n", number, mutants);
    return 0;
}
