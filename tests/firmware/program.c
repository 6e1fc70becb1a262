/* Encodes the samples of samples.h, pushed in uneven pieces, and prints the packets in hexadecimal, one a line. */
#include "machine.h"
#include "model.h"
#include "samples.h"

/* samples.h says which encoder: CALL(next) is vc_encoder_next or vc_sense_encoder_next. */
#define JOINED(first, second) first##_##second
#define FUNCTION(encoder, name) JOINED(encoder, name)
#define CALL(name) FUNCTION(ENCODER, name)

static uint8_t memory[MODEL_MEMORY];
static ENCODER encoder;
static const vc_encoder_settings settings = SETTINGS;

static void print_packet(const vc_encoder_packet *p)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < p->size; i++) {
        char text[3] = {digits[p->data[i] >> 4], digits[p->data[i] & 15], 0};
        print(text);
    }
    print("\n");
}

static void print_waiting(void)
{
    vc_encoder_packet packet;
    while (CALL(next)(&encoder, &packet) == 1) print_packet(&packet);
}

int run(void)
{
    const int32_t count = (int32_t)(sizeof samples / sizeof *samples / MODEL_CHANNELS);
    if ((int64_t)CALL(memory)(&model) > (int64_t)sizeof memory) return 3;
    int error = CALL(begin)(&encoder, &model, &settings, memory, sizeof memory);
    if (error) {
        print(vc_error_text(error));
        return 2;
    }
    for (int32_t at = 0, piece = 1; at < count; piece = piece > 90 ? piece - 86 : piece + 5) {
        int32_t n = piece < count - at ? piece : count - at;
        at += CALL(push)(&encoder, samples + (ptrdiff_t)at * MODEL_CHANNELS, n);
        print_waiting();
    }
    while (CALL(flush)(&encoder) == 1) print_waiting();
    return 0;
}
