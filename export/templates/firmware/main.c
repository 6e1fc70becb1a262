/* int16 samples from standard input to packets on standard output:

       cc -O2 -Isrc examples/filter/main.c src/[*].c -o $name      (without the brackets)
       ./$name < samples.raw > packets.vae
       vaecodec decode --stream packets.vae signal.csv */
#include <stdio.h>

#include "$name.h"

static uint8_t memory[${upper}_MEMORY];
static $encoder encoder;

static void send_waiting(void)
{
    vc_encoder_packet packet;
    while (${encoder}_next(&encoder, &packet) == 1) fwrite(packet.data, 1, packet.size, stdout);
}

int main(void)
{
    static const vc_encoder_settings settings = {$quality, 2, 0, 1, {$offset}};
    int16_t samples[${upper}_CHANNELS * ${upper}_BLOCK];
    int error = ${encoder}_begin(&encoder, &$name, &settings, memory, sizeof memory);
    if (error) {
        fprintf(stderr, "%s\n", vc_error_text(error));
        return 1;
    }
    for (;;) {
        int32_t n = (int32_t)(fread(samples, sizeof *samples, sizeof samples / sizeof *samples, stdin) / ${upper}_CHANNELS);
        if (n == 0) break;
        for (int32_t at = 0; at < n;) {
            at += ${encoder}_push(&encoder, samples + ${upper}_CHANNELS * at, n - at);
            send_waiting();
        }
    }
    while (${encoder}_flush(&encoder) == 1) send_waiting();
    return 0;
}
