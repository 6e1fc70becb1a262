/* Range decoder of docs/format.md section 6. No division: a symbol is found by comparing scaled bounds with the offset. */
#ifndef VC_RANGE_DECODER_H
#define VC_RANGE_DECODER_H

#include <stddef.h>
#include <stdint.h>

typedef struct vc_range_decoder {
    const uint8_t *data; /* the caller's bytes */
    size_t size;         /* their number; zeros are read past the end */
    size_t at;           /* bytes taken so far, at most size */
    uint32_t offset;     /* value - base: where the stream's number lies in the interval */
    uint32_t size1;      /* the interval's size - 1 */
} vc_range_decoder;

/* Starts on `data`, which must stay valid while decoding; may be NULL where size is 0. */
void vc_range_open(vc_range_decoder *d, const uint8_t *data, size_t size);

/* Reads the code after an escape into *j, the row value (negative, or at least `last`). Returns 0 or VC_EESCAPE. */
int vc_range_decode_escaped(vc_range_decoder *d, int32_t last, int32_t *j);

/* The next byte, or zero past the end. */
static inline uint32_t vc_range_take(vc_range_decoder *d)
{
    return d->at < d->size ? d->data[d->at++] : 0;
}

/* Where the point `cdf` of 2^precision lies in the interval. */
static inline uint64_t vc_range_scale(const vc_range_decoder *d, uint32_t cdf, unsigned precision)
{
    return (((uint64_t)d->size1 + 1) * cdf) >> precision;
}

/* Whether the symbol lies below the point `cdf`. */
static inline int vc_range_is_below(const vc_range_decoder *d, uint32_t cdf, unsigned precision)
{
    return d->offset < vc_range_scale(d, cdf, precision);
}

/* Takes the interval from a to b (scaled points) as decoded; the offset must lie within. */
static inline void vc_range_narrow(vc_range_decoder *d, uint32_t a, uint64_t b)
{
    d->offset -= a;
    d->size1 = (uint32_t)(b - 1) - a;
    if (d->size1 >> 16 == 0) {
        uint32_t high = vc_range_take(d);
        d->offset = (d->offset << 16) | (high << 8) | vc_range_take(d);
        d->size1 = (d->size1 << 16) | 0xffff;
    }
}

#endif
