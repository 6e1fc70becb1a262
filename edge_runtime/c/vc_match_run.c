#include "vc_match_run.h"

#include "vc_bytes.h"
#include "vc_error.h"

int64_t vc_match_run_memory(const vc_match_setup *s, int32_t rows, int32_t cols)
{
    vc_match k;
    vc_arena a = {NULL, 0};
    vc_match_plan(&k, s, rows, cols, &a);
    return a.used + VC_ARENA_ALIGN;
}

static int16_t *from(int16_t *plane, ptrdiff_t at)
{
    return plane ? plane + at : NULL;
}

static void run_block(vc_match *k, const vc_match_packet *p, const vc_match_out *out, int32_t row)
{
    ptrdiff_t at = (ptrdiff_t)row * p->cols * out->pitch;
    vc_match_next(k, row);
    for (int32_t g = 0; g < p->n_groups; g++) {
        int32_t first = p->groups[g];
        vc_match_out here = {from(out->best, at + first), from(out->mean, at + first), from(out->raw, at + first),
                             from(out->distance, at + first), out->pitch};
        vc_match_find(k, p->symbols, p->bands, p->cols, first, p->groups[g + 1] - first, &here);
    }
    vc_match_end(k, p->symbols, p->bands);
}

int vc_match_run(const vc_match_setup *s, const vc_match_packet *p, const vc_match_out *out, void *memory, size_t n)
{
    vc_match k;
    if (!memory || (uint64_t)vc_match_run_memory(s, p->rows, p->cols) > n) return VC_ESPACE;
    vc_zero(memory, n);
    vc_arena a = vc_arena_in(memory);
    vc_match_plan(&k, s, p->rows, p->cols, &a);
    vc_match_begin(&k);
    for (int32_t row = 0; row < p->rows; row++) run_block(&k, p, out, row);
    return VC_OK;
}
