/* Encodes the picture of picture.h, row by row, and prints the pieces of its file in hexadecimal, one a line. */
#include "machine.h"
#include "model.h"
#include "picture.h"

static uint8_t memory[MODEL_MEMORY];
static vc_image_encoder encoder;
static const vc_image_settings settings = SETTINGS;

static void print_packet(const vc_image_packet *p)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < p->size; i++) {
        char text[3] = {digits[p->data[i] >> 4], digits[p->data[i] & 15], 0};
        print(text);
    }
    print("\n");
}

static int print_waiting(void)
{
    vc_image_packet packet;
    int code;
    while ((code = vc_image_next(&encoder, &packet)) == 1) print_packet(&packet);
    return code;
}

int run(void)
{
    if (vc_image_memory(&model) > (int64_t)sizeof memory) return 3;
    int code = vc_image_begin(&encoder, &model, &settings, memory, sizeof memory);
    for (int y = 0; y < MODEL_HEIGHT && code >= 0; y++)
        while ((code = vc_image_push(&encoder, picture + (ptrdiff_t)y * MODEL_WIDTH * MODEL_COLOURS)) == 0 && (code = print_waiting()) == 0) {
        }
    if (code >= 0) code = print_waiting();
    if (code < 0) print(vc_error_text(code));
    return code < 0 ? 2 : 0;
}
