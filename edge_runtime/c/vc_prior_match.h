/* What a prior does for a model that predicts from similar places before (docs/format.md section 4); nothing for others. Devices whose model does not match are built without it. */
#ifndef VC_PRIOR_MATCH_H
#define VC_PRIOR_MATCH_H

#include <stdint.h>

#include "vc_arena.h"
#include "vc_build.h"
#include "vc_prior.h"

#if VC_WITH_MATCH
/* Takes memory from the arena; with a base, also fills in `p->match` for step code t. */
void vc_prior_match_plan(vc_prior *p, const vc_plan *plan, int t, vc_arena *a);

/* Goes on at another step code. */
void vc_prior_match_step(vc_prior *p, int t);

/* Around a packet and its rows: `row` is counted from the first that `bands` have. */
void vc_prior_match_begin(vc_prior *p);
void vc_prior_match_next(vc_prior *p, int32_t row);
void vc_prior_match_end(vc_prior *p, const vc_band *bands);

/* The operations MATCH and BLEND on a row. */
void vc_prior_match_find(vc_prior *p, const vc_layer *l, int32_t row, int32_t cols, const vc_band *bands);
void vc_prior_match_blend(const vc_prior *p, const vc_layer *l, int32_t row, int32_t cols);
#else
#define vc_prior_match_plan(p, plan, t, a) ((void)(t))
#define vc_prior_match_step(p, t) ((void)(t))
#define vc_prior_match_begin(p) ((void)(p))
#define vc_prior_match_next(p, row) ((void)(p))
#define vc_prior_match_end(p, bands) ((void)(p))
#define vc_prior_match_find(p, l, row, cols, bands) ((void)(p))
#define vc_prior_match_blend(p, l, row, cols) ((void)(p))
#endif

#endif
