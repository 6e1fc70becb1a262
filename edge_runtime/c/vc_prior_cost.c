#include "vc_error.h"
#include "vc_log2.h"
#include "vc_prior.h"
#include "vc_symbols.h"

enum { FRACTION = 16 };

/* Sum of code lengths as a product of interval widths: mantissa / 2^31 * 2^exponent, 2^31 <= mantissa < 2^32. */
typedef struct cost {
    uint32_t mantissa;
    int64_t exponent; /* grows by log2(width) */
    uint64_t bits;    /* whole bits: 16 a symbol, and escapes */
} cost;

/* One more symbol whose interval is width / 2^16 wide, 1 <= width <= 65536. Loses less than 2^-30 bits. */
static void add_width(cost *c, uint32_t width)
{
    uint64_t product = (uint64_t)c->mantissa * width;
    for (int s = 16; s > 0; s /= 2)
        if (product >> (31 + s) != 0) {
            product >>= s;
            c->exponent += s;
        }
    c->mantissa = (uint32_t)product;
    c->bits += VC_PRECISION;
}

static uint32_t escape_bits(const vc_distribution *d, int32_t z)
{
    int32_t j = z - d->first;
    uint32_t n = j < 0 ? (uint32_t)-j : (uint32_t)(j - d->last) + 1, bits = 2;
    while (n >>= 1) bits += 2;
    return bits;
}

static int add_symbol(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, void *context)
{
    cost *sum = (cost *)context;
    int32_t z = vc_code_latent(r, i, column);
    if (z == 0 && zero.hi != 0) {
        add_width(sum, zero.hi - zero.lo);
        return VC_OK;
    }
    if (z < -VC_LATENT_MAX) return VC_ELATENT;
    vc_distribution d;
    vc_code_distribution(r, i, column, &d);
    vc_interval v = vc_distribution_interval(&d, z);
    add_width(sum, v.hi - v.lo);
    if (!vc_distribution_holds(&d, z)) sum->bits += escape_bits(&d, z);
    vc_code_note(r, i, column, z);
    return VC_OK;
}

static int cost_row(const vc_code_row *r, void *context)
{
    return vc_code_symbols(r, add_symbol, context);
}

int vc_prior_cost(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, uint64_t *bits)
{
    cost sum = {0x80000000u, 0, 0};
    int error = vc_prior_check(p, first_stage, last_stage, bands);
    if (!error) error = vc_prior_run(p, first_stage, last_stage, bands, cost_row, &sum);
    if (error) return error;
    *bits = ((sum.bits - (uint64_t)sum.exponent) << FRACTION) - vc_log2_fraction(sum.mantissa, FRACTION);
    return VC_OK;
}
