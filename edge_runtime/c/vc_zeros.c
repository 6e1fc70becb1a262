#include "vc_zeros.h"

#include "vc_tables.h"
#include "vc_target.h"

enum { CHUNK = 64, SCALES = 48, SPIKES = 64, LOGISTIC_END = 384 };

VC_INLINE int32_t clamp(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* G(u) without branches. Products of a u outside the window may wrap, but the table is not left. */
VC_INLINE uint32_t logistic(int32_t u, uint32_t inverse)
{
    uint32_t a = ((uint32_t)(u < 0 ? -u : u) * inverse) >> 8;
    a = a > LOGISTIC_END << 8 ? LOGISTIC_END << 8 : a;
    uint32_t t = vc_logistic[a >> 8];
    uint32_t g = t + (((vc_logistic[(a >> 8) + 1] - t) * (a & 255)) >> 8);
    return u < 0 ? 32768 - g : 32768 + g;
}

/* The same numbers as vc_distribution_set and _cdf give. */
VC_INLINE vc_interval zero_interval(int32_t mean, int32_t scale, int32_t spike)
{
    int32_t i = clamp(((scale + 32) >> 6) + 16, 0, SCALES - 1);
    uint32_t w = vc_spike[clamp(((spike + 32) >> 6) + 32, 0, SPIKES - 1)];
    int32_t half = (int32_t)vc_half[i], j = half - ((mean + 8) >> 4);
    uint32_t inverse = vc_inverse[i], free = 65534u - 2u * (uint32_t)half;
    uint32_t below = logistic(-8 - mean, inverse), above = logistic(8 - mean, inverse);
    below = below - ((w * below + 65535) >> 16);
    above = above - ((w * above + 65535) >> 16) + w;
    vc_interval v = {(uint32_t)j + ((below * free) >> 16), (uint32_t)j + 1 + ((above * free) >> 16)};
    int inside = j >= 0 && j <= 2 * half;
    v.lo = inside && j > 0 ? v.lo : 0;
    v.hi = inside ? v.hi : 0;
    return v;
}

#if VC_HAVE_AVX2
/* Symbols side by side, so that a compiler can handle several at once. */
typedef struct chunk {
    int32_t mean[CHUNK], scale[CHUNK], spike[CHUNK];
} chunk;

VC_INLINE void chunk_zeros(const chunk *k, vc_interval *zeros)
{
    for (int s = 0; s < CHUNK; s++) zeros[s] = zero_interval(k->mean[s], k->scale[s], k->spike[s]);
}

VC_AVX2 static void chunk_zeros_avx2(const chunk *k, vc_interval *zeros)
{
    chunk_zeros(k, zeros);
}

/* Fills a chunk from symbol `first` on, counted over all sites, with zeros past the last one. */
static void fill_chunk(chunk *k, const int16_t *parameters, int32_t pitch, int32_t n, int32_t first, int32_t total)
{
    const int16_t *p = parameters + (ptrdiff_t)(first / n) * pitch;
    int32_t i = first % n, end = total - first < CHUNK ? total - first : CHUNK;
    for (int32_t s = 0; s < end; s++) {
        k->mean[s] = p[i];
        k->scale[s] = p[n + i];
        k->spike[s] = p[2 * (ptrdiff_t)n + i];
        if (++i == n) {
            i = 0;
            p += s + 1 < end ? pitch : 0;
        }
    }
    for (int32_t s = end; s < CHUNK; s++) k->mean[s] = k->scale[s] = k->spike[s] = 0;
}

static void zeros_avx2(const int16_t *parameters, int32_t pitch, int32_t n, int32_t cols, vc_interval *zeros)
{
    int32_t total = n * cols;
    for (int32_t first = 0; first < total; first += CHUNK) {
        chunk k;
        vc_interval all[CHUNK];
        fill_chunk(&k, parameters, pitch, n, first, total);
        chunk_zeros_avx2(&k, all);
        for (int32_t s = 0; s < CHUNK && first + s < total; s++) zeros[first + s] = all[s];
    }
}
#endif

static void zeros_portable(const int16_t *parameters, int32_t pitch, int32_t n, int32_t cols, vc_interval *zeros)
{
    for (int32_t c = 0; c < cols; c++, parameters += pitch)
        for (int32_t i = 0; i < n; i++) *zeros++ = zero_interval(parameters[i], parameters[n + i], parameters[2 * (ptrdiff_t)n + i]);
}

void vc_zeros(const int16_t *parameters, int32_t pitch, int32_t n, int32_t cols, int kernel, vc_interval *zeros)
{
#if VC_HAVE_AVX2
    if (kernel == VC_KERNEL_AVX2 && n * cols >= CHUNK / 4) {
        zeros_avx2(parameters, pitch, n, cols, zeros);
        return;
    }
#endif
    (void)kernel;
    zeros_portable(parameters, pitch, n, cols, zeros);
}
