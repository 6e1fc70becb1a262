/* Which extra instruction sets this build may use. AVX2 is compiled in, and chosen at run time, on x86-64 with GCC or Clang under an operating
   system. -DVC_NO_SIMD leaves it out. */
#ifndef VC_TARGET_H
#define VC_TARGET_H

#if !defined(VC_NO_SIMD) && defined(__x86_64__) && defined(__GNUC__) && __STDC_HOSTED__
#define VC_HAVE_AVX2 1
#define VC_AVX2 __attribute__((target("avx2")))
#define VC_INLINE __attribute__((always_inline)) static inline
#else
#define VC_HAVE_AVX2 0
#define VC_INLINE static inline
#endif

enum { VC_KERNEL_PORTABLE = 0, VC_KERNEL_AVX2 = 1 };

/* The fastest kernels this machine runs. */
static inline int vc_best_kernel(void)
{
#if VC_HAVE_AVX2
    if (__builtin_cpu_supports("avx2")) return VC_KERNEL_AVX2;
#endif
    return VC_KERNEL_PORTABLE;
}

#endif
