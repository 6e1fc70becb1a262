#include "vc_packet_reader.h"

#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_error.h"
#include "vc_varint.h"

enum { FIXED = 3, HEAD_BITS = 0x1f };

static int crc_holds(const uint8_t *packet, size_t end, int wide)
{
    if (wide) return vc_crc32c(VC_CRC32C_START, packet + 1, end - 1) == vc_u32(packet + end);
    return vc_crc16(VC_CRC16_START, packet + 1, end - 1) == vc_u16(packet + end);
}

static int head_is_valid(unsigned head)
{
    return (head & ~(unsigned)HEAD_BITS) == 0 && (head & 7) <= VC_KIND_END;
}

static int read(const uint8_t *data, size_t n, size_t longest, vc_packet *p)
{
    uint32_t length;
    if (n < FIXED) return VC_EEND;
    if (data[0] != VC_SYNC) return VC_ESYNC;
    if (!head_is_valid(data[1])) return VC_EHEAD;
    int taken = vc_varint_read(data + FIXED, n - FIXED, &length);
    if (taken < 0) return taken;
    if (length > longest) return VC_ELARGE;
    int wide = (data[1] & VC_HEAD_CRC32C) != 0;
    if (wide != (length >= VC_CRC32C_FROM)) return VC_EHEAD;
    size_t at = FIXED + (size_t)taken, end = at + length, size = end + (wide ? 4 : 2);
    if (n < size) return VC_EEND;
    if (!crc_holds(data, end, wide)) return VC_ECRC;
    p->kind = data[1] & 7;
    p->is_short = (data[1] & VC_HEAD_SHORT) != 0;
    p->seq = data[2];
    p->payload = data + at;
    p->n = length;
    p->size = size;
    return VC_OK;
}

int vc_packet_read(const uint8_t *data, size_t n, vc_packet *p)
{
    return read(data, n, VC_PAYLOAD_MAX, p);
}

size_t vc_packet_find(const uint8_t *data, size_t n, size_t from, size_t longest)
{
    vc_packet p;
    if (longest > VC_PAYLOAD_MAX) longest = VC_PAYLOAD_MAX;
    for (size_t at = from; at < n; at++)
        if (read(data + at, n - at, longest, &p) == VC_OK) return at;
    return n;
}
