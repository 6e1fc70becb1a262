#include "vc_latents.h"

#include <stddef.h>

#include "vc_bytes.h"
#include "vc_error.h"

enum {
    HEAD = 5,
    MOST_ZEROS = 64,
    VALUES = 64,   /* first code of a value, */
    SMALLEST = -32,
    LARGEST = 31,
    MIXED = 128,   /* of zeros with a small value, */
    SMALL = 3,
    SMALL_KINDS = 2 * SMALL,
    MIXED_ZEROS = 21,
    LONG = 254,    /* of a long value */
    MOST_TOKEN = 4 /* bytes */
};

/* Writing */

typedef struct writer {
    uint8_t *p, *end;
    int fits;
} writer;

static void put(writer *w, int32_t byte)
{
    if (w->p < w->end) *w->p++ = (uint8_t)(byte & 255);
    else w->fits = 0;
}

static void put_zeros(writer *w, int32_t zeros)
{
    for (; zeros > 0; zeros -= MOST_ZEROS) put(w, (zeros < MOST_ZEROS ? zeros : MOST_ZEROS) - 1);
}

static void put_value(writer *w, int32_t zeros, int32_t z)
{
    if (z >= -SMALL && z <= SMALL) {
        int32_t whole = zeros / MIXED_ZEROS * MIXED_ZEROS;
        put_zeros(w, whole);
        put(w, MIXED + SMALL_KINDS * (zeros - whole) + (z < 0 ? z + SMALL : z + SMALL - 1));
        return;
    }
    put_zeros(w, zeros);
    if (z >= SMALLEST && z <= LARGEST) {
        put(w, VALUES + z - SMALLEST);
        return;
    }
    put(w, LONG);
    put(w, z);
    put(w, (z < 0 ? z + 65536 : z) >> 8);
}

static void put_band(writer *w, const int16_t *z, const int16_t *excess, int32_t cols, int32_t round)
{
    int32_t zeros = 0;
    for (int32_t i = 0; i < cols; i++) {
        if (z[i] == 0) {
            zeros++;
            continue;
        }
        put_value(w, zeros, z[i]);
        if (excess) put(w, excess[i] + round);
        zeros = 0;
    }
    put_zeros(w, zeros);
}

int vc_latents_put(vc_latents *l, const vc_latents_row *r, const int16_t *z, const int16_t *excess)
{
    uint8_t *head = l->data + l->used;
    if (l->capacity - l->used < HEAD) return VC_ESPACE;
    writer w = {head + HEAD, l->data + l->capacity, 1};
    for (int32_t b = 0; b < r->bands; b++)
        put_band(&w, z + b * r->cols, l->with_excess ? excess + b * r->cols : NULL, r->cols, r->round[b]);
    uint32_t size = (uint32_t)(w.p - head) - HEAD;
    if (!w.fits || size > 65535) return VC_ESPACE;
    head[0] = (uint8_t)(r->stage | r->colour << 4);
    head[1] = (uint8_t)(r->row & 255);
    head[2] = (uint8_t)(r->row >> 8);
    head[3] = (uint8_t)(size & 255);
    head[4] = (uint8_t)(size >> 8);
    l->used += HEAD + size;
    return VC_OK;
}

/* Reading: only what was written above is read, so every count fits. */

static const uint8_t *get_value(const uint8_t *p, int32_t *zeros, int32_t *z)
{
    int32_t code = *p++;
    *zeros = 0;
    if (code == LONG) {
        *z = vc_i16(p);
        return p + 2;
    }
    if (code >= MIXED) {
        int32_t small = (code - MIXED) % SMALL_KINDS;
        *zeros = (code - MIXED) / SMALL_KINDS;
        *z = small < SMALL ? small - SMALL : small - SMALL + 1;
    } else if (code >= VALUES) {
        *z = code - VALUES + SMALLEST;
    } else {
        *zeros = code + 1;
        *z = 0;
    }
    return p;
}

static const uint8_t *get_band(const uint8_t *p, int16_t *z, int16_t *excess, int32_t cols, int32_t round)
{
    for (int32_t i = 0; i < cols;) {
        int32_t zeros, value;
        p = get_value(p, &zeros, &value);
        for (; zeros > 0 && i < cols; zeros--) z[i++] = 0;
        if (value == 0 || i == cols) continue;
        z[i] = (int16_t)value;
        if (excess) excess[i] = (int16_t)(*p++ - round);
        i++;
    }
    return p;
}

static int is_it(const uint8_t *head, const vc_latents_row *r)
{
    return head[0] == (r->stage | r->colour << 4) && vc_u16(head + 1) == r->row;
}

/* Goes on to a record. Returns 0 where none comes. */
static int seek(vc_latents *l, const vc_latents_row *r)
{
    while (l->at < l->used && !is_it(l->data + l->at, r)) l->at += HEAD + (uint32_t)vc_u16(l->data + l->at + 3);
    return l->at < l->used;
}

int vc_latents_get(vc_latents *l, const vc_latents_row *r, int16_t *z, int16_t *excess)
{
    if (!seek(l, r)) {
        l->at = 0;
        if (!seek(l, r)) return VC_EORDER;
    }
    const uint8_t *p = l->data + l->at + HEAD;
    for (int32_t b = 0; b < r->bands; b++) p = get_band(p, z + b * r->cols, l->with_excess ? excess + b * r->cols : NULL, r->cols, r->round[b]);
    l->at += HEAD + (uint32_t)vc_u16(l->data + l->at + 3);
    return VC_OK;
}

void vc_latents_drop(vc_latents *l, const uint16_t *first)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < l->used;) {
        const uint8_t *head = l->data + at;
        uint32_t size = HEAD + (uint32_t)vc_u16(head + 3);
        if (vc_u16(head + 1) >= first[head[0] & 15]) {
            vc_copy_down(l->data + kept, head, size);
            kept += size;
        }
        at += size;
    }
    l->used = kept;
    l->at = 0;
}
