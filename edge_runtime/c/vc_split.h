/* One two-channel filter bank along one axis: the inner loops of the analysis. */
#ifndef VC_SPLIT_H
#define VC_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "vc_model.h"

enum { VC_MOST_TAPS = 31, VC_HALF_TAPS = 15 };

/* Position i of a line of n that is mirrored at both ends, the end samples not repeated; n is at least 2. */
static inline int32_t vc_reflect(int32_t i, int32_t n)
{
    while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
    return i;
}

/* Elements of scratch that vc_split_line needs for a line of n. */
static inline int64_t vc_split_scratch(int64_t n)
{
    return n + 2 * VC_HALF_TAPS + 2;
}

/* Splits a line of n samples (even, at least 2), `step` apart, into n / 2 low and high ones, low_step and high_step apart.
   low may be where x is, as x is copied to the scratch first. */
void vc_split_line(const vc_filter *f, const int16_t *x, ptrdiff_t step, int32_t n, int16_t *low, ptrdiff_t low_step, int16_t *high,
                   ptrdiff_t high_step, int16_t *scratch);

/* One row of each output of the filters across rows: `rows` has the input row of every tap. */
void vc_split_rows(const vc_filter *f, const int16_t *const *rows, int32_t cols, int16_t *low, int16_t *high);

/* Splits `cols` columns of n rows each, `step` from row to row; outputs have n / 2 rows. Outputs must not overlap x. */
void vc_split_columns(const vc_filter *f, const int16_t *x, ptrdiff_t step, int32_t n, int32_t cols, int16_t *low, ptrdiff_t low_step,
                      int16_t *high, ptrdiff_t high_step);

#endif
