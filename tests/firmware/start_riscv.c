/* Starts QEMU's RISC-V "virt" machine and talks to it by semihosting: for tests. */
#include "bare.h"

long call(long operation, const void *argument)
{
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n\t.option norvc\n\tslli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop" : "+r"(a0) : "r"(a1) : "memory");
    return a0;
}

__attribute__((naked, section(".start"))) void reset(void)
{
    __asm__ volatile("la sp, stack_top\n\tj start_in_c");
}
