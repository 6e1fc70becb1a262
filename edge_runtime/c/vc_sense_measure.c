#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_sense.h"

enum { MINUS_COLUMN = 0x8000 };

/* One row of y = Phi x. */
static int32_t measure_row(const vc_sense_row *row, const int16_t *x, size_t stride)
{
    int32_t y = 0;
    for (uint32_t i = 0; i < row->n_entries; i++) {
        uint32_t column = vc_u16(row->entries + 2 * i);
        int32_t v = x[stride * (column & 0x7fffu)];
        y += column & MINUS_COLUMN ? -v : v;
    }
    return y;
}

int vc_sense_measure(const vc_sense *s, int t, int rounding, const int16_t *x, size_t stride, int16_t *z)
{
    if (t < 0 || t >= s->codes || rounding > 255) return VC_EARGUMENT;
    vc_sense_step step = vc_sense_step_of(s, t);
    uint32_t at = s->ratios[step.ratio].rows;
    int32_t round = rounding < 0 ? s->rounding : rounding;
    for (int r = 0; r < s->ratios[step.ratio].measurements; r++) {
        vc_sense_row row = vc_sense_row_at(s, at);
        z[r] = vc_sense_quantise(measure_row(&row, x, stride), step.exponent + row.offset, round);
        at = row.next;
    }
    return s->ratios[step.ratio].measurements;
}
