/* The interval of z = 0 for many symbols at once: what a decoder needs of most symbols, computed ahead of its serial part. */
#ifndef VC_ZEROS_H
#define VC_ZEROS_H

#include <stdint.h>

#include "vc_distribution.h"

/* Intervals of z = 0 for `cols` sites of n symbols each, in order; empty (0, 0) where 0 is not in the window. Parameters are laid out as in
   the plane of a CODE: of the site after, `pitch` further on; in a site n means, n scales, n spikes. `kernel` is one of VC_KERNEL_...,
   which this machine runs; all give the same numbers. */
void vc_zeros(const int16_t *parameters, int32_t pitch, int32_t n, int32_t cols, int kernel, vc_interval *zeros);

#endif
