#include "vc_sense_encoder.h"

#include "vc_band.h"
#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_distribution.h"
#include "vc_sense_quantise.h"
#include "vc_stream_head.h"

enum {
    SUBSTEPS = 10,              /* settings a step code */
    FIELDS = 1 + VC_VARINT_MAX, /* a step code and a number of samples */
    ROOM_BEFORE = VC_PACKET_HEAD_MAX + FIELDS, /* the payload begins after this many bytes */
    ROOM_BEHIND = 4,
    ALIGNMENT = 4,
    LARGEST = 32767,            /* of a sample */
    MEAN_LIMIT = 32767 * 16
};

/* Phases */
enum { RUNNING, DRAINING, ENDING, ENDED };

/* Beginning */

static uint32_t packet_room(const vc_sense_device *d)
{
    return d->packet_bytes + ROOM_BEFORE + ROOM_BEHIND;
}

uint32_t vc_sense_encoder_memory(const vc_sense_device *d)
{
    return ALIGNMENT - 1 + d->channels * (8u * d->measurements + 2) + packet_room(d);
}

static void lay_out(vc_sense_parts *p, const vc_sense_device *d, void *memory)
{
    uint32_t n = (uint32_t)d->channels * d->measurements;
    uintptr_t beyond = (uintptr_t)memory % ALIGNMENT;
    p->sums = (int32_t *)(void *)((uint8_t *)memory + (ALIGNMENT - beyond) % ALIGNMENT);
    p->known = (int16_t *)(p->sums + n);
    p->last = p->known + 2 * n;
    p->out = (uint8_t *)(p->last + d->channels);
}

static uint32_t tables_crc(const vc_sense_device *d)
{
    uint32_t crc = VC_CRC32C_START;
    for (uint32_t i = 0; i < d->n_words; i++) {
        uint8_t bytes[2] = {(uint8_t)(d->words[i] & 255), (uint8_t)(d->words[i] >> 8)};
        crc = vc_crc32c(crc, bytes, sizeof bytes);
    }
    return vc_crc32c(crc, d->bytes, d->n_bytes);
}

/* Tenths of a step code for quality 0 .. 1000; halves to the even one. */
static int32_t setting_of(const vc_sense_device *d, int32_t quality)
{
    int32_t hundredths = d->coarsest * (VC_QUALITY_STEPS - quality);
    int32_t whole = hundredths / 100, rest = hundredths % 100;
    return whole + (rest > 50 || (rest == 50 && whole % 2 != 0));
}

/* Whether the model measures at a setting with the ratio that this device has. */
static int has_setting(const vc_sense_device *d, int32_t setting)
{
    int32_t code = setting / SUBSTEPS - d->first_code;
    return code >= 0 && code < d->n_codes;
}

static int settings_are_valid(const vc_sense_device *d, const vc_encoder_settings *s)
{
    return s->quality <= VC_QUALITY_STEPS && has_setting(d, setting_of(d, s->quality)) && s->effort >= 1 && s->effort <= 2 && s->shift <= 15;
}

/* The constant part of a sync packet. */
static size_t put_constant(const vc_sense_encoder *e, uint8_t *p)
{
    const vc_sense_device *d = e->device;
    vc_stream_head head = {
        d->model_id, d->synthesis_id, e->settings.stream_id, (uint8_t)e->key_step, e->settings.shift, d->channels,
        d->rate, d->rate_divisor, d->windows, 1, e->settings.offset, d->facts,
    };
    return vc_stream_head_write(&head, p);
}

static void begin_window(vc_sense_encoder *e)
{
    e->column = e->device->bytes + e->device->columns_at;
    e->filled = 0;
    vc_zero(e->in.sums, (size_t)e->device->channels * e->device->measurements * sizeof *e->in.sums);
}

