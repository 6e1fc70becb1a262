#include "vc_encoder.h"

#include "vc_arena.h"
#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_quantise.h"
#include "vc_setting.h"
#include "vc_stream_head.h"
#include "vc_varint.h"

enum {
    FIELDS = 1 + VC_VARINT_MAX,
    ROOM_BEFORE = VC_PACKET_HEAD_MAX + FIELDS, /* the payload begins after this many bytes */
    ROOM_BEHIND = 4
};

/* Phases */
enum { RUNNING, DRAINING, ENDING, ENDED };

/* Sizes */

static const vc_model *model_of(const vc_encoder *e)
{
    return e->device->plan->model;
}

static int32_t channels_of(const vc_device_model *d)
{
    return d->plan->geometry.cols;
}

static int32_t block_of(const vc_device_model *d)
{
    return (int32_t)1 << d->plan->model->levels;
}

static void plan(vc_encoder_parts *p, const vc_device_model *d, vc_arena *a)
{
    int32_t n = block_of(d) * channels_of(d);
    p->pyramids = (vc_pyramid *)vc_arena_take(a, channels_of(d), sizeof *p->pyramids);
    for (int32_t c = 0; c < channels_of(d); c++) {
        vc_pyramid counted;
        vc_pyramid_plan(p->pyramids ? &p->pyramids[c] : &counted, d->plan->model, a);
    }
    p->block = (int16_t *)vc_arena_take(a, n, sizeof(int16_t));
    p->latents = (int16_t *)vc_arena_take(a, n, sizeof(int16_t));
    p->beyond = (int16_t *)vc_arena_take(a, n, sizeof(int16_t));
    p->out = (uint8_t *)vc_arena_take(a, (int64_t)d->packet_bytes + ROOM_BEFORE + ROOM_BEHIND, 1);
}

int64_t vc_encoder_memory(const vc_device_model *d)
{
    vc_encoder_parts p;
    vc_arena a = {NULL, 0};
    plan(&p, d, &a);
    return a.used + VC_ARENA_ALIGN + vc_prior_plan_memory(d->plan);
}

/* Beginning */

/* The constant part of a sync packet. */
static size_t put_constant(const vc_encoder *e, uint8_t *p)
{
    const vc_device_model *d = e->device;
    vc_stream_head head = {
        d->model_id, d->synthesis_id, e->settings.stream_id, (uint8_t)e->key_step, e->settings.shift, (uint32_t)channels_of(d),
        d->rate, d->rate_divisor, d->rows, d->group, e->settings.offset, d->facts,
    };
    return vc_stream_head_write(&head, p);
}

static int settings_are_valid(const vc_device_model *d, const vc_encoder_settings *s)
{
    return s->quality <= VC_QUALITY_STEPS && s->effort >= 1 && s->effort <= 2 && s->shift <= 15 && channels_of(d) <= VC_MAX_DEVICE_CHANNELS;
}

static void lay_bands(const vc_encoder *e, int16_t *data, vc_band *bands)
{
    const vc_model *m = model_of(e);
    int32_t cols = channels_of(e->device);
    for (uint32_t b = 0; b < m->n_bands; b++) {
        vc_band band = {data, (int32_t)1 << (m->levels - vc_model_band(m, b).level), cols, cols};
        bands[b] = band;
        data += (ptrdiff_t)band.rows * cols;
    }
}

