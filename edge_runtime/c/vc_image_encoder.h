/* A device's encoder of pictures: rows of pixels in as the sensor gives them, a file out in pieces (docs/format.md). Needs no heap, no library and no floating
   point; any number of encoders may run side by side. The bytes are those of `vaecodec encode` with the same tiles, order and effort.

       static uint8_t memory[PHOTO_MEMORY];
       vc_image_encoder e;
       vc_image_settings settings = {600, 1};
       vc_image_begin(&e, &photo, &settings, memory, sizeof memory);
       for (y = 0; y < PHOTO_HEIGHT; y++) {
           read_row(row);
           while (vc_image_push(&e, row) == 0) drain(&e);
       }
       drain(&e);

   where `drain` sends all that waits:

       while ((code = vc_image_next(&e, &packet)) == 1) send(packet.data, packet.size);

   Rows are analysed as they come. Their latents wait, packed, until those of a whole row of tiles are there, which is `reach` rows after its last one; how much room they
   take depends on the picture and the quality. */
#ifndef VC_IMAGE_ENCODER_H
#define VC_IMAGE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "vc_band.h"
#include "vc_error.h"
#include "vc_image_pyramid.h"
#include "vc_latents.h"
#include "vc_plan.h"
#include "vc_prior.h"

enum {
    VC_MAX_IMAGE_SIDE = 4096,
    VC_IMAGE_BANDS = VC_MAX_IMAGE_COLOURS * (1 + 3 * VC_MAX_LEVELS),
    VC_IMAGE_QUALITY_STEPS = 1000 /* quality 100 */
};

/* What does not change: written by `vaecodec export firmware`, constant. */
typedef struct vc_image_model {
    const vc_plan *plan;       /* of a whole tile */
    uint32_t model_id;
    uint16_t synthesis_id;
    uint16_t width, height;    /* of a picture, in pixels */
    uint32_t waiting_bytes;    /* room for latents that wait for their tile */
    uint32_t packet_bytes;     /* room for a packet */
    uint32_t blob_crc;         /* CRC-32C of the model's weights */
} vc_image_model;

typedef struct vc_image_settings {
    uint16_t quality; /* 0 .. 1000, tenths of `vaecodec encode -q` */
    uint8_t effort;   /* 1: plain quantiser; 2: the coder chooses what to leave out, fewer bytes for the same error, twice the room for latents that wait */
} vc_image_settings;

typedef struct vc_image_packet {
    const uint8_t *data; /* stays until the next call */
    size_t size;
    int32_t number;      /* of the packet; -1: the file's header */
} vc_image_packet;

/* What an encoder has in its workspace. */
typedef struct vc_image_parts {
    vc_image_pyramid pyramid;
    int16_t *row;              /* one colour plane's row */
    int16_t *latents, *excess; /* rows of the bands of a stage, each as wide as the picture */
    uint8_t *out;              /* the packet */
    uint8_t *activations;      /* the prior's workspace */
    size_t n_activations;
} vc_image_parts;

typedef struct vc_image_encoder {
    const vc_image_model *device;
    vc_image_settings settings;
    vc_image_parts in;
    vc_latents waiting;
    vc_plan plan;       /* of the running tile, which may be smaller than others */
    vc_prior prior;
    vc_range_encoder coder;
    vc_band bands[VC_IMAGE_BANDS], beyond[VC_IMAGE_BANDS]; /* the running row's latents and excess */
    int32_t setting, step;
    int32_t rows;       /* of pixels taken, those that fill up the last units included */
    int32_t ready;      /* rows of units of 2^L pixels whose coefficients are all there */
    int32_t top, left;  /* of the running tile, in units */
    int32_t next_stage; /* of the running tile */
    int32_t number;     /* of the next packet */
    int error;          /* what has ended the picture, or 0 */
} vc_image_encoder;

/* Bytes of workspace on this machine. */
int64_t vc_image_memory(const vc_image_model *d);

/* Begins a picture, whatever became of the one before. `e` and `memory`, of any alignment, must stay where they are until the last packet. Checks the model's weights first, which
   takes some 10 instructions a byte. Returns 0, VC_EARGUMENT (settings, NULL), VC_ESPACE (memory, or room for a packet below 64 bytes), or VC_EM_CRC; after an error the other calls
   return VC_EARGUMENT until a picture begins, as they do of an `e` that is all zero. */
int vc_image_begin(vc_image_encoder *e, const vc_image_model *d, const vc_image_settings *s, void *memory, size_t n);

/* Takes the next row of pixels, colours interleaved. Returns 1; 0 where packets wait that must be fetched first; VC_EARGUMENT; VC_EENDED after the last row; or
   VC_ESPACE where its latents find no room: the picture is lost, and every call says so; begin it again with a lower quality. */
int vc_image_push(vc_image_encoder *e, const uint8_t *pixels);

/* Makes the next packet, if its rows have come. Returns 1, or 0 where there is none: then push rows, or after the last one all is done. VC_EARGUMENT; or VC_ESPACE where a packet
   finds no room, or latents as above. */
int vc_image_next(vc_image_encoder *e, vc_image_packet *p);

/* Whether all packets of the picture have been fetched. */
int vc_image_is_done(const vc_image_encoder *e);

#endif
