#include "vc_conv.h"

#include "vc_bytes.h"

static int32_t dot(const int16_t *x, const int8_t *w, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += x[i] * w[i];
    return sum;
}

int32_t vc_conv_bias(const vc_net *n, const vc_layer *l, int32_t channel)
{
    const int8_t *weights = (const int8_t *)l->o.weights + (ptrdiff_t)channel * (ptrdiff_t)l->o.fan_in;
    int32_t bias = vc_i32(l->o.bias + 4 * (ptrdiff_t)channel);
    for (int32_t i = l->n_segments; i < l->n_segments + l->n_conditions; i++) {
        const vc_segment *s = &l->segments[i];
        for (int32_t k = n->lit; k < n->lit + 2; k++)
            if (k >= s->offset && k < s->offset + s->length) bias += weights[s->weight + k - s->offset] * n->condition[k];
    }
    return bias;
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
    for (int32_t c = 0; c < l->o.n; c++) {
        const int8_t *weights = (const int8_t *)l->o.weights + (ptrdiff_t)c * (ptrdiff_t)l->o.fan_in;
        int32_t bias = vc_conv_bias(r->net, l, c);
        for (int32_t column = 0; column < r->cols; column++) {
            int32_t sum = bias + sum_at(r, weights, column);
            r->out[(ptrdiff_t)column * r->out_pitch + c] = vc_conv_rounded(l, c, sum);
        }
    }
}
