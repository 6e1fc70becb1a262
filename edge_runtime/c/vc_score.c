#include "vc_score.h"

#include "vc_divide.h"
#include "vc_log2.h"
#include "vc_target.h"

enum { MEMORY = 16, WILD = 4, FARTHEST = 1 << 22 };

VC_COLD uint32_t vc_coded_bits(const vc_range_encoder *e)
{
    uint32_t words = (uint32_t)(e->size / 2) + e->pending + (e->held != 0);
    return 256 * words + 512 - (vc_log2_256(e->size1) >> 4);
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
