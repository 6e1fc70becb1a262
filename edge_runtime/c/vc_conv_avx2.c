#include "vc_conv.h"

#if VC_HAVE_AVX2

#include <immintrin.h>

#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) static inline

enum { MOST_SITES = 8, MOST_VECTORS = 3 };

/* Sites per step for blocks of one, two and three vectors: as many as leave registers for a pair of inputs and for weights. */
enum { SITES_OF_1 = 8, SITES_OF_2 = 6, SITES_OF_3 = 4 };

/* What is the same for all sites of a block of channels. */
typedef struct block {
    const vc_conv_row *r;
    const int16_t *packed;
    int32_t first, n; /* channels, n <= 8 vectors */
    __m256i bias[MOST_VECTORS], shift[MOST_VECTORS], half[MOST_VECTORS], most[MOST_VECTORS], least;
} block;

AVX2_INLINE __m256i load(const int32_t *p)
{
    return _mm256_load_si256((const __m256i *)(const void *)p);
}

/* Rounding is vc_round_shift_sat16 but for the saturation, which packing does: add half, but to no more than `most`, then shift. */
AVX2_INLINE void begin_block(block *b, const int vectors)
{
    const vc_layer *l = b->r->layer;
    const vc_net *n = b->r->net;
    b->packed = n->weights + l->packed + (ptrdiff_t)b->first * 2 * l->n_pairs;
    b->least = l->o.relu ? _mm256_setzero_si256() : _mm256_set1_epi16(INT16_MIN);
    for (int j = 0; j < vectors; j++) {
        b->bias[j] = load(n->bias + l->lane + b->first + VC_LANES * j);
        b->shift[j] = load(n->shift + l->lane + b->first + VC_LANES * j);
        b->half[j] = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), b->shift[j]), 1);
        b->most[j] = _mm256_sub_epi32(_mm256_set1_epi32(INT32_MAX), b->half[j]);
    }
}

/* Two neighbouring inputs in every 32-bit lane. */
AVX2_INLINE __m256i broadcast_pair(const int16_t *x)
{
    int32_t pair;
    __builtin_memcpy(&pair, x, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* Adds a segment's products for `sites` neighbouring sites: one multiply-add takes two inputs of 8 channels. */
AVX2_INLINE void add_segment(__m256i sums[MOST_SITES][MOST_VECTORS], const int16_t *x, const int16_t *packed, const vc_segment *s,
                             const int sites, const int vectors)
{
    const __m256i *w = (const __m256i *)(const void *)packed + (ptrdiff_t)s->pair * vectors;
    for (int32_t k = 0; k < s->length; k += 2, w += vectors)
        for (int p = 0; p < sites; p++) {
            __m256i v = broadcast_pair(x + (ptrdiff_t)p * s->pitch + k);
            for (int j = 0; j < vectors; j++)
                sums[p][j] = _mm256_add_epi32(sums[p][j], _mm256_madd_epi16(v, _mm256_load_si256(w + j)));
        }
}

/* The lowest n of 8 numbers. */
AVX2_INLINE void store_part(int16_t *out, __m128i v, int32_t n)
{
    if (n & 4) {
        _mm_storel_epi64((__m128i *)(void *)out, v);
        v = _mm_srli_si128(v, 8);
        out += 4;
    }
    if (n & 2) {
        int32_t pair = _mm_cvtsi128_si32(v);
        __builtin_memcpy(out, &pair, sizeof pair);
        v = _mm_srli_si128(v, 4);
        out += 2;
    }
    if (n & 1) *out = (int16_t)_mm_extract_epi16(v, 0);
}

AVX2_INLINE void store(int16_t *out, __m128i v, int32_t n)
{
    if (n >= VC_LANES) _mm_storeu_si128((__m128i *)(void *)out, v);
    else store_part(out, v, n);
}

AVX2_INLINE __m256i round_shift(const block *b, __m256i v, int j)
{
    return _mm256_srav_epi32(_mm256_add_epi32(_mm256_min_epi32(v, b->most[j]), b->half[j]), b->shift[j]);
}

/* Rounds, saturates and stores the sums of one site. */
AVX2_INLINE void finish_site(const block *b, const __m256i sums[MOST_VECTORS], int16_t *out, const int vectors)
{
    for (int j = 0; j < vectors; j += 2) {
        __m256i low = round_shift(b, sums[j], j), high = j + 1 < vectors ? round_shift(b, sums[j + 1], j + 1) : low;
        __m256i v = _mm256_max_epi16(_mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8), b->least);
        store(out + VC_LANES * j, _mm256_castsi256_si128(v), b->n - VC_LANES * j);
        if (j + 1 < vectors) store(out + VC_LANES * (j + 1), _mm256_extracti128_si256(v, 1), b->n - VC_LANES * (j + 1));
    }
}

AVX2_INLINE void run_sites(const block *b, int32_t column, const int sites, const int vectors)
{
    const vc_conv_row *r = b->r;
    __m256i sums[MOST_SITES][MOST_VECTORS];
    for (int p = 0; p < sites; p++)
        for (int j = 0; j < vectors; j++) sums[p][j] = b->bias[j];
    for (int32_t i = 0; i < r->layer->n_segments; i++) {
        const vc_segment *s = &r->layer->segments[i];
        if (r->inputs[i]) add_segment(sums, r->inputs[i] + (ptrdiff_t)column * s->pitch, b->packed, s, sites, vectors);
    }
    for (int p = 0; p < sites; p++) finish_site(b, sums[p], r->out + (ptrdiff_t)(column + p) * r->out_pitch + b->first, vectors);
}

/* All columns: the last step of a long row overlaps the one before, which writes the same numbers again. */
AVX2_INLINE void run_block(const vc_conv_row *r, int32_t first, int32_t n, const int sites, const int vectors)
{
    block b;
    b.r = r;
    b.first = first;
    b.n = n;
    begin_block(&b, vectors);
    int32_t c = 0;
    if (r->cols >= sites) {
        for (; c + sites <= r->cols; c += sites) run_sites(&b, c, sites, vectors);
        if (c < r->cols) run_sites(&b, r->cols - sites, sites, vectors);
        return;
    }
    for (; c + 2 <= r->cols; c += 2) run_sites(&b, c, 2, vectors);
    if (c < r->cols) run_sites(&b, c, 1, vectors);
}

VC_AVX2 static void run_block_1(const vc_conv_row *r, int32_t first, int32_t n)
{
    run_block(r, first, n, SITES_OF_1, 1);
}

VC_AVX2 static void run_block_2(const vc_conv_row *r, int32_t first, int32_t n)
{
    run_block(r, first, n, SITES_OF_2, 2);
}

VC_AVX2 static void run_block_3(const vc_conv_row *r, int32_t first, int32_t n)
{
    run_block(r, first, n, SITES_OF_3, 3);
}

void vc_conv_avx2(const vc_conv_row *r)
{
    for (int32_t first = 0; first < r->layer->o.n;) {
        int32_t left = r->layer->o.n - first, width = vc_block_width(left);
        if (width == VC_LANES) run_block_1(r, first, left);
        else if (width == 2 * VC_LANES) run_block_2(r, first, left);
        else run_block_3(r, first, left);
        first += width;
    }
}

#else

typedef int vc_conv_avx2_is_left_out;

#endif
