#include "vc_stream_writer.h"

#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_error.h"
#include "vc_target.h"
#include "vc_varint.h"

enum { NUMBER_BYTES = 6, COMPACT_LENGTHS = 63, COMPACT_STEP = 1 << 6, FULL = 3 };

VC_COLD void vc_stream_begin(vc_stream *s, const uint8_t *constant, size_t n)
{
    s->crc16 = vc_crc16(VC_CRC16_START, constant, n);
    s->crc32c = vc_crc32c(VC_CRC32C_START, constant, n);
}

static int is_long(size_t n)
{
    return n >= VC_CRC32C_FROM;
}

static int is_compact(unsigned head, size_t n)
{
    return (head & ~(unsigned)VC_HEAD_STEP) == (VC_KIND_DATA | VC_HEAD_DELTA) && !is_long(n);
}

VC_COLD size_t vc_stream_packet_size(unsigned head, size_t n)
{
    size_t length = (size_t)vc_varint_size((uint32_t)n);
    if (is_compact(head, n)) return 1 + (n < COMPACT_LENGTHS ? 0 : length) + n + 2;
    return FULL + length + n + (is_long(n) ? 4 : 2);
}

static int head_is_valid(unsigned head)
{
    unsigned kind = head & 7, bits = head & ~7u;
    if (kind == VC_KIND_DATA) return (bits & ~(unsigned)(VC_HEAD_SHORT | VC_HEAD_DELTA | VC_HEAD_STEP)) == 0;
    return (kind == VC_KIND_END || kind == VC_KIND_SYNC) && bits == 0;
}

/* The checksum of n bytes, head to payload; sync packets are checked by themselves. */
static uint32_t check(const vc_stream *s, unsigned head, uint64_t number, const uint8_t *checked, size_t n, int wide)
{
    uint8_t whole[NUMBER_BYTES];
    for (int i = 0; i < NUMBER_BYTES; i++) whole[i] = (uint8_t)(number >> (8 * i) & 255);
    size_t more = (head & 7) == VC_KIND_SYNC ? 0 : NUMBER_BYTES;
    if (wide) return vc_crc32c(vc_crc32c(more ? s->crc32c : VC_CRC32C_START, whole, more), checked, n);
    return vc_crc16(vc_crc16((uint16_t)(more ? s->crc16 : VC_CRC16_START), whole, more), checked, n);
}

static void put_compact_head(uint8_t *out, unsigned head, size_t n)
{
    int fits = n < COMPACT_LENGTHS;
    out[0] = (uint8_t)((fits ? n : COMPACT_LENGTHS) | (head & VC_HEAD_STEP ? COMPACT_STEP : 0u));
    if (!fits) vc_varint_write(out + 1, (uint32_t)n);
}

static void put_head(uint8_t *out, unsigned head, uint64_t number, size_t n)
{
    if (is_compact(head, n)) {
        put_compact_head(out, head, n);
        return;
    }
    out[0] = VC_SYNC;
    out[1] = (uint8_t)(head | (is_long(n) ? VC_HEAD_CRC32C : 0u));
    out[2] = (uint8_t)(number & 255);
    vc_varint_write(out + FULL, (uint32_t)n);
}

VC_COLD int64_t vc_stream_write(const vc_stream *s, uint8_t *out, size_t capacity, unsigned head, uint64_t number, const uint8_t *payload, size_t n)
{
    if (!head_is_valid(head) || number >> (8 * NUMBER_BYTES) != 0) return VC_EARGUMENT;
    if (n > VC_PAYLOAD_MAX) return VC_ELARGE;
    size_t size = vc_stream_packet_size(head, n);
    if (capacity < size) return VC_ESPACE;
    int wide = is_long(n);
    size_t end = size - (wide ? 4 : 2), skipped = is_compact(head, n) ? 0 : 1;
    vc_copy_down(out + end - n, payload, n); /* before the head, which may lie where the payload was */
    put_head(out, head, number, n);
    uint32_t crc = check(s, head, number, out + skipped, end - skipped, wide);
    for (; end < size; end++, crc >>= 8) out[end] = (uint8_t)(crc & 255);
    return (int64_t)size;
}
