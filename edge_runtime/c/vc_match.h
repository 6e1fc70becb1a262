/* Matched context (docs/format.md section 4): predicts the symbols of a block from the most similar places of what was coded before. A lag is
   good where the history behind it resembles the first symbols of the block before, and those of the running block that are known. */
#ifndef VC_MATCH_H
#define VC_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "vc_arena.h"
#include "vc_band.h"
#include "vc_history.h"
#include "vc_plan.h"

enum { VC_MATCHES = 4 }; /* places that a prediction comes from */

typedef struct vc_match_setup {
    vc_history_setup history;
    int32_t previous, known;   /* symbols of the block before and of the running one that are compared, the former at most the latter */
    int32_t nearest, farthest; /* lags in samples, even */
} vc_match_setup;

/* Sums of squared differences at each lag, the farthest first. */
typedef struct vc_match_sums {
    int32_t *here, *next, *before; /* over the running block's symbols; over the first `previous` of them; the block before's `next` */
} vc_match_sums;

typedef struct vc_match {
    vc_history history;
    vc_match_sums *sums; /* of each channel */
    int32_t previous, known;
    int32_t nearest;     /* lag, in places */
    int32_t lags;        /* how many, a place apart; 0: the packet is too short to match anything */
    int32_t row;         /* the running block, -1 before the first */
    int32_t band_row;    /* where the bands given have it */
    int32_t done;        /* symbols of the running block that are summed up */
    int32_t usable;      /* lags at which the running block meets a whole block of the packet */
    int32_t candidates;  /* lags at which the block before does, too */
    int kernel;
} vc_match;

/* Where predictions go: of the first symbol asked for, column 0; NULL where they are not wanted. */
typedef struct vc_match_out {
    int16_t *best, *mean, *raw, *distance;
    int32_t pitch; /* from column to column */
} vc_match_out;

/* What a model with a match section asks for at step code t. */
void vc_match_set_up(vc_match_setup *s, const vc_model *m, int t);

/* Takes memory for packets of up to `rows` blocks of `cols` channels from the arena; with a base, which must be zero, also fills in `k`. */
void vc_match_plan(vc_match *k, const vc_match_setup *s, int32_t rows, int32_t cols, vc_arena *a);

/* Begins a packet. */
void vc_match_begin(vc_match *k);

/* Begins the next block, which is number `band_row` of those that `bands` will have. */
void vc_match_next(vc_match *k, int32_t band_row);

/* Predicts `n` symbols from number `first` on, in all `cols` channels. `symbols` has all symbols of a block; those below `first` that are compared
   have their latents in `bands`. */
void vc_match_find(vc_match *k, const vc_symbol *symbols, const vc_band *bands, int32_t cols, int32_t first, int32_t n,
                   const vc_match_out *out);

/* Ends the running block, whose latents are all in `bands`. */
void vc_match_end(vc_match *k, const vc_symbol *symbols, const vc_band *bands);

/* Multiplications for a block of one channel of a model with a match section. */
int64_t vc_match_macs(const vc_model *m);

#endif
