#include "vc_bounded.h"
#include "vc_error.h"

/* The residual in quantisation steps, to the nearest; without loss modulo 2^32. */
static int32_t quantised(int64_t error, int32_t max_error)
{
    int64_t step = 2 * max_error + 1, whole = (int64_t)1 << 32;
    if (max_error > 0) return (int32_t)(error < 0 ? -((max_error - error) / step) : (error + max_error) / step);
    if (error > INT32_MAX) error -= whole;
    return (int32_t)(error < INT32_MIN ? error + whole : error);
}

/* The lowest n bits, the highest of them first. */
static void encode_bits(vc_range_encoder *e, uint32_t v, int32_t n)
{
    for (int32_t i = n - 1; i >= 0; i--) {
        uint32_t bit = (v >> i) & 1;
        vc_range_encode(e, bit, bit + 1, 1);
    }
}

static void encode_residual(vc_range_encoder *e, const vc_distribution *d, int32_t low, int32_t q)
{
    int32_t z = q >> low;
    int extreme = z >= VC_EXTREME || z <= -VC_EXTREME;
    vc_distribution_encode(d, !extreme ? z : z < 0 ? -VC_EXTREME : VC_EXTREME, e);
    encode_bits(e, (uint32_t)q, extreme ? 32 : low);
}

int64_t vc_bounded_encode(
    vc_bounded_channel *state, int32_t channels, int32_t max_error, const int32_t *x, size_t samples, uint8_t *out, size_t capacity)
{
    int error = vc_bounded_begin(state, channels, max_error);
    if (error) return error;
    vc_range_encoder e;
    vc_range_start(&e, out, capacity);
    for (size_t t = 0; t < samples; t++)
        for (int32_t c = 0; c < channels; c++) {
            vc_distribution d;
            vc_bounded_expect(state, c, max_error, &d);
            int32_t q = quantised((int64_t)*x++ - state[c].guess, max_error);
            encode_residual(&e, &d, state[c].residual.low, q);
            vc_bounded_learn(&state[c], q, max_error);
        }
    error = vc_range_finish(&e);
    return error ? error : (int64_t)e.size;
}
