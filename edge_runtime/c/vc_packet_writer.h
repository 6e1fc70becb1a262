/* Frames payloads as packets. */
#ifndef VC_PACKET_WRITER_H
#define VC_PACKET_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_packet.h"

/* Bytes of the packet around a payload of n bytes. */
size_t vc_packet_size(size_t n);

/* Writes a packet to `out`: head is a kind, with VC_HEAD_SHORT where it applies; seq counts data packets modulo 256. The payload may already lie
   in `out`, VC_PACKET_HEAD_MAX bytes from its start, and is then moved into place: a device needs no second buffer. Otherwise the
   two must not overlap. Returns the packet's bytes, VC_EARGUMENT, VC_ELARGE or VC_ESPACE. */
int64_t vc_packet_write(uint8_t *out, size_t capacity, unsigned head, unsigned seq, const uint8_t *payload, size_t n);

#endif
