#include "vc_sense_encoder.h"

#include "vc_band.h"
#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_distribution.h"
#include "vc_divide.h"
#include "vc_sense_quantise.h"
#include "vc_stream_head.h"
#include "vc_target.h"

enum {
    SUBSTEPS = 10,              /* settings a step code */
    FIELDS = 1 + VC_VARINT_MAX, /* a step code and a number of samples */
    ROOM_BEFORE = VC_PACKET_HEAD_MAX + FIELDS, /* the payload begins after this many bytes */
    ROOM_BEHIND = 4,
    ALIGNMENT = 4,
    LARGEST = 32767,            /* of a sample */
    MOST_OFFSET = 1 << 30,
    MEAN_LIMIT = 32767 * 16
};

/* Phases */
enum { RUNNING, DRAINING, ENDING, ENDED };

/* Beginning */

static uint32_t packet_room(const vc_sense_device *d)
{
    return d->packet_bytes + ROOM_BEFORE + ROOM_BEHIND;
}

VC_COLD uint32_t vc_sense_encoder_memory(const vc_sense_device *d)
{
    return ALIGNMENT - 1 + d->channels * (4u * d->window + 4u * d->measurements) + packet_room(d);
}

static void lay_out(vc_sense_parts *p, const vc_sense_device *d, void *memory)
{
    uintptr_t beyond = (uintptr_t)memory % ALIGNMENT;
    p->sums = (int32_t *)(void *)((uint8_t *)memory + (ALIGNMENT - beyond) % ALIGNMENT);
    p->known = (int16_t *)(p->sums + (uint32_t)d->channels * d->window);
    p->out = (uint8_t *)(p->known + 2u * d->channels * d->measurements);
}

VC_COLD static uint32_t tables_crc(const vc_sense_device *d)
{
    uint32_t crc = VC_CRC32C_START;
    for (uint32_t i = 0; i < d->n_words; i++) {
        uint8_t bytes[2] = {(uint8_t)(d->words[i] & 255), (uint8_t)(d->words[i] >> 8)};
        crc = vc_crc32c(crc, bytes, sizeof bytes);
    }
    return vc_crc32c(crc, d->bytes, d->n_bytes);
}

/* Tenths of a step code for quality 0 .. 1000; halves to the even one. */
VC_COLD static int32_t setting_of(const vc_sense_device *d, int32_t quality)
{
    int32_t hundredths = d->coarsest * (VC_QUALITY_STEPS - quality);
    int32_t whole = vc_divide(hundredths, 100), rest = hundredths - 100 * whole;
    return whole + (rest > 50 || (rest == 50 && whole % 2 != 0));
}

/* Whether the model measures at a setting with the ratio that this device has. */
static int has_setting(const vc_sense_device *d, int32_t setting)
{
    int32_t code = vc_divide(setting, SUBSTEPS) - d->first_code;
    return code >= 0 && code < d->n_codes;
}

static int offset_is_valid(int32_t offset)
{
    return offset >= -MOST_OFFSET && offset <= MOST_OFFSET;
}

VC_COLD static int settings_are_valid(const vc_sense_device *d, const vc_encoder_settings *s)
{
    if (d->channels > VC_MAX_DEVICE_CHANNELS || s->effort < 1 || s->effort > 2 || s->shift > 15) return 0;
    for (int32_t c = 0; c < d->channels; c++)
        if (!offset_is_valid(s->offset[c])) return 0;
    return s->quality <= VC_QUALITY_STEPS && has_setting(d, setting_of(d, s->quality));
}

/* The constant part of a sync packet. */
VC_COLD static size_t put_constant(const vc_sense_encoder *e, uint8_t *p)
{
    const vc_sense_device *d = e->device;
    vc_stream_head head = {
        d->model_id, d->synthesis_id, e->settings.stream_id, (uint8_t)e->key_step, e->settings.shift, d->channels,
        d->rate, d->rate_divisor, d->windows, 1, e->settings.offset, d->facts,
    };
    return vc_stream_head_write(&head, p);
}

