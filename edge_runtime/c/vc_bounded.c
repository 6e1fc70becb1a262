#include "vc_bounded.h"

#include "vc_error.h"

enum { MOST_CHANNELS = 256 };

int vc_bounded_begin(vc_bounded_channel *state, int32_t channels, int32_t max_error)
{
    if (channels < 1 || channels > MOST_CHANNELS || max_error < 0 || max_error > VC_MOST_ERROR) return VC_EARGUMENT;
    for (int32_t c = 0; c < channels; c++) {
        vc_predict_begin(&state[c].predictor);
        vc_residual_begin(&state[c].residual);
        state[c].last = state[c].guess = state[c].centre = state[c].started = 0;
    }
    return VC_OK;
}

static int64_t limited(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

void vc_bounded_expect(vc_bounded_channel *state, int32_t c, int32_t max_error, vc_distribution *d)
{
    vc_bounded_channel *channel = &state[c];
    const vc_residual *r = &channel->residual;
    int32_t step = 2 * max_error + 1;
    int64_t moved = vc_predict_step(&channel->predictor, r->fast, r->slow, step, c == 0 ? NULL : &state[c - 1].predictor);
    int64_t at = limited(16 * (int64_t)channel->last + moved, 16 * (int64_t)INT32_MIN, 16 * (int64_t)INT32_MAX);
    channel->guess = (int32_t)((at + 8) >> 4);
    channel->centre = ((int32_t)(at - 16 * (int64_t)channel->guess) * ((65536 + max_error) / step) + 32768) >> 16;
    vc_residual_expect(&channel->residual, channel->centre, d);
}

/* Without loss the sum wraps at 32 bits, as the residual did; else it ends at the ends of 32 bits, which brings it nearer to any sample. */
static int32_t value(int32_t guess, int32_t q, int32_t max_error)
{
    int64_t v = guess + (int64_t)q * (2 * max_error + 1);
    if (max_error > 0) return (int32_t)limited(v, INT32_MIN, INT32_MAX);
    if (v > INT32_MAX) v -= (int64_t)1 << 32;
    return (int32_t)(v < INT32_MIN ? v + ((int64_t)1 << 32) : v);
}

int32_t vc_bounded_learn(vc_bounded_channel *channel, int32_t q, int32_t max_error)
{
    int32_t x = value(channel->guess, q, max_error);
    if (channel->started) { /* the way from nothing to the first sample says nothing about the next */
        vc_residual_learn(&channel->residual, channel->centre, q);
        vc_predict_learn(&channel->predictor, (int64_t)x - channel->last);
    }
    channel->started = 1;
    channel->last = x;
    return x;
}
