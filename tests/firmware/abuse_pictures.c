/* Calls the encoder of pictures in any order, with little room, in memory of exactly the size it asks for at any address: it must end with the file of calls in order, or with an error
   that stays. Built with sanitizers, which watch what it touches. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "model.h"
#include "picture.h"

enum { ROUNDS = 60, ROW = MODEL_WIDTH * MODEL_COLOURS, FILE_MOST = 1 << 18, PLENTY = 1 << 16 };

static uint8_t pixels[MODEL_HEIGHT * ROW];
static uint8_t wanted[FILE_MOST], got[FILE_MOST];
static uint32_t state = 1;

static uint32_t draw(uint32_t n)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

static void make_picture(uint32_t kind)
{
    for (size_t i = 0; i < sizeof pixels; i++) {
        uint32_t noise = draw(256);
        pixels[i] = (uint8_t)(kind == 0 ? picture[i] : kind == 1 ? noise : kind == 2 ? 255 * (noise & 1) : 77);
    }
}

/* A model with other room, and memory for it whose end is the end of the allocation. */
static vc_image_model with_room(uint32_t waiting, uint32_t packet)
{
    vc_image_model d = {model.plan, model.model_id, model.synthesis_id, model.width, model.height, waiting, packet, model.blob_crc};
    return d;
}

typedef struct bench {
    vc_image_model device;
    vc_image_encoder *e;
    uint8_t *memory;
    size_t file;
    int rows, failed;
} bench;

static int begin(bench *b, const vc_image_settings *s, uint32_t waiting, uint32_t packet)
{
    b->device = with_room(waiting, packet);
    size_t n = (size_t)vc_image_memory(&b->device), offset = draw(8);
    b->e = malloc(sizeof *b->e);
    b->memory = malloc(n + offset);
    if (!b->e || !b->memory) return 0;
    memset(b->e, 0xa5, sizeof *b->e);
    memset(b->memory, 0x5a, n + offset);
    b->file = 0;
    b->rows = b->failed = 0;
    if (vc_image_begin(b->e, &b->device, s, b->memory + offset, n - 1) != VC_ESPACE) return 0;
    if (vc_image_push(b->e, pixels) != VC_EARGUMENT || vc_image_is_done(b->e)) return 0;
    return vc_image_begin(b->e, &b->device, s, b->memory + offset, n) == VC_OK;
}

static void end(bench *b)
{
    free(b->e);
    free(b->memory);
}

/* Each call returns what it should at that point. */

static int push(bench *b)
{
    int whole = b->rows == MODEL_HEIGHT, code = vc_image_push(b->e, pixels + (size_t)(whole ? 0 : b->rows) * ROW);
    if (whole && !b->failed) return code == VC_EENDED;
    if (code == 1) b->rows++;
    if (b->failed) return code == VC_ESPACE;
    b->failed = code == VC_ESPACE;
    return code == 0 || code == 1 || code == VC_ESPACE;
}

static int next(bench *b, uint8_t *file)
{
    vc_image_packet packet;
    int code = vc_image_next(b->e, &packet);
    if (b->failed) return code == VC_ESPACE;
    if (code == 1 && b->file + packet.size <= FILE_MOST) {
        memcpy(file + b->file, packet.data, packet.size);
        b->file += packet.size;
    }
    b->failed = code == VC_ESPACE;
    return code == 0 || code == 1 || code == VC_ESPACE;
}

static int nothing(bench *b)
{
    vc_image_packet packet;
    return vc_image_push(b->e, NULL) == VC_EARGUMENT && vc_image_next(b->e, NULL) == VC_EARGUMENT && vc_image_push(NULL, pixels) == VC_EARGUMENT
           && vc_image_next(NULL, &packet) == VC_EARGUMENT;
}

/* Runs to the end, one call in `rarely` being a packet; 0 where a call returned what it should not. */
static int go(bench *b, uint8_t *file, uint32_t rarely)
{
    for (int after = 0; after < 8;) {
        if (draw(16) == 0 && !nothing(b)) return 0;
        if (!(draw(rarely) == 0 ? next(b, file) : push(b))) return 0;
        if (b->failed || vc_image_is_done(b->e)) after++;
    }
    return 1;
}

static int run_round(uint32_t round, int *ended, int *ran_out)
{
    vc_image_settings s = {(uint16_t)draw(1001), (uint8_t)(1 + draw(2))};
    uint32_t waiting = draw(2) ? PLENTY : draw(8000), packet = draw(2) ? PLENTY : 64 + draw(1500);
    bench b;
    make_picture(round % 4);
    if (!begin(&b, &s, PLENTY, PLENTY) || !go(&b, wanted, 2) || b.failed) return 0;
    size_t size = b.file;
    end(&b);
    if (!begin(&b, &s, waiting, packet) || !go(&b, got, 2 + draw(20))) return 0;
    *(b.failed ? ran_out : ended) = 1;
    int same = b.failed ? waiting < PLENTY || packet < PLENTY : b.file == size && memcmp(wanted, got, size) == 0;
    end(&b);
    return same;
}

static int refuses_what_cannot_begin(void)
{
    static vc_image_encoder e;
    static const vc_image_settings good = {600, 1}, wrong[] = {{1001, 1}, {600, 0}, {600, 3}};
    vc_image_packet packet;
    vc_image_model no_plan = model;
    no_plan.plan = NULL;
    uint8_t memory[8];
    if (vc_image_push(&e, pixels) != VC_EARGUMENT || vc_image_next(&e, &packet) != VC_EARGUMENT || vc_image_is_done(&e) || vc_image_is_done(NULL)) return 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (vc_image_begin(&e, &model, &wrong[i], memory, sizeof memory) != VC_EARGUMENT) return 0;
    if (vc_image_begin(&e, &no_plan, &good, memory, sizeof memory) != VC_EARGUMENT || vc_image_begin(NULL, &model, &good, memory, sizeof memory) != VC_EARGUMENT) return 0;
    if (vc_image_begin(&e, NULL, &good, memory, sizeof memory) != VC_EARGUMENT || vc_image_begin(&e, &model, NULL, memory, sizeof memory) != VC_EARGUMENT) return 0;
    return vc_image_begin(&e, &model, &good, NULL, SIZE_MAX) == VC_ESPACE && vc_image_begin(&e, &model, &good, memory, sizeof memory) == VC_ESPACE;
}

int run(void)
{
    int ended = 0, ran_out = 0;
    if (!refuses_what_cannot_begin()) return 2;
    for (uint32_t round = 0; round < ROUNDS; round++)
        if (!run_round(round, &ended, &ran_out)) return 3;
    if (ended) print("ended well\n");
    if (ran_out) print("ran out of room\n");
    return 0;
}
