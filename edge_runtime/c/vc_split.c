#include "vc_split.h"

#include "vc_bytes.h"

void vc_split_line(const vc_filter *f, const int16_t *x, ptrdiff_t step, int32_t n, int16_t *low, ptrdiff_t low_step, int16_t *high,
                   ptrdiff_t high_step, int16_t *scratch)
{
    const int8_t *lo = (const int8_t *)f->low, *hi = (const int8_t *)f->high;
    int32_t half = (f->taps - 1) / 2;
    for (int32_t i = -half; i < n + half; i++) scratch[i + half] = x[vc_reflect(i, n) * step];
    for (int32_t i = 0; i < n / 2; i++) {
        int32_t a = 0, b = 0;
        for (int32_t k = 0; k < f->taps; k++) {
            a += lo[k] * scratch[2 * i + k];
            b += hi[k] * scratch[2 * i + k];
        }
        low[i * low_step] = vc_round_shift_sat16(a, f->shift_low);
        high[i * high_step] = vc_round_shift_sat16(b, f->shift_high);
    }
}

enum { STRIP = 64 };

/* A strip of at most STRIP columns of one pair of output rows; `rows` has the input row of every tap. */
static void split_strip(const vc_filter *f, const int16_t *const *rows, int32_t from, int32_t cols, int16_t *low, int16_t *high)
{
    int32_t a[STRIP], b[STRIP];
    for (int32_t c = 0; c < cols; c++) a[c] = b[c] = 0;
    for (int32_t k = 0; k < f->taps; k++) {
        int32_t lo = ((const int8_t *)f->low)[k], hi = ((const int8_t *)f->high)[k];
        const int16_t *x = rows[k] + from;
        for (int32_t c = 0; c < cols; c++) {
            a[c] += lo * x[c];
            b[c] += hi * x[c];
        }
    }
    for (int32_t c = 0; c < cols; c++) {
        low[from + c] = vc_round_shift_sat16(a[c], f->shift_low);
        high[from + c] = vc_round_shift_sat16(b[c], f->shift_high);
    }
}

void vc_split_rows(const vc_filter *f, const int16_t *const *rows, int32_t cols, int16_t *low, int16_t *high)
{
    for (int32_t c = 0; c < cols; c += STRIP) split_strip(f, rows, c, cols - c < STRIP ? cols - c : STRIP, low, high);
}

void vc_split_columns(const vc_filter *f, const int16_t *x, ptrdiff_t step, int32_t n, int32_t cols, int16_t *low, ptrdiff_t low_step,
                      int16_t *high, ptrdiff_t high_step)
{
    const int16_t *rows[VC_MOST_TAPS];
    int32_t half = (f->taps - 1) / 2;
    for (int32_t i = 0; i < n / 2; i++) {
        for (int32_t k = 0; k < f->taps; k++) rows[k] = x + vc_reflect(2 * i + k - half, n) * step;
        vc_split_rows(f, rows, cols, low + i * low_step, high + i * high_step);
    }
}
