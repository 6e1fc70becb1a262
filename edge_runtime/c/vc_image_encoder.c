#include "vc_image_encoder.h"

#include "vc_arena.h"
#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_packet_writer.h"
#include "vc_quantise.h"
#include "vc_setting.h"
#include "vc_varint.h"

enum {
    IMAGE = 2, /* modality */
    GREY = 1, RGB = 3, /* colour modes */
    TILE_MAJOR = 0,
    FORMAT_VERSION = 1,
    HEADER_MOST = 64,
    ROOM = VC_PACKET_EXTRA_MAX
};

/* Shapes */

static const vc_model *model_of(const vc_image_encoder *e)
{
    return e->device->plan->model;
}

/* A side in units of 2^L pixels. */
static int32_t units(const vc_model *m, int32_t pixels)
{
    return (pixels + (1 << m->levels) - 1) >> m->levels;
}

/* Tiles' sides in units. */
static int32_t tile_rows(const vc_image_model *d)
{
    return d->plan->geometry.rows >> d->plan->model->levels;
}

static int32_t tile_cols(const vc_image_model *d)
{
    return d->plan->geometry.cols >> d->plan->model->levels;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t level_of(const vc_model *m, int32_t stage)
{
    return stage == 0 ? m->levels : m->levels + 1 - stage;
}

/* Which packet of a tile a stage belongs to. */
static int32_t group_of(const vc_model *m, int32_t stage)
{
    int32_t group = 4 - level_of(m, stage);
    return stage == 0 || group < 0 ? 0 : group;
}

/* Bands of one colour in a stage, and the first of them. */
static int32_t stage_bands(int32_t stage)
{
    return stage == 0 ? 1 : 3;
}

static uint32_t first_band(const vc_model *m, int32_t stage, uint32_t colour)
{
    uint32_t count, first = vc_model_stage_bands(m, (uint32_t)stage, &count);
    return first + colour * (uint32_t)stage_bands(stage);
}

/* Memory */

static int32_t padded(const vc_model *m, int32_t pixels)
{
    return units(m, pixels) << m->levels;
}

static void plan(vc_image_parts *p, vc_latents *l, const vc_image_model *d, vc_arena *a)
{
    const vc_model *m = d->plan->model;
    int32_t cols = padded(m, d->width), across = 3 * m->colours * (cols / 2);
    vc_image_pyramid_plan(&p->pyramid, m, padded(m, d->height), cols, a);
    p->row = (int16_t *)vc_arena_take(a, cols, sizeof(int16_t));
    p->latents = (int16_t *)vc_arena_take(a, across, sizeof(int16_t));
    p->excess = (int16_t *)vc_arena_take(a, across, sizeof(int16_t));
    p->out = (uint8_t *)vc_arena_take(a, (int64_t)d->packet_bytes + ROOM, 1);
    l->data = (uint8_t *)vc_arena_take(a, d->waiting_bytes, 1);
    p->n_activations = (size_t)vc_prior_plan_memory(d->plan);
    p->activations = (uint8_t *)vc_arena_take(a, (int64_t)p->n_activations, 1);
}

int64_t vc_image_memory(const vc_image_model *d)
{
    vc_image_parts p;
    vc_latents l;
    vc_arena a = {NULL, 0};
    plan(&p, &l, d, &a);
    return a.used + VC_ARENA_ALIGN;
}

/* Coefficients that come out of the analysis */

static int32_t round_of(const vc_image_encoder *e, uint32_t band)
{
    return vc_setting_round(model_of(e), band, e->setting, e->settings.effort);
}

/* Which record a row is. Through a pointer: some compilers copy what is returned by calling memcpy, which a device may not have. */
static void name_record(const vc_image_encoder *e, int32_t stage, int32_t row, uint32_t colour, vc_latents_row *r)
{
    const vc_model *m = model_of(e);
    int32_t bands = stage_bands(stage);
    r->stage = (uint8_t)stage;
    r->colour = (uint8_t)colour;
    r->row = (uint16_t)row;
    r->bands = bands;
    r->cols = e->in.pyramid.cols >> level_of(m, stage);
    for (int32_t b = 0; b < bands; b++) r->round[b] = (uint8_t)round_of(e, first_band(m, stage, colour) + (uint32_t)b);
}

static void keep_row(vc_image_encoder *e, int32_t stage, int32_t row, uint32_t colour, const int16_t *const *bands)
{
    const vc_model *m = model_of(e);
    int32_t cols = e->in.pyramid.cols >> level_of(m, stage);
    uint32_t first = first_band(m, stage, colour);
    for (int32_t b = 0; b < stage_bands(stage); b++) {
        int16_t *z = e->in.latents + b * cols, *excess = e->in.excess + b * cols;
        vc_quantise_band(m, first + (uint32_t)b, e->step, round_of(e, first + (uint32_t)b), bands[b], z, (size_t)cols);
        if (e->waiting.with_excess) vc_quantise_excess(m, first + (uint32_t)b, e->step, bands[b], z, excess, (size_t)cols);
    }
    vc_latents_row r;
    name_record(e, stage, row, colour, &r);
    int error = vc_latents_put(&e->waiting, &r, e->in.latents, e->in.excess);
    if (error && !e->error) e->error = error;
}

static void take_coefficients(void *context, int32_t level, int32_t row, uint32_t colour, const int16_t *const bands[4])
{
    vc_image_encoder *e = (vc_image_encoder *)context;
    const vc_model *m = model_of(e);
    keep_row(e, m->levels + 1 - level, row, colour, bands);
    if (!bands[3]) return;
    keep_row(e, 0, row, colour, bands + 3);
    if (colour + 1u == m->colours) e->ready = row + 1;
}

/* Beginning */

static int shape_is_valid(const vc_image_model *d)
{
    if (!d->plan || d->packet_bytes > VC_PAYLOAD_MAX) return 0;
    const vc_model *m = d->plan->model;
    return m->rank == 2 && (m->colours == 1 || m->colours == 3) && d->width >= 1 && d->width <= VC_MAX_IMAGE_SIDE && d->height >= 1 && d->height <= VC_MAX_IMAGE_SIDE;
}

int vc_image_begin(vc_image_encoder *e, const vc_image_model *d, const vc_image_settings *s, void *memory, size_t n)
{
    if (!e) return VC_EARGUMENT;
    e->device = NULL; /* what cannot begin is refused by the other calls, whatever `e` held */
    if (!d || !s || s->quality > VC_IMAGE_QUALITY_STEPS || s->effort < 1 || s->effort > 2 || !shape_is_valid(d)) return VC_EARGUMENT;
    int64_t need = vc_image_memory(d);
    if (!memory || (uint64_t)need > n || d->packet_bytes < HEADER_MOST) return VC_ESPACE;
    const vc_model *m = d->plan->model;
    if (vc_crc32c(VC_CRC32C_START, m->blob, m->size) != d->blob_crc) return VC_EM_CRC;
    vc_zero(e, sizeof *e);
    vc_arena a = vc_arena_in(memory);
    plan(&e->in, &e->waiting, d, &a);
    e->device = d;
    e->settings.quality = s->quality;
    e->settings.effort = s->effort;
    e->waiting.capacity = d->waiting_bytes;
    e->waiting.with_excess = s->effort > 1;
    e->setting = vc_setting_of(m, s->quality);
    e->step = e->setting / VC_SUBSTEPS;
    e->number = -1;
    vc_image_pyramid_begin(&e->in.pyramid, take_coefficients, e);
    return VC_OK;
}

/* The header */

static int put_field(uint8_t *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++, v >>= 8) p[i] = (uint8_t)(v & 255);
    return n;
}

