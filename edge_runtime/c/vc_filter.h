/* A pair of analysis filters along a sequence: the kernel of vc_pyramid and vc_history. All variants give the same bits. */
#ifndef VC_FILTER_H
#define VC_FILTER_H

#include <stdint.h>

#include "vc_model.h"

/* n outputs of both filters. Number i has its first tap at x[i * step]; taps are `stretch` apart. `high` is NULL where it is not wanted. */
void vc_filter_along(const vc_filter *f, const int16_t *x, int32_t step, int32_t stretch, int32_t n, int16_t *low, int16_t *high);

#endif
