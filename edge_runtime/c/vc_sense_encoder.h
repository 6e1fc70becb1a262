/* A device's encoder that senses compressively (docs/format.md sections 13 and 14): samples in as they come, packets of a stream out. Of each window of samples it
   codes a few sums; nothing is multiplied before the coder. Needs no heap, no library and no floating point; any number of encoders may run side by side.
   The bytes are those of `vaecodec encode --stream` with the same samples and settings.

       static uint8_t memory[ECG_CS_MEMORY];
       vc_sense_encoder e;
       vc_encoder_settings settings = ecg_cs_settings;
       vc_sense_encoder_begin(&e, &ecg_cs, &settings, memory, sizeof memory);
       for (;;) {
           n = read_sensor(samples);
           for (at = 0; at < n;) {
               at += vc_sense_encoder_push(&e, samples + at, n - at);
               while (vc_sense_encoder_next(&e, &packet) == 1) send(packet.data, packet.size);
           }
       }

   A packet waits in the encoder's memory until it is fetched: a push stops before the sample that would need the room, and says so by taking fewer samples. */
#ifndef VC_SENSE_ENCODER_H
#define VC_SENSE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_device.h"
#include "vc_error.h"
#include "vc_range_encoder.h"
#include "vc_score.h"
#include "vc_stream_writer.h"

enum { VC_SENSE_MOST_SAMPLES = 256, VC_SENSE_MOST_ROWS = 128 }; /* of a window, on a device */

/* Of a class of rows in a bank: how many contexts, and where their thresholds (among the words) and distributions (among the bytes: scale and spike number) are. */
typedef struct vc_sense_class {
    uint16_t contexts, thresholds, distributions;
} vc_sense_class;

/* One ratio of a model, and what does not change within a stream: written by `vaecodec export firmware`, constant.

   A row of 1, 0 and -1 is a sum of running sums: 1 1 -1 -1 are twice the one behind the second sample, less the one behind the fourth.

   words   of each step code: exponent + 1024 bank
           thresholds
   bytes   of each run of rows: how many they are, their class, their offset of the exponent in two bytes; and of each row, in lists with their lengths in
           bytes first: the terms that its mean adds, those that it takes off, and those of its size, each what it names (a row, or M + a row of the window
           before) and its shift; the running sums that the row adds, and those that it takes off
           distributions */
typedef struct vc_sense_device {
    const uint16_t *words;
    const uint8_t *bytes;
    const vc_sense_class *classes;  /* [bank][class] */
    uint32_t n_words, n_bytes, crc; /* CRC-32C of the words, low byte first, and the bytes */
    uint16_t window, measurements;
    uint16_t coarsest;              /* step code of quality 0; that of quality 100 is 0 */
    uint16_t first_code, n_codes;   /* step codes that have this ratio */
    uint8_t rounding, channels, n_classes;
    uint32_t model_id;
    uint16_t synthesis_id;
    uint16_t windows;               /* a packet */
    uint16_t sync;                  /* packets from sync packet to sync packet */
    uint32_t rate, rate_divisor;    /* samples a second and channel: rate / rate_divisor */
    uint32_t packet_bytes;          /* room for a packet */
    const char *facts;              /* JSON metadata, or NULL */
} vc_sense_device;

/* What an encoder has in its workspace. */
typedef struct vc_sense_parts {
    int32_t *sums;  /* of the running window, [channel][N]: of its samples up to each */
    int16_t *known; /* measurements, quantised: [channel][M of this window, M of the one before] */
    uint8_t *out;   /* the packet */
} vc_sense_parts;

typedef struct vc_sense_encoder {
    const vc_sense_device *device;
    vc_encoder_settings settings;
    vc_sense_parts in;
    vc_range_encoder coder;
    vc_stream stream;
    vc_encoder_packet waiting;       /* size 0: none */
    uint64_t number, first;          /* of the running packet, and of its first sample */
    uint64_t samples;                /* taken */
    uint64_t next_sync;
    int32_t filled;                  /* samples in the running window */
    int32_t row;                     /* next window of the running packet */
    int32_t step, key_step;          /* step code of the running packet, and that of the sync packets */
    int32_t next_setting;            /* from the next packet on, step code in tenths */
    int32_t exponent, round;         /* of the quantiser */
    const vc_sense_class *classes;   /* of the packet's bank */
    uint32_t saturated;
    uint8_t phase, nonzero, lost;    /* lost: the packet that waits found no room */
    vc_score score;
} vc_sense_encoder;

/* Bytes of workspace, the same on all machines: with C channels, and room R for packets, 4 C (N + M) + R and a few more. */
uint32_t vc_sense_encoder_memory(const vc_sense_device *d);

/* Begins a stream. Checks the model's tables first, which takes some 25 instructions a byte. Returns 0, VC_EARGUMENT (settings, NULL, a quality at which the
   model has another ratio), VC_ESPACE, or VC_EM_CRC. Of the settings, effort is 1 or 2, which are the same. */
int vc_sense_encoder_begin(vc_sense_encoder *e, const vc_sense_device *d, const vc_encoder_settings *s, void *memory, size_t n);

/* Takes up to n samples a channel, interleaved. Returns how many it took: fewer than n where a packet waits to be fetched; or VC_EARGUMENT, VC_EENDED. */
int32_t vc_sense_encoder_push(vc_sense_encoder *e, const int16_t *samples, int32_t n);

/* Fetches the packet that waits. Returns 1, or 0 where none does; or VC_EARGUMENT; or, once, VC_ESPACE where a packet found no room and is lost: `p` has its
   number, and the stream goes on with the next. */
int vc_sense_encoder_next(vc_sense_encoder *e, vc_encoder_packet *p);

/* Changes the quality, 0 .. 1000, from the next packet on. Returns 0, or VC_EARGUMENT, also where the model has another ratio at that quality. */
int vc_sense_encoder_quality(vc_sense_encoder *e, int quality);

/* Ends the stream: makes the packet that is left, and the end packet. Returns 1 while there are more to come, each to be fetched before the next call, then 0;
   or VC_EARGUMENT. A stream of no samples has no packets. */
int vc_sense_encoder_flush(vc_sense_encoder *e);

#endif
