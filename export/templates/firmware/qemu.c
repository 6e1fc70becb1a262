/* A whole firmware for a Cortex-M4 under QEMU: int16 samples from the host's file samples.raw to packets in packets.vae, by semihosting. It has no operating
   system, no heap and no C library; docs/firmware.md of vaecodec builds and runs it. */
#include "$name.h"
#include "machine.h"

static uint8_t memory[${upper}_MEMORY];
static $encoder encoder;
static int16_t samples[${upper}_CHANNELS * ${upper}_BLOCK];

static void send_waiting(long file)
{
    vc_encoder_packet packet;
    while (${encoder}_next(&encoder, &packet) == 1) {
        const long block[3] = {file, (long)packet.data, (long)packet.size};
        if (call(WRITE, block) != 0) leave("packets.vae cannot be written\n", 1);
    }
}

/* Frames that came: one sample of every channel each. */
static int32_t receive(long file)
{
    const long block[3] = {file, (long)samples, (long)sizeof samples};
    return (int32_t)(sizeof samples - (size_t)call(READ, block)) / (int32_t)(sizeof *samples * ${upper}_CHANNELS);
}

static void run(void)
{
    static const vc_encoder_settings settings = {$quality, 2, 0, 1, {$offset}};
    long in = open_file("samples.raw", READ_BINARY, 11), out = open_file("packets.vae", WRITE_BINARY, 11);
    int error = ${encoder}_begin(&encoder, &$name, &settings, memory, sizeof memory);
    if (error) leave(vc_error_text(error), 1);
    for (int32_t n; (n = receive(in)) > 0;)
        for (int32_t at = 0; at < n;) {
            at += ${encoder}_push(&encoder, samples + ${upper}_CHANNELS * at, n - at);
            send_waiting(out);
        }
    while (${encoder}_flush(&encoder) == 1) send_waiting(out);
    call(CLOSE, &out);
    leave("packets.vae is written\n", 0);
}
