/* Bytes of a stream to packets: docs/format.md section 13. Bytes may come in any pieces, with anything lost, damaged or put in between; a packet is given out only
   where its check holds for its place in its stream. Knows no model. Memory is the caller's, time is linear in the bytes, whatever they are.

   Packets come out as they came in, twice if they came twice. A packet whose length is damaged holds those after it back until as many bytes have come, or the
   end; packets longer than the buffer are skipped. */
#ifndef VC_STREAM_READER_H
#define VC_STREAM_READER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_error.h"
#include "vc_packet.h"

enum {
    VC_STREAM_OFFSETS = 16, /* channels of which a header keeps the offset */
    VC_STREAM_HEADERS = 3,
    VC_STREAM_LEAST = 64    /* bytes of buffer at least */
};

/* What a sync packet says: its constant part. */
typedef struct vc_stream_header {
    uint32_t model_id;
    uint16_t synthesis_id, stream_id;
    uint8_t step;                          /* of key packets that name none */
    uint8_t shift, sample_type;
    uint16_t channels;
    uint32_t rate, rate_divisor;           /* samples a second and channel; rate 0: unknown */
    uint32_t rows, group;                  /* blocks a packet, packets from key packet to key packet */
    int32_t offset[VC_STREAM_OFFSETS];
    uint64_t first;                        /* number of the segment's first packet */
    uint32_t segment;                      /* counts the segments that this reader met; 0: none of their packets came yet */
    uint32_t size, crc32c, facts_crc32c;   /* of the constant part, with which checks begin, and of its JSON */
    uint16_t crc16;
} vc_stream_header;

typedef struct vc_stream_packet {
    unsigned kind;                  /* VC_KIND_DATA, VC_KIND_SYNC or VC_KIND_END */
    uint64_t number;                /* of the data packet; of others that of the data packet after them */
    const vc_stream_header *header; /* of its segment */
    const uint8_t *data;            /* data: the range-coded part; sync: JSON */
    size_t n;                       /* its bytes */
    uint64_t samples;               /* data: samples a channel of a short packet, else 0; end: those of the stream */
    int is_delta;                   /* whether it goes on from the packet before */
    int32_t step;                   /* its own step code, or -1 */
    int is_other;                   /* whether it is the first one of a stream that is not that of the packet before */
    uint64_t skipped;               /* bytes before it that belonged to no packet */
} vc_stream_packet;

typedef struct vc_stream_reader {
    uint8_t *buffer;
    size_t capacity, at, end;
    vc_stream_header headers[VC_STREAM_HEADERS]; /* those behind the next three */
    uint8_t current, before, candidate;          /* of the running segment, of the one before, and of one that no packet vouches for yet */
    uint8_t has_before, has_candidate, is_aligned, is_last;
    uint64_t top;                                /* one more than the highest number seen */
    uint64_t hint, candidate_number;             /* what sync packets named */
    uint64_t skipped;
    uint32_t segments;
    uint32_t credit;                             /* bytes that checks may still cover */
} vc_stream_reader;

/* Begins with a buffer of n bytes, which bounds the packets that can be read. Returns 0, VC_EARGUMENT or VC_ESPACE. */
int vc_stream_reader_begin(vc_stream_reader *r, void *buffer, size_t n);

/* Takes up to n bytes. Returns how many: fewer where the buffer is full, until packets have been fetched. */
size_t vc_stream_reader_push(vc_stream_reader *r, const uint8_t *data, size_t n);

/* No more bytes will come: what seems not complete is none. */
void vc_stream_reader_finish(vc_stream_reader *r);

/* The next packet. Returns 1, or 0 where more bytes must come. What `p` points to stays until the next call of any of these. */
int vc_stream_reader_next(vc_stream_reader *r, vc_stream_packet *p);

#endif
