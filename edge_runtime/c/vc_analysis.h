/* Analysis transform of docs/format.md section 2, on whole arrays. */
#ifndef VC_ANALYSIS_H
#define VC_ANALYSIS_H

#include <stddef.h>
#include <stdint.h>

#include "vc_band.h"
#include "vc_model.h"

/* Bytes of workspace vc_analyse needs for rows x cols: rank 2 height and width, rank 1 samples and channels. Or VC_EARGUMENT, VC_ELARGE. */
int64_t vc_analysis_memory(const vc_model *m, int32_t rows, int32_t cols);

/* Splits x into all bands of the model.

   x: int16[rows][cols][colours] (rank 2) or int16[rows][cols] (rank 1: time, channels), contiguous, after the model's input offset and
   shift and padded to multiples of 2^L where format.md pads (rank 2: both, rank 1: rows). bands: n_bands arrays of the shapes of section 1.
   memory: workspace of n bytes, any alignment. Returns 0, VC_EARGUMENT, VC_ELARGE, VC_EBAND or VC_ESPACE. */
int vc_analyse(const vc_model *m, const int16_t *x, int32_t rows, int32_t cols, const vc_band *bands, void *memory, size_t n);

#endif