static size_t put_body(const vc_image_encoder *e, uint8_t *begin)
{
    const vc_image_model *d = e->device;
    uint8_t *p = begin;
    p += put_field(p, IMAGE, 1);
    p += put_field(p, d->model_id, 4);
    p += put_field(p, d->synthesis_id, 2);
    p += put_field(p, (uint32_t)e->step, 1);
    p += vc_varint_write(p, d->width);
    p += vc_varint_write(p, d->height);
    p += put_field(p, d->plan->model->colours == 1 ? GREY : RGB, 1);
    p += vc_varint_write(p, (uint32_t)tile_cols(d));
    p += vc_varint_write(p, (uint32_t)tile_rows(d));
    p += put_field(p, TILE_MAJOR, 1);
    return (size_t)(p - begin);
}

/* Less than 64 bytes: the length is a varint of one. */
static void put_header(const vc_image_encoder *e, vc_image_packet *packet)
{
    static const uint8_t magic[] = {0x8b, 'V', 'A', 'E', FORMAT_VERSION};
    uint8_t *out = e->in.out;
    vc_copy_down(out, magic, sizeof magic);
    size_t n = put_body(e, out + sizeof magic + 1);
    out[sizeof magic] = (uint8_t)n;
    size_t end = sizeof magic + 1 + n;
    put_field(out + end, vc_crc16(VC_CRC16_START, out + 4, end - 4), 2);
    packet->data = out;
    packet->size = end + 2;
    packet->number = -1;
}

