/* What a geometry makes of a model: where planes lie in the workspace, and what every layer reads. Constant once made: hosts make plans as they
   need them, a device has its own in flash (`vaecodec export firmware`). */
#ifndef VC_PLAN_H
#define VC_PLAN_H

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
    ptrdiff_t at;       /* of column 0, channel 0 of the first row among all activations */
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

/* An operation; of a CONV also its inputs, and where it has its share of what a fast kernel lays out anew. */
typedef struct vc_layer {
    vc_operation o;
    const vc_segment *segments; /* then those that the condition is read by: offset, length and weight count */
    int32_t n_segments, n_conditions, n_pairs;
    int32_t lane;     /* of its first output channel, padded to whole vectors, among those of all layers */
    ptrdiff_t packed; /* of its first weight among all packed ones */
} vc_layer;

/* Where a symbol of a site lies in its band: row = row_step * r + row_first, column = col_step * c + col_first. */
typedef struct vc_symbol {
    int32_t band, row_step, row_first, col_step, col_first;
} vc_symbol;

enum { VC_NO_PLANE = -1 };

enum { VC_LANES = 8 }; /* 32-bit sums in a vector of a fast kernel */
enum { VC_BLOCK = 4 }; /* inputs that a kernel for devices lays out together */

typedef struct vc_plan {
    const vc_model *model;
    vc_geometry geometry;
    const vc_plane *planes;
    const vc_layer *layers[VC_MAX_STAGES];   /* prelude first */
    const vc_symbol *symbols[VC_MAX_STAGES]; /* of a site, in coding order */
    int32_t known[VC_MAX_STAGES][3];         /* signed, magnitude and raw planes, or VC_NO_PLANE */
    int32_t matched[4];                      /* best, mean, raw mean and distance planes, likewise */
    ptrdiff_t activations;                   /* in all planes */
    int32_t most_segments, most_symbols;     /* of any layer */
    int32_t most_blocks;                     /* of VC_BLOCK inputs or less, likewise */
    int32_t lanes;                           /* in all layers; 0: no room for a fast kernel's weights */
    ptrdiff_t packed;                        /* likewise */
    ptrdiff_t local;                         /* activations from here on are a stage's own: another stage has others there */
} vc_plan;

/* Whether a geometry is within the format's limits and fits the model. Returns 0, VC_EARGUMENT or VC_ELARGE. */
int vc_plan_check(const vc_model *m, const vc_geometry *g);

/* Takes the memory a plan needs from the arena and, with a base, fills it in; the numbers of `p` itself are filled in either way. */
void vc_plan_make(vc_plan *p, const vc_model *m, const vc_geometry *g, vc_arena *a);

/* Bytes of memory for a plan by itself, or VC_EARGUMENT, VC_ELARGE; and a plan in such memory. */
int64_t vc_plan_memory(const vc_model *m, const vc_geometry *g);
vc_plan *vc_plan_place(const vc_model *m, const vc_geometry *g, void *memory);

/* Rows and columns of a stage's grid. */
static inline vc_geometry vc_plan_grid(const vc_model *m, const vc_geometry *g, uint32_t stage)
{
    const vc_stage *s = &m->stages[stage];
    vc_geometry grid = *g;
    if (m->rank == 2) {
        grid.rows >>= s->level;
        grid.cols = ((grid.cols >> s->level) + s->phases - 1) / s->phases;
    }
    return grid;
}

/* All operations of a stage, prelude first. */
static inline int32_t vc_plan_layers(const vc_model *m, uint32_t stage)
{
    return m->stages[stage].n_prelude + m->stages[stage].n_row;
}

#endif
