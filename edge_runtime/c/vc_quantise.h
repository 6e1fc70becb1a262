/* Quantiser of docs/format.md section 3. */
#ifndef VC_QUANTISE_H
#define VC_QUANTISE_H

#include <stddef.h>
#include <stdint.h>

#include "vc_model.h"

/* Quantises n coefficients y of a band at step code t, 0..255, into z (which may be y). `round` is the rounding offset in 1/256, 0..255 (128 is
   plain rounding, less a dead zone), or -1 for the band's default. Returns 0 or VC_EARGUMENT. */
int vc_quantise_band(const vc_model *m, uint32_t band, int t, int round, const int16_t *y, int16_t *z, size_t n);

/* By how much the coefficients y, in steps, exceed their latents z: |y| / step - |z| in 1/256, saturated; for vc_prior_encode_rdoq. */
int vc_quantise_excess(const vc_model *m, uint32_t band, int t, const int16_t *y, const int16_t *z, int16_t *excess, size_t n);

#endif
