#include "vc_stream_head.h"

#include "vc_target.h"

enum { INT16_SAMPLES = 3, STREAM_VERSION = 1 };

VC_COLD static uint8_t *put_bytes(uint8_t *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++, v >>= 8) *p++ = (uint8_t)(v & 255);
    return p;
}

VC_COLD static uint8_t *put_varint(uint8_t *p, uint32_t v)
{
    return p + vc_varint_write(p, v);
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    for (; text && *text; text++) *p++ = (uint8_t)*text;
    return p;
}

VC_COLD size_t vc_long_varint_write(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    for (; v > 127; v >>= 7) p[n++] = (uint8_t)((v & 127) | 128);
    p[n++] = (uint8_t)v;
    return n;
}

VC_COLD size_t vc_stream_head_write(const vc_stream_head *h, uint8_t *out)
{
    uint8_t *p = put_bytes(out, STREAM_VERSION, 1);
    p = put_bytes(p, h->model_id, 4);
    p = put_bytes(p, h->synthesis_id, 2);
    p = put_bytes(p, h->stream_id, 2);
    p = put_bytes(p, h->step_code, 1);
    p = put_varint(p, h->channels);
    p = put_varint(p, h->rate);
    p = put_varint(p, h->rate_divisor);
    p = put_bytes(p, INT16_SAMPLES, 1);
    p = put_varint(p, h->rows);
    p = put_varint(p, h->group);
    p = put_bytes(p, h->shift, 1);
    for (uint32_t c = 0; c < h->channels; c++) p = put_varint(p, vc_zigzag(h->offsets[c]));
    p = put_bytes(p, 0, 1); /* the segment begins with packet 0 */
    return (size_t)(put_text(p, h->facts) - out);
}

VC_COLD size_t vc_stream_head_bound(uint32_t channels, const char *facts)
{
    size_t n = VC_LONG_VARINT_MAX + VC_STREAM_HEAD_FIXED + VC_VARINT_MAX * (size_t)channels;
    for (; facts && *facts; facts++) n++;
    return n;
}
