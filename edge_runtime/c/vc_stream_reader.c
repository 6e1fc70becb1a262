#include "vc_stream_reader.h"

#include "vc_bytes.h"
#include "vc_crc.h"
#include "vc_varint.h"

enum {
    FULL = 3,                /* bytes before the length */
    HEAD_RESERVED = 1 << 7,
    COMPACT_LENGTH = 63,     /* bits of the length, and the value behind which a varint follows */
    COMPACT_STEP = 1 << 6,
    NUMBER_BYTES = 6,
    MODULUS = 256,
    NEAR = 16,               /* a compact packet is looked for so many numbers before and after the next one */
    VERSION = 1,
    SAMPLE_TYPES = 7,
    MOST_CHANNELS = 256,
    MOST_SHIFT = 31,
    LONG_VARINT = 7,
    CREDIT = 256,            /* bytes of checks for each byte that goes by */
    FIRST_CREDIT = 1 << 16,
    MOST_CREDIT = 1 << 24
};

#define MOST_BLOCKS ((uint64_t)1 << 21) /* of a group over all channels */
#define MOST_FACTS ((size_t)1 << 16)
#define NUMBERS ((uint64_t)1 << 48)

/* A packet's place in the buffer, before its check. */
typedef struct frame {
    unsigned head;
    int is_compact, is_wide;
    uint8_t seq;
    size_t payload, check, end; /* places in the buffer */
} frame;

/* Reading fields; a failure makes the rest fail too */

typedef struct cursor {
    const uint8_t *at;
    size_t left;
    int failed;
} cursor;

static uint32_t take(cursor *c, size_t bytes)
{
    uint32_t v = 0;
    if (c->left < bytes) c->failed = 1;
    if (c->failed) return 0;
    for (size_t i = 0; i < bytes; i++) v |= (uint32_t)c->at[i] << (8 * i);
    c->at += bytes;
    c->left -= bytes;
    return v;
}

static uint32_t take_varint(cursor *c)
{
    uint32_t v = 0;
    int n = c->failed ? VC_EEND : vc_varint_read(c->at, c->left, &v);
    if (n < 0) {
        c->failed = 1;
        return 0;
    }
    c->at += n;
    c->left -= (size_t)n;
    return v;
}

static uint64_t take_long_varint(cursor *c)
{
    uint64_t v = 0;
    for (int i = 0; i < LONG_VARINT; i++) {
        uint32_t byte = take(c, 1);
        v |= (uint64_t)(byte & 127) << (7 * i);
        if (byte >= 128) continue;
        if ((i > 0 && byte == 0) || v >= NUMBERS) c->failed = 1;
        return v;
    }
    c->failed = 1;
    return 0;
}

/* The buffer */

int vc_stream_reader_begin(vc_stream_reader *r, void *buffer, size_t n)
{
    if (!r || !buffer) return VC_EARGUMENT;
    if (n < VC_STREAM_LEAST) return VC_ESPACE;
    vc_zero(r, sizeof *r);
    r->buffer = (uint8_t *)buffer;
    r->capacity = n;
    r->before = 1;
    r->candidate = 2;
    r->credit = FIRST_CREDIT;
    return VC_OK;
}

size_t vc_stream_reader_push(vc_stream_reader *r, const uint8_t *data, size_t n)
{
    if (r->at > 0 && r->capacity - r->end < n) {
        vc_copy_down(r->buffer, r->buffer + r->at, r->end - r->at);
        r->end -= r->at;
        r->at = 0;
    }
    size_t room = r->capacity - r->end, taken = n < room ? n : room;
    vc_copy_down(r->buffer + r->end, data, taken);
    r->end += taken;
    return taken;
}

void vc_stream_reader_finish(vc_stream_reader *r)
{
    r->is_last = 1;
}

static void go_on(vc_stream_reader *r, size_t bytes)
{
    uint64_t credit = r->credit + (uint64_t)CREDIT * bytes;
    r->credit = credit < MOST_CREDIT ? (uint32_t)credit : MOST_CREDIT;
    r->at += bytes;
}

/* To where a full packet may begin. */
static void skip(vc_stream_reader *r)
{
    size_t n = 1;
    while (r->at + n < r->end && r->buffer[r->at + n] != VC_SYNC) n++;
    r->skipped += n;
    r->is_aligned = 0;
    go_on(r, n);
}

static int pay(vc_stream_reader *r, size_t bytes)
{
    if (bytes > r->credit) return 0;
    r->credit -= (uint32_t)bytes;
    return 1;
}

