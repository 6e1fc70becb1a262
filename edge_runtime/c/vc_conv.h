/* Convolution kernels: one row of one CONV. All give the same bits. */
#ifndef VC_CONV_H
#define VC_CONV_H

#include "vc_net.h"

/* AVX2 is compiled in, and chosen at run time, on x86 with GCC or Clang under an operating system. -DVC_NO_SIMD leaves it out. */
#if !defined(VC_NO_SIMD) && defined(__x86_64__) && defined(__GNUC__) && __STDC_HOSTED__
#define VC_HAVE_AVX2 1
#else
#define VC_HAVE_AVX2 0
#endif

/* Output channels come in blocks of this many in packed weights; a last block of half as many or fewer is half as wide. */
enum { VC_BLOCK = 16 };

/* Straight from the model's int8 weights; needs no packed copy. */
void vc_conv_portable(const vc_conv_row *r);

#if VC_HAVE_AVX2
void vc_conv_avx2(const vc_conv_row *r);
#endif

#endif