int vc_encoder_begin(vc_encoder *e, const vc_device_model *d, const vc_encoder_settings *s, void *memory, size_t n)
{
    if (!e || !d || !s || !settings_are_valid(d, s)) return VC_EARGUMENT;
    int64_t need = vc_encoder_memory(d);
    if (!memory || (uint64_t)need > n || vc_stream_head_bound((uint32_t)channels_of(d), d->facts) > d->packet_bytes) return VC_ESPACE;
    const vc_model *m = d->plan->model;
    if (vc_crc32c(VC_CRC32C_START, m->blob, m->size) != d->blob_crc) return VC_EM_CRC;
    vc_zero(e, sizeof *e);
    vc_arena a = vc_arena_in(memory);
    plan(&e->in, d, &a);
    e->device = d;
    vc_copy_down((uint8_t *)&e->settings, (const uint8_t *)s, sizeof *s);
    e->setting = e->next_setting = vc_setting_of(m, s->quality);
    e->step = e->key_step = e->setting / VC_SUBSTEPS;
    for (int32_t c = 0; c < channels_of(d); c++) vc_pyramid_begin(&e->in.pyramids[c]);
    lay_bands(e, e->in.latents, e->bands);
    lay_bands(e, e->in.beyond, e->excess);
    vc_stream_begin(&e->stream, e->in.out, put_constant(e, e->in.out));
    size_t used = (size_t)(a.base + a.used - (uint8_t *)memory);
    return vc_prior_plan_begin(&e->prior, d->plan, e->step, (uint8_t *)memory + used, n - used);
}

int vc_encoder_quality(vc_encoder *e, int quality)
{
    if (!e || !e->device || quality < 0 || quality > VC_QUALITY_STEPS) return VC_EARGUMENT;
    e->next_setting = vc_setting_of(model_of(e), quality);
    return VC_OK;
}

/* Packets */

static uint64_t packet_samples(const vc_device_model *d)
{
    return (uint64_t)d->rows * (uint64_t)block_of(d);
}

/* Makes a packet wait, whose payload of n bytes is in place. */
static void hand_out(vc_encoder *e, unsigned head, const uint8_t *payload, size_t n)
{
    vc_encoder_packet *w = &e->waiting;
    size_t capacity = e->device->packet_bytes + ROOM_BEFORE + ROOM_BEHIND;
    int64_t size = vc_stream_write(&e->stream, e->in.out, capacity, head, e->number, payload, n);
    w->data = e->in.out;
    w->size = (size_t)size;
    w->kind = head & 7;
    w->number = e->number;
    w->first = e->number * packet_samples(e->device);
    w->is_key = w->kind != VC_KIND_DATA || e->place == 0;
    w->bits = (uint32_t)(128 * n);
    w->score = 0;
    w->saturated = e->saturated;
}

static void hand_out_sync(vc_encoder *e)
{
    uint8_t *payload = e->in.out + VC_PACKET_HEAD_MAX;
    size_t n = vc_long_varint_write(payload, e->number);
    hand_out(e, VC_KIND_SYNC, payload, n + put_constant(e, payload + n));
    e->next_sync = e->number + e->device->sync;
}

static void hand_out_end(vc_encoder *e)
{
    uint8_t *payload = e->in.out + VC_PACKET_HEAD_MAX;
    hand_out(e, VC_KIND_END, payload, vc_long_varint_write(payload, e->samples));
}

/* Rates a packet by its bits a block and channel. */
static void judge(vc_encoder *e, uint32_t bits)
{
    e->waiting.bits = bits;
    e->waiting.score = vc_score_take(&e->score, (int32_t)(bits / (uint32_t)(e->row * channels_of(e->device))));
}

static void begin_packet(vc_encoder *e)
{
    int32_t t = e->next_setting / VC_SUBSTEPS;
    e->setting = e->next_setting;
    e->before = e->step;
    e->step = t;
    if (t != e->before) {
        vc_prior_step(&e->prior, t);
        vc_score_step(&e->score, t - e->before);
    }
    e->nonzero = 0;
    vc_range_start(&e->coder, e->in.out + ROOM_BEFORE, e->device->packet_bytes);
}

