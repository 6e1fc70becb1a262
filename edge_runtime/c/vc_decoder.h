/* A gateway's decoder: bytes of a stream in (docs/format.md section 13), latents of its packets out, the very ones that the encoder coded. No synthesis, and so no
   floating point; no heap, no library. For streams of one model and kind of packets, those that the export was made for.

       static uint8_t memory[ECG_DECODER_MEMORY];
       vc_decoder d;
       vc_decoder_begin(&d, &ecg, memory, sizeof memory);
       while ((n = receive(bytes)) > 0)
           for (at = 0; at < n;) {
               at += vc_decoder_push(&d, bytes + at, n - at);
               while ((error = vc_decoder_next(&d, &packet)) != 0) ...
           }
       vc_decoder_finish(&d);
       while ((error = vc_decoder_next(&d, &packet)) != 0) ...

   Bytes may be lost, damaged, doubled or made up: every packet that is whole and whose forerunners came gives its latents, all else is told or skipped. Packets
   are decoded as they come, not put into order: of streams whose packets all decode alone, swapped ones come out swapped; else the late one is refused. */
#ifndef VC_DECODER_H
#define VC_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_band.h"
#include "vc_encoder.h"
#include "vc_error.h"
#include "vc_prior.h"
#include "vc_stream_reader.h"

typedef struct vc_decoder_packet {
    unsigned kind;                  /* VC_KIND_DATA, VC_KIND_SYNC or VC_KIND_END */
    uint64_t number;                /* of the data packet; of others that of the data packet after them */
    uint64_t first;                 /* sample number that it begins with */
    uint64_t lost;                  /* data packets right before it that never came, as far as is known now */
    uint64_t skipped;               /* bytes before it that belonged to no packet */
    uint64_t samples;               /* data: samples a channel that it holds; end: those of the stream */
    int32_t step;                   /* data: step code of its latents */
    int32_t blocks;                 /* data: blocks that it holds */
    const vc_band *bands;           /* data: latents of each band of the model, [blocks * 2^(L - l)][channels]; NULL where there are none */
    const vc_stream_header *header; /* of its segment: offsets, shift, rate */
    int is_other;                   /* whether another stream begins with it */
} vc_decoder_packet;

typedef struct vc_decoder {
    const vc_device_model *device;
    vc_stream_reader reader;
    vc_prior prior;
    int16_t *latents;
    vc_band bands[VC_MAX_DEVICE_BANDS];
    uint64_t expected;    /* one more than the highest number seen */
    uint64_t came;        /* bit i: whether packet expected - 1 - i came */
    uint32_t segment;     /* of the packet before; 0: none */
    int32_t place;        /* of the next delta packet in its group; 0: only a key packet can be decoded */
    int32_t step;         /* of the packet before */
    int32_t prior_step;   /* that the prior is at */
} vc_decoder;

/* Bytes of workspace on this machine, at least; what there is more holds longer packets, such as sync packets with long JSON. */
int64_t vc_decoder_memory(const vc_device_model *d);

/* Begins. Checks the model's weights first, as an encoder does. Returns 0, VC_EARGUMENT, VC_ESPACE or VC_EM_CRC. */
int vc_decoder_begin(vc_decoder *d, const vc_device_model *m, void *memory, size_t n);

/* Takes up to n bytes. Returns how many: fewer where packets wait to be fetched; or VC_EARGUMENT. */
int64_t vc_decoder_push(vc_decoder *d, const uint8_t *data, size_t n);

/* No more bytes will come: what seems not complete is none. */
void vc_decoder_finish(vc_decoder *d);

/* The next packet. Returns 1, or 0 where more bytes must come. A negative code is of a whole packet that `p` tells of, but for its latents, and the next call goes on:
   VC_ESTREAM it is of another model or kind of packets, VC_ELATE it came before or too late, VC_EROWS packets that it builds on did not come, VC_EESCAPE or
   VC_EHEAD its payload breaks a rule; or VC_EARGUMENT. What `p` points to stays until the next call. */
int vc_decoder_next(vc_decoder *d, vc_decoder_packet *p);

#endif
