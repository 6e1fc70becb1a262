/* Prediction of the next sample of one channel, docs/format.md section 12: adaptive, integers only, the same in encoder and decoder. */
#ifndef VC_PREDICT_H
#define VC_PREDICT_H

#include <stdint.h>

enum {
    VC_SLOPES = 12,  /* first differences that the mixer sees */
    VC_CURVES = 16, /* second differences that the filter sees */
    VC_INPUTS = 1 + VC_SLOPES + 2,
    VC_ACTIVITIES = 32,
    VC_TRENDS = 16,
    VC_SHAPES = 64,
    VC_MIXERS = VC_ACTIVITIES + VC_TRENDS + VC_SHAPES,
    VC_CHOSEN = 3 /* of the mixers, one of each kind */
};

/* State of one channel, 7 KB. Differences are in 1/16 of a unit, limited to +-2^23; weights have 20 fractional bits. */
typedef struct vc_predictor {
    int32_t slope[VC_SLOPES]; /* first differences, newest first */
    int32_t curve[VC_CURVES]; /* second differences, newest first */
    int32_t taps[VC_CURVES];  /* the filter's weights */
    int32_t mixers[VC_MIXERS][VC_INPUTS];
    int32_t input[VC_INPUTS];  /* of the sample at hand: what the mixers see, */
    int32_t chosen[VC_CHOSEN]; /* which of them are at work, */
    int32_t step;              /* what they predict, */
    int32_t most;              /* and by how much they may seem to be wrong */
} vc_predictor;

/* Starts with the weights of vc_predict_tables.h and a past without movement. */
void vc_predict_begin(vc_predictor *p);

/* Predicts how far the next sample lies from the one before it, in 1/16; |result| <= 2^23.
 * fast, slow: mean size of recent residuals (vc_residual) in 1/4096 quantisation steps, at least 512; step: the quantisation step, 1..2^17.
 * beside: the channel before this one, with the sample of the same moment already taken in; NULL for the first. */
int32_t vc_predict_step(vc_predictor *p, int64_t fast, int64_t slow, int32_t step, const vc_predictor *beside);

/* Takes the sample in: `moved` is its distance from the one before, in units. */
void vc_predict_learn(vc_predictor *p, int64_t moved);

#endif
