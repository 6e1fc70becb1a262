/* Checks vc_bounded on any machine against packets that another machine wrote (make_bounded.py): the same samples give the same bytes, the same
   bytes the same samples. Then damages payloads, which must decode to something or be refused.

       check_bounded CASES [mutants a case]

   A test program: it may use libc, the core may not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "vc_bounded.h"
#include "vc_bytes.h"
#include "vc_error.h"

typedef struct test_case {
    int32_t channels, max_error;
    uint32_t samples;
    int32_t *given, *decoded;
    const uint8_t *payload;
    size_t n;
} test_case;

static size_t size_of(const test_case *c)
{
    return (size_t)c->channels * c->samples;
}

static int32_t *read_samples(const uint8_t **p, size_t n)
{
    int32_t *x = (int32_t *)need(n * sizeof(int32_t));
    for (size_t i = 0; i < n; i++, *p += 4) x[i] = vc_i32(*p);
    return x;
}

/* Returns where the next case begins. */
static const uint8_t *parse(const uint8_t *p, test_case *c, int number)
{
    if (memcmp(p, "VBND", 4) != 0) fail("not a case", number);
    c->channels = vc_i32(p + 4);
    c->max_error = vc_i32(p + 8);
    c->samples = vc_u32(p + 12);
    p += 16;
    c->given = read_samples(&p, size_of(c));
    c->decoded = read_samples(&p, size_of(c));
    c->n = vc_u32(p);
    c->payload = p + 4;
    return c->payload + c->n;
}

static void check_encoding(const test_case *c, vc_bounded_channel *state, int number)
{
    uint8_t *out = (uint8_t *)need(c->n);
    int64_t n = vc_bounded_encode(state, c->channels, c->max_error, c->given, c->samples, out, c->n);
    if (n != (int64_t)c->n || memcmp(out, c->payload, c->n) != 0) fail("other bytes from the same samples", number);
    if (c->n > 0 && vc_bounded_encode(state, c->channels, c->max_error, c->given, c->samples, out, c->n - 1) != VC_ESPACE)
        fail("too small a buffer goes unnoticed", number);
    free(out);
}

/* No sample is off by more than it may be. */
static void check_bound(const test_case *c, int number)
{
    for (size_t i = 0; i < size_of(c); i++) {
        int64_t off = (int64_t)c->given[i] - c->decoded[i];
        if (off > c->max_error || -off > c->max_error) fail("a sample is off by more than it may be", number);
    }
}

static void check_decoding(const test_case *c, vc_bounded_channel *state, int number)
{
    int32_t *x = (int32_t *)need(size_of(c) * sizeof(int32_t));
    int error = vc_bounded_decode(state, c->channels, c->max_error, c->payload, c->n, x, c->samples);
    if (error) fail(vc_error_text(error), number);
    if (memcmp(x, c->decoded, size_of(c) * sizeof(int32_t)) != 0) fail("other samples from the same bytes", number);
    free(x);
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

/* Any bytes, with any bound, decode to something or are refused. */
static void try_payload(const test_case *c, vc_bounded_channel *state, int number)
{
    uint8_t *data = (uint8_t *)need(c->n);
    int32_t *x = (int32_t *)need(size_of(c) * sizeof(int32_t));
    memcpy(data, c->payload, c->n);
    for (uint32_t i = 0; c->n > 0 && i <= random_below(8); i++) data[random_below((uint32_t)c->n)] = (uint8_t)random_below(256);
    int error = vc_bounded_decode(state, c->channels, (int32_t)random_below(VC_MOST_ERROR + 1), data, c->n, x, c->samples);
    if (error && error != VC_EESCAPE) fail("an unexpected error", number);
    free(x);
    free(data);
}

int main(int argc, char **argv)
{
    size_t n;
    int number = 0;
    if (argc < 2) fail("usage: check_bounded CASES [mutants a case]", 0);
    uint8_t *data = read_file(argv[1], &n);
    int mutants = argc > 2 ? atoi(argv[2]) : 0;
    for (const uint8_t *at = data; at < data + n; number++) {
        test_case c;
        at = parse(at, &c, number);
        vc_bounded_channel *state = (vc_bounded_channel *)need((size_t)c.channels * sizeof(vc_bounded_channel));
        check_encoding(&c, state, number);
        check_decoding(&c, state, number);
        check_bound(&c, number);
        for (int i = 0; i < mutants; i++) try_payload(&c, state, number);
        free(state);
        free(c.given);
        free(c.decoded);
    }
    free(data);
    printf("%d packets of bounded error agree, %d mutants of each end well\n", number, mutants);
    return 0;
}