VC_COLD int vc_sense_encoder_begin(vc_sense_encoder *e, const vc_sense_device *d, const vc_encoder_settings *s, void *memory, size_t n)
{
    if (!e || !d || !s || !settings_are_valid(d, s)) return VC_EARGUMENT;
    if (!memory || vc_sense_encoder_memory(d) > n || vc_stream_head_bound(d->channels, d->facts) > d->packet_bytes) return VC_ESPACE;
    if (tables_crc(d) != d->crc) return VC_EM_CRC;
    vc_zero(e, sizeof *e);
    lay_out(&e->in, d, memory);
    e->device = d;
    vc_copy_down((uint8_t *)&e->settings, (const uint8_t *)s, sizeof *s);
    e->next_setting = setting_of(d, s->quality);
    e->step = e->key_step = vc_divide(e->next_setting, SUBSTEPS);
    vc_stream_begin(&e->stream, e->in.out, put_constant(e, e->in.out));
    return VC_OK;
}

VC_COLD int vc_sense_encoder_quality(vc_sense_encoder *e, int quality)
{
    if (!e || !e->device || quality < 0 || quality > VC_QUALITY_STEPS) return VC_EARGUMENT;
    int32_t setting = setting_of(e->device, quality);
    if (!has_setting(e->device, setting)) return VC_EARGUMENT;
    e->next_setting = setting;
    return VC_OK;
}

/* Packets */

static uint32_t packet_samples(const vc_sense_device *d)
{
    return (uint32_t)d->windows * d->window;
}

/* Makes a packet wait, whose payload of n bytes is in place. */
VC_COLD static void hand_out(vc_sense_encoder *e, unsigned head, const uint8_t *payload, size_t n)
{
    vc_encoder_packet *w = &e->waiting;
    w->size = (size_t)vc_stream_write(&e->stream, e->in.out, packet_room(e->device), head, e->number, payload, n);
    w->data = e->in.out;
    w->kind = head & 7;
    w->number = e->number;
    w->first = e->first;
    w->is_key = 1;
    w->bits = (uint32_t)(128 * n);
    w->score = 0;
    w->saturated = e->saturated;
}

VC_COLD static void hand_out_sync(vc_sense_encoder *e)
{
    uint8_t *payload = e->in.out + VC_PACKET_HEAD_MAX;
    size_t n = vc_long_varint_write(payload, e->number);
    hand_out(e, VC_KIND_SYNC, payload, n + put_constant(e, payload + n));
    e->next_sync = e->number + e->device->sync;
}

static void hand_out_end(vc_sense_encoder *e)
{
    uint8_t *payload = e->in.out + VC_PACKET_HEAD_MAX;
    hand_out(e, VC_KIND_END, payload, vc_long_varint_write(payload, e->samples));
}

VC_COLD static void begin_packet(vc_sense_encoder *e)
{
    const vc_sense_device *d = e->device;
    int32_t t = vc_divide(e->next_setting, SUBSTEPS), less = e->next_setting - SUBSTEPS * t;
    uint32_t code = d->words[t - d->first_code];
    vc_score_step(&e->score, t - e->step);
    e->step = t;
    e->exponent = code & 1023;
    e->classes = d->classes + (code >> 10) * d->n_classes;
    e->round = d->rounding > less ? d->rounding - less : 0;
    e->nonzero = 0;
    for (int32_t i = 2 * d->channels * d->measurements; i > 0; i--) e->in.known[i - 1] = 0;
    vc_range_start(&e->coder, e->in.out + ROOM_BEFORE, d->packet_bytes);
}

/* What the payload begins with, before its range-coded part. Returns how many bytes, and adds head bits. */
VC_COLD static size_t put_fields(vc_sense_encoder *e, unsigned *head)
{
    uint8_t fields[FIELDS];
    size_t n = 0;
    uint32_t samples = (uint32_t)(e->samples - e->first);
    if (e->step != e->key_step) {
        *head |= VC_HEAD_STEP;
        fields[n++] = (uint8_t)e->step;
    }
    if (e->phase == DRAINING && samples < packet_samples(e->device)) {
        *head |= VC_HEAD_SHORT;
        n += (size_t)vc_varint_write(fields + n, samples);
    }
    vc_copy_down(e->in.out + ROOM_BEFORE - n, fields, n);
    return n;
}

