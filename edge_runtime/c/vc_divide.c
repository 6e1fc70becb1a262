#include "vc_divide.h"

#include "vc_target.h"

VC_COLD int32_t vc_divide(int32_t a, int32_t b)
{
    uint32_t left = a < 0 ? 0 - (uint32_t)a : (uint32_t)a, quotient = 0;
    for (int bit = 31; bit >= 0; bit--) {
        if (left >> bit < (uint32_t)b) continue;
        left -= (uint32_t)b << bit;
        quotient |= (uint32_t)1 << bit;
    }
    return a < 0 ? -(int32_t)quotient : (int32_t)quotient;
}
