#include "vc_error.h"
#include "vc_prior.h"

static void set_latent(const vc_code_row *r, int32_t i, int32_t column, int32_t z)
{
    int16_t *latent = vc_code_latent(r, i, column);
    if (latent) *latent = (int16_t)z;
    vc_code_note(r, i, column, z);
}

/* The parameters of a row are known before its first symbol: what most symbols need is computed ahead of the serial part. */
static void find_zeros(const vc_code_row *r)
{
    vc_interval *zero = r->zeros;
    for (int32_t c = 0; c < r->cols; c++)
        for (int32_t i = 0; i < r->n; i++) {
            vc_distribution d;
            vc_code_distribution(r, i, c, &d);
            *zero++ = vc_distribution_zero(&d);
        }
}

/* Takes a zero if that is what comes; an empty interval never matches. */
static int take_zero(vc_range_decoder *d, vc_interval zero)
{
    uint64_t a = vc_range_scale(d, zero.lo, VC_PRECISION), b = vc_range_scale(d, zero.hi, VC_PRECISION);
    if (d->offset < a || d->offset >= b) return 0;
    vc_range_narrow(d, (uint32_t)a, b);
    return 1;
}

static int decode_symbol(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, vc_range_decoder *d, int32_t *z)
{
    *z = 0;
    if (!vc_code_latent(r, i, column) || take_zero(d, zero)) return VC_OK;
    vc_distribution p;
    vc_code_distribution(r, i, column, &p);
    return vc_distribution_decode(&p, zero, d, z);
}

static int decode_row(const vc_code_row *r, void *context)
{
    const vc_interval *zero = r->zeros;
    find_zeros(r);
    for (int32_t c = 0; c < r->cols; c++)
        for (int32_t i = 0; i < r->n; i++) {
            int32_t z;
            int error = decode_symbol(r, i, c, *zero++, (vc_range_decoder *)context, &z);
            if (error) return error;
            set_latent(r, i, c, z);
        }
    return VC_OK;
}

static int fill_zeros(const vc_code_row *r, void *context)
{
    (void)context;
    for (int32_t c = 0; c < r->cols; c++)
        for (int32_t i = 0; i < r->n; i++) set_latent(r, i, c, 0);
    return VC_OK;
}

int vc_prior_decode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const uint8_t *data, size_t n)
{
    vc_range_decoder d;
    int error = vc_prior_check(p, first_stage, last_stage, bands);
    if (error) return error;
    if (n == 0) return vc_prior_run(p, first_stage, last_stage, bands, fill_zeros, NULL);
    vc_range_open(&d, data, n);
    return vc_prior_run(p, first_stage, last_stage, bands, decode_row, &d);
}
