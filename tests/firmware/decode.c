/* Decodes the stream of stream.h, pushed in uneven pieces, and prints of each packet its number, its step code and the CRC-32C of its latents; or an error's text. */
#include "machine.h"
#include "model_decoder.h"
#include "stream.h"
#include "vc_crc.h"

static uint8_t memory[MODEL_DECODER_MEMORY];
static vc_decoder decoder;

static void print_number(uint64_t v, unsigned base)
{
    static const char digits[] = "0123456789abcdef";
    char text[24];
    size_t at = sizeof text - 1;
    text[at] = 0;
    do text[--at] = digits[v % base];
    while ((v /= base) != 0);
    print(text + at);
}

static uint32_t check_of(const vc_decoder_packet *p)
{
    uint32_t crc = VC_CRC32C_START;
    for (uint32_t b = 0; b < model.plan->model->n_bands; b++)
        crc = vc_crc32c(crc, (const uint8_t *)p->bands[b].data, 2 * (size_t)(p->bands[b].rows * p->bands[b].cols));
    return crc;
}

static void print_waiting(void)
{
    vc_decoder_packet p;
    for (int code; (code = vc_decoder_next(&decoder, &p)) != 0;) {
        if (code > 0 && p.kind != VC_KIND_DATA) continue;
        print_number(p.number, 10);
        print(" ");
        if (code < 0) print(vc_error_text(code));
        else {
            print_number((uint64_t)p.step, 10);
            print(" ");
            print_number(check_of(&p), 16);
        }
        print("\n");
    }
}

int run(void)
{
    if (vc_decoder_memory(&model) > (int64_t)sizeof memory) return 3;
    if (vc_decoder_begin(&decoder, &model, memory, sizeof memory)) return 2;
    for (size_t at = 0, piece = 1; at < sizeof stream; piece = piece % 97 + 5) {
        size_t n = piece < sizeof stream - at ? piece : sizeof stream - at;
        at += (size_t)vc_decoder_push(&decoder, stream + at, n);
        print_waiting();
    }
    vc_decoder_finish(&decoder);
    print_waiting();
    return 0;
}
