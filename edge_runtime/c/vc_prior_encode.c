#include "vc_error.h"
#include "vc_prior.h"
#include "vc_symbols.h"

static int encode_symbol(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, void *context)
{
    vc_range_encoder *e = (vc_range_encoder *)context;
    int32_t z = vc_code_latent(r, i, column);
    if (z == 0 && zero.hi != 0) {
        vc_range_encode(e, zero.lo, zero.hi, VC_PRECISION);
        return VC_OK;
    }
    if (z < -VC_LATENT_MAX) return VC_ELATENT;
    vc_distribution d;
    vc_code_distribution(r, i, column, &d);
    vc_distribution_encode(&d, z, e);
    vc_code_note(r, i, column, z);
    return VC_OK;
}

static int encode_row(const vc_code_row *r, void *context)
{
    return vc_code_symbols(r, encode_symbol, context);
}

static int band_is_zero(const vc_band *b)
{
    for (int32_t y = 0; y < b->rows; y++)
        for (int32_t x = 0; x < b->cols; x++)
            if (b->data[(ptrdiff_t)y * b->stride + x]) return 0;
    return 1;
}

static int stages_are_zero(const vc_prior *p, int first_stage, int last_stage, const vc_band *bands)
{
    for (int s = first_stage; s <= last_stage; s++) {
        uint32_t n, first = vc_model_stage_bands(p->net.plan->model, (uint32_t)s, &n);
        for (uint32_t b = first; b < first + n; b++)
            if (!band_is_zero(&bands[b])) return 0;
    }
    return 1;
}

int64_t vc_prior_encode_by(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, vc_code_handler code, void *context,
                           vc_range_encoder *e)
{
    int error = vc_prior_check(p, first_stage, last_stage, bands);
    if (error) return error;
    if (stages_are_zero(p, first_stage, last_stage, bands))
        return vc_prior_run(p, first_stage, last_stage, bands, NULL, NULL);
    error = vc_prior_run(p, first_stage, last_stage, bands, code, context);
    if (!error) error = vc_range_finish(e);
    if (error) return error;
    if (e->size > 0) return (int64_t)e->size;
    /* No bytes would mean that all is zero. The decoder reads zeros past the end, so one says the same. */
    if (e->capacity == 0) return VC_ESPACE;
    e->data[0] = 0;
    return 1;
}

int64_t vc_prior_encode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, uint8_t *out, size_t capacity)
{
    vc_range_encoder e;
    vc_range_start(&e, out, capacity);
    return vc_prior_encode_by(p, first_stage, last_stage, bands, encode_row, &e, &e);
}
