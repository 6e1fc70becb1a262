/* Starts a Cortex-M under QEMU and talks to it by semihosting: for tests. */
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "stack.h"

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;

static long call(long operation, const void *argument)
{
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *text)
{
    call(0x04, text);
}

void leave(int code)
{
    long block[2] = {0x20026, code};
    call(0x20, block);
    for (;;) {
    }
}

static void fault(void)
{
    print("fault\n");
    leave(99);
}

void start_in_c(void)
{
    for (uint32_t *to = &data_start, *from = &data_load; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    paint_stack();
    int code = run();
    print_stack();
    leave(code);
}

/* Floating point and MVE are switched on before any C: compilers use their registers where they like. */
__attribute__((naked)) void reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    __asm__ volatile("ldr r0, =0xE000ED88\n\tldr r1, [r0]\n\torr r1, r1, #(0xf << 20)\n\tstr r1, [r0]\n\tdsb\n\tisb");
#endif
    __asm__ volatile("ldr r0, =start_in_c\n\tbx r0");
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {&stack_top, reset, fault, fault, fault, fault, fault};

/* What compilers call for copies and zeros. */
void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = (uint8_t)value;
    return to;
}
