/* Starts a Cortex-M under QEMU and talks to it by semihosting: for tests. */
#include "bare.h"

long call(long operation, const void *argument)
{
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void fault(void)
{
    print("fault\n");
    leave(99);
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
