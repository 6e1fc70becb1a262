/* The prior at work on one tile or packet: stages coded in order, in either direction, or only their cost.

   Memory: the caller gives one workspace of vc_prior_memory bytes, which the vc_prior points into; both must stay where they are until the
   last call. Arrays of latents stay the caller's. */
#ifndef VC_PRIOR_H
#define VC_PRIOR_H

#include <stddef.h>
#include <stdint.h>

#include "vc_band.h"
#include "vc_distribution.h"
#include "vc_match.h"
#include "vc_model.h"
#include "vc_net.h"

/* A symbol of the running row: data[column * step], for the first `count` columns (the last site may lie half outside the band). */
typedef struct vc_cell {
    int16_t *data;
    int32_t step, count, band;
} vc_cell;

typedef struct vc_prior {
    vc_net net;
    vc_match match;     /* of a model that has one */
    vc_interval *zeros; /* scratch: of a row's symbols, the interval of zero */
    vc_cell *cells;     /* scratch: where a row's symbols lie */
    int32_t next_stage; /* stages before it have been coded */
    int32_t first_row, end_row; /* what the next call codes: rows first_row .. end_row - 1, as far as a stage's grid goes */
    int32_t next_row;           /* rows before it have been coded; 0 after an error */
} vc_prior;

/* Bytes of workspace for a geometry, or VC_EARGUMENT, VC_ELARGE. */
int64_t vc_prior_memory(const vc_model *m, const vc_geometry *g);

/* As the next two, with a plan that outlives the vc_prior. */
int64_t vc_prior_plan_memory(const vc_plan *plan);
int vc_prior_plan_begin(vc_prior *p, const vc_plan *plan, int t, void *memory, size_t n);

/* Starts on one tile or packet at step code t, 0..255. Returns 0, VC_EARGUMENT, VC_ELARGE or VC_ESPACE. A vc_prior serves any number of tiles
   of this geometry and step: coding from stage 0 begins a new one. */
int vc_prior_begin(vc_prior *p, const vc_model *m, const vc_geometry *g, int t, void *memory, size_t n);

/* Signals: the calls that follow code blocks first..end - 1 of the geometry, as one payload: 0 <= first < end <= its rows. Every range begins where
   the one before ended, or at 0, which starts anew; `bands` have the blocks of the range alone. Returns 0 or VC_EARGUMENT. */
int vc_prior_rows(vc_prior *p, int32_t first, int32_t end);

/* Goes on at step code t, 0..255; what has been coded stays context. Returns 0 or VC_EARGUMENT. */
int vc_prior_step(vc_prior *p, int t);

/* Bytes that no payload of these stages exceeds. */
int64_t vc_prior_bound(const vc_prior *p, int first_stage, int last_stage);

/* Codes stages first..last (inclusive) into `out`. `bands` has all bands of the model; those of other stages are not looked at. Stages before the
   first must have been coded. Returns the payload's bytes, 0 where all latents are zero, or an error. */
int64_t vc_prior_encode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, uint8_t *out, size_t capacity);

/* As vc_prior_encode, but first exchanges each latent for its neighbour nearer zero where the bits that this saves outweigh the error that it
   adds (rate-distortion optimised quantisation, greedy in coding order). The latents chosen are written into `bands`.
   `excess`: arrays as those of `bands`, of the same strides, from vc_quantise_excess. `lambda`: bits that a squared step is worth, in 1/256, up to 65535. After an error `bands` may have changed in part:
   begin again from the coefficients. */
int64_t vc_prior_encode_rdoq(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const vc_band *excess, uint32_t lambda,
                             uint8_t *out, size_t capacity);

/* Signals: codes the range's blocks as a part of a payload that the caller begins and ends; sets *nonzero where a latent is not 0. With `excess` as
   vc_prior_encode_rdoq. Returns 0 or an error. */
int vc_prior_encode_part(vc_prior *p, const vc_band *bands, const vc_band *excess, uint32_t lambda, vc_range_encoder *e, uint8_t *nonzero);

/* Pictures, on a device: codes one row of a stage as a part of a payload, of which `bands` have that row alone. Rows come in order, stages as ever. Planes may keep fewer rows than
   vc_plan_make gives them (vc_net_prelude_row). Sets *nonzero and returns as vc_prior_encode_part. */
int vc_prior_encode_row(vc_prior *p, uint32_t stage, int32_t row, const vc_band *bands, const vc_band *excess, uint32_t lambda, vc_range_encoder *e,
                        uint8_t *nonzero);

/* Fills the bands of stages first..last from a payload; any bytes end in latents or in VC_EESCAPE. Returns 0 or an error. */
int vc_prior_decode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const uint8_t *data, size_t n);

/* Bits that vc_prior_encode would use, in 1/65536, from the integer CDFs. Returns 0 or an error. */
int vc_prior_cost(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, uint64_t *bits);

/* Fills the bands of stages first..last with the likeliest latents, each given those before it: a guess at what was lost. Returns 0 or an error. */
int vc_prior_guess(vc_prior *p, int first_stage, int last_stage, const vc_band *bands);

/* For the files behind these: one row of one CODE operation */

typedef struct vc_code_row {
    const vc_cell *cells;      /* n of them */
    const int16_t *parameters; /* of the first symbol, column 0: means, then n further scales, then spikes */
    int16_t *known[3];         /* signed, magnitude and raw planes at the first symbol, column 0, all zero; NULL where the model has none */
    vc_interval *zeros;        /* scratch for n * cols intervals */
    int32_t n, cols;
    int32_t pitch, known_pitch;
    int kernel;
} vc_code_row;

/* Handles one row; returns 0 or an error, which ends the run. */
typedef int (*vc_code_handler)(const vc_code_row *r, void *context);

/* vc_prior_encode with another handler, which codes its symbols with `e`, started. Where it changes latents, all may be zero in the end though
   bytes came out: the caller's to mend. */
int64_t vc_prior_encode_by(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, vc_code_handler code, void *context,
                           vc_range_encoder *e);

/* Runs all operations of the stages and `code` at every CODE. Without `code` all latents are zero, in `bands` as well: nothing is coded, but the
   planes are as if. */
int vc_prior_run(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, vc_code_handler code, void *context);

/* Runs one row, as vc_prior_encode_row does. */
int vc_prior_run_row(vc_prior *p, uint32_t stage, int32_t row, const vc_band *bands, vc_code_handler code, void *context);

/* Whether the stages may run now, with these bands. */
int vc_prior_check(const vc_prior *p, int first_stage, int last_stage, const vc_band *bands);

/* Sets a stage's bands to 0. */
void vc_prior_clear(const vc_prior *p, uint32_t stage, const vc_band *bands);

/* The latent of a symbol; 0 where it does not exist. */
static inline int32_t vc_code_latent(const vc_code_row *r, int32_t i, int32_t column)
{
    const vc_cell *cell = &r->cells[i];
    return column < cell->count ? cell->data[(ptrdiff_t)column * cell->step] : 0;
}

/* Tells the planes of the coder what a symbol is, unless it is 0: they begin as zeros. */
void vc_code_note(const vc_code_row *r, int32_t i, int32_t column, int32_t z);

/* Prepares the distribution of a symbol from the parameter plane. */
static inline void vc_code_distribution(const vc_code_row *r, int32_t i, int32_t column, vc_distribution *d)
{
    const int16_t *p = r->parameters + (ptrdiff_t)column * r->pitch + i;
    vc_distribution_set(d, p[0], p[r->n], p[2 * (ptrdiff_t)r->n]);
}

#endif
