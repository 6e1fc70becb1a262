#include "vc_score.h"

#include "vc_divide.h"
#include "vc_target.h"

enum { MEMORY = 16, WILD = 4, FARTHEST = 1 << 22 };

/* log2(width) in 1/16, width >= 1: whole bits, then four times whether the square of what is left exceeds 2. In 32 bits, for small cores. */
static uint32_t log2_16(uint32_t width)
{
    uint32_t sixteenths = 31;
    for (; width >> 31 == 0; width <<= 1) sixteenths--;
    width >>= 16;
    for (int i = 0; i < 4; i++) {
        uint32_t square = width * width, over = square >> 31;
        sixteenths = 2 * sixteenths + over;
        width = square >> (15 + over);
    }
    return sixteenths;
}

VC_COLD uint32_t vc_coded_bits(const vc_range_encoder *e)
{
    uint32_t words = (uint32_t)(e->size / 2) + e->pending + (e->held != 0);
    return 256 * words + 512 - log2_16(e->size1);
}

static int32_t clamp(int32_t v, int32_t most)
{
    return v > most ? most : v < -most ? -most : v;
}

VC_COLD int32_t vc_score_take(vc_score *s, int32_t bits)
{
    int32_t share = s->seen < MEMORY ? (int32_t)s->seen + 1 : MEMORY, least = s->mean / 32 + 1;
    int32_t spread = s->spread > least ? s->spread : least, away = clamp(bits - s->mean, FARTHEST);
    int32_t score = s->seen == 0 ? 0 : vc_divide(away * 256, spread);
    if (s->seen >= MEMORY) away = clamp(away, WILD * spread);
    if (s->seen > 0) s->spread += vc_divide((away < 0 ? -away : away) - s->spread, share);
    s->mean += vc_divide(away, share);
    s->seen++;
    return score;
}

VC_COLD void vc_score_step(vc_score *s, int32_t codes)
{
    for (; codes > 0; codes--) s->mean -= vc_divide(s->mean, 28);
    for (; codes < 0; codes++) s->mean += vc_divide(s->mean, 27);
}
