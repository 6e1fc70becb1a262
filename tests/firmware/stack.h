/* How much of the stack a program uses: it is painted before, and looked at after. With -DMEASURE only. */
#ifndef STACK_H
#define STACK_H

#include <stdint.h>

#include "machine.h"

#ifdef MEASURE
extern uint32_t bss_end, stack_top;

enum { PAINT = 0x5a5a5a5a, OWN = 256 };

static inline void paint_stack(void)
{
    uint32_t here;
    for (uint32_t *p = &bss_end; p < &here - OWN / 4; p++) *p = PAINT;
}

static inline void print_stack(void)
{
    const uint32_t *p = &bss_end;
    char text[12] = {0}, *at = text + 11;
    while (*p == PAINT) p++;
    uint32_t used = (uint32_t)((uintptr_t)&stack_top - (uintptr_t)p);
    do *--at = "0123456789abcdef"[used & 15];
    while ((used >>= 4) != 0); /* no division, whose helper would count as the library's */
    print("stack ");
    print(at);
    print("\n");
}
#else
static inline void paint_stack(void)
{
}

static inline void print_stack(void)
{
}
#endif

#endif
