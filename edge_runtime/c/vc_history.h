/* What a matcher looks at (docs/format.md section 4): the undecimated bands of what the latents coded so far decode to.

   The latents of each block are dequantised and brought back to samples by short integer filters; these samples are split again by the
   analysis filters, at every even place and not only where coefficients lie, and divided by the step. All of it comes late by what the
   filters span, so that nothing depends on a block before it is coded. */
#ifndef VC_HISTORY_H
#define VC_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "vc_arena.h"
#include "vc_band.h"
#include "vc_model.h"

/* Both filter banks of one level. */
typedef struct vc_history_level {
    const int8_t *low, *high; /* analysis */
    const uint8_t *inverse;   /* i16 [sites][2 bands][2 phases], little-endian */
    uint8_t taps, shift_low, shift_high;
} vc_history_level;

typedef struct vc_history_setup {
    vc_history_level level[VC_MAX_LEVELS]; /* of level 1 first */
    int32_t step[VC_MAX_LEVELS + 1];       /* step code of each band */
    int32_t levels, sites, shift;          /* sites that an inverse filter spans, odd; its shift */
} vc_history_setup;

/* Sequences of one channel, oldest value first. */
typedef struct vc_history_channel {
    int16_t *coarse[VC_MAX_LEVELS]; /* [l - 1]: approximation of level l, the sites that its inverse needs */
    int16_t *detail[VC_MAX_LEVELS]; /* the same of its details */
    int16_t *wave[VC_MAX_LEVELS];   /* [0]: samples, [l]: undecimated approximation of level l, the places that level l + 1 needs */
    int16_t *bands;                 /* undecimated bands in 1/8 of their steps, [band][place] */
} vc_history_channel;

typedef struct vc_history {
    vc_history_setup setup;
    vc_history_channel *channels;
    int32_t cols;
    int32_t room;  /* places kept of each band; others are learned for those after them alone */
    int32_t first; /* the first of them; place p is sample 2 p */
    int32_t inverse_delay[VC_MAX_LEVELS + 1]; /* [l]: sites that the approximation of level l comes late; [0]: samples */
    int32_t wave_delay[VC_MAX_LEVELS + 1];    /* [l]: samples that the undecimated bands of level l come late; even */
} vc_history;

/* Filters and step codes of a model with a match section, at step code t. */
void vc_history_set_up(vc_history_setup *s, const vc_model *m, int t);

/* Least lag at which a whole block of history is known when a block begins; even. */
int32_t vc_history_delay(const vc_history_setup *s);

/* Takes memory for `cols` channels from the arena; with a base, which must be zero, also fills in `h`. */
void vc_history_plan(vc_history *h, const vc_history_setup *s, int32_t room, int32_t cols, vc_arena *a);

/* Begins a packet. */
void vc_history_begin(vc_history *h);

/* Gives up all places below `first`, which never falls. */
void vc_history_forget(vc_history *h, int32_t first);

/* Blocks from now on have the step codes that model m gives to step code t: all places are brought to them. */
void vc_history_step(vc_history *h, const vc_model *m, int t);

/* Takes in block number `row`, the next one, which is number `band_row` of those that `bands` have. */
void vc_history_learn(vc_history *h, int32_t row, const vc_band *bands, int32_t band_row);

/* Samples of a block, and level of a band. */
static inline int32_t vc_history_block(const vc_history_setup *s)
{
    return (int32_t)1 << s->levels;
}

static inline int32_t vc_history_band_level(const vc_history_setup *s, int32_t band)
{
    return band == 0 ? s->levels : s->levels + 1 - band;
}

/* The values of a band from a place on, which must be kept. */
static inline const int16_t *vc_history_at(const vc_history *h, int32_t channel, int32_t band, int32_t place)
{
    return h->channels[channel].bands + (ptrdiff_t)band * h->room + (place - h->first);
}

#endif
