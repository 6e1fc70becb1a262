/* Little-endian fields at any address, and the copy loops that a freestanding core has to bring along. */
#ifndef VC_BYTES_H
#define VC_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "vc_target.h"

/* Everywhere in this core `>>` of a negative number is taken to be arithmetic, as on every compiler we know of. */
typedef char vc_shift_is_arithmetic_[((-3 >> 1) == -2) ? 1 : -1];

static inline uint16_t vc_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (p[1] << 8));
}

static inline uint32_t vc_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

static inline int8_t vc_i8(const uint8_t *p)
{
    return (int8_t)(p[0] < 128 ? p[0] : p[0] - 256);
}

static inline int16_t vc_i16(const uint8_t *p)
{
    uint16_t u = vc_u16(p);
    return (int16_t)(u < 32768 ? u : u - 65536);
}

static inline int32_t vc_i32(const uint8_t *p)
{
    uint32_t u = vc_u32(p);
    return u < 0x80000000u ? (int32_t)u : (int32_t)(u - 0x80000000u) - 0x7fffffff - 1;
}

/* The least power of two that is at least n, n at most 2^30. */
static inline int32_t vc_power_of_two(int32_t n)
{
    int32_t p = 1;
    while (p < n) p *= 2;
    return p;
}

static inline void vc_zero(void *p, size_t n)
{
    uint8_t *b = (uint8_t *)p;
#if VC_HAVE_WORDS
    const uint32_t word = 0;
    for (; n >= sizeof word; n -= sizeof word, b += sizeof word) __builtin_memcpy(b, &word, sizeof word);
#endif
    for (size_t i = 0; i < n; i++) b[i] = 0;
}

/* Copies towards lower addresses, or between ranges that do not overlap. */
static inline void vc_copy_down(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = from[i];
}

/* The same for n numbers. */
static inline void vc_move_down(int16_t *to, const int16_t *from, int32_t n)
{
#if VC_HAVE_WORDS
    for (uint32_t two; n >= 2; n -= 2, to += 2, from += 2) {
        __builtin_memcpy(&two, from, sizeof two);
        __builtin_memcpy(to, &two, sizeof two);
    }
#endif
    for (int32_t i = 0; i < n; i++) to[i] = from[i];
}

#if VC_HAVE_SATURATION
static inline int16_t vc_sat16(int32_t v)
{
    __asm__("ssat %0, #16, %1" : "=r"(v) : "r"(v));
    return (int16_t)v;
}

/* (v + 2^(s-1)) >> s for s > 0, v for s = 0, s at most 15. */
static inline int16_t vc_round_shift_sat16(int32_t v, unsigned s)
{
    int32_t half = ((int32_t)1 << s) >> 1;
    __asm__("qadd %0, %1, %2" : "=r"(v) : "r"(v), "r"(half));
    return vc_sat16(v >> s);
}
#else
static inline int16_t vc_sat16(int32_t v)
{
    return (int16_t)(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}

/* (v + 2^(s-1)) >> s for s > 0, v for s = 0, s at most 15; the sum cannot overflow: values this close to 2^31 saturate either way. */
static inline int16_t vc_round_shift_sat16(int32_t v, unsigned s)
{
    if (s == 0) return vc_sat16(v);
    int32_t half = (int32_t)1 << (s - 1);
    if (v > INT32_MAX - half) v = INT32_MAX - half;
    return vc_sat16((v + half) >> s);
}
#endif

#endif
