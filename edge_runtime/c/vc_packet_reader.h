/* Takes packets apart and finds the next one after damage. */
#ifndef VC_PACKET_READER_H
#define VC_PACKET_READER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_packet.h"

typedef struct vc_packet {
    uint8_t kind, is_short, seq;
    const uint8_t *payload; /* in the data read */
    size_t n;               /* its bytes */
    size_t size;            /* the packet's bytes, framing included */
} vc_packet;

/* Reads the packet at the start of n bytes. Returns 0, VC_ESYNC, VC_EHEAD, VC_EVARINT, VC_ELARGE, VC_EEND or VC_ECRC. */
int vc_packet_read(const uint8_t *data, size_t n, vc_packet *p);

/* Where, from `from` on, the next packet begins that is whole and whose checksum holds; n where there is none. Payloads above `longest` bytes are
   not considered, which bounds the time on hostile data: n * longest at worst. */
size_t vc_packet_find(const uint8_t *data, size_t n, size_t from, size_t longest);

#endif