int vc_sense_encoder_begin(vc_sense_encoder *e, const vc_sense_device *d, const vc_encoder_settings *s, void *memory, size_t n)
{
    if (!e || !d || !s || d->channels > VC_MAX_DEVICE_CHANNELS || !settings_are_valid(d, s)) return VC_EARGUMENT;
    if (!memory || vc_sense_encoder_memory(d) > n || vc_stream_head_bound(d->channels, d->facts) > d->packet_bytes) return VC_ESPACE;
    if (tables_crc(d) != d->crc) return VC_EM_CRC;
    vc_zero(e, sizeof *e);
    lay_out(&e->in, d, memory);
    e->device = d;
    vc_copy_down((uint8_t *)&e->settings, (const uint8_t *)s, sizeof *s);
    e->setting = e->next_setting = setting_of(d, s->quality);
    e->step = e->key_step = e->setting / SUBSTEPS;
    vc_stream_begin(&e->stream, e->in.out, put_constant(e, e->in.out));
    begin_window(e);
    return VC_OK;
}

int vc_sense_encoder_quality(vc_sense_encoder *e, int quality)
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
static void hand_out(vc_sense_encoder *e, unsigned head, const uint8_t *payload, size_t n)
{
    vc_encoder_packet *w = &e->waiting;
    w->size = (size_t)vc_stream_write(&e->stream, e->in.out, packet_room(e->device), head, e->number, payload, n);
    w->data = e->in.out;
    w->kind = head & 7;
    w->number = e->number;
    w->first = e->number * packet_samples(e->device);
    w->is_key = 1;
    w->bits = (uint32_t)(128 * n);
    w->score = 0;
    w->saturated = e->saturated;
}

static void hand_out_sync(vc_sense_encoder *e)
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

static void begin_packet(vc_sense_encoder *e)
{
    const vc_sense_device *d = e->device;
    int32_t t = e->next_setting / SUBSTEPS, less = e->next_setting % SUBSTEPS;
    uint32_t code = d->words[t - d->first_code];
    vc_score_step(&e->score, t - e->step);
    e->setting = e->next_setting;
    e->step = t;
    e->exponent = code & 1023;
    e->bank = code >> 10;
    e->round = d->rounding > less ? d->rounding - less : 0;
    e->nonzero = 0;
    vc_zero(e->in.known, 2u * d->channels * d->measurements * sizeof *e->in.known);
    vc_range_start(&e->coder, e->in.out + ROOM_BEFORE, d->packet_bytes);
}

