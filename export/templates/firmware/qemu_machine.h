/* A Cortex-M under QEMU: files and messages of the host by semihosting, and the start of a program, which gives `run`. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stddef.h>
#include <stdint.h>

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;

static void run(void);

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

#endif
