#include "vc_setting.h"

enum {
    NEAREST = 128, /* rounding offset without a dead zone */
    NARROWING = 6  /* of dead zones where the coder chooses */
};

int32_t vc_setting_of(const vc_model *m, int32_t quality)
{
    int32_t hundredths = 10 * VC_SUBSTEPS * 10 * m->t_hi - (m->t_hi - m->t_lo) * quality;
    int32_t whole = hundredths / 100, rest = hundredths % 100;
    return whole + (rest > 50 || (rest == 50 && whole % 2 != 0));
}

int32_t vc_setting_round(const vc_model *m, uint32_t band, int32_t setting, int effort)
{
    int32_t own = vc_model_band(m, band).rounding, left = setting % VC_SUBSTEPS;
    if (own >= NEAREST) return own;
    if (effort > 1) return own + NARROWING < NEAREST ? own + NARROWING : NEAREST;
    return left < own ? own - left : 0;
}

uint32_t vc_setting_weight(int32_t setting)
{
    /* 2 * 6 / ln 2 * 2^(-k/18), by the setting's last digit */
    static const uint16_t weights[VC_SUBSTEPS] = {4431, 4264, 4103, 3948, 3799, 3655, 3517, 3384, 3256, 3133};
    return weights[setting % VC_SUBSTEPS];
}
