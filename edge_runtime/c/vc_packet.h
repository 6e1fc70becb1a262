/* What packet writers and reader agree on: docs/format.md sections 7 and 13. */
#ifndef VC_PACKET_H
#define VC_PACKET_H

#include <stdint.h>

enum {
    VC_SYNC = 0xb5,
    VC_KIND_DATA = 0,
    VC_KIND_METADATA = 1,
    VC_KIND_INDEX = 2,
    VC_KIND_END = 3,
    VC_KIND_SYNC = 4,          /* streams only */
    VC_HEAD_SHORT = 1 << 3,    /* head bit: signals, fewer samples than usual */
    VC_HEAD_CRC32C = 1 << 4,   /* head bit: CRC-32C, else CRC-16 */
    VC_HEAD_DELTA = 1 << 5,    /* head bit: streams, goes on from the packet before */
    VC_HEAD_STEP = 1 << 6,     /* head bit: streams, a step code of its own */
    VC_CRC32C_FROM = 1024,     /* payloads of this many bytes and more use it */
    VC_PAYLOAD_MAX = 1 << 28,
    VC_PACKET_HEAD_MAX = 8,    /* sync, head, sequence number, length: a payload of up to VC_PAYLOAD_MAX follows after this many bytes or fewer */
    VC_PACKET_EXTRA_MAX = 12   /* what framing adds at most */
};

#endif
