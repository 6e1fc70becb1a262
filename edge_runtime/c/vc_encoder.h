/* A device's encoder: samples in as they come, packets of a stream out (docs/format.md section 13). Needs no heap, no library and no floating point; any
   number of encoders may run side by side. The bytes are those of `vaecodec encode --stream` with the same samples and settings.

       static uint8_t memory[ECG_MEMORY];
       vc_encoder e;
       vc_encoder_settings settings = ecg_settings;
       vc_encoder_begin(&e, &ecg, &settings, memory, sizeof memory);
       for (;;) {
           n = read_sensor(samples);
           for (at = 0; at < n;) {
               at += vc_encoder_push(&e, samples + at, n - at);
               while (vc_encoder_next(&e, &packet) == 1) send(packet.data, packet.size);
           }
       }

   A packet waits in the encoder's memory until it is fetched: a push stops before the sample that would need the room, and says so by taking fewer samples. */
#ifndef VC_ENCODER_H
#define VC_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_band.h"
#include "vc_device.h"
#include "vc_error.h"
#include "vc_plan.h"
#include "vc_prior.h"
#include "vc_pyramid.h"
#include "vc_range_encoder.h"
#include "vc_score.h"
#include "vc_stream_writer.h"

enum { VC_MAX_DEVICE_BANDS = VC_MAX_LEVELS + 1 };

/* What does not change within a stream: written by `vaecodec export firmware`, constant. */
typedef struct vc_device_model {
    const vc_plan *plan;         /* of a group: from key packet to key packet */
    uint32_t model_id;
    uint16_t synthesis_id;
    uint16_t rows;               /* blocks a packet */
    uint16_t group;              /* packets from key packet to key packet; 1: all are key packets */
    uint16_t sync;               /* packets from sync packet to sync packet */
    uint32_t rate, rate_divisor; /* samples a second and channel: rate / rate_divisor */
    uint32_t packet_bytes;       /* room for a packet */
    uint32_t blob_crc;           /* CRC-32C of the model's weights */
    const char *facts;           /* JSON metadata, or NULL */
} vc_device_model;

/* What an encoder has in its workspace. */
typedef struct vc_encoder_parts {
    vc_pyramid *pyramids;      /* of each channel */
    int16_t *block;            /* samples of the running block, [channel][2^L] */
    int16_t *latents, *beyond; /* of a block, and what they leave */
    uint8_t *out;              /* the packet */
} vc_encoder_parts;

typedef struct vc_encoder {
    const vc_device_model *device;
    vc_encoder_settings settings;
    vc_prior prior;
    vc_encoder_parts in;
    vc_band bands[VC_MAX_DEVICE_BANDS], excess[VC_MAX_DEVICE_BANDS];
    vc_range_encoder coder;
    vc_stream stream;
    vc_encoder_packet waiting;       /* size 0: none */
    uint64_t number;                 /* of the running packet */
    int32_t place;                   /* of that packet in its group */
    uint64_t samples;                /* taken */
    uint64_t next_sync;
    int32_t filled;                  /* samples in the running block */
    int32_t row;                     /* next block of the running packet */
    int32_t ahead;                   /* blocks that the analysis has taken in and not given out */
    int32_t left;                    /* of these, blocks of the signal, once it has ended */
    int32_t setting, next_setting;   /* step code in tenths, of this packet and from the next one on */
    int32_t step, before, key_step;  /* step code of the running packet, of the one before, and of key packets that name none */
    uint32_t saturated;
    uint8_t phase, nonzero, lost;    /* lost: the packet that waits found no room */
    vc_score score;
} vc_encoder;

/* Bytes of workspace on this machine. */
int64_t vc_encoder_memory(const vc_device_model *d);

/* Begins a stream. Checks the model's weights first, which takes some 10 instructions a byte. Returns 0, VC_EARGUMENT (settings, NULL), VC_ESPACE, or VC_EM_CRC. */
int vc_encoder_begin(vc_encoder *e, const vc_device_model *d, const vc_encoder_settings *s, void *memory, size_t n);

/* Takes up to n samples a channel, interleaved. Returns how many it took: fewer than n where a packet waits to be fetched; or VC_EARGUMENT, VC_EENDED. */
int32_t vc_encoder_push(vc_encoder *e, const int16_t *samples, int32_t n);

/* Fetches the packet that waits. Returns 1, or 0 where none does; or VC_EARGUMENT; or, once, VC_ESPACE where a packet found no room and is lost: `p` has its
   number, and the stream goes on with the next. */
int vc_encoder_next(vc_encoder *e, vc_encoder_packet *p);

/* Changes the quality, 0 .. 1000, from the next packet on. Returns 0 or VC_EARGUMENT. */
int vc_encoder_quality(vc_encoder *e, int quality);

/* Ends the stream: makes the packets that are left, and the end packet. Returns 1 while there are more to come, each to be fetched before the next call, then 0; or
   VC_EARGUMENT. A stream of no samples has no packets. */
int vc_encoder_flush(vc_encoder *e);

#endif
