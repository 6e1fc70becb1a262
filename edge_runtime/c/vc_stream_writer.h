/* Frames payloads as packets of a stream: docs/format.md section 13. */
#ifndef VC_STREAM_WRITER_H
#define VC_STREAM_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_packet.h"

/* With what the checks of a segment's packets begin. */
typedef struct vc_stream {
    uint32_t crc32c;
    uint16_t crc16;
} vc_stream;

/* Begins a segment: `constant` is the constant part of its sync packet, n bytes. */
void vc_stream_begin(vc_stream *s, const uint8_t *constant, size_t n);

/* Bytes of the packet around a payload of n bytes. */
size_t vc_stream_packet_size(unsigned head, size_t n);

/* Writes a data, end or sync packet to `out`: head is its kind with VC_HEAD_SHORT, VC_HEAD_DELTA and VC_HEAD_STEP where they apply, number the whole
   number of the packet, the payload with the fields that these bits stand for. Delta packets are framed compactly where they can be. The
   payload may already lie in `out`, VC_PACKET_HEAD_MAX bytes from its start, and is then moved into place; otherwise the two must not overlap. Returns the packet's
   bytes, VC_EARGUMENT, VC_ELARGE or VC_ESPACE. */
int64_t vc_stream_write(const vc_stream *s, uint8_t *out, size_t capacity, unsigned head, uint64_t number, const uint8_t *payload, size_t n);

#endif
