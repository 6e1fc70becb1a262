#include "vc_quantise.h"

#include "vc_bytes.h"
#include "vc_error.h"
#include "vc_tables.h"

/* All in 32 bits: a M <= 2^30, and the rounding term is below 2^30 as the step code is at most 255. */
static int16_t quantise(int32_t y, uint32_t reciprocal, uint32_t round, unsigned shift)
{
    uint32_t a = (uint32_t)(y < 0 ? -y : y);
    int32_t z = (int32_t)((a * reciprocal + round) >> shift);
    if (z > 32767) z = 32767;
    return (int16_t)(y < 0 ? -z : z);
}

int vc_quantise_band(const vc_model *m, uint32_t band, int t, int round, const int16_t *y, int16_t *z, size_t n)
{
    if (band >= m->n_bands || t < 0 || t > 255 || round < -1 || round > 255) return VC_EARGUMENT;
    unsigned step = (unsigned)vc_model_step(m, band, t), octave = step >> 4;
    uint32_t offset = round < 0 ? vc_model_band(m, band).rounding : (uint32_t)round;
    for (size_t i = 0; i < n; i++) z[i] = quantise(y[i], vc_step[step & 15], offset << (7 + octave), 15 + octave);
    return VC_OK;
}

int vc_quantise_excess(const vc_model *m, uint32_t band, int t, const int16_t *y, const int16_t *z, int16_t *excess, size_t n)
{
    if (band >= m->n_bands || t < 0 || t > 255) return VC_EARGUMENT;
    unsigned step = (unsigned)vc_model_step(m, band, t), octave = step >> 4;
    for (size_t i = 0; i < n; i++) {
        uint32_t a = (uint32_t)(y[i] < 0 ? -y[i] : y[i]), u = (a * vc_step[step & 15]) >> (7 + octave);
        excess[i] = vc_sat16((int32_t)u - 256 * (z[i] < 0 ? -z[i] : z[i]));
    }
    return VC_OK;
}
