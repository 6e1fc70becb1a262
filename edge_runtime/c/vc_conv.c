#include "vc_conv.h"

#include "vc_bytes.h"

static int32_t dot(const int16_t *x, const int8_t *w, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += x[i] * w[i];
    return sum;
}

static int32_t sum_at(const vc_conv_row *r, const int8_t *weights, int32_t column)
{
    const vc_layer *l = r->layer;
    int32_t sum = 0;
    for (int32_t i = 0; i < l->n_segments; i++) {
        const vc_segment *s = &l->segments[i];
        if (r->inputs[i]) sum += dot(r->inputs[i] + (ptrdiff_t)column * s->pitch, weights + s->weight, s->length);
    }
    return sum;
}

void vc_conv_portable(const vc_conv_row *r)
{
    const vc_layer *l = r->layer;
    const int8_t *weights = (const int8_t *)l->o.weights;
    for (int32_t column = 0; column < r->cols; column++)
        for (int32_t c = 0; c < l->o.n; c++) {
            int32_t sum = l->bias[c] + sum_at(r, weights + (ptrdiff_t)c * (ptrdiff_t)l->o.fan_in, column);
            int16_t v = vc_round_shift_sat16(sum, (unsigned)l->shift[c]);
            r->out[(ptrdiff_t)column * r->out_pitch + c] = l->o.relu && v < 0 ? 0 : v;
        }
}
