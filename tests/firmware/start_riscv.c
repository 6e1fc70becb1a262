/* Starts QEMU's RISC-V "virt" machine and talks to it by semihosting: for tests. */
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "stack.h"

extern uint32_t bss_start, bss_end;

static long call(long operation, const void *argument)
{
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n\t.option norvc\n\tslli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop" : "+r"(a0) : "r"(a1) : "memory");
    return a0;
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

__attribute__((used)) void start_in_c(void)
{
    for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    paint_stack();
    int code = run();
    print_stack();
    leave(code);
}

__attribute__((naked, section(".start"))) void reset(void)
{
    __asm__ volatile("la sp, stack_top\n\tj start_in_c");
}

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
