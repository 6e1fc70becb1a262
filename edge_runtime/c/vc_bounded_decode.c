#include "vc_bounded.h"
#include "vc_error.h"

static uint32_t decode_bits(vc_range_decoder *r, int32_t n)
{
    uint32_t v = 0;
    for (int32_t i = 0; i < n; i++) {
        uint64_t half = vc_range_scale(r, 1, 1), whole = (uint64_t)r->size1 + 1;
        uint32_t bit = r->offset >= half;
        vc_range_narrow(r, bit ? (uint32_t)half : 0, bit ? whole : half);
        v = (v << 1) | bit;
    }
    return v;
}

static int decode_residual(vc_range_decoder *r, const vc_distribution *d, int32_t low, int32_t *q)
{
    const vc_interval unknown = {0, 0};
    int32_t z = 0;
    int error = vc_distribution_decode(d, unknown, r, &z);
    if (error) return error;
    int extreme = z == VC_EXTREME || z == -VC_EXTREME;
    uint32_t bits = decode_bits(r, extreme ? 32 : low);
    int64_t v = extreme ? bits : (int64_t)z * ((int64_t)1 << low) + bits;
    if (extreme && bits >> 31) v -= (int64_t)1 << 32;
    if (v < INT32_MIN || v > INT32_MAX) return VC_EESCAPE;
    *q = (int32_t)v;
    return VC_OK;
}

int vc_bounded_decode(vc_bounded_channel *state, int32_t channels, int32_t max_error, const uint8_t *data, size_t n, int32_t *x, size_t samples)
{
    int error = vc_bounded_begin(state, channels, max_error);
    if (error) return error;
    vc_range_decoder r;
    vc_range_open(&r, data, n);
    for (size_t t = 0; t < samples; t++)
        for (int32_t c = 0; c < channels; c++) {
            vc_distribution d;
            int32_t q = 0;
            vc_bounded_expect(state, c, max_error, &d);
            error = decode_residual(&r, &d, state[c].residual.low, &q);
            if (error) return error;
            *x++ = vc_bounded_learn(&state[c], q, max_error);
        }
    return VC_OK;
}
