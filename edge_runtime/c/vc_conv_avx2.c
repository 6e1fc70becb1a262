#include "vc_conv.h"

#if VC_HAVE_AVX2

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) static inline

enum {
    LANES = 8,     /* 32-bit sums in a vector */
    MOST_SITES = 8 /* at once */
};

/* Sites per step for blocks of two vectors and of one: as many as leave registers for a pair of inputs and the weights. */
enum { WIDE_SITES = 6, NARROW_SITES = 8 };

/* Two neighbouring inputs in every 32-bit lane. */
AVX2_INLINE __m256i broadcast_pair(const int16_t *x)
{
    int32_t pair;
    __builtin_memcpy(&pair, x, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* Adds a segment's products for `sites` neighbouring sites and `vectors` x 8 channels: one multiply-add takes two inputs of 8 channels. */
AVX2_INLINE void add_segment(__m256i sums[MOST_SITES][2], const int16_t *x, const int16_t *packed, const vc_segment *s, const int sites,
                             const int vectors)
{
    const __m256i *w = (const __m256i *)(const void *)packed + (ptrdiff_t)s->pair * vectors;
    for (int32_t k = 0; k < s->length; k += 2, w += vectors)
        for (int p = 0; p < sites; p++) {
            __m256i v = broadcast_pair(x + (ptrdiff_t)p * s->pitch + k);
            for (int j = 0; j < vectors; j++)
                sums[p][j] = _mm256_add_epi32(sums[p][j], _mm256_madd_epi16(v, _mm256_load_si256(w + j)));
        }
}

/* vc_round_shift_sat16 but for the saturation, which the packing does. */
AVX2_INLINE __m256i round_shift(__m256i v, const int32_t *shift)
{
    __m256i s = _mm256_load_si256((const __m256i *)(const void *)shift);
    __m256i half = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), s), 1);
    __m256i most = _mm256_sub_epi32(_mm256_set1_epi32(INT32_MAX), half);
    return _mm256_srav_epi32(_mm256_add_epi32(_mm256_min_epi32(v, most), half), s);
}

AVX2_INLINE void store(int16_t *out, __m256i v, int32_t n)
{
    int16_t all[VC_BLOCK];
    if (n == VC_BLOCK) {
        _mm256_storeu_si256((__m256i *)(void *)out, v);
    } else if (n == LANES) {
        _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(v));
    } else {
        _mm256_storeu_si256((__m256i *)(void *)all, v);
        for (int32_t i = 0; i < n; i++) out[i] = all[i];
    }
}

/* `sites` sites from `column` on, channels `first` .. first + n - 1 (n <= 8 vectors). */
AVX2_INLINE void run_sites(const vc_conv_row *r, int32_t first, int32_t n, int32_t column, const int sites, const int vectors)
{
    const vc_layer *l = r->layer;
    const int16_t *packed = l->packed + (ptrdiff_t)first * 2 * l->n_pairs;
    __m256i sums[MOST_SITES][2];
    for (int j = 0; j < vectors; j++) {
        __m256i bias = _mm256_load_si256((const __m256i *)(const void *)(l->bias + first + LANES * j));
        for (int p = 0; p < sites; p++) sums[p][j] = bias;
    }
    for (int32_t i = 0; i < l->n_segments; i++) {
        const vc_segment *s = &l->segments[i];
        if (r->inputs[i]) add_segment(sums, r->inputs[i] + (ptrdiff_t)column * s->pitch, packed, s, sites, vectors);
    }
    __m256i least = l->o.relu ? _mm256_setzero_si256() : _mm256_set1_epi16(INT16_MIN);
    for (int p = 0; p < sites; p++) {
        __m256i a = round_shift(sums[p][0], l->shift + first);
        __m256i b = vectors == 2 ? round_shift(sums[p][1], l->shift + first + LANES) : a;
        __m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
        store(r->out + (ptrdiff_t)(column + p) * r->out_pitch + first, _mm256_max_epi16(v, least), n);
    }
}

/* All columns: the last step of a long row overlaps the one before, which writes the same numbers again. */
AVX2_INLINE void run_block(const vc_conv_row *r, int32_t first, int32_t n, const int sites, const int vectors)
{
    int32_t c = 0;
    if (r->cols >= sites) {
        for (; c + sites <= r->cols; c += sites) run_sites(r, first, n, c, sites, vectors);
        if (c < r->cols) run_sites(r, first, n, r->cols - sites, sites, vectors);
        return;
    }
    for (; c + 2 <= r->cols; c += 2) run_sites(r, first, n, c, 2, vectors);
    if (c < r->cols) run_sites(r, first, n, c, 1, vectors);
}

AVX2 static void run_wide_block(const vc_conv_row *r, int32_t first, int32_t n)
{
    run_block(r, first, n, WIDE_SITES, 2);
}

AVX2 static void run_narrow_block(const vc_conv_row *r, int32_t first, int32_t n)
{
    run_block(r, first, n, NARROW_SITES, 1);
}

AVX2 void vc_conv_avx2(const vc_conv_row *r)
{
    for (int32_t first = 0; first < r->layer->o.n; first += VC_BLOCK) {
        int32_t left = r->layer->o.n - first;
        if (left <= VC_BLOCK / 2) run_narrow_block(r, first, left);
        else run_wide_block(r, first, left < VC_BLOCK ? left : VC_BLOCK);
    }
}

#else

typedef int vc_conv_avx2_is_left_out;

#endif
