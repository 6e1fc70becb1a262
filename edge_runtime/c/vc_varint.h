/* Varints of docs/format.md: LEB128, at most five bytes, shortest form only. */
#ifndef VC_VARINT_H
#define VC_VARINT_H

#include <stddef.h>
#include <stdint.h>

#include "vc_error.h"

enum { VC_VARINT_MAX = 5 };

/* Writes v at p, which has room for VC_VARINT_MAX bytes, and returns the number of bytes written. */
static inline int vc_varint_write(uint8_t *p, uint32_t v)
{
    int n = 0;
    for (; v > 127; v >>= 7) p[n++] = (uint8_t)((v & 127) | 128);
    p[n++] = (uint8_t)v;
    return n;
}

/* Bytes that v takes. */
static inline int vc_varint_size(uint32_t v)
{
    int n = 1;
    for (; v > 127; v >>= 7) n++;
    return n;
}

/* Reads *v from at most n bytes at p. Returns the bytes taken, VC_EEND, or VC_EVARINT. */
static inline int vc_varint_read(const uint8_t *p, size_t n, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < VC_VARINT_MAX; i++) {
        if ((size_t)i >= n) return VC_EEND;
        uint32_t bits = p[i] & 127u;
        if (i == VC_VARINT_MAX - 1 && bits > 15) return VC_EVARINT;
        *v |= bits << (7 * i);
        if (p[i] < 128) return i > 0 && p[i] == 0 ? VC_EVARINT : i + 1;
    }
    return VC_EVARINT;
}

/* Zigzag: small magnitudes of either sign become small numbers. */
static inline uint32_t vc_zigzag(int32_t v)
{
    return v < 0 ? ~((uint32_t)v << 1) : (uint32_t)v << 1;
}

static inline int32_t vc_unzigzag(uint32_t u)
{
    return u & 1 ? -(int32_t)(u >> 1) - 1 : (int32_t)(u >> 1);
}

#endif
