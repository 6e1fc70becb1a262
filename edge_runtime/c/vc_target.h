/* Which extra instruction sets this build may use: AVX2, chosen at run time, on x86-64 under an operating system; the DSP instructions and MVE (Helium) of Arm, chosen
   by what the compiler builds for. All with GCC or Clang. -DVC_NO_SIMD leaves them out. */
#ifndef VC_TARGET_H
#define VC_TARGET_H

#include "vc_build.h"

#if !defined(VC_NO_SIMD) && defined(__GNUC__)
#define VC_MAY_USE_SIMD 1
#else
#define VC_MAY_USE_SIMD 0
#endif

#if VC_MAY_USE_SIMD && !VC_FOR_DEVICE && defined(__x86_64__) && __STDC_HOSTED__
#define VC_HAVE_AVX2 1
#define VC_AVX2 __attribute__((target("avx2")))
#define VC_INLINE __attribute__((always_inline)) static inline
#else
#define VC_HAVE_AVX2 0
#define VC_INLINE static inline
#endif

#if VC_MAY_USE_SIMD && defined(__ARM_FEATURE_MVE)
#define VC_HAVE_MVE 1
#else
#define VC_HAVE_MVE 0
#endif

#if VC_MAY_USE_SIMD && !VC_HAVE_MVE && defined(__arm__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) && !defined(__ARM_BIG_ENDIAN)
#define VC_HAVE_DSP 1
#else
#define VC_HAVE_DSP 0
#endif

/* What other devices do: leave out products of zeros. */
#define VC_HAVE_SPARSE (VC_FOR_DEVICE && !VC_HAVE_DSP && !VC_HAVE_MVE)

/* Instructions that saturate. */
#if VC_HAVE_DSP || VC_HAVE_MVE
#define VC_HAVE_SATURATION 1
#else
#define VC_HAVE_SATURATION 0
#endif

/* On devices, where flash is short: what runs once a packet or less is built for size, and what runs most is not, whoever calls it, nor copied into its callers. */
#if defined(__GNUC__) && VC_FOR_DEVICE
#define VC_COLD __attribute__((cold, noinline))
#define VC_APART __attribute__((hot, noinline))
#else
#define VC_COLD
#define VC_APART
#endif

/* Words need not be aligned. */
#define VC_HAVE_WORDS VC_HAVE_SATURATION

enum { VC_KERNEL_PORTABLE = 0, VC_KERNEL_AVX2 = 1, VC_KERNEL_DSP = 2, VC_KERNEL_MVE = 3, VC_KERNEL_SPARSE = 4 };

/* The fastest kernels this machine runs. */
static inline int vc_best_kernel(void)
{
#if VC_HAVE_AVX2
    if (__builtin_cpu_supports("avx2")) return VC_KERNEL_AVX2;
#endif
    return VC_HAVE_MVE ? VC_KERNEL_MVE : VC_HAVE_DSP ? VC_KERNEL_DSP : VC_HAVE_SPARSE ? VC_KERNEL_SPARSE : VC_KERNEL_PORTABLE;
}

#endif
