/* Decodes the stream of stream.h, and then again and again with bytes changed, cut out, doubled or put in: what is decoded must be what it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_decoder.h"
#include "stream.h"
#include "vc_crc.h"

enum { ROUNDS = 400, NUMBERS = 1 << 10, MORE = 1 << 12 };

static uint32_t truth[NUMBERS];
static uint32_t state = 1;
static unsigned long decoded, refused, skipped;

static uint32_t below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % n;
}

static uint32_t check_of(const vc_decoder_packet *p)
{
    uint32_t crc = VC_CRC32C_START;
    for (uint32_t b = 0; b < model.plan->model->n_bands; b++)
        crc = vc_crc32c(crc, (const uint8_t *)p->bands[b].data, 2 * (size_t)(p->bands[b].rows * p->bands[b].cols));
    return crc;
}

static void fetch(vc_decoder *d, int is_first)
{
    vc_decoder_packet p;
    for (int code; (code = vc_decoder_next(d, &p)) != 0;) {
        skipped += (unsigned long)p.skipped;
        refused += code < 0;
        if (code < 0 || !p.bands) continue;
        decoded++;
        if (p.number >= NUMBERS) exit(4);
        if (is_first) truth[p.number] = check_of(&p);
        else if (truth[p.number] != check_of(&p)) exit(5);
    }
}

/* Memory of just the size that is asked for, so that the sanitizer sees what lies beyond. */
static void decode(const uint8_t *data, size_t n, int is_first)
{
    size_t size = (size_t)vc_decoder_memory(&model);
    uint8_t *memory = malloc(size);
    vc_decoder d;
    if (!memory || vc_decoder_begin(&d, &model, memory, size)) exit(2);
    for (size_t at = 0; at < n;) {
        size_t piece = 1 + below(300);
        at += (size_t)vc_decoder_push(&d, data + at, piece < n - at ? piece : n - at);
        fetch(&d, is_first);
    }
    vc_decoder_finish(&d);
    fetch(&d, is_first);
    free(memory);
}

static size_t change(uint8_t *data, size_t n)
{
    size_t at = below((uint32_t)n), size = 1 + below(200);
    if (size > n - at) size = n - at;
    switch (below(5)) {
    case 0:
        data[at] ^= (uint8_t)(1u << below(8));
        return n;
    case 1:
        memmove(data + at, data + at + size, n - at - size);
        return n - size;
    case 2:
        return at > 0 ? at : n;
    case 3:
        memmove(data + at + size, data + at, n - at);
        return n + size;
    default:
        for (size_t i = 0; i < size; i++) data[at + i] = below(3) ? (uint8_t)below(256) : VC_SYNC;
        return n;
    }
}

int main(void)
{
    uint8_t *data = malloc(sizeof stream + MORE);
    if (!data) return 2;
    decode(stream, sizeof stream, 1);
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = sizeof stream;
        memcpy(data, stream, n);
        for (uint32_t changes = 1 + below(10); changes > 0 && n > 1; changes--) n = change(data, n);
        decode(data, n, 0);
    }
    free(data);
    printf("%lu %lu %lu\n", decoded, refused, skipped);
    return 0;
}
