#include "vc_decoder.h"

#include "vc_arena.h"
#include "vc_bytes.h"
#include "vc_crc.h"

enum {
    FIELDS = 6,      /* step code and number of samples before the range-coded part */
    REMEMBERED = 64  /* packets of which it is known whether they came */
};

static int32_t channels_of(const vc_device_model *m)
{
    return m->plan->geometry.cols;
}

static uint64_t packet_samples(const vc_device_model *m)
{
    return (uint64_t)m->rows << m->plan->model->levels;
}

/* The longest packet that the encoder of this model makes. */
static size_t longest_packet(const vc_device_model *m)
{
    return (size_t)m->packet_bytes + FIELDS + VC_PACKET_EXTRA_MAX + VC_STREAM_LEAST;
}

int64_t vc_decoder_memory(const vc_device_model *m)
{
    vc_arena a = {NULL, 0};
    vc_arena_take(&a, (int64_t)packet_samples(m) * channels_of(m), sizeof(int16_t));
    vc_arena_take(&a, vc_prior_plan_memory(m->plan), 1);
    return a.used + VC_ARENA_ALIGN + (int64_t)longest_packet(m);
}

int vc_decoder_begin(vc_decoder *d, const vc_device_model *m, void *memory, size_t n)
{
    if (!d || !m) return VC_EARGUMENT;
    if (!memory || (uint64_t)vc_decoder_memory(m) > n) return VC_ESPACE;
    const vc_model *model = m->plan->model;
    if (vc_crc32c(VC_CRC32C_START, model->blob, model->size) != m->blob_crc) return VC_EM_CRC;
    vc_zero(d, sizeof *d);
    d->device = m;
    vc_arena a = vc_arena_in(memory);
    size_t need = (size_t)vc_prior_plan_memory(m->plan);
    d->latents = (int16_t *)vc_arena_take(&a, (int64_t)packet_samples(m) * channels_of(m), sizeof(int16_t));
    void *prior = vc_arena_take(&a, (int64_t)need, 1);
    uint8_t *rest = a.base + a.used;
    d->prior_step = model->t_hi;
    int error = vc_prior_plan_begin(&d->prior, m->plan, d->prior_step, prior, need);
    return error ? error : vc_stream_reader_begin(&d->reader, rest, n - (size_t)(rest - (uint8_t *)memory));
}

int64_t vc_decoder_push(vc_decoder *d, const uint8_t *data, size_t n)
{
    if (!d || !d->device || (n > 0 && !data)) return VC_EARGUMENT;
    return (int64_t)vc_stream_reader_push(&d->reader, data, n);
}

void vc_decoder_finish(vc_decoder *d)
{
    if (d && d->device) vc_stream_reader_finish(&d->reader);
}

/* Streams and numbers */

static int is_ours(const vc_device_model *m, const vc_stream_header *h)
{
    return h->model_id == m->model_id && h->channels == channels_of(m) && h->rows == m->rows && h->group == m->group;
}

static void forget(vc_decoder *d, uint64_t number)
{
    d->expected = number;
    d->came = 0;
    d->place = 0;
}

/* Moves on to a number beyond the highest one. */
static void expect(vc_decoder *d, uint64_t number)
{
    uint64_t moved = number - d->expected;
    d->came = moved < REMEMBERED ? d->came << moved : 0;
    d->expected = number;
}

/* Notes that a data packet came. Returns 0, or VC_ELATE where its turn is over; `lost` becomes how many before it did not come. */
static int note(vc_decoder *d, uint64_t number, uint64_t *lost)
{
    if (number >= d->expected) {
        *lost = number - d->expected;
        expect(d, number + 1);
        d->came |= 1;
        return VC_OK;
    }
    uint64_t back = d->expected - 1 - number;
    if (d->device->group > 1 || back >= REMEMBERED || (d->came >> back & 1) != 0) return VC_ELATE;
    d->came |= (uint64_t)1 << back;
    return VC_OK;
}

/* Latents */

static void lay_bands(vc_decoder *d, int32_t blocks)
{
    const vc_model *m = d->device->plan->model;
    int32_t cols = channels_of(d->device);
    int16_t *data = d->latents;
    for (uint32_t b = 0; b < m->n_bands; b++) {
        vc_band band = {data, blocks << (m->levels - vc_model_band(m, b).level), cols, cols};
        d->bands[b] = band;
        data += (ptrdiff_t)band.rows * cols;
    }
}

/* Turns the prior to the packet's blocks and step. */
static int select(vc_decoder *d, int32_t first, int32_t blocks, int32_t t)
{
    int error = vc_prior_rows(&d->prior, first, first + blocks);
    if (!error && t != d->prior_step) error = vc_prior_step(&d->prior, t);
    d->prior_step = t;
    return error;
}

/* Where in its group a packet belongs, or VC_EROWS where one before it is missing. */
static int32_t place_of(const vc_decoder *d, const vc_stream_packet *s, int is_next)
{
    if (!s->is_delta) return 0;
    return is_next && d->place > 0 && d->place < d->device->group && s->header->segment == d->segment ? d->place : VC_EROWS;
}

static int decode(vc_decoder *d, const vc_stream_packet *s, int32_t place, vc_decoder_packet *p)
{
    int32_t usual = s->is_delta ? d->step : s->header->step;
    d->place = 0;
    p->step = s->step < 0 ? usual : s->step;
    lay_bands(d, p->blocks);
    int error = select(d, place * d->device->rows, p->blocks, p->step);
    if (!error) error = vc_prior_decode(&d->prior, 0, 0, d->bands, s->data, s->n);
    if (error) return error;
    d->step = p->step;
    d->segment = s->header->segment;
    d->place = s->samples == 0 ? place + 1 : 0; /* nothing follows a short packet */
    p->bands = d->bands;
    return 1;
}

static int take_data(vc_decoder *d, const vc_stream_packet *s, vc_decoder_packet *p)
{
    uint64_t full = packet_samples(d->device);
    int is_next = s->number == d->expected, error = note(d, s->number, &p->lost);
    p->samples = s->samples ? s->samples : full;
    if (error) return error;
    if (p->samples > full) return VC_EHEAD;
    uint32_t levels = d->device->plan->model->levels;
    p->blocks = (int32_t)((p->samples + ((uint64_t)1 << levels) - 1) >> levels);
    int32_t place = place_of(d, s, is_next);
    if (place < 0) d->place = 0;
    return place < 0 ? place : decode(d, s, place, p);
}

static int take_end(vc_decoder *d, const vc_stream_packet *s, vc_decoder_packet *p)
{
    if (s->number < d->expected) return VC_ELATE;
    p->lost = s->number - d->expected;
    expect(d, s->number);
    return 1;
}

int vc_decoder_next(vc_decoder *d, vc_decoder_packet *p)
{
    vc_stream_packet s;
    if (!d || !d->device || !p) return VC_EARGUMENT;
    if (!vc_stream_reader_next(&d->reader, &s)) return 0;
    vc_zero(p, sizeof *p);
    p->kind = s.kind;
    p->number = s.number;
    p->first = s.number * packet_samples(d->device);
    p->skipped = s.skipped;
    p->samples = s.samples;
    p->header = s.header;
    p->is_other = s.is_other;
    if (!is_ours(d->device, s.header)) return VC_ESTREAM;
    if (s.kind == VC_KIND_SYNC) return 1;
    if (s.is_other || d->segment == 0) forget(d, s.number);
    if (d->segment == 0) d->segment = s.header->segment;
    return s.kind == VC_KIND_DATA ? take_data(d, &s, p) : take_end(d, &s, p);
}