VC_COLD static void end_packet(vc_sense_encoder *e)
{
    unsigned head = VC_KIND_DATA;
    uint32_t bits = vc_coded_bits(&e->coder);
    e->lost = vc_range_finish(&e->coder) != VC_OK;
    size_t n = e->nonzero && !e->lost ? e->coder.size : 0;
    if (e->nonzero && n == 0) e->in.out[ROOM_BEFORE + n++] = 0; /* no bytes would mean that all is zero */
    size_t fields = put_fields(e, &head);
    hand_out(e, head, e->in.out + ROOM_BEFORE - fields, fields + n);
    e->waiting.bits = bits;
    e->waiting.score = vc_score_take(&e->score, vc_divide((int32_t)bits, e->row * e->device->channels));
    e->number++;
    e->first += packet_samples(e->device);
    e->row = 0;
}

/* Measurements */

static int32_t limited(int32_t v, int32_t most)
{
    return v > most ? most : v < -most ? -most : v;
}

/* What rows of a window have in common, those in a run the most. */
typedef struct run {
    const int32_t *sums;
    int16_t *known;
    vc_range_encoder *coder;
    vc_sense_quantiser quantiser;
    const uint16_t *thresholds, *end;
    const uint8_t *numbers; /* scale and spike of each context */
} run;

/* Reads the head of a run; returns where its rows begin. */
static const uint8_t *begin_run(const vc_sense_encoder *e, const uint8_t *p, run *v)
{
    const vc_sense_device *d = e->device;
    const vc_sense_class *c = &e->classes[p[0]];
    v->thresholds = d->words + c->thresholds;
    v->end = v->thresholds + c->contexts - 1;
    v->numbers = d->bytes + c->distributions;
    vc_sense_quantiser_set(&v->quantiser, e->exponent + vc_i16(p + 1), e->round);
    return p + 3;
}

/* Scale and spike number of a row whose neighbours have this size. */
static const uint8_t *numbers_of(const run *v, int32_t size)
{
    const uint16_t *threshold = v->thresholds;
    while (threshold != v->end && size >= *threshold) threshold++;
    return v->numbers + 2 * (threshold - v->thresholds);
}

static int32_t shifted(int32_t v, unsigned shift)
{
    return (int32_t)((uint32_t)v << shift);
}

/* Measures, quantises and codes row r, whose bytes begin at p; returns where the next one begins. */
static const uint8_t *code_row(const run *v, const uint8_t *p, int32_t r)
{
    const int16_t *known = v->known;
    const uint8_t *end;
    int32_t y = 0, mean = 0, size = 0;
    for (end = p + p[0]; p != end; p += 2) mean += shifted(known[p[1]], p[2]);
    for (end = ++p, end += p[0]; p != end; p += 2) mean -= shifted(known[p[1]], p[2]);
    for (end = ++p, end += p[0]; p != end; p += 2) {
        int32_t part = shifted(known[p[1]], p[2]);
        size += part < 0 ? -part : part;
    }
    const uint8_t *numbers = numbers_of(v, size);
    const int32_t *sums = v->sums;
    for (end = ++p, end += p[0]; p != end;) y += sums[*++p];
    for (end = ++p, end += p[0]; p != end;) y -= sums[*++p];
    int16_t z = vc_sense_quantise_by(&v->quantiser, y);
    v->known[r] = z;
    vc_distribution_code(limited(mean, MEAN_LIMIT), numbers[0], numbers[1], z, v->coder);
    return p + 1;
}

static int any_is_nonzero(const int16_t *z, int32_t n)
{
    int any = 0;
    for (; n > 0; n--) any |= *z++;
    return any != 0;
}

/* Codes the window of a channel. */
VC_APART static void code_channel(vc_sense_encoder *e, run *v)
{
    int32_t rows = e->device->measurements;
    const uint8_t *p = e->device->bytes;
    for (int32_t r = 0; r < rows;) {
        int32_t end = r + *p++;
        for (p = begin_run(e, p, v); r < end; r++) p = code_row(v, p, r);
    }
    if (!e->nonzero) e->nonzero = (uint8_t)any_is_nonzero(v->known, rows);
    vc_move_down(v->known + rows, v->known, rows);
}