/* What the payload begins with, before its range-coded part. Returns how many bytes, and adds head bits. */
static size_t put_fields(vc_encoder *e, unsigned *head, uint32_t samples)
{
    uint8_t fields[FIELDS];
    size_t n = 0;
    int is_delta = e->place != 0;
    if (is_delta) *head |= VC_HEAD_DELTA;
    if (e->step != (is_delta ? e->before : e->key_step)) {
        *head |= VC_HEAD_STEP;
        fields[n++] = (uint8_t)e->step;
    }
    if (samples != 0) {
        *head |= VC_HEAD_SHORT;
        n += (size_t)vc_varint_write(fields + n, samples);
    }
    vc_copy_down(e->in.out + ROOM_BEFORE - n, fields, n);
    return n;
}

/* Of a short packet, which only the last one can be; else 0. */
static uint32_t short_samples(const vc_encoder *e)
{
    uint64_t samples = e->samples - e->number * packet_samples(e->device);
    return e->phase == DRAINING && samples < packet_samples(e->device) ? (uint32_t)samples : 0;
}

static void end_packet(vc_encoder *e)
{
    unsigned head = VC_KIND_DATA;
    uint32_t bits = vc_coded_bits(&e->coder);
    e->lost = vc_range_finish(&e->coder) != VC_OK;
    size_t n = e->nonzero && !e->lost ? e->coder.size : 0;
    if (e->nonzero && n == 0) e->in.out[ROOM_BEFORE + n++] = 0; /* no bytes would mean that all is zero */
    size_t fields = put_fields(e, &head, short_samples(e));
    hand_out(e, head, e->in.out + ROOM_BEFORE - fields, fields + n);
    judge(e, bits);
    e->number++;
    e->place = e->place + 1 == e->device->group ? 0 : e->place + 1;
    e->row = 0;
}

/* Blocks */

/* n samples of a channel, `cols` apart. */
static void convert(vc_encoder *e, const int16_t *samples, int32_t channel, int32_t cols, int32_t n, int16_t *to)
{
    const vc_model *m = model_of(e);
    int32_t up = m->in_shift > 0 ? m->in_shift : 0, down = m->in_shift < 0 ? -m->in_shift : 0, shift = e->settings.shift;
    int32_t most = 32767 >> up, half = (1 << shift) >> 1, half_down = (1 << down) >> 1;
    int32_t offset = e->settings.offset[channel], in_offset = m->in_offset;
    for (int32_t i = 0; i < n; i++, samples += cols) {
        int32_t v = ((*samples - offset + half) >> shift) - in_offset;
        v = (v + half_down) >> down;
        if (v > most || v < -most - 1) e->saturated++;
        to[i] = (int16_t)(v > most ? 32767 : v < -most - 1 ? -32768 : v * (1 << up));
    }
}

/* Coefficients of one band of the block that has come out to latents. */
static void quantise_band(vc_encoder *e, uint32_t band, int32_t channel)
{
    const vc_model *m = model_of(e);
    const vc_band *z = &e->bands[band], *excess = &e->excess[band];
    const int16_t *y = vc_pyramid_band(&e->in.pyramids[channel], band);
    int32_t round = vc_setting_round(m, band, e->setting, e->settings.effort), chosen = e->settings.effort > 1;
    int32_t n = z->stride == 1 ? z->rows : 1; /* that lie side by side */
    for (int32_t i = 0; i < z->rows; i += n) {
        ptrdiff_t at = (ptrdiff_t)i * z->stride + channel;
        vc_quantise_band(m, band, e->step, round, y + i, z->data + at, (size_t)n);
        if (chosen) vc_quantise_excess(m, band, e->step, y + i, z->data + at, excess->data + at, (size_t)n);
    }
}

static void code_block(vc_encoder *e)
{
    int32_t row = e->place * e->device->rows + e->row;
    int chosen = e->settings.effort > 1;
    if (e->row == 0) begin_packet(e);
    for (uint32_t b = 0; b < model_of(e)->n_bands; b++)
        for (int32_t c = 0; c < channels_of(e->device); c++) quantise_band(e, b, c);
    vc_prior_rows(&e->prior, row, row + 1);
    vc_prior_encode_part(&e->prior, e->bands, chosen ? e->excess : NULL, vc_setting_weight(e->setting), &e->coder, &e->nonzero);
    e->row++;
}

