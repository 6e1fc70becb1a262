/* Calls an encoder of streams in any order, in memory of exactly the size it asks for at any address: its packets must be those of calls in order. Built with sanitizers, which watch what
   it touches. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "model.h"
#include "samples.h"

#define JOINED(first, second) first##_##second
#define FUNCTION(encoder, name) JOINED(encoder, name)
#define CALL(name) FUNCTION(ENCODER, name)

enum { ROUNDS = 60, COUNT = 1500, MOST = 1 << 16 };

static int16_t x[COUNT * MODEL_CHANNELS];
static uint8_t wanted[MOST], got[MOST];
static uint32_t state = 1;

static uint32_t draw(uint32_t n)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

static void make_samples(uint32_t kind)
{
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (int16_t)(kind == 0 ? samples[i] : kind == 1 ? (int32_t)draw(65536) - 32768 : kind == 2 ? 1024 : -32768);
}

typedef struct bench {
    ENCODER *e;
    uint8_t *memory, *stream;
    size_t size;
    int32_t taken;
    int ended;
} bench;

static int begin(bench *b, const vc_encoder_settings *s, uint8_t *stream)
{
    size_t n = (size_t)CALL(memory)(&model), offset = draw(8);
    bench made = {malloc(sizeof(ENCODER)), malloc(n + offset), stream, 0, 0, 0};
    *b = made;
    if (!b->e || !b->memory) return 0;
    memset(b->e, 0, sizeof *b->e);
    memset(b->memory, 0x5a, n + offset);
    if (CALL(push)(b->e, x, 1) != VC_EARGUMENT || CALL(quality)(b->e, 600) != VC_EARGUMENT || CALL(flush)(b->e) != VC_EARGUMENT) return 0;
    if (CALL(begin)(b->e, &model, s, b->memory + offset, n - 1) != VC_ESPACE) return 0;
    return CALL(begin)(b->e, &model, s, b->memory + offset, n) == VC_OK;
}

static void end(bench *b)
{
    free(b->e);
    free(b->memory);
}

/* Each call returns what it should at that point. */

static int push(bench *b, int32_t n)
{
    if (n > COUNT - b->taken) n = COUNT - b->taken;
    int32_t taken = CALL(push)(b->e, x + (ptrdiff_t)b->taken * MODEL_CHANNELS, n);
    if (b->ended) return taken == VC_EENDED;
    b->taken += taken;
    return taken >= 0 && taken <= n;
}

static int next(bench *b)
{
    vc_encoder_packet p;
    int code = CALL(next)(b->e, &p);
    if (code == 1 && b->size + p.size <= MOST) {
        memcpy(b->stream + b->size, p.data, p.size);
        b->size += p.size;
    }
    /* noise may find no room: its packet is lost in either order */
    if (code == VC_ESPACE && b->size < MOST) b->stream[b->size++] = 0;
    return code == 0 || code == 1 || code == VC_ESPACE;
}

static int nothing(bench *b)
{
    vc_encoder_packet p;
    return CALL(push)(b->e, NULL, 1) < 0 && CALL(push)(b->e, x, -1) < 0 && CALL(next)(b->e, NULL) == VC_EARGUMENT && CALL(push)(NULL, x, 1) == VC_EARGUMENT
           && CALL(next)(NULL, &p) == VC_EARGUMENT && CALL(flush)(NULL) == VC_EARGUMENT && CALL(quality)(NULL, 600) == VC_EARGUMENT
           && CALL(quality)(b->e, 1001) == VC_EARGUMENT && CALL(quality)(b->e, -1) == VC_EARGUMENT;
}

/* Runs to the end, fetching a packet in one of so many calls; 0 where a call returned what it should not. */
static int go(bench *b, uint32_t rarely)
{
    int more = 1;
    while (b->taken < COUNT)
        if ((draw(16) == 0 && !nothing(b)) || !(draw(rarely) == 0 ? next(b) : push(b, (int32_t)draw(200)))) return 0;
    while (more) {
        more = CALL(flush)(b->e);
        b->ended = 1;
        if (more < 0 || !push(b, 1) || (draw(rarely) == 0 && !next(b))) return 0;
    }
    return next(b);
}

static int run_round(uint32_t round)
{
    vc_encoder_settings s = SETTINGS;
    bench b;
    s.effort = (uint8_t)(1 + draw(2));
    make_samples(round % 4);
    if (!begin(&b, &s, wanted) || !go(&b, 2 + draw(3))) return 0;
    size_t size = b.size;
    end(&b);
    if (!begin(&b, &s, got) || !go(&b, 2 + draw(20))) return 0;
    int same = b.size == size && size > 0 && memcmp(wanted, got, size) == 0;
    end(&b);
    return same;
}

int run(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++)
        if (!run_round(round)) return 3;
    print("ended well\n");
    return 0;
}
