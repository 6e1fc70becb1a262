#include "vc_model.h"

#include "vc_bytes.h"

vc_plane_info vc_model_plane(const vc_model *m, uint32_t i)
{
    const uint8_t *p = m->blob + m->planes + VC_PLANE_SIZE * i;
    vc_plane_info info = {p[0], p[1], p[4], vc_u16(p + 2)};
    return info;
}

static uint8_t band_level(const vc_model *m, uint32_t i)
{
    uint32_t per_level = m->rank == 1 ? 1 : 3u * m->colours;
    return (uint8_t)(i < m->colours ? m->levels : m->levels - (i - m->colours) / per_level);
}

vc_band_info vc_model_band(const vc_model *m, uint32_t i)
{
    const uint8_t *p = m->blob + m->bands + VC_BAND_SIZE * i;
    vc_band_info info = {vc_i16(p), p[2], band_level(m, i)};
    return info;
}

int vc_model_step(const vc_model *m, uint32_t i, int t)
{
    int v = t + vc_model_band(m, i).offset;
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

vc_match_info vc_model_match(const vc_model *m)
{
    const uint8_t *p = m->blob + m->match;
    vc_match_info info = {p[0], p[1], p[2], p[3], vc_u16(p + 4), vc_u16(p + 6), p + VC_MATCH_HEAD};
    return info;
}

uint32_t vc_model_stage_bands(const vc_model *m, uint32_t stage, uint32_t *n)
{
    if (m->rank == 1) {
        *n = m->n_bands;
        return 0;
    }
    *n = stage == 0 ? m->colours : 3u * m->colours;
    return stage == 0 ? 0 : m->colours * (3 * stage - 2);
}

vc_filter vc_model_filter(const vc_model *m, uint32_t level, uint32_t axis, uint32_t colour)
{
    const uint8_t *p = m->blob + m->filters[level - 1][axis][colour];
    if (m->transform == VC_LAPPED) return (vc_filter){p, p, 0, 0, 0};
    uint8_t taps = p[0];
    vc_filter f = {p + 1, p + 1 + taps, taps, p[1 + 2 * taps], p[2 + 2 * taps]};
    return f;
}
