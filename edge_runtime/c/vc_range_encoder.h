/* Range encoder of docs/format.md section 6. Bytes come out while symbols go in; nothing is buffered but a pending carry. */
#ifndef VC_RANGE_ENCODER_H
#define VC_RANGE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

typedef struct vc_range_encoder {
    uint8_t *data;    /* the caller's buffer */
    size_t capacity;  /* its size */
    size_t size;      /* bytes produced; goes on counting above capacity, where bytes are dropped */
    uint32_t base;    /* low end of the interval */
    uint32_t size1;   /* its size - 1 */
    uint32_t held;    /* 16 bits + 1 that a carry may still change, or 0 */
    uint32_t pending; /* 16-bit words after them that a carry would run through */
} vc_range_encoder;

/* Starts a stream into `data`, which must stay valid until vc_range_finish; `data` may be NULL where capacity is 0. */
void vc_range_start(vc_range_encoder *e, uint8_t *data, size_t capacity);

/* Codes the interval [lo, hi) of 2^precision; lo < hi <= 2^precision, precision 1..16. */
void vc_range_encode(vc_range_encoder *e, uint32_t lo, uint32_t hi, unsigned precision);

/* The same for precision 16. */
void vc_range_encode_fine(vc_range_encoder *e, uint32_t lo, uint32_t hi);

/* Codes row value j (negative, or at least `last`) as the Elias gamma code that follows an escape; `last` is the escape's own value. */
void vc_range_encode_escaped(vc_range_encoder *e, int32_t j, int32_t last);

/* Ends the stream. Returns 0, or VC_ESPACE where e->size exceeds the capacity. */
int vc_range_finish(vc_range_encoder *e);

#endif
