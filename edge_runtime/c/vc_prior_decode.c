#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_prior.h"
#include "vc_zeros.h"

/* Takes a zero if that is what comes; an empty interval never matches. */
static inline int take_zero(vc_range_decoder *d, vc_interval zero)
{
    uint64_t a = vc_range_scale(d, zero.lo, VC_PRECISION), b = vc_range_scale(d, zero.hi, VC_PRECISION);
    if (d->offset < a || d->offset >= b) return 0;
    vc_range_narrow(d, (uint32_t)a, b);
    return 1;
}

/* Decodes a latent that is not zero. */
static int decode_other(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, vc_range_decoder *d)
{
    vc_distribution p;
    int32_t z;
    vc_code_distribution(r, i, column, &p);
    int error = vc_distribution_decode(&p, zero, d, &z);
    if (error) return error;
    r->cells[i].data[(ptrdiff_t)column * r->cells[i].step] = (int16_t)z;
    vc_code_note(r, i, column, z);
    return VC_OK;
}

/* The parameters of a row are known before its first symbol: what most symbols need is computed ahead of the serial part, in which zeros
   leave no trace as bands and planes are zero already. The decoder's state is copied so that it can live in registers. */
static int decode_row(const vc_code_row *r, void *context)
{
    vc_range_decoder d = *(vc_range_decoder *)context;
    const vc_interval *zero = r->zeros;
    vc_zeros(r->parameters, r->pitch, r->n, r->cols, r->kernel, r->zeros);
    for (int32_t c = 0; c < r->cols; c++)
        for (int32_t i = 0; i < r->n; i++, zero++) {
            if (c >= r->cells[i].count || take_zero(&d, *zero)) continue;
            vc_range_decoder other = d;
            int error = decode_other(r, i, c, *zero, &other);
            if (error) return error;
            d = other;
        }
    *(vc_range_decoder *)context = d;
    return VC_OK;
}

int vc_prior_decode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const uint8_t *data, size_t n)
{
    vc_range_decoder d;
    int error = vc_prior_check(p, first_stage, last_stage, bands);
    if (error) return error;
    for (int s = first_stage; s <= last_stage; s++) vc_prior_clear(p, (uint32_t)s, bands);
    if (n == 0) return vc_prior_run(p, first_stage, last_stage, bands, NULL, NULL);
    vc_range_open(&d, data, n);
    return vc_prior_run(p, first_stage, last_stage, bands, decode_row, &d);
}