/* Framing */

static int head_is_valid(unsigned head)
{
    unsigned kind = head & 7, more = head & ~(unsigned)(7 | VC_HEAD_CRC32C);
    if ((head & HEAD_RESERVED) != 0) return 0;
    return kind == VC_KIND_DATA || ((kind == VC_KIND_END || kind == VC_KIND_SYNC) && more == 0);
}

/* The length of a packet whose varint begins n bytes from the place reached, and where the payload begins. */
static int read_length(const vc_stream_reader *r, size_t n, uint32_t *length, frame *f)
{
    int taken = vc_varint_read(r->buffer + r->at + n, r->end - r->at - n, length);
    if (taken < 0) return taken;
    f->payload = r->at + n + (size_t)taken;
    return VC_OK;
}

/* Ends a frame. Returns 0, VC_ELARGE where the buffer never holds it, or VC_EEND. */
static int close_frame(const vc_stream_reader *r, uint32_t length, frame *f)
{
    f->is_wide = length >= VC_CRC32C_FROM;
    if (length > r->capacity || f->payload - r->at + length + 4 > r->capacity) return VC_ELARGE;
    f->check = f->payload + length;
    f->end = f->check + (f->is_wide ? 4 : 2);
    return f->end > r->end ? VC_EEND : VC_OK;
}

static int compact_frame(const vc_stream_reader *r, frame *f)
{
    uint32_t length = f->head & COMPACT_LENGTH;
    f->is_compact = 1;
    f->payload = r->at + 1;
    if (length == COMPACT_LENGTH) {
        int error = read_length(r, 1, &length, f);
        if (error) return error;
        if (length < COMPACT_LENGTH || length >= VC_CRC32C_FROM) return VC_EHEAD;
    }
    return close_frame(r, length, f);
}

static int full_frame(const vc_stream_reader *r, frame *f)
{
    uint32_t length;
    if (r->end - r->at <= FULL) return VC_EEND;
    f->is_compact = 0;
    f->head = r->buffer[r->at + 1];
    f->seq = r->buffer[r->at + 2];
    if (!head_is_valid(f->head)) return VC_EHEAD;
    int error = read_length(r, FULL, &length, f);
    if (error) return error;
    if ((length >= VC_CRC32C_FROM) != ((f->head & VC_HEAD_CRC32C) != 0)) return VC_EHEAD;
    return close_frame(r, length, f);
}

/* The packet that seems to begin at the place reached. Returns 0, VC_EEND where more bytes must tell, or another error where there is none. */
static int find_frame(const vc_stream_reader *r, frame *f)
{
    f->head = r->buffer[r->at];
    f->seq = 0;
    if (f->head == VC_SYNC) return full_frame(r, f);
    if (f->head < HEAD_RESERVED && r->is_aligned) return compact_frame(r, f);
    return VC_ESYNC;
}

static unsigned kind_of(const frame *f)
{
    return f->is_compact ? VC_KIND_DATA : f->head & 7;
}

/* Whether the check holds for a packet of a segment with this number, or, without one, of a sync packet. */
static int holds(const vc_stream_reader *r, const frame *f, const vc_stream_header *h, uint64_t number)
{
    const uint8_t *checked = r->buffer + r->at + (f->is_compact ? 0 : 1), *found = r->buffer + f->check;
    size_t n = (size_t)(found - checked), more = h ? NUMBER_BYTES : 0;
    uint8_t whole[NUMBER_BYTES];
    for (int i = 0; i < NUMBER_BYTES; i++) whole[i] = (uint8_t)(number >> (8 * i) & 255);
    if (f->is_wide) return vc_crc32c(vc_crc32c(h ? h->crc32c : VC_CRC32C_START, whole, more), checked, n) == vc_u32(found);
    return vc_crc16(vc_crc16((uint16_t)(h ? h->crc16 : VC_CRC16_START), whole, more), checked, n) == vc_u16(found);
}

/* Sync packets */

static int read_offsets(cursor *c, vc_stream_header *h)
{
    for (unsigned i = 0; i < h->channels && !c->failed; i++) {
        int32_t offset = vc_unzigzag(take_varint(c));
        if (i < VC_STREAM_OFFSETS) h->offset[i] = offset;
    }
    return !c->failed;
}

static int is_sound(const vc_stream_header *h, uint32_t channels)
{
    if (channels < 1 || channels > MOST_CHANNELS || h->rate_divisor < 1 || h->sample_type < 1 || h->sample_type > SAMPLE_TYPES) return 0;
    if (h->rows < 1 || h->group < 1 || h->rows > MOST_BLOCKS || h->group > MOST_BLOCKS) return 0;
    return h->shift <= MOST_SHIFT && (uint64_t)h->rows * h->group <= MOST_BLOCKS / channels;
}

