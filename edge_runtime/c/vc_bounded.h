/* Signals with a bounded error, docs/format.md section 12: one packet of samples to a payload and back. Needs no model.
 *
 * The encoder (vc_bounded_encode.c) and the decoder (vc_bounded_decode.c) link apart; both need vc_bounded.c. */
#ifndef VC_BOUNDED_H
#define VC_BOUNDED_H

#include <stddef.h>
#include <stdint.h>

#include "vc_predict.h"
#include "vc_residual.h"

enum { VC_MOST_ERROR = 65535, VC_MOST_BYTES = 12 /* that one sample may take */ };

/* State of one channel, 10 KB; nothing of it outlives a packet. */
typedef struct vc_bounded_channel {
    vc_predictor predictor;
    vc_residual residual;
    int32_t last;    /* the sample before, as it is decoded */
    int32_t guess;   /* prediction of the sample at hand, whole units */
    int32_t centre;  /* what the prediction has beyond that, in 1/16 of the quantisation step */
    int32_t started; /* whether there is a sample before */
} vc_bounded_channel;

/* Codes `samples` samples of `channels` channels, x[time * channels + channel], each to within `max_error` (0..VC_MOST_ERROR; 0 is without loss).
 * `state` holds one entry a channel; `out` of VC_MOST_BYTES bytes a sample and 8 more always suffices. Returns the payload's bytes, VC_EARGUMENT or VC_ESPACE. */
int64_t vc_bounded_encode(
    vc_bounded_channel *state, int32_t channels, int32_t max_error, const int32_t *x, size_t samples, uint8_t *out, size_t capacity);

/* The inverse. Any bytes decode to some samples; returns 0, VC_EARGUMENT, or VC_EESCAPE where no encoder wrote them. */
int vc_bounded_decode(
    vc_bounded_channel *state, int32_t channels, int32_t max_error, const uint8_t *data, size_t n, int32_t *x, size_t samples);

/* --- for both directions ----------------------------------------------------------------------------------------------- */

/* Checks arguments and makes all channels ready. Returns 0 or VC_EARGUMENT. */
int vc_bounded_begin(vc_bounded_channel *state, int32_t channels, int32_t max_error);

/* Predicts the next sample of channel c; *d is the distribution of its residual, less the low bits. */
void vc_bounded_expect(vc_bounded_channel *state, int32_t c, int32_t max_error, vc_distribution *d);

/* Takes in a residual in quantisation steps; returns the sample that it makes. */
int32_t vc_bounded_learn(vc_bounded_channel *channel, int32_t q, int32_t max_error);

#endif
