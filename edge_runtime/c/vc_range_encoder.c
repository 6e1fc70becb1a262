#include "vc_range_encoder.h"

#include "vc_error.h"
#include "vc_target.h"

VC_APART static void put(vc_range_encoder *e, uint32_t byte)
{
    if (e->size < e->capacity) e->data[e->size] = (uint8_t)(byte & 255);
    e->size++;
}

static void put16(vc_range_encoder *e, uint32_t word)
{
    put(e, word >> 8);
    put(e, word);
}

/* Lets go of the held bits: with the carry they are complete and zeros follow, without it they are one less and ones follow. */
VC_COLD static void release(vc_range_encoder *e, int carry)
{
    put16(e, carry ? e->held : e->held - 1);
    for (; e->pending != 0; e->pending--) put16(e, carry ? 0 : 0xffff);
    e->held = 0;
}

static void shift(vc_range_encoder *e)
{
    e->base <<= 16;
    e->size1 = (e->size1 << 16) | 0xffff;
}

static int carry_is_open(const vc_range_encoder *e)
{
    return e->size1 > UINT32_MAX - e->base;
}

VC_COLD void vc_range_start(vc_range_encoder *e, uint8_t *data, size_t capacity)
{
    e->data = data;
    e->capacity = capacity;
    e->size = 0;
    e->base = 0;
    e->size1 = UINT32_MAX;
    e->held = 0;
    e->pending = 0;
}

/* ((size1 + 1) point) >> 16, modulo 2^32, for point <= 2^16: by halves, since small cores have no product of 64 bits. */
static uint32_t share(uint32_t size1, uint32_t point)
{
    uint32_t low = (size1 & 0xffff) + 1; /* of the size, which is size1 + 1: up to 2^16 */
    return (size1 >> 16) * point + ((low & 0xffff) * point >> 16) + (low >> 16) * point;
}

void vc_range_encode_fine(vc_range_encoder *e, uint32_t lo, uint32_t hi)
{
    uint32_t a = share(e->size1, lo), b = share(e->size1, hi) - 1;
    e->base += a;
    e->size1 = b - a;
    int carry = e->base < a;

    if (carry_is_open(e)) {
        if (e->size1 >> 16 == 0) {
            shift(e);
            e->pending++;
        }
        return;
    }
    if (e->held != 0) release(e, carry);
    if (e->size1 >> 16 == 0) {
        uint32_t top = e->base >> 16;
        shift(e);
        if (carry_is_open(e)) e->held = top + 1;
        else put16(e, top);
    }
}

void vc_range_encode(vc_range_encoder *e, uint32_t lo, uint32_t hi, unsigned precision)
{
    vc_range_encode_fine(e, lo << (16 - precision), hi << (16 - precision));
}

static void encode_bit(vc_range_encoder *e, uint32_t bit)
{
    vc_range_encode(e, bit, bit + 1, 1);
}

VC_COLD void vc_range_encode_escaped(vc_range_encoder *e, int32_t j, int32_t last)
{
    uint32_t n = j < 0 ? (uint32_t)-j : (uint32_t)(j - last) + 1;
    int bits = 0;
    while (n >> bits > 1) bits++;
    for (int i = 0; i < bits; i++) encode_bit(e, 0);
    for (int i = bits; i >= 0; i--) encode_bit(e, (n >> i) & 1);
    encode_bit(e, j < 0);
}

/* Two bytes, of which the second is left out where it is zero: the decoder reads zeros past the end. */
static void put_last(vc_range_encoder *e, uint32_t word)
{
    put(e, word >> 8);
    if ((word & 255) != 0) put(e, word);
}

/* Names the shortest number in [base, base + size): one byte where a multiple of 2^24 lies in it, else a multiple of 2^16. */
static void put_base(vc_range_encoder *e)
{
    uint32_t byte = ((e->base - 1) >> 24) + 1;
    if (byte <= (e->base + e->size1) >> 24) put(e, byte);
    else put_last(e, ((e->base - 1) >> 16) + 1);
}

VC_COLD int vc_range_finish(vc_range_encoder *e)
{
    if (e->held != 0) put_last(e, e->held);
    else if (e->base != 0) put_base(e);
    return e->size > e->capacity ? VC_ESPACE : VC_OK;
}