/* Reads the constant part; the cursor ends at the JSON. */
static int read_constant(cursor *c, vc_stream_header *h)
{
    uint32_t version = take(c, 1);
    h->model_id = take(c, 4);
    h->synthesis_id = (uint16_t)take(c, 2);
    h->stream_id = (uint16_t)take(c, 2);
    h->step = (uint8_t)take(c, 1);
    uint32_t channels = take_varint(c);
    h->rate = take_varint(c);
    h->rate_divisor = take_varint(c);
    h->sample_type = (uint8_t)take(c, 1);
    h->rows = take_varint(c);
    h->group = take_varint(c);
    h->shift = (uint8_t)take(c, 1);
    if (c->failed || version != VERSION || !is_sound(h, channels)) return 0;
    h->channels = (uint16_t)channels;
    if (!read_offsets(c, h)) return 0;
    h->first = take_long_varint(c);
    return !c->failed && c->left <= MOST_FACTS;
}

static int read_sync(const uint8_t *payload, size_t n, vc_stream_header *h, uint64_t *number, cursor *facts)
{
    cursor c = {payload, n, 0};
    vc_zero(h, sizeof *h);
    *number = take_long_varint(&c);
    const uint8_t *constant = c.at;
    h->size = (uint32_t)c.left;
    if (!read_constant(&c, h) || h->first > *number) return 0;
    h->crc16 = vc_crc16(VC_CRC16_START, constant, h->size);
    h->crc32c = vc_crc32c(VC_CRC32C_START, constant, h->size);
    h->facts_crc32c = vc_crc32c(VC_CRC32C_START, c.at, c.left);
    *facts = c;
    return 1;
}

static int is_same(const vc_stream_header *a, const vc_stream_header *b)
{
    return a->size == b->size && a->crc32c == b->crc32c && a->crc16 == b->crc16;
}

/* Whether two segments may be of one stream. */
static int is_one_stream(const vc_stream_header *a, const vc_stream_header *b)
{
    return a->model_id == b->model_id && a->stream_id == b->stream_id && a->channels == b->channels && a->rate == b->rate &&
           a->rate_divisor == b->rate_divisor && a->sample_type == b->sample_type && a->rows == b->rows && a->group == b->group &&
           a->facts_crc32c == b->facts_crc32c;
}

/* A sync packet of the running segment only says where it is; what any other one says counts once a packet follows. */
static int accept_sync(vc_stream_reader *r, const frame *f, vc_stream_packet *p)
{
    vc_stream_header *h = &r->headers[r->candidate];
    uint64_t number;
    cursor facts;
    if (!holds(r, f, NULL, 0)) return 0;
    r->has_candidate = 0;
    if (!read_sync(r->buffer + f->payload, f->check - f->payload, h, &number, &facts)) return 0;
    if (r->segments > 0 && is_same(h, &r->headers[r->current])) {
        h = &r->headers[r->current];
        r->hint = number;
    } else {
        r->has_candidate = 1;
        r->candidate_number = number;
    }
    p->header = h;
    p->number = number;
    p->data = facts.at;
    p->n = facts.left;
    return 1;
}

/* Data and end packets */

/* The number nearest to `top` that a full packet may have, a whole modulus or two away if it is negative. */
static int64_t nearest(uint64_t top, uint8_t seq)
{
    int64_t lowest = (int64_t)top - MODULUS / 4;
    return lowest + (((int64_t)seq - lowest) & (MODULUS - 1));
}

/* Number i of those that a packet may have, likeliest first; below 0: it is none. */
static int64_t likely(const frame *f, uint64_t top, int i)
{
    int64_t away = (i + 1) / 2, sign = i % 2 != 0 ? -1 : 1;
    return f->is_compact ? (int64_t)top + sign * away : nearest(top, f->seq) + sign * away * MODULUS;
}

static int fits(vc_stream_reader *r, const frame *f, const vc_stream_header *h, int64_t number, int is_free)
{
    if (number < 0 || (uint64_t)number >= NUMBERS) return 0;
    if (!is_free && !pay(r, f->end - r->at)) return 0;
    return holds(r, f, h, (uint64_t)number);
}

/* How many numbers are worth trying. */
static int tries(const frame *f)
{
    return f->is_compact ? 2 * NEAR + 1 : 3;
}

