#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_sense.h"

static int decode_window(const vc_sense *s, vc_sense_step step, int16_t *now, const int16_t *before, vc_range_decoder *d)
{
    const vc_interval unknown = {0, 0};
    uint32_t at = s->ratios[step.ratio].rows;
    for (int r = 0; r < s->ratios[step.ratio].measurements; r++) {
        vc_sense_row row = vc_sense_row_at(s, at);
        vc_distribution distribution;
        int32_t z = 0;
        vc_sense_expect(s, step, &row, now, before, &distribution);
        int error = vc_distribution_decode(&distribution, unknown, d, &z);
        if (error) return error;
        now[r] = (int16_t)z;
        at = row.next;
    }
    return VC_OK;
}

int vc_sense_decode(const vc_sense *s, int t, int32_t channels, int32_t windows, const uint8_t *data, size_t n, int16_t *z)
{
    if (t < 0 || t >= s->codes || channels < 1 || windows < 1) return VC_EARGUMENT;
    vc_sense_step step = vc_sense_step_of(s, t);
    size_t rows = s->ratios[step.ratio].measurements, apart = rows * (size_t)channels, parts = (size_t)channels * (size_t)windows;
    if (n == 0) {
        vc_zero(z, rows * parts * sizeof *z);
        return VC_OK;
    }
    vc_range_decoder d;
    vc_range_open(&d, data, n);
    for (size_t i = 0; i < parts; i++, z += rows) {
        int error = decode_window(s, step, z, i < (size_t)channels ? NULL : z - apart, &d);
        if (error) return error;
    }
    return VC_OK;
}
