#include "vc_divide.h"

#include "vc_target.h"

VC_COLD int32_t vc_divide(int32_t a, int32_t b)
{
    uint32_t left = a < 0 ? 0 - (uint32_t)a : (uint32_t)a, part = (uint32_t)b, quotient = 0, bit = 1;
    for (; part <= left >> 1; part <<= 1) bit <<= 1;
    for (; bit != 0; bit >>= 1, part >>= 1) {
        if (part > left) continue;
        left -= part;
        quotient |= bit;
    }
    return a < 0 ? -(int32_t)quotient : (int32_t)quotient;
}
