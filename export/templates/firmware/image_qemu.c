/* A whole firmware for a Cortex-M4 under QEMU: a picture from the host's file picture.raw, rows of pixels, to picture.vae, by semihosting. It has no operating
   system, no heap and no C library; docs/firmware.md of vaecodec builds and runs such a one. */
#include "$name.h"
#include "machine.h"

static uint8_t memory[${upper}_MEMORY];
static vc_image_encoder encoder;
static uint8_t row[${upper}_WIDTH * ${upper}_COLOURS];

static void check(int code)
{
    if (code < 0) leave(vc_error_text(code), 1);
}

static void send_waiting(long file)
{
    vc_image_packet packet;
    int code;
    while ((code = vc_image_next(&encoder, &packet)) == 1) {
        const long block[3] = {file, (long)packet.data, (long)packet.size};
        if (call(WRITE, block) != 0) leave("picture.vae cannot be written\n", 1);
    }
    check(code);
}

static void run(void)
{
    static const vc_image_settings settings = {600, 1};
    long in = open_file("picture.raw", READ_BINARY, 11), out = open_file("picture.vae", WRITE_BINARY, 11);
    check(vc_image_begin(&encoder, &$name, &settings, memory, sizeof memory));
    for (int y = 0; y < ${upper}_HEIGHT; y++) {
        const long block[3] = {in, (long)row, (long)sizeof row};
        int code;
        if (call(READ, block) != 0) leave("picture.raw is too short\n", 1);
        while ((code = vc_image_push(&encoder, row)) == 0) send_waiting(out);
        check(code);
    }
    send_waiting(out);
    call(CLOSE, &out);
    leave("picture.vae is written\n", 0);
}