/* Tries a packet with a number in the running segment and the one before it. Returns its header or NULL. */
static const vc_stream_header *try_segments(vc_stream_reader *r, const frame *f, int64_t number, int is_free)
{
    if (fits(r, f, &r->headers[r->current], number, is_free)) return &r->headers[r->current];
    if (r->has_before && fits(r, f, &r->headers[r->before], number, 0)) return &r->headers[r->before];
    return NULL;
}

/* Finds the known segment and the number for which the check holds. What is expected next costs nothing. */
static const vc_stream_header *in_segments(vc_stream_reader *r, const frame *f, uint64_t *number)
{
    const vc_stream_header *h = NULL;
    for (int i = 0; i <= tries(f) && !h && r->segments > 0; i++) {
        int64_t n = i < tries(f) ? likely(f, r->top, i) : likely(f, r->hint, 0);
        h = try_segments(r, f, n, i == 0 && r->is_aligned);
        *number = (uint64_t)n;
    }
    return h;
}

/* The same in the segment that no packet vouches for; of a first one packets may be missing, another one begins with a key packet. */
static const vc_stream_header *in_candidate(vc_stream_reader *r, const frame *f, uint64_t *number)
{
    int most = r->segments > 0 ? 1 : tries(f);
    for (int i = 0; i < most && r->has_candidate; i++) {
        int64_t n = likely(f, r->candidate_number, i);
        *number = (uint64_t)n;
        if (fits(r, f, &r->headers[r->candidate], n, 0)) return &r->headers[r->candidate];
    }
    return NULL;
}

/* A packet vouches for the candidate: it becomes the running segment. */
static void enter(vc_stream_reader *r, uint64_t number, vc_stream_packet *p)
{
    uint8_t free_one = r->before;
    p->is_other = r->segments > 0 && !is_one_stream(&r->headers[r->candidate], &r->headers[r->current]);
    r->has_before = r->segments > 0 && !p->is_other;
    r->before = r->current;
    r->current = r->candidate;
    r->candidate = free_one;
    r->has_candidate = 0;
    r->hint = r->candidate_number;
    if (r->segments == 0 || p->is_other) r->top = number;
    r->headers[r->current].segment = ++r->segments;
}

static int read_fields(const vc_stream_reader *r, const frame *f, vc_stream_packet *p)
{
    cursor c = {r->buffer + f->payload, f->check - f->payload, 0};
    int is_data = p->kind == VC_KIND_DATA;
    int has_step = is_data && (f->head & (unsigned)(f->is_compact ? COMPACT_STEP : VC_HEAD_STEP)) != 0;
    int is_short = is_data && !f->is_compact && (f->head & VC_HEAD_SHORT) != 0;
    p->is_delta = is_data && (f->is_compact || (f->head & VC_HEAD_DELTA) != 0);
    p->step = has_step ? (int32_t)take(&c, 1) : -1;
    p->samples = is_short ? take_varint(&c) : is_data ? 0 : take_long_varint(&c);
    p->data = c.at;
    p->n = c.left;
    return !c.failed && !(is_short && p->samples == 0) && (is_data || c.left == 0);
}

static int accept_packet(vc_stream_reader *r, const frame *f, vc_stream_packet *p)
{
    const vc_stream_header *h = in_segments(r, f, &p->number);
    if (!h) h = in_candidate(r, f, &p->number);
    if (!h || !read_fields(r, f, p)) return 0;
    if (h == &r->headers[r->candidate]) enter(r, p->number, p);
    p->header = h;
    uint64_t next = p->number + (p->kind == VC_KIND_DATA);
    if (next > r->top) r->top = next;
    return 1;
}

static int accept(vc_stream_reader *r, const frame *f, vc_stream_packet *p)
{
    if (!r->is_aligned && !pay(r, f->end - r->at)) return 0;
    vc_zero(p, sizeof *p);
    p->kind = kind_of(f);
    p->step = -1;
    return p->kind == VC_KIND_SYNC ? accept_sync(r, f, p) : accept_packet(r, f, p);
}

int vc_stream_reader_next(vc_stream_reader *r, vc_stream_packet *p)
{
    frame f;
    while (r->at < r->end) {
        int error = find_frame(r, &f);
        if (error == VC_EEND && !r->is_last) return 0;
        if (error || !accept(r, &f, p)) {
            skip(r);
            continue;
        }
        p->skipped = r->skipped;
        r->skipped = 0;
        r->is_aligned = 1;
        go_on(r, f.end - r->at);
        return 1;
    }
    return 0;
}
