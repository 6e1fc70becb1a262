#include "vc_error.h"
#include "vc_sense.h"

static int encode_window(const vc_sense *s, vc_sense_step step, const int16_t *now, const int16_t *before, vc_range_encoder *e)
{
    uint32_t at = s->ratios[step.ratio].rows;
    for (int r = 0; r < s->ratios[step.ratio].measurements; r++) {
        if (now[r] < -VC_LATENT_MAX) return VC_ELATENT;
        vc_sense_row row = vc_sense_row_at(s, at);
        vc_distribution d;
        vc_sense_expect(s, step, &row, now, before, &d);
        vc_distribution_encode(&d, now[r], e);
        at = row.next;
    }
    return VC_OK;
}

static int all_zero(const int16_t *z, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (z[i]) return 0;
    return 1;
}

int64_t vc_sense_encode(const vc_sense *s, int t, int32_t channels, int32_t windows, const int16_t *z, uint8_t *out, size_t capacity)
{
    if (t < 0 || t >= s->codes || channels < 1 || windows < 1) return VC_EARGUMENT;
    vc_sense_step step = vc_sense_step_of(s, t);
    size_t rows = s->ratios[step.ratio].measurements, apart = rows * (size_t)channels, parts = (size_t)channels * (size_t)windows;
    if (all_zero(z, rows * parts)) return 0;
    vc_range_encoder e;
    vc_range_start(&e, out, capacity);
    for (size_t i = 0; i < parts; i++, z += rows) {
        int error = encode_window(s, step, z, i < (size_t)channels ? NULL : z - apart, &e);
        if (error) return error;
    }
    int error = vc_range_finish(&e);
    if (error) return error;
    if (e.size > 0) return (int64_t)e.size;
    if (capacity < 1) return VC_ESPACE;
    out[0] = 0; /* an empty payload would stand for zeros */
    return 1;
}
