#include "vc_error.h"
#include "vc_log2.h"
#include "vc_prior.h"
#include "vc_symbols.h"

typedef struct choice {
    const vc_band *bands, *excess;
    uint32_t lambda;
    vc_range_encoder *e;
    int nonzero; /* whether any latent coded was not 0 */
} choice;

/* lambda (excess / 256)^2, in 1/256 bit */
static uint32_t distortion(uint32_t lambda, int32_t excess)
{
    uint32_t e = (uint32_t)(excess < 0 ? -excess : excess);
    return (uint32_t)((uint64_t)lambda * (e * e) >> 16);
}

static int32_t excess_of(const choice *k, const vc_cell *cell, int32_t column)
{
    ptrdiff_t at = cell->data + (ptrdiff_t)column * cell->step - k->bands[cell->band].data;
    return k->excess[cell->band].data[at];
}

static uint32_t width(const vc_distribution *d, int32_t z)
{
    vc_interval v = vc_distribution_interval(d, z);
    return v.hi - v.lo;
}

/* Whether the neighbour of z nearer zero costs less, both having values of their own. */
static int neighbour_is_cheaper(const vc_distribution *d, int32_t z, int32_t nearer, int32_t excess, uint32_t lambda)
{
    uint32_t here = distortion(lambda, excess), there = distortion(lambda, excess + 256);
    if (there >= here + (VC_PRECISION << 8)) return 0; /* more than any interval saves */
    return there + vc_log2_256(width(d, z)) < here + vc_log2_256(width(d, nearer));
}

static int encode_symbol(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, void *context)
{
    choice *k = (choice *)context;
    const vc_cell *cell = &r->cells[i];
    int32_t z = vc_code_latent(r, i, column);
    if (z == 0 && zero.hi != 0) {
        vc_range_encode(k->e, zero.lo, zero.hi, VC_PRECISION);
        return VC_OK;
    }
    if (z < -VC_LATENT_MAX) return VC_ELATENT;
    vc_distribution d;
    vc_code_distribution(r, i, column, &d);
    int32_t nearer = z > 0 ? z - 1 : z + 1;
    if (k->excess && z != 0 && vc_distribution_holds(&d, z) && vc_distribution_holds(&d, nearer)
        && neighbour_is_cheaper(&d, z, nearer, excess_of(k, cell, column), k->lambda)) {
        z = nearer;
        cell->data[(ptrdiff_t)column * cell->step] = (int16_t)z;
    }
    vc_distribution_encode(&d, z, k->e);
    vc_code_note(r, i, column, z);
    k->nonzero |= z != 0;
    return VC_OK;
}

static int encode_row(const vc_code_row *r, void *context)
{
    return vc_code_symbols(r, encode_symbol, context);
}

static int check_excess(const vc_model *m, int first_stage, int last_stage, const vc_band *bands, const vc_band *excess)
{
    for (int s = first_stage; s <= last_stage; s++) {
        uint32_t n, first = vc_model_stage_bands(m, (uint32_t)s, &n);
        for (uint32_t b = first; b < first + n; b++)
            if (!excess[b].data || excess[b].rows != bands[b].rows || excess[b].cols != bands[b].cols || excess[b].stride != bands[b].stride)
                return VC_EBAND;
    }
    return VC_OK;
}

int64_t vc_prior_encode_rdoq(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const vc_band *excess, uint32_t lambda,
                             uint8_t *out, size_t capacity)
{
    vc_range_encoder e;
    choice k = {bands, excess, lambda, &e, 0};
    if (lambda > 65535) return VC_EARGUMENT;
    int error = vc_prior_check(p, first_stage, last_stage, bands);
    if (!error) error = check_excess(p->net.plan->model, first_stage, last_stage, bands, excess);
    if (error) return error;
    vc_range_start(&e, out, capacity);
    int64_t size = vc_prior_encode_by(p, first_stage, last_stage, bands, encode_row, &k, &e);
    return size > 0 && !k.nonzero ? 0 : size;
}

int vc_prior_encode_part(vc_prior *p, const vc_band *bands, const vc_band *excess, uint32_t lambda, vc_range_encoder *e, uint8_t *nonzero)
{
    choice k = {bands, excess, lambda, e, 0};
    if (lambda > 65535) return VC_EARGUMENT;
    int error = vc_prior_check(p, 0, 0, bands);
    if (!error && excess) error = check_excess(p->net.plan->model, 0, 0, bands, excess);
    if (!error) error = vc_prior_run(p, 0, 0, bands, encode_row, &k);
    if (k.nonzero) *nonzero = 1;
    return error;
}

int vc_prior_encode_row(vc_prior *p, uint32_t stage, int32_t row, const vc_band *bands, const vc_band *excess, uint32_t lambda, vc_range_encoder *e,
                        uint8_t *nonzero)
{
    choice k = {bands, excess, lambda, e, 0};
    int error = vc_prior_run_row(p, stage, row, bands, encode_row, &k);
    if (k.nonzero) *nonzero = 1;
    return error;
}
