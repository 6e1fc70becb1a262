/* A picture of $width x $height from standard input (binary PPM or PGM, P$format) to a file on standard output:

       cc -O2 -Isrc examples/filter/main.c src/[*].c -o $name      (without the brackets)
       ./$name < picture.pnm > picture.vae
       vaecodec decode picture.vae picture.png */
#include <stdio.h>

#include "$name.h"

static uint8_t memory[${upper}_MEMORY];
static vc_image_encoder encoder;

/* Reads the head of the picture. Returns whether it is one of ours, without comments. */
static int read_head(void)
{
    int width, height, most;
    return scanf("P$format %d %d %d", &width, &height, &most) == 3 && getchar() >= 0 && width == ${upper}_WIDTH && height == ${upper}_HEIGHT && most == 255;
}

static int send_waiting(void)
{
    vc_image_packet packet;
    int code;
    while ((code = vc_image_next(&encoder, &packet)) == 1) fwrite(packet.data, 1, packet.size, stdout);
    return code;
}

static int fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    return 1;
}

int main(void)
{
    static const vc_image_settings settings = {600, 1};
    uint8_t row[${upper}_WIDTH * ${upper}_COLOURS];
    if (!read_head()) return fail("standard input is no picture of $width x $height in format P$format");
    int code = vc_image_begin(&encoder, &$name, &settings, memory, sizeof memory);
    for (int y = 0; y < ${upper}_HEIGHT && code >= 0; y++) {
        if (fread(row, 1, sizeof row, stdin) != sizeof row) return fail("the picture ends too early");
        while ((code = vc_image_push(&encoder, row)) == 0 && (code = send_waiting()) == 0) {
        }
    }
    if (code >= 0) code = send_waiting();
    return code < 0 ? fail(vc_error_text(code)) : 0;
}
