#include "vc_predict.h"

#include <stddef.h>

#include "vc_predict_tables.h"
#include "vc_scale.h"

enum {
    STEP_LIMIT = 1 << 23,
    WEIGHT_BITS = 20,
    WEIGHT_LIMIT = 1 << 23,
    FILTER_RATE = 10, /* steps of the adaptation are 2^-10 and 2^-6 */
    MIXER_RATE = 6,
    POWER_FLOOR = 4096,
    FIRST_TREND = VC_ACTIVITIES,
    FIRST_SHAPE = VC_ACTIVITIES + VC_TRENDS
};

static int32_t limited(int64_t v, int32_t most)
{
    return v < -most ? -most : v > most ? most : (int32_t)v;
}

void vc_predict_begin(vc_predictor *p)
{
    for (int i = 0; i < VC_SLOPES; i++) p->slope[i] = 0;
    for (int i = 0; i < VC_CURVES; i++) p->curve[i] = 0;
    for (int i = 0; i < VC_CURVES; i++) p->taps[i] = 0;
    for (int m = 0; m < VC_MIXERS; m++)
        for (int i = 0; i < VC_INPUTS; i++) p->mixers[m][i] = vc_first_mixers[m][i] * (1 << (WEIGHT_BITS - 7));
}

/* 0..7: sign and size of a difference against the usual one. */
static int32_t shape(int32_t v, int64_t usual)
{
    int64_t a = v < 0 ? -(int64_t)v : v;
    int32_t size = 4 * a < usual ? 0 : a < usual ? 1 : a < 3 * usual ? 2 : 3;
    return v < 0 ? size + 4 : size;
}

/* Which mixers suit the moment: by how large residuals are, whether they grow, and the shape of the last three samples. Errors that are far from
 * usual, as where a contact is lost, would undo what was learned: no more of them counts than four times the usual. */
static void choose(vc_predictor *p, int64_t fast, int64_t slow, int32_t step)
{
    int64_t usual = ((slow * step) >> 8) + 8;
    p->most = limited(4 * usual, STEP_LIMIT);
    int32_t activity = vc_log2_floor((uint64_t)fast) - 9;
    int32_t trend = (vc_log2_eighths((uint64_t)fast) - vc_log2_eighths((uint64_t)slow) + 32) >> 2;
    p->chosen[0] = vc_within(activity, VC_ACTIVITIES);
    p->chosen[1] = FIRST_TREND + vc_within(trend, VC_TRENDS);
    p->chosen[2] = FIRST_SHAPE + shape(p->slope[0], usual) + 8 * shape(p->curve[0], usual);
}

static int32_t filtered(const vc_predictor *p)
{
    int64_t sum = 1 << (WEIGHT_BITS - 1);
    for (int i = 0; i < VC_CURVES; i++) sum += (int64_t)p->taps[i] * p->curve[i];
    return limited(p->slope[0] + (sum >> WEIGHT_BITS), STEP_LIMIT);
}

static int32_t mixed(const vc_predictor *p)
{
    const int32_t *a = p->mixers[p->chosen[0]], *b = p->mixers[p->chosen[1]], *c = p->mixers[p->chosen[2]];
    int64_t sum = 1 << (WEIGHT_BITS - 1);
    for (int i = 0; i < VC_INPUTS; i++) sum += (int64_t)(a[i] + b[i] + c[i]) * p->input[i];
    return limited(sum >> WEIGHT_BITS, STEP_LIMIT);
}

int32_t vc_predict_step(vc_predictor *p, int64_t fast, int64_t slow, int32_t step, const vc_predictor *beside)
{
    choose(p, fast, slow, step);
    p->input[0] = filtered(p);
    for (int i = 0; i < VC_SLOPES; i++) p->input[1 + i] = p->slope[i];
    p->input[1 + VC_SLOPES] = beside == NULL ? 0 : beside->slope[0];
    p->input[2 + VC_SLOPES] = beside == NULL ? 0 : beside->slope[1];
    p->step = mixed(p);
    return p->step;
}

/* A gradient step of normalised LMS without its division: error / power = factor / 2^shift, to 1/64. */
typedef struct gradient {
    int64_t factor;
    int shift;
} gradient;

static gradient normalised(int32_t error, const int32_t *input, int n, int rate)
{
    uint64_t power = POWER_FLOOR;
    for (int i = 0; i < n; i++) power += (uint64_t)((int64_t)input[i] * input[i]);
    int top = vc_log2_floor(power);
    gradient g = {(int64_t)error * vc_reciprocal[(power >> (top - 5)) & 31], top + 8 + rate - WEIGHT_BITS};
    return g;
}

/* The change of a weight; the product stays below 2^54, and the shift is 6 at least as POWER_FLOOR is 2^12. */
static int64_t change(gradient g, int32_t input)
{
    int64_t v = g.factor * input;
    return (v + ((int64_t)1 << (g.shift - 1))) >> g.shift;
}

static void learn_filter(vc_predictor *p, int32_t slope)
{
    gradient g = normalised(limited((int64_t)slope - p->input[0], p->most), p->curve, VC_CURVES, FILTER_RATE);
    for (int i = 0; i < VC_CURVES; i++) p->taps[i] = limited(p->taps[i] + change(g, p->curve[i]), WEIGHT_LIMIT);
}

static void learn_mixers(vc_predictor *p, int32_t slope)
{
    gradient g = normalised(limited((int64_t)slope - p->step, p->most), p->input, VC_INPUTS, MIXER_RATE);
    for (int i = 0; i < VC_INPUTS; i++) {
        int64_t v = change(g, p->input[i]);
        for (int m = 0; m < VC_CHOSEN; m++) {
            int32_t *w = &p->mixers[p->chosen[m]][i];
            *w = limited(*w + v, WEIGHT_LIMIT);
        }
    }
}

static void shift_in(int32_t *history, int n, int32_t newest)
{
    for (int i = n - 1; i > 0; i--) history[i] = history[i - 1];
    history[0] = newest;
}

void vc_predict_learn(vc_predictor *p, int64_t moved)
{
    int32_t slope = limited(16 * moved, STEP_LIMIT);
    learn_filter(p, slope);
    learn_mixers(p, slope);
    shift_in(p->curve, VC_CURVES, limited((int64_t)slope - p->slope[0], STEP_LIMIT));
    shift_in(p->slope, VC_SLOPES, slope);
}