/* What the payload begins with, before its range-coded part. Returns how many bytes, and adds head bits. */
static size_t put_fields(vc_sense_encoder *e, unsigned *head)
{
    uint8_t fields[FIELDS];
    size_t n = 0;
    uint32_t samples = (uint32_t)(e->samples - e->number * packet_samples(e->device));
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

static void end_packet(vc_sense_encoder *e)
{
    unsigned head = VC_KIND_DATA;
    uint32_t bits = vc_coded_bits(&e->coder);
    e->lost = vc_range_finish(&e->coder) != VC_OK;
    size_t n = e->nonzero && !e->lost ? e->coder.size : 0;
    if (e->nonzero && n == 0) e->in.out[ROOM_BEFORE + n++] = 0; /* no bytes would mean that all is zero */
    size_t fields = put_fields(e, &head);
    hand_out(e, head, e->in.out + ROOM_BEFORE - fields, fields + n);
    e->waiting.bits = bits;
    e->waiting.score = vc_score_take(&e->score, (int32_t)bits / (e->row * e->device->channels));
    e->number++;
    e->row = 0;
}

/* Measurements */

/* The sum of +-(v << shift) over the terms of a row's mean. */
static int32_t mean_of(const uint16_t *term, int32_t n, const int16_t *known)
{
    int32_t mean = 0;
    for (; n > 0; n--) {
        uint32_t how = *term++;
        int32_t v = (int32_t)((uint32_t)(int32_t)known[how >> 4] << (how & 7));
        mean += how & 8 ? -v : v;
    }
    return mean < -MEAN_LIMIT ? -MEAN_LIMIT : mean > MEAN_LIMIT ? MEAN_LIMIT : mean;
}

static int32_t size_of(const uint16_t *term, int32_t n, const int16_t *known)
{
    int32_t size = 0;
    for (; n > 0; n--) {
        uint32_t how = *term++;
        int32_t v = known[how >> 4];
        size += (v < 0 ? -v : v) << (how & 7);
    }
    return size;
}

/* Scale and spike number of a row whose neighbours have this size. */
static const uint8_t *distribution_of(const vc_sense_device *d, const vc_sense_class *c, uint32_t bank, int32_t size)
{
    const uint16_t *threshold = d->words + c->thresholds;
    uint32_t context = 0, last = c->contexts - 1u;
    while (context < last && size >= threshold[context]) context++;
    return d->bytes + c->distributions + 2 * (bank * c->contexts + context);
}

/* Quantises the measurement y of a row and codes it; returns where the next row is. */
static const uint16_t *code_row(vc_sense_encoder *e, const uint16_t *row, int32_t y, int16_t *z, const int16_t *known)
{
    vc_distribution distribution;
    int32_t means = row[1] >> 4 & 15, sizes = row[1] >> 8;
    const uint16_t *terms = row + 2;
    int32_t mean = mean_of(terms, means, known), size = size_of(terms + means, sizes, known);
    const uint8_t *numbers = distribution_of(e->device, &e->device->classes[row[1] & 15], e->bank, size);
    vc_distribution_pick(&distribution, mean, numbers[0], numbers[1]);
    *z = vc_sense_quantise(y, e->exponent + (int16_t)row[0], e->round);
    if (*z) e->nonzero = 1;
    vc_distribution_encode(&distribution, *z, &e->coder);
    return terms + means + sizes;
}

static void code_channel(vc_sense_encoder *e, int32_t channel)
{
    int32_t n = e->device->measurements;
    const int32_t *sums = e->in.sums + (ptrdiff_t)channel * n;
    int16_t *known = e->in.known + 2 * (ptrdiff_t)channel * n;
    const uint16_t *row = e->device->words + e->device->rows_at;
    for (int32_t r = 0; r < n; r++) row = code_row(e, row, sums[r], &known[r], known);
    vc_move_down(known + n, known, n);
}

static int16_t convert(vc_sense_encoder *e, int32_t sample, int32_t channel)
{
    int32_t shift = e->settings.shift, v = sample - e->settings.offset[channel];
    v = (v + (1 << shift >> 1)) >> shift;
    if (v <= LARGEST && v >= -LARGEST) return (int16_t)v;
    e->saturated++;
    return (int16_t)(v > 0 ? LARGEST : -LARGEST);
}

/* Adds a sample to the sums that its column has a part in; returns where the next column is. */
static const uint8_t *add(const uint8_t *column, int32_t *sums, int32_t v)
{
    for (uint32_t n = *column++; n > 0; n--) sums[*column++] += v;
    for (uint32_t n = *column++; n > 0; n--) sums[*column++] -= v;
    return column;
}

/* Adds the sample that each channel has in `last`. */
static void measure(vc_sense_encoder *e)
{
    const uint8_t *column = e->column;
    int32_t *sums = e->in.sums;
    for (int32_t c = 0; c < e->device->channels; c++, sums += e->device->measurements) e->column = add(column, sums, e->in.last[c]);
    e->filled++;
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
    for (int32_t c = 0; c < e->device->channels; c++) code_channel(e, c);
    begin_window(e);
    if (++e->row == e->device->windows) end_packet(e);
    return 1;
}

int32_t vc_sense_encoder_push(vc_sense_encoder *e, const int16_t *samples, int32_t n)
{
    if (!e || !e->device || n < 0 || (n > 0 && !samples)) return VC_EARGUMENT;
    if (e->phase != RUNNING) return VC_EENDED;
    int32_t taken = 0, window = e->device->window;
    for (; taken < n; taken++) {
        if (e->filled == window && !advance(e)) break;
        for (int32_t c = 0; c < e->device->channels; c++) e->in.last[c] = convert(e, *samples++, c);
        measure(e);
    }
    if (e->filled == window) advance(e);
    e->samples += (uint32_t)taken;
    return taken;
}

int vc_sense_encoder_next(vc_sense_encoder *e, vc_encoder_packet *p)
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

/* Codes the window that is left, filled up with the last sample. Returns 0 where a packet must be fetched first. */
static int drain(vc_sense_encoder *e)
{
    if (e->filled > 0) {
        while (e->filled < e->device->window) measure(e);
        if (!advance(e)) return 0;
    }
    if (e->waiting.size != 0) return 0;
    if (e->row > 0) end_packet(e);
    e->phase = ENDING;
    return e->waiting.size == 0;
}

int vc_sense_encoder_flush(vc_sense_encoder *e)
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
