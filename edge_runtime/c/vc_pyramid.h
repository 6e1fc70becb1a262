/* The wavelet analysis of docs/format.md section 2 for a signal that comes bit by bit: a block of 2^L samples goes in, and a block of coefficients,
   some blocks earlier, comes out. The bits are those of vc_analyse over the whole signal. */
#ifndef VC_PYRAMID_H
#define VC_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

#include "vc_arena.h"
#include "vc_band.h"
#include "vc_model.h"

typedef struct vc_pyramid_level {
    int16_t *line;    /* what goes into the level: values that are needed again, then those of a block */
    int16_t *details; /* ring of `kept` blocks */
    int32_t kept;     /* values that are needed again */
    int32_t late;     /* sites that its coefficients come late */
} vc_pyramid_level;

typedef struct vc_pyramid {
    const vc_model *model;
    vc_pyramid_level level[VC_MAX_LEVELS]; /* of level 1 first */
    int16_t *approximation;                /* ring of `kept` blocks */
    int32_t kept;                          /* blocks in a ring, a power of two */
    int32_t row;                           /* blocks that have gone in; after very many fewer, but as many modulo `kept` */
    int32_t rows;                          /* of the whole signal, once it is known; else 2^30 */
} vc_pyramid;

/* Blocks that go in before the first one comes out, that one included. */
int32_t vc_pyramid_delay(const vc_model *m);

/* Takes memory for one channel of a signal model from the arena; with a base, also fills in `p`. */
void vc_pyramid_plan(vc_pyramid *p, const vc_model *m, vc_arena *a);

/* Begins a signal. */
void vc_pyramid_begin(vc_pyramid *p);

/* Takes in the next 2^L samples, after the model's input offset and shift. */
void vc_pyramid_push(vc_pyramid *p, const int16_t *x);

/* Says that the signal has ended: instead of samples, vc_pyramid_push now gets NULL. */
void vc_pyramid_end(vc_pyramid *p);

/* Coefficients of a band in the block that came out last, in time order. */
const int16_t *vc_pyramid_band(const vc_pyramid *p, uint32_t band);

#endif
