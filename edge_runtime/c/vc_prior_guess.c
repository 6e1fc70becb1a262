#include "vc_error.h"
#include "vc_prior.h"
#include "vc_symbols.h"

static uint32_t width(const vc_distribution *d, int32_t z)
{
    vc_interval v = vc_distribution_interval(d, z);
    return v.hi - v.lo;
}

/* The mode: the middle of the bell or, where the spike makes it likelier, zero. */
static int guess_symbol(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, void *context)
{
    (void)context;
    const vc_cell *cell = &r->cells[i];
    if (column >= cell->count) return VC_OK;
    vc_distribution d;
    vc_code_distribution(r, i, column, &d);
    int32_t z = d.first + (d.last - 1) / 2;
    if (zero.hi != 0 && zero.hi - zero.lo >= width(&d, z)) z = 0;
    cell->data[(ptrdiff_t)column * cell->step] = (int16_t)z;
    vc_code_note(r, i, column, z);
    return VC_OK;
}

static int guess_row(const vc_code_row *r, void *context)
{
    return vc_code_symbols(r, guess_symbol, context);
}

int vc_prior_guess(vc_prior *p, int first_stage, int last_stage, const vc_band *bands)
{
    int error = vc_prior_check(p, first_stage, last_stage, bands);
    if (error) return error;
    for (int s = first_stage; s <= last_stage; s++) vc_prior_clear(p, (uint32_t)s, bands);
    return vc_prior_run(p, first_stage, last_stage, bands, guess_row, NULL);
}
