/* The wavelet analysis of docs/format.md section 2 for a picture that comes row by row: as many rows are kept of every level as its filter is long. The bits are
   those of vc_analyse over the whole picture. */
#ifndef VC_IMAGE_PYRAMID_H
#define VC_IMAGE_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

#include "vc_arena.h"
#include "vc_model.h"

enum { VC_MAX_IMAGE_COLOURS = 4 };

/* Rows of one colour plane at one level, split along x already: low half beside high half. Row r lies in slot r modulo the filter's length. */
typedef struct vc_image_level {
    int16_t *rows;
    int32_t come; /* rows that have come */
    int32_t made; /* rows of coefficients that have been made of them */
} vc_image_level;

/* Gets a row of one colour plane's coefficients of a level: `bands` has the three details and, at the coarsest level, the approximation as the fourth, else NULL there. */
typedef void (*vc_image_rows)(void *context, int32_t level, int32_t row, uint32_t colour, const int16_t *const bands[4]);

typedef struct vc_image_pyramid {
    const vc_model *model;
    int32_t rows, cols; /* padded */
    vc_image_level level[VC_MAX_IMAGE_COLOURS][VC_MAX_LEVELS];
    int16_t *line;    /* scratch of vc_split_line */
    int16_t *made[4]; /* a row of each band */
    vc_image_rows give;
    void *context;
} vc_image_pyramid;

/* Takes memory for pictures of rows x cols, multiples of 2^L, from the arena; with a base, also lays out `p`. */
void vc_image_pyramid_plan(vc_image_pyramid *p, const vc_model *m, int32_t rows, int32_t cols, vc_arena *a);

/* Begins a picture, whose coefficients `give` gets. */
void vc_image_pyramid_begin(vc_image_pyramid *p, vc_image_rows give, void *context);

/* Takes in a colour plane's next row of `cols` values, after colour mix, offset and shift. All colours take turns, row by row. */
void vc_image_pyramid_push(vc_image_pyramid *p, uint32_t colour, const int16_t *x);

/* Takes in the row before once more. */
void vc_image_pyramid_repeat(vc_image_pyramid *p, uint32_t colour);

#endif