/* Rows */

static int32_t tiles_bottom(const vc_image_encoder *e)
{
    return least(e->top + tile_rows(e->device), e->in.pyramid.rows >> model_of(e)->levels);
}

int vc_image_is_done(const vc_image_encoder *e)
{
    return e && e->device && e->top >= e->in.pyramid.rows >> model_of(e)->levels;
}

static int packet_waits(const vc_image_encoder *e)
{
    return e->number < 0 || (!vc_image_is_done(e) && e->ready >= tiles_bottom(e));
}

static int16_t convert(const vc_model *m, int32_t pixel)
{
    int32_t up = m->in_shift > 0 ? m->in_shift : 0, down = m->in_shift < 0 ? -m->in_shift : 0;
    int32_t v = pixel - m->in_offset;
    v = down > 0 ? (v + (1 << (down - 1))) >> down : v;
    int32_t most = 32767 >> up;
    return (int16_t)(v > most ? 32767 : v < -most - 1 ? -32768 : v * (1 << up));
}

/* One colour plane of a row, mixed as vc_analyse does, and its last pixel repeated up to whole units. */
static void mix_row(const vc_image_encoder *e, const uint8_t *pixels, uint32_t colour)
{
    const vc_model *m = model_of(e);
    const int8_t *weights = (const int8_t *)m->blob + m->mix + colour * (m->colours + 1u);
    int16_t *row = e->in.row;
    for (int32_t i = 0; i < e->device->width; i++) {
        int32_t sum = 0;
        for (uint32_t j = 0; j < m->colours; j++) sum += weights[j] * convert(m, *pixels++);
        row[i] = vc_round_shift_sat16(sum, (unsigned)weights[m->colours]);
    }
    for (int32_t i = e->device->width; i < e->in.pyramid.cols; i++) row[i] = row[i - 1];
}

/* After the last row it comes again, up to whole units. */
static void fill_up(vc_image_encoder *e)
{
    for (; e->rows >= e->device->height && e->rows < e->in.pyramid.rows; e->rows++)
        for (uint32_t c = 0; c < model_of(e)->colours; c++) vc_image_pyramid_repeat(&e->in.pyramid, c);
}

int vc_image_push(vc_image_encoder *e, const uint8_t *pixels)
{
    if (!e || !e->device || !pixels) return VC_EARGUMENT;
    if (e->error) return e->error;
    if (e->rows >= e->device->height) return VC_EENDED;
    if (packet_waits(e)) return 0;
    for (uint32_t c = 0; c < model_of(e)->colours; c++) {
        mix_row(e, pixels, c);
        vc_image_pyramid_push(&e->in.pyramid, c, e->in.row);
    }
    e->rows++;
    fill_up(e);
    return e->error ? e->error : 1;
}

/* Tiles */

static int begin_tile(vc_image_encoder *e)
{
    const vc_image_model *d = e->device;
    int32_t levels = model_of(e)->levels;
    vc_copy_down((uint8_t *)&e->plan, (const uint8_t *)d->plan, sizeof e->plan);
    e->plan.geometry.rows = (tiles_bottom(e) - e->top) << levels;
    e->plan.geometry.cols = least(tile_cols(d), (e->in.pyramid.cols >> levels) - e->left) << levels;
    return vc_prior_plan_begin(&e->prior, &e->plan, e->step, e->in.activations, e->in.n_activations);
}

