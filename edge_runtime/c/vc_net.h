/* Planes and operations of docs/format.md section 4, planned into the caller's workspace for one geometry and step. */
#ifndef VC_NET_H
#define VC_NET_H

#include <stddef.h>
#include <stdint.h>

#include "vc_arena.h"
#include "vc_model.h"

/* What is coded at once. Rank 2: height and width of the padded tile; rank 1: blocks of 2^L samples, and channels. */
typedef struct vc_geometry {
    int32_t rows, cols;
} vc_geometry;

/* Activations of one grid, [row][column][channel], with columns of zeros on both sides so that no read needs a test. */
typedef struct vc_plane {
    int16_t *data;      /* column 0, channel 0 of the first row */
    ptrdiff_t row_step; /* from row to row */
    int32_t channels;
    int32_t mask;       /* row r lies in slot r & mask: only as many rows are kept as are read */
} vc_plane;

/* A run of inputs that lie side by side in memory at every site: one kernel row, or one tap where a term skips channels. */
typedef struct vc_segment {
    uint16_t plane;
    int16_t row;    /* relative to the output's */
    int32_t offset; /* from channel 0 of the output's column */
    int32_t length;
    int32_t pitch;  /* from site to site */
    int32_t weight; /* where its weights begin among those of an output channel */
    int32_t pair;   /* the same in packed weights, which pad every segment to pairs */
} vc_segment;

typedef struct vc_layer {
    vc_operation o;
    vc_segment *segments;
    int32_t n_segments, n_pairs;
    int32_t *bias;   /* with the condition's share, which is the same at every site; padded with zeros to whole vectors */
    int32_t *shift;  /* as 32-bit lanes, padded likewise */
    int16_t *packed; /* weights for the fast kernel: per block of channels, per pair of inputs, [channel][2]; or NULL */
} vc_layer;

typedef struct vc_net {
    const vc_model *model;
    vc_geometry geometry;
    vc_plane *planes;
    vc_layer *layers[VC_MAX_STAGES]; /* per stage, prelude first */
    const int16_t **inputs;          /* scratch: where each segment of the running layer begins */
    int kernel; /* VC_KERNEL_... of vc_target.h */
} vc_net;

/* One row of a convolution: what the kernels get. */
typedef struct vc_conv_row {
    const vc_layer *layer;
    const int16_t *const *inputs; /* per segment, column 0; NULL where the row is outside the grid */
    int16_t *out;                 /* first output channel of column 0 */
    int32_t out_pitch, cols;
} vc_conv_row;

/* Whether a geometry is within the format's limits and fits the model. Returns 0, VC_EARGUMENT or VC_ELARGE. */
int vc_net_check(const vc_model *m, const vc_geometry *g);

/* Takes the memory a net needs from the arena; with a base, also fills in `n`. Both calls take the same amount. */
void vc_net_plan(vc_net *n, const vc_model *m, const vc_geometry *g, vc_arena *a);

/* Folds the condition of step code t into the biases and packs the weights; after vc_net_plan, on zeroed memory. */
void vc_net_load(vc_net *n, int t);

/* Runs a stage's prelude: each operation over its whole grid. */
void vc_net_prelude(vc_net *n, uint32_t stage);

/* Runs one CONV on one row. */
void vc_net_conv(vc_net *n, const vc_layer *l, int32_t row);

/* Rows and columns of a stage's grid. */
vc_geometry vc_net_grid(const vc_model *m, const vc_geometry *g, uint32_t stage);

/* Where a row begins: column 0, channel 0. */
static inline int16_t *vc_plane_row(const vc_plane *p, int32_t row)
{
    return p->data + (ptrdiff_t)(row & p->mask) * p->row_step;
}

#endif
