/* The convolutions of docs/format.md section 4 at work, for one step: their activations lie in the caller's workspace. */
#ifndef VC_NET_H
#define VC_NET_H

#include <stddef.h>
#include <stdint.h>

#include "vc_plan.h"
#include "vc_target.h"

typedef struct vc_net {
    const vc_plan *plan;
    int16_t *activations;
    const int16_t **inputs;              /* scratch: where each segment of the running layer begins */
    int32_t condition[VC_MAX_CONDITION]; /* q of the step code: 0 but for two neighbours at most */
    int32_t lit;                         /* the first of these */
    uint32_t *blocks;                    /* scratch of kernels for devices: the inputs of a site, or of two, as they take them */
    int kernel;                          /* VC_KERNEL_... of vc_target.h */
#if VC_HAVE_AVX2
    int32_t *bias;    /* of all layers, with the condition's share; padded with zeros to whole vectors */
    int32_t *shift;   /* as 32-bit lanes, padded likewise */
    int16_t *weights; /* per layer, per block of channels, per pair of inputs, [channel][2] */
#endif
} vc_net;

/* One row of a convolution: what the kernels get. */
typedef struct vc_conv_row {
    const vc_net *net;
    const vc_layer *layer;
    const int16_t *const *inputs; /* per segment, column 0; NULL where the row is outside the grid */
    int16_t *out;                 /* first output channel of column 0 */
    int32_t out_pitch, cols;
} vc_conv_row;

/* Takes the memory that a net needs beside its plan from the arena; with a base, which must be zero, also fills in `n`. */
void vc_net_plan(vc_net *n, const vc_plan *p, vc_arena *a);

/* Turns to step code t, with the fastest kernels that the plan has room for. */
void vc_net_load(vc_net *n, int t);

/* Runs a stage's prelude: each operation over its whole grid. */
void vc_net_prelude(vc_net *n, uint32_t stage);

/* Runs a stage's prelude, and those it builds on, as far as row `row` of the stage needs it: with even rows for the next one as well. Every operation must read its prelude's
   own planes at the row it writes, as `vaecodec export firmware` checks, and rows must come in order: planes may then keep two rows or one. */
void vc_net_prelude_row(vc_net *n, uint32_t stage, int32_t row);

/* Runs one CONV on one row. */
void vc_net_conv(vc_net *n, const vc_layer *l, int32_t row);

/* Where a row of a plane begins: column 0, channel 0. */
static inline int16_t *vc_net_row(const vc_net *n, uint32_t plane, int32_t row)
{
    const vc_plane *p = &n->plan->planes[plane];
    return n->activations + p->at + (ptrdiff_t)(row & p->mask) * p->row_step;
}

#endif
