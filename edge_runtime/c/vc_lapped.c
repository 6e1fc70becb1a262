#include "vc_lapped.h"

#include "vc_bytes.h"
#include "vc_lapped_tables.h"

enum { TURN = 8 * VC_LAPPED_MOST, HALF_TURN = TURN / 2, QUARTER_TURN = TURN / 4 };

/* 2^15 cos(2 pi i / TURN), of which the table holds a quarter. */
static inline int32_t cosine(uint32_t i)
{
    i &= TURN - 1;
    if (i > HALF_TURN) i = TURN - i;
    return i > QUARTER_TURN ? -(int32_t)vc_cosine[HALF_TURN - i] : (int32_t)vc_cosine[i];
}

static inline int32_t rounded(int32_t product)
{
    return (product + (1 << (VC_LAPPED_SHIFT - 1))) >> VC_LAPPED_SHIFT;
}

/* The sums stay below 2^31: the squares of what is kept and of what is taken add up to 2^30, so that two samples give at most sqrt(2) 2^30. */
void vc_lapped_fold(unsigned levels, const int16_t *x, ptrdiff_t step, int sides, int32_t *folded)
{
    uint32_t size = 1u << levels, scale = VC_LAPPED_MOST >> levels;
    const int16_t *last = x + (ptrdiff_t)(size - 1) * step;
    for (uint32_t n = 0; n < size / 2; n++) {
        ptrdiff_t inner = (ptrdiff_t)n * step, outer = -(ptrdiff_t)(n + 1) * step;
        int32_t keep = cosine((size - 1 - 2 * n) * scale), take = cosine((size + 1 + 2 * n) * scale);
        folded[n] = sides & VC_LAPPED_BEFORE ? rounded(keep * x[inner] + take * x[outer]) : x[inner];
        folded[size - 1 - n] = sides & VC_LAPPED_AFTER ? rounded(keep * last[-inner] - take * last[-outer]) : last[-inner];
    }
}

int16_t vc_lapped_coefficient(unsigned levels, unsigned shift, const int32_t *folded, uint32_t k)
{
    uint32_t size = 1u << levels, at = (2 * k + 1) * (VC_LAPPED_MOST >> levels);
    uint32_t step = 2 * at;
    int64_t sum = 0;
    for (uint32_t n = 0; n < size; n++, at += step) sum += (int64_t)folded[n] * cosine(at);
    unsigned down = VC_LAPPED_SHIFT + shift;
    sum = (sum + ((int64_t)1 << (down - 1))) >> down;
    return (int16_t)(sum < -32768 ? -32768 : sum > 32767 ? 32767 : sum);
}
