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

/* Rounds, saturates and stores the sum of one channel at one column. */
static void put(const vc_conv_row *r, int32_t channel, int32_t column, int32_t sum)
{
    int16_t v = vc_round_shift_sat16(sum, r->layer->o.shifts[channel]);
    r->out[(ptrdiff_t)column * r->out_pitch + channel] = r->layer->o.relu && v < 0 ? 0 : v;
}

/* Output channels `first` and above. */
static void run_from(const vc_conv_row *r, int32_t first)
{
    const vc_layer *l = r->layer;
    for (int32_t c = first; c < l->o.n; c++) {
        const int8_t *weights = (const int8_t *)l->o.weights + (ptrdiff_t)c * (ptrdiff_t)l->o.fan_in;
        int32_t bias = vc_conv_bias(r->net, l, c);
        for (int32_t column = 0; column < r->cols; column++) put(r, c, column, bias + sum_at(r, weights, column));
    }
}

void vc_conv_portable(const vc_conv_row *r)
{
    run_from(r, 0);
}

/* vc_conv_bias of four channels. */
static void load_biases(const vc_conv_row *r, int32_t first, const int8_t *weights, int32_t sums[VC_CONV_CHANNELS])
{
    const vc_layer *l = r->layer;
    const uint8_t *bias = l->o.bias + 4 * (ptrdiff_t)first;
    ptrdiff_t pitch = (ptrdiff_t)l->o.fan_in;
    for (int i = 0; i < VC_CONV_CHANNELS; i++) sums[i] = vc_i32(bias + 4 * i);
    for (int32_t i = l->n_segments; i < l->n_segments + l->n_conditions; i++) {
        const vc_segment *s = &l->segments[i];
        for (int32_t k = r->net->lit; k < r->net->lit + 2; k++) {
            const int8_t *w = weights + s->weight + k - s->offset;
            int32_t q = r->net->condition[k];
            if (k < s->offset || k >= s->offset + s->length) continue;
            sums[0] += w[0] * q;
            sums[1] += w[pitch] * q;
            sums[2] += w[2 * pitch] * q;
            sums[3] += w[3 * pitch] * q;
        }
    }
}

/* Four output channels from `first` on. */
static void run_four(const vc_conv_row *r, int32_t first, vc_conv_add add)
{
    const vc_layer *l = r->layer;
    const int16_t *const *inputs = r->inputs;
    ptrdiff_t pitch = (ptrdiff_t)l->o.fan_in;
    const int8_t *weights = (const int8_t *)l->o.weights + first * pitch;
    int32_t bias[VC_CONV_CHANNELS];
    load_biases(r, first, weights, bias);
    for (int32_t column = 0; column < r->cols; column++) {
        int32_t sums[VC_CONV_CHANNELS] = {bias[0], bias[1], bias[2], bias[3]};
        const vc_segment *s = l->segments, *end = s + l->n_segments;
        for (const int16_t *const *input = inputs; s < end; s++, input++)
            if (*input) add(sums, *input + (ptrdiff_t)column * s->pitch, weights + s->weight, s->length, pitch);
        for (int i = 0; i < VC_CONV_CHANNELS; i++) put(r, first + i, column, sums[i]);
    }
}

void vc_conv_by_four(const vc_conv_row *r, vc_conv_add add)
{
    int32_t c = 0;
    for (; c + VC_CONV_CHANNELS <= r->layer->o.n; c += VC_CONV_CHANNELS) run_four(r, c, add);
    run_from(r, c);
}