/* Fetches a row of a stage's latents, and lets `bands` point to the tile's part of it. */
static int fetch_row(vc_image_encoder *e, int32_t stage, int32_t row)
{
    const vc_model *m = model_of(e);
    int32_t level = level_of(m, stage), cols = e->in.pyramid.cols >> level, finer = m->levels - level, count = stage_bands(stage);
    int16_t *z = e->in.latents, *excess = e->in.excess;
    for (uint32_t c = 0; c < m->colours; c++, z += count * cols, excess += count * cols) {
        uint32_t first = first_band(m, stage, c);
        vc_latents_row r;
        name_record(e, stage, (e->top << finer) + row, c, &r);
        int error = vc_latents_get(&e->waiting, &r, z, excess);
        if (error) return error;
        for (int32_t b = 0; b < count; b++) {
            ptrdiff_t at = (ptrdiff_t)b * cols + (e->left << finer);
            vc_band latents = {z + at, 1, e->plan.geometry.cols >> level, cols}, beyond = {excess + at, 1, latents.cols, cols};
            e->bands[first + (uint32_t)b] = latents;
            e->beyond[first + (uint32_t)b] = beyond;
        }
    }
    return VC_OK;
}

static int code_stage(vc_image_encoder *e, int32_t stage, uint8_t *nonzero)
{
    int chosen = e->settings.effort > 1;
    int32_t rows = vc_plan_grid(model_of(e), &e->plan.geometry, (uint32_t)stage).rows;
    for (int32_t row = 0; row < rows; row++) {
        int error = fetch_row(e, stage, row);
        if (!error)
            error = vc_prior_encode_row(&e->prior, (uint32_t)stage, row, e->bands, chosen ? e->beyond : NULL, vc_setting_weight(e->setting), &e->coder, nonzero);
        if (error) return error;
    }
    return VC_OK;
}

/* Codes the running tile's next level group. Returns its bytes or an error. */
static int64_t code_group(vc_image_encoder *e)
{
    const vc_model *m = model_of(e);
    uint8_t *payload = e->in.out + VC_PACKET_HEAD_MAX, nonzero = 0;
    int error = e->next_stage == 0 ? begin_tile(e) : VC_OK;
    int32_t group = group_of(m, e->next_stage);
    vc_range_start(&e->coder, payload, e->device->packet_bytes);
    for (; !error && e->next_stage < m->n_stages && group_of(m, e->next_stage) == group; e->next_stage++) error = code_stage(e, e->next_stage, &nonzero);
    if (error || !nonzero) return error; /* where all is zero no bytes say so, and none need room */
    error = vc_range_finish(&e->coder);
    if (error) return error;
    if (e->coder.size > 0) return (int64_t)e->coder.size;
    payload[0] = 0; /* no bytes would mean that all is zero */
    return 1;
}

/* Latents of tiles that are done are forgotten. */
static void drop_rows(vc_image_encoder *e)
{
    const vc_model *m = model_of(e);
    uint16_t first[VC_MAX_LEVELS + 1];
    for (int32_t s = 0; s < m->n_stages; s++) first[s] = (uint16_t)(e->top << (m->levels - level_of(m, s)));
    vc_latents_drop(&e->waiting, first);
}

static void next_tile(vc_image_encoder *e)
{
    e->next_stage = 0;
    e->left += tile_cols(e->device);
    if (e->left < e->in.pyramid.cols >> model_of(e)->levels) return;
    e->left = 0;
    e->top = tiles_bottom(e);
    drop_rows(e);
}

int vc_image_next(vc_image_encoder *e, vc_image_packet *p)
{
    if (!e || !e->device || !p) return VC_EARGUMENT;
    if (e->error) return e->error;
    if (!packet_waits(e)) return 0;
    if (e->number < 0) {
        put_header(e, p);
        e->number = 0;
        return 1;
    }
    int64_t n = code_group(e);
    if (n < 0) return e->error = (int)n;
    p->data = e->in.out;
    p->size = (size_t)vc_packet_write(e->in.out, e->device->packet_bytes + ROOM, VC_KIND_DATA, (unsigned)e->number & 255, e->in.out + VC_PACKET_HEAD_MAX, (size_t)n);
    p->number = e->number++;
    if (e->next_stage == model_of(e)->n_stages) next_tile(e);
    return 1;
}
