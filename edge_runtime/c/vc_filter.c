#include "vc_filter.h"

#include "vc_bytes.h"
#include "vc_target.h"

#if VC_HAVE_MVE
#include <arm_mve.h>
#endif

/* Sums of both filters around one place. */
typedef struct filtered {
    int32_t low, high;
} filtered;

static inline void put(const vc_filter *f, filtered sums, int32_t i, int16_t *low, int16_t *high)
{
    low[i] = vc_round_shift_sat16(sums.low, f->shift_low);
    if (high) high[i] = vc_round_shift_sat16(sums.high, f->shift_high);
}

#define NEXT_TAP(k)                                                                                                                                  \
    do {                                                                                                                                             \
        x += stretch;                                                                                                                                \
        sums.low += low[k] * *x;                                                                                                                     \
        sums.high += high[k] * *x;                                                                                                                   \
    } while (0)

/* x is at the first tap. Filters of nine taps are the usual ones: written out, they take half of the time on a small core. */
static filtered filter(const vc_filter *f, const int16_t *x, ptrdiff_t stretch)
{
    const int8_t *low = (const int8_t *)f->low, *high = (const int8_t *)f->high;
    filtered sums = {low[0] * *x, high[0] * *x};
    if (f->taps != 9) {
        for (int32_t k = 1; k < f->taps; k++) NEXT_TAP(k);
        return sums;
    }
    NEXT_TAP(1);
    NEXT_TAP(2);
    NEXT_TAP(3);
    NEXT_TAP(4);
    NEXT_TAP(5);
    NEXT_TAP(6);
    NEXT_TAP(7);
    NEXT_TAP(8);
    return sums;
}

#undef NEXT_TAP

static void along_portable(const vc_filter *f, const int16_t *x, int32_t step, int32_t stretch, int32_t n, int16_t *low, int16_t *high)
{
    for (int32_t i = 0; i < n; i++, x += step) put(f, filter(f, x, stretch), i, low, high);
}

#if VC_HAVE_MVE

enum { LANES = 8, MOST_TAPS = 2 * LANES };

/* Up to 16 taps as two vectors, of which the second may be part of one. */
static void along_mve(const vc_filter *f, const int16_t *x, int32_t step, int32_t stretch, int32_t n, int16_t *low, int16_t *high)
{
    mve_pred16_t first = vctp16q(f->taps), second = f->taps > LANES ? vctp16q(f->taps - (uint32_t)LANES) : 0;
    const int8_t *l = (const int8_t *)f->low, *h = (const int8_t *)f->high;
    int16x8_t low0 = vldrbq_z_s16(l, first), low1 = vldrbq_z_s16(l + LANES, second);
    int16x8_t high0 = vldrbq_z_s16(h, first), high1 = vldrbq_z_s16(h + LANES, second);
    uint16x8_t taps = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)stretch);
    for (int32_t i = 0; i < n; i++, x += step) {
        int16x8_t x0 = vldrhq_gather_shifted_offset_z_s16(x, taps, first), x1 = vldrhq_gather_shifted_offset_z_s16(x + LANES * stretch, taps, second);
        filtered sums = {vmladavaq_s16(vmladavq_s16(x0, low0), x1, low1), vmladavaq_s16(vmladavq_s16(x0, high0), x1, high1)};
        put(f, sums, i, low, high);
    }
}

#elif VC_HAVE_DSP

enum { MOST_PAIRS = 15 };

/* Two taps of both filters. */
typedef struct pair {
    uint32_t low, high;
} pair;

static inline uint32_t load(const int16_t *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

static inline int32_t smlad(uint32_t a, uint32_t b, int32_t sum)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* Two taps from k on. */
static inline uint32_t widened(const uint8_t *taps, int32_t k)
{
    return (uint16_t)(int8_t)taps[k] | (uint32_t)(int8_t)taps[k + 1] << 16;
}

/* Taps side by side: two at a time, and the last one, as they are odd. */
static void along_dsp(const vc_filter *f, const int16_t *x, int32_t step, int32_t n, int16_t *low, int16_t *high)
{
    pair pairs[MOST_PAIRS], *end = pairs;
    int32_t last = f->taps - 1, last_low = (int8_t)f->low[last], last_high = (int8_t)f->high[last];
    for (int32_t k = 0; k < last; k += 2, end++) {
        end->low = widened(f->low, k);
        end->high = widened(f->high, k);
    }
    for (int32_t i = 0; i < n; i++, x += step) {
        filtered sums = {last_low * x[last], last_high * x[last]};
        const int16_t *at = x;
        for (const pair *p = pairs; p != end; p++, at += 2) {
            sums.low = smlad(load(at), p->low, sums.low);
            sums.high = smlad(load(at), p->high, sums.high);
        }
        put(f, sums, i, low, high);
    }
}

#endif

void vc_filter_along(const vc_filter *f, const int16_t *x, int32_t step, int32_t stretch, int32_t n, int16_t *low, int16_t *high)
{
#if VC_HAVE_MVE
    if (f->taps <= MOST_TAPS) {
        along_mve(f, x, step, stretch, n, low, high);
        return;
    }
#elif VC_HAVE_DSP
    if (stretch == 1) {
        along_dsp(f, x, step, n, low, high);
        return;
    }
#endif
    along_portable(f, x, step, stretch, n, low, high);
}
