/* What bare machines have in common: printing and leaving by semihosting, the start in C, and what compilers call for copies and zeros. */
#include <stddef.h>
#include <stdint.h>

#include "bare.h"
#include "stack.h"

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

void start_in_c(void)
{
    for (uint32_t *to = &data_start, *from = &data_load; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    paint_stack();
    int code = run();
    print_stack();
    leave(code);
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
