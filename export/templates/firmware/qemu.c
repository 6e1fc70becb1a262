/* A whole firmware for a Cortex-M4 under QEMU: int16 samples from the host's file samples.raw to packets in packets.vae, by semihosting. It has no operating
   system, no heap and no C library; docs/firmware.md of vaecodec builds and runs it. */
#include <stddef.h>
#include <stdint.h>

#include "$name.h"

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;

static uint8_t memory[${upper}_MEMORY];
static $encoder encoder;
static int16_t samples[${upper}_CHANNELS * ${upper}_BLOCK];

/* The debugger's services */

enum { OPEN = 1, CLOSE = 2, WRITE0 = 4, WRITE = 5, READ = 6, EXIT = 0x20, READ_BINARY = 1, WRITE_BINARY = 5 };

static long call(long operation, const void *argument)
{
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void leave(const char *why, long code)
{
    const long block[2] = {0x20026, code};
    call(WRITE0, why);
    call(EXIT, block);
    for (;;) {
    }
}

static long open_file(const char *name, long mode, long letters)
{
    const long block[3] = {(long)name, mode, letters};
    long file = call(OPEN, block);
    if (file < 0) {
        call(WRITE0, name);
        leave(" cannot be opened\n", 1);
    }
    return file;
}

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

/* Start */

__attribute__((used)) void start_in_c(void)
{
    for (uint32_t *to = &data_start, *from = &data_load; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    run();
}

/* The floating point unit is switched on first: compilers use its registers for copies. */
__attribute__((naked)) void reset(void)
{
    __asm__ volatile("ldr r0, =0xE000ED88\n\tldr r1, [r0]\n\torr r1, r1, #(0xf << 20)\n\tstr r1, [r0]\n\tdsb\n\tisb\n\tldr r0, =start_in_c\n\tbx r0");
}

static void fault(void)
{
    leave("fault\n", 1);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {&stack_top, reset, fault, fault, fault, fault, fault};