static int sync_is_due(const vc_encoder *e)
{
    return e->row == 0 && e->place == 0 && e->number >= e->next_sync;
}

/* Gives the analysis the block, or NULL behind the signal's end; codes the block that comes out of it. Returns 0 where a packet must be fetched first. */
static int advance(vc_encoder *e, const int16_t *block)
{
    int comes_out = e->ahead + 1 == vc_pyramid_delay(model_of(e));
    if (e->waiting.size != 0) return 0;
    if (comes_out && sync_is_due(e)) {
        hand_out_sync(e);
        return 0;
    }
    for (int32_t c = 0; c < channels_of(e->device); c++) vc_pyramid_push(&e->in.pyramids[c], block ? block + c * block_of(e->device) : NULL);
    if (comes_out) code_block(e);
    else e->ahead++;
    if (comes_out && e->row == e->device->rows) end_packet(e);
    return 1;
}

static int advance_full(vc_encoder *e)
{
    if (!advance(e, e->in.block)) return 0;
    e->filled = 0;
    return 1;
}

int32_t vc_encoder_push(vc_encoder *e, const int16_t *samples, int32_t n)
{
    if (!e || !e->device || n < 0 || (n > 0 && !samples)) return VC_EARGUMENT;
    if (e->phase != RUNNING) return VC_EENDED;
    int32_t cols = channels_of(e->device), block = block_of(e->device), taken = 0;
    while (taken < n) {
        if (e->filled == block && !advance_full(e)) break;
        int32_t more = n - taken < block - e->filled ? n - taken : block - e->filled;
        for (int32_t c = 0; c < cols; c++) convert(e, samples + (ptrdiff_t)taken * cols + c, c, cols, more, e->in.block + c * block + e->filled);
        e->filled += more;
        taken += more;
    }
    if (e->filled == block) advance_full(e);
    e->samples += (uint64_t)taken;
    return taken;
}

int vc_encoder_next(vc_encoder *e, vc_encoder_packet *p)
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

/* Fills the running block up with its last samples. */
static void pad(vc_encoder *e)
{
    int32_t block = block_of(e->device);
    for (; e->filled < block; e->filled++)
        for (int32_t c = 0; c < channels_of(e->device); c++) e->in.block[c * block + e->filled] = e->in.block[c * block + e->filled - 1];
}

/* Returns 0 where a packet must be fetched first. */
static int end_signal(vc_encoder *e)
{
    if (e->filled > 0) {
        pad(e);
        if (!advance_full(e)) return 0;
    }
    for (int32_t c = 0; c < channels_of(e->device); c++) vc_pyramid_end(&e->in.pyramids[c]);
    e->left = e->ahead;
    e->phase = DRAINING;
    return 1;
}

/* Codes the blocks that are left. Returns 0 where a packet must be fetched first. */
static int drain(vc_encoder *e)
{
    while (e->left > 0) {
        int comes_out = e->ahead + 1 == vc_pyramid_delay(model_of(e));
        if (!advance(e, NULL)) return 0;
        e->left -= comes_out;
    }
    if (e->waiting.size != 0) return 0;
    if (e->row > 0) end_packet(e);
    e->phase = ENDING;
    return e->waiting.size == 0;
}

int vc_encoder_flush(vc_encoder *e)
{
    if (!e || !e->device) return VC_EARGUMENT;
    if (e->phase == RUNNING && e->samples == 0) e->phase = ENDED;
    if (e->phase == RUNNING && !end_signal(e)) return 1;
    if (e->phase == DRAINING && !drain(e)) return 1;
    if (e->phase == ENDING && e->waiting.size == 0) {
        hand_out_end(e);
        e->phase = ENDED;
    }
    return e->waiting.size != 0;
}
