#include "vc_range_decoder.h"

#include "vc_error.h"

enum { MOST_ZEROS = 17 };

void vc_range_open(vc_range_decoder *d, const uint8_t *data, size_t size)
{
    d->data = data;
    d->size = size;
    d->at = 0;
    d->size1 = UINT32_MAX;
    d->offset = 0;
    for (int i = 0; i < 4; i++) d->offset = (d->offset << 8) | vc_range_take(d);
}

static uint32_t decode_bit(vc_range_decoder *d)
{
    uint64_t middle = vc_range_scale(d, 1, 1);
    int one = d->offset >= middle;
    if (one) vc_range_narrow(d, (uint32_t)middle, (uint64_t)d->size1 + 1);
    else vc_range_narrow(d, 0, middle);
    return (uint32_t)one;
}

int vc_range_decode_escaped(vc_range_decoder *d, int32_t last, int32_t *j)
{
    int zeros = 0;
    while (decode_bit(d) == 0)
        if (++zeros > MOST_ZEROS) return VC_EESCAPE;
    uint32_t n = 1;
    for (int i = 0; i < zeros; i++) n = (n << 1) | decode_bit(d);
    *j = decode_bit(d) ? -(int32_t)n : (int32_t)n + last - 1;
    return VC_OK;
}
