/* What all encoders for devices have in common: settings, and what they say of a packet. */
#ifndef VC_DEVICE_H
#define VC_DEVICE_H

#include <stddef.h>
#include <stdint.h>

enum {
    VC_MAX_DEVICE_CHANNELS = 16,
    VC_QUALITY_STEPS = 1000 /* quality 100 */
};

typedef struct vc_encoder_settings {
    uint16_t quality;                        /* 0 .. 1000, tenths of `vaecodec encode -q` */
    uint8_t effort;                          /* 1: plain quantiser; 2: the coder chooses what to leave out, fewer bytes for the same error */
    uint8_t shift;                           /* bits dropped from each sample */
    uint16_t stream_id;                      /* tells this stream from the device's last one: a count of starts, or a random number */
    int32_t offset[VC_MAX_DEVICE_CHANNELS];  /* of each channel, taken off before the shift: the middle of its range */
} vc_encoder_settings;

typedef struct vc_encoder_packet {
    const uint8_t *data; /* stays until the next push, step or flush */
    size_t size;
    unsigned kind;       /* VC_KIND_DATA, VC_KIND_SYNC or VC_KIND_END */
    uint64_t number;     /* of the data packet; of a sync packet that of the one after it */
    uint64_t first;      /* sample number that it begins with */
    int is_key;          /* whether it decodes without those before it */
    uint32_t bits;       /* of its samples under the model, in 1/16 */
    int32_t score;       /* how unusual its samples are: bits above their running mean at this quality, in 1/256 of their mean deviation */
    uint32_t saturated;  /* samples so far that lay beyond what offset and shift allow */
} vc_encoder_packet;

#endif