static void code_window(vc_sense_encoder *e)
{
    run v;
    v.sums = e->in.sums;
    v.known = e->in.known;
    v.coder = &e->coder;
    for (int32_t c = 0; c < e->device->channels; c++) {
        code_channel(e, &v);
        v.sums += e->device->window;
        v.known += 2 * e->device->measurements;
    }
    e->filled = 0;
}

/* Codes the window that is full. Returns 0 where a packet must be fetched first. */
static int advance(vc_sense_encoder *e)
{
    if (e->waiting.size != 0) return 0;
    if (e->row == 0 && e->number >= e->next_sync) {
        hand_out_sync(e);
        return 0;
    }
    if (e->row == 0) begin_packet(e);
    code_window(e);
    if (++e->row == e->device->windows) end_packet(e);
    return 1;
}

/* Counts a sample that saturates. */
VC_COLD static int32_t saturated(vc_sense_encoder *e, int32_t v)
{
    e->saturated++;
    return limited(v, LARGEST);
}

/* Adds n samples of a channel, which are `channels` apart, to its running sum. */
VC_APART static void take(vc_sense_encoder *e, int32_t channel, const int16_t *samples, int32_t n)
{
    int32_t channels = e->device->channels, shift = e->settings.shift, offset = e->settings.offset[channel] - (1 << shift >> 1);
    int32_t *to = e->in.sums + channel * e->device->window + e->filled, *end = to + n, sum = e->filled > 0 ? to[-1] : 0;
    for (; to != end; samples += channels) {
        int32_t v = (*samples - offset) >> shift;
        if ((uint32_t)(v + LARGEST) > 2u * LARGEST) v = saturated(e, v);
        *to++ = sum += v;
    }
}

VC_COLD int32_t vc_sense_encoder_push(vc_sense_encoder *e, const int16_t *samples, int32_t n)
{
    if (!e || !e->device || n < 0 || (n > 0 && !samples)) return VC_EARGUMENT;
    if (e->phase != RUNNING) return VC_EENDED;
    int32_t taken = 0, channels = e->device->channels, window = e->device->window;
    while (taken < n && (e->filled < window || advance(e))) {
        int32_t most = window - e->filled, piece = n - taken < most ? n - taken : most;
        for (int32_t c = 0; c < channels; c++) take(e, c, samples + c, piece);
        samples += (ptrdiff_t)piece * channels;
        e->filled += piece;
        taken += piece;
    }
    if (e->filled == window) advance(e);
    e->samples += (uint32_t)taken;
    return taken;
}

VC_COLD int vc_sense_encoder_next(vc_sense_encoder *e, vc_encoder_packet *p)
{
    if (!e || !e->device || !p) return VC_EARGUMENT;
    if (e->waiting.size == 0) return 0;
    vc_copy_down((uint8_t *)p, (const uint8_t *)&e->waiting, sizeof *p);
    int lost = e->lost;
    e->waiting.size = 0;
    e->lost = 0;
    return lost ? VC_ESPACE : 1;
}

/* The end */

/* Fills the running window up with its last samples. */
VC_COLD static void pad(vc_sense_encoder *e)
{
    int32_t window = e->device->window, *sums = e->in.sums;
    for (int32_t c = 0; c < e->device->channels; c++, sums += window)
        for (int32_t i = e->filled; i < window; i++) sums[i] = 2 * sums[i - 1] - (i > 1 ? sums[i - 2] : 0);
    e->filled = window;
}

/* Codes the window that is left. Returns 0 where a packet must be fetched first. */
static int drain(vc_sense_encoder *e)
{
    if (e->filled > 0) {
        pad(e);
        if (!advance(e)) return 0;
    }
    if (e->waiting.size != 0) return 0;
    if (e->row > 0) end_packet(e);
    e->phase = ENDING;
    return e->waiting.size == 0;
}

VC_COLD int vc_sense_encoder_flush(vc_sense_encoder *e)
{
    if (!e || !e->device) return VC_EARGUMENT;
    if (e->phase == RUNNING) e->phase = e->samples == 0 ? ENDED : DRAINING;
    if (e->phase == DRAINING && !drain(e)) return 1;
    if (e->phase == ENDING && e->waiting.size == 0) {
        hand_out_end(e);
        e->phase = ENDED;
    }
    return e->waiting.size != 0;
}
