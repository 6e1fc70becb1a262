/* The symbols of a row of one CODE, for handlers that know their latents. */
#ifndef VC_SYMBOLS_H
#define VC_SYMBOLS_H

#include "vc_error.h"
#include "vc_prior.h"
#include "vc_zeros.h"

/* Handles symbol i at a column; `zero` is the interval of z = 0, {.., 0} where 0 is not in the window. Returns 0 or an error. */
typedef int (*vc_symbol_handler)(const vc_code_row *r, int32_t i, int32_t column, vc_interval zero, void *context);

/* Hands the symbols that exist to `symbol`, in coding order; inline, so that this becomes no call. */
static inline int vc_code_symbols(const vc_code_row *r, vc_symbol_handler symbol, void *context)
{
    const vc_interval *zero = r->zeros;
    vc_zeros(r->parameters, r->pitch, r->n, r->cols, r->kernel, r->zeros);
    for (int32_t c = 0; c < r->cols; c++)
        for (int32_t i = 0; i < r->n; i++, zero++) {
            int error = c < r->cells[i].count ? symbol(r, i, c, *zero, context) : VC_OK;
            if (error) return error;
        }
    return VC_OK;
}

#endif
