/* Priors that make their own plan: hosts only. */
#include "vc_error.h"
#include "vc_prior.h"

int64_t vc_prior_memory(const vc_model *m, const vc_geometry *g)
{
    vc_plan plan;
    vc_arena unused = {NULL, 0};
    int64_t own = vc_plan_memory(m, g);
    if (own < 0) return own;
    vc_plan_make(&plan, m, g, &unused);
    return own + vc_prior_plan_memory(&plan);
}

int vc_prior_begin(vc_prior *p, const vc_model *m, const vc_geometry *g, int t, void *memory, size_t n)
{
    int64_t need = vc_prior_memory(m, g);
    if (need < 0) return (int)need;
    if (!memory || (uint64_t)need > n) return VC_ESPACE;
    size_t own = (size_t)vc_plan_memory(m, g);
    return vc_prior_plan_begin(p, vc_plan_place(m, g, memory), t, (uint8_t *)memory + own, n - own);
}
