#include "vc_packet_writer.h"

#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_error.h"
#include "vc_varint.h"

enum { FIXED = 3 }; /* sync, head, sequence number */

static int uses_crc32c(size_t n)
{
    return n >= VC_CRC32C_FROM;
}

size_t vc_packet_size(size_t n)
{
    return FIXED + (size_t)vc_varint_size((uint32_t)n) + n + (uses_crc32c(n) ? 4 : 2);
}

/* The checksum covers all but the sync byte. */
static void put_crc(uint8_t *packet, size_t end, int wide)
{
    uint32_t crc = wide ? vc_crc32c(VC_CRC32C_START, packet + 1, end - 1) : vc_crc16(VC_CRC16_START, packet + 1, end - 1);
    for (int i = 0; i < (wide ? 4 : 2); i++, crc >>= 8) packet[end + (size_t)i] = (uint8_t)(crc & 255);
}

int64_t vc_packet_write(uint8_t *out, size_t capacity, unsigned head, unsigned seq, const uint8_t *payload, size_t n)
{
    if ((head & ~(unsigned)VC_HEAD_SHORT) > VC_KIND_END || seq > 255) return VC_EARGUMENT;
    if (n > VC_PAYLOAD_MAX) return VC_ELARGE;
    if (capacity < vc_packet_size(n)) return VC_ESPACE;
    int wide = uses_crc32c(n);
    size_t at = FIXED + (size_t)vc_varint_size((uint32_t)n);
    vc_copy_down(out + at, payload, n); /* before the head, which may lie where the payload was */
    out[0] = VC_SYNC;
    out[1] = (uint8_t)(head | (wide ? VC_HEAD_CRC32C : 0));
    out[2] = (uint8_t)seq;
    vc_varint_write(out + FIXED, (uint32_t)n);
    put_crc(out, at + n, wide);
    return (int64_t)vc_packet_size(n);
}
