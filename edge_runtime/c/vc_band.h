/* An array of latents or coefficients. */
#ifndef VC_BAND_H
#define VC_BAND_H

#include <stdint.h>

enum { VC_LATENT_MAX = 32767 }; /* of a latent's size */

/* One band: rows x cols numbers, `stride` elements from row to row. Rank 1: rows are time, columns channels. */
typedef struct vc_band {
    int16_t *data;
    int32_t rows, cols, stride;
} vc_band;

#endif
