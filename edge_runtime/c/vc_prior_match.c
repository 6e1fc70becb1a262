#include "vc_prior_match.h"

void vc_prior_match_plan(vc_prior *p, const vc_plan *plan, int t, vc_arena *a)
{
    if (!plan->model->has_match) return;
    vc_match_setup setup;
    vc_match_set_up(&setup, plan->model, t);
    vc_match_plan(&p->match, &setup, plan->geometry.rows, plan->geometry.cols, a);
}

void vc_prior_match_step(vc_prior *p, int t)
{
    const vc_model *m = p->net.plan->model;
    if (m->has_match) vc_history_step(&p->match.history, m, t);
}

void vc_prior_match_begin(vc_prior *p)
{
    if (p->net.plan->model->has_match) vc_match_begin(&p->match);
}

void vc_prior_match_next(vc_prior *p, int32_t row)
{
    if (p->net.plan->model->has_match) vc_match_next(&p->match, row);
}

void vc_prior_match_end(vc_prior *p, const vc_band *bands)
{
    if (p->net.plan->model->has_match) vc_match_end(&p->match, p->net.plan->symbols[0], bands);
}

/* Where a view of what was matched lies, from a symbol on; NULL where the model has no such plane. */
static int16_t *matched(const vc_prior *p, int kind, int32_t row, int32_t symbol)
{
    int32_t plane = p->net.plan->matched[kind - VC_BEST];
    return plane == VC_NO_PLANE ? NULL : vc_net_row(&p->net, (uint32_t)plane, row) + symbol;
}

void vc_prior_match_find(vc_prior *p, const vc_layer *l, int32_t row, int32_t cols, const vc_band *bands)
{
    int32_t first = l->o.source;
    vc_match_out out = {matched(p, VC_BEST, row, first), matched(p, VC_MEAN, row, first), matched(p, VC_RAW_MEAN, row, first),
                        matched(p, VC_DISTANCE, row, first), p->net.plan->model->stages[0].n_symbols};
    vc_match_find(&p->match, p->net.plan->symbols[0], bands, cols, first, l->o.n, &out);
}

/* Gates are 0 .. 256. */
void vc_prior_match_blend(const vc_prior *p, const vc_layer *l, int32_t row, int32_t cols)
{
    int32_t channels = p->net.plan->planes[l->o.plane].channels;
    int16_t *mean = vc_net_row(&p->net, l->o.plane, row) + l->o.first;
    const int16_t *wanted = matched(p, VC_RAW_MEAN, row, l->o.source);
    for (int32_t c = 0; c < cols; c++, mean += channels, wanted += p->net.plan->model->stages[0].n_symbols)
        for (int32_t i = 0; i < l->o.n; i++) {
            int32_t gate = mean[3 * l->o.n + i];
            gate = gate < 0 ? 0 : gate > 256 ? 256 : gate;
            mean[i] = (int16_t)(mean[i] + ((gate * (wanted[i] - mean[i]) + 128) >> 8));
        }
}
