#include "vc_history.h"

#include "vc_bytes.h"
#include "vc_filter.h"
#include "vc_tables.h"

enum { EIGHTHS = 3 };

static int32_t sites_of(const vc_history_setup *s, int32_t level)
{
    return vc_history_block(s) >> level;
}

/* Samples that half a filter of level l spans when it is stretched to the full rate. */
static int32_t half_span(const vc_history_setup *s, int32_t level)
{
    return (s->level[level - 1].taps - 1) / 2 << (level - 1);
}

/* Delays */

static void find_delays(const vc_history_setup *s, int32_t *inverse, int32_t *wave)
{
    inverse[s->levels] = 0;
    for (int32_t l = s->levels; l > 0; l--) inverse[l - 1] = 2 * (inverse[l] + (s->sites - 1) / 2);
    wave[0] = inverse[0];
    for (int32_t l = 1; l <= s->levels; l++) wave[l] = (wave[l - 1] + half_span(s, l) + 1) & ~1;
}

int32_t vc_history_delay(const vc_history_setup *s)
{
    int32_t inverse[VC_MAX_LEVELS + 1], wave[VC_MAX_LEVELS + 1], most = 0;
    find_delays(s, inverse, wave);
    for (int32_t l = 1; l <= s->levels; l++) {
        int32_t last = wave[l] + vc_history_block(s) - (1 << l); /* of the block's coefficients of this level */
        if (last > most) most = last;
    }
    return most + 2;
}

void vc_history_set_up(vc_history_setup *s, const vc_model *m, int t)
{
    vc_match_info info = vc_model_match(m);
    s->levels = m->levels;
    s->sites = info.sites;
    s->shift = info.shift;
    for (uint32_t l = 0; l < m->levels; l++) {
        vc_filter f = vc_model_filter(m, l + 1, 0, 0);
        vc_history_level level = {(const int8_t *)f.low, (const int8_t *)f.high, info.inverse + 8u * l * info.sites,
                                  f.taps, f.shift_low, f.shift_high};
        s->level[l] = level;
    }
    for (uint32_t b = 0; b < m->n_bands; b++) s->step[b] = vc_model_step(m, b, t);
}

/* Planning: each sequence has the values that a filter still needs of blocks before, and then those of one block. */

static int32_t kept_coarse(const vc_history *h)
{
    return h->setup.sites - 1;
}

static int32_t kept_detail(const vc_history *h, int32_t level)
{
    return h->inverse_delay[level] + h->setup.sites - 1;
}

/* Of what level l splits: samples where l is 1, else places. */
static int32_t kept_wave(const vc_history *h, int32_t level)
{
    int32_t samples = h->wave_delay[level] - h->wave_delay[level - 1] + half_span(&h->setup, level);
    return level == 1 ? samples : samples / 2;
}

static int32_t new_wave(const vc_history *h, int32_t level)
{
    return level == 1 ? vc_history_block(&h->setup) : vc_history_block(&h->setup) / 2;
}

static int16_t *take(vc_arena *a, int64_t n)
{
    return (int16_t *)vc_arena_take(a, n, sizeof(int16_t));
}

static void plan_channel(const vc_history *h, vc_history_channel *c, vc_arena *a)
{
    for (int32_t l = 1; l <= h->setup.levels; l++) {
        c->coarse[l - 1] = take(a, kept_coarse(h) + sites_of(&h->setup, l));
        c->detail[l - 1] = take(a, kept_detail(h, l) + sites_of(&h->setup, l));
        c->wave[l - 1] = take(a, kept_wave(h, l) + new_wave(h, l));
    }
    c->bands = take(a, (int64_t)(h->setup.levels + 1) * h->room);
}

void vc_history_plan(vc_history *h, const vc_history_setup *s, int32_t room, int32_t cols, vc_arena *a)
{
    vc_copy_down((uint8_t *)&h->setup, (const uint8_t *)s, sizeof *s);
    h->room = room;
    h->cols = cols;
    h->first = 0;
    find_delays(s, h->inverse_delay, h->wave_delay);
    h->channels = (vc_history_channel *)vc_arena_take(a, cols, sizeof *h->channels);
    for (int32_t c = 0; c < cols; c++) {
        vc_history_channel counted;
        plan_channel(h, h->channels ? &h->channels[c] : &counted, a);
    }
}

/* Values before the first are 0 to every filter; places that were not written are never looked at. */
static void begin_channel(const vc_history *h, const vc_history_channel *c)
{
    for (int32_t l = 1; l <= h->setup.levels; l++) {
        int32_t n = sites_of(&h->setup, l);
        vc_zero(c->coarse[l - 1], (size_t)(kept_coarse(h) + n) * sizeof(int16_t));
        vc_zero(c->detail[l - 1], (size_t)(kept_detail(h, l) + n) * sizeof(int16_t));
        vc_zero(c->wave[l - 1], (size_t)(kept_wave(h, l) + new_wave(h, l)) * sizeof(int16_t));
    }
}

void vc_history_begin(vc_history *h)
{
    h->first = 0;
    for (int32_t i = 0; i < h->cols; i++) begin_channel(h, &h->channels[i]);
}

void vc_history_forget(vc_history *h, int32_t first)
{
    int32_t n = first - h->first;
    if (n <= 0) return;
    h->first = first;
    if (n > h->room) n = h->room;
    for (int32_t i = 0; i < h->cols; i++)
        for (int32_t b = 0; b <= h->setup.levels; b++) {
            int16_t *v = h->channels[i].bands + (ptrdiff_t)b * h->room;
            vc_move_down(v, v + n, h->room - n);
        }
}

/* Learning a block */

/* Makes room for n more values after the `kept` last ones; returns where they go. */
static int16_t *advance(int16_t *sequence, int32_t kept, int32_t n)
{
    vc_move_down(sequence, sequence + n, kept);
    return sequence + kept;
}

/* v * 2^(code/16): 2^(k/16) is half of 2^((16-k)/16) in the table of reciprocals. */
static int16_t scaled(int32_t v, int32_t code)
{
    if (v == 0) return 0; /* as most are */
    int32_t octave = code >> 4, part = code & 15;
    int64_t product = (int64_t)v * (part ? vc_step[16 - part] : vc_step[0] / 2);
    if (octave > 14) product *= 2;
    else if (octave < 14) product = (product + ((int64_t)1 << (13 - octave))) >> (14 - octave);
    return (int16_t)(product < -32768 ? -32768 : product > 32767 ? 32767 : product);
}

/* v / 2^(t/16) in 1/8 */
static int16_t in_steps(int32_t v, int32_t t)
{
    int32_t shift = 15 - EIGHTHS + (t >> 4);
    return vc_sat16((v * (int32_t)vc_step[t & 15] + ((int32_t)1 << (shift - 1))) >> shift);
}

static void rescale(const vc_history *h, int32_t band, int32_t code)
{
    for (int32_t i = 0; i < h->cols; i++) {
        int16_t *v = h->channels[i].bands + (ptrdiff_t)band * h->room;
        for (int32_t p = 0; p < h->room; p++) v[p] = scaled(v[p], code);
    }
}

void vc_history_step(vc_history *h, const vc_model *m, int t)
{
    for (int32_t b = 0; b <= h->setup.levels; b++) {
        int32_t before = h->setup.step[b];
        h->setup.step[b] = vc_model_step(m, (uint32_t)b, t);
        if (h->setup.step[b] != before) rescale(h, b, before - h->setup.step[b]);
    }
}

static void take_latents(const vc_history *h, int32_t row, int32_t column, const vc_band *b, int32_t band, int16_t *to)
{
    int32_t n = sites_of(&h->setup, vc_history_band_level(&h->setup, band));
    for (int32_t i = 0; i < n; i++)
        to[i] = scaled(b->data[(ptrdiff_t)(row * n + i) * b->stride + column], h->setup.step[band]);
}

/* Both samples of a site from the sites around it: `coarse` and `detail` begin at the first of them. */
static void join(const vc_history_level *f, int32_t sites, unsigned shift, const int16_t *coarse, const int16_t *detail, int16_t to[2])
{
    const uint8_t *w = f->inverse;
    int32_t even = 0, odd = 0;
    for (int32_t j = 0; j < sites; j++, w += 8) {
        even += vc_i16(w) * coarse[j] + vc_i16(w + 4) * detail[j];
        odd += vc_i16(w + 2) * coarse[j] + vc_i16(w + 6) * detail[j];
    }
    to[0] = vc_round_shift_sat16(even, shift);
    to[1] = vc_round_shift_sat16(odd, shift);
}

/* The block's worth of samples of the approximation of level l - 1 that its inverse can give by now; before the packet's first all are 0. */
static void join_level(const vc_history *h, const vc_history_channel *c, int32_t level, int32_t row, int16_t *to)
{
    const vc_history_setup *s = &h->setup;
    int32_t n = sites_of(s, level), site = row * n - h->inverse_delay[level] - (s->sites - 1) / 2;
    for (int32_t i = 0; i < n; i++, site++, to += 2) {
        to[0] = to[1] = 0;
        if (site >= 0) join(&s->level[level - 1], s->sites, (unsigned)s->shift, c->coarse[level - 1] + i, c->detail[level - 1] + i, to);
    }
}

/* From latents to samples, the coarsest level first. */
static void join_block(const vc_history *h, const vc_history_channel *c, int32_t row, int32_t column, const vc_band *bands, int32_t band_row)
{
    int32_t levels = h->setup.levels;
    take_latents(h, band_row, column, &bands[0], 0, advance(c->coarse[levels - 1], kept_coarse(h), sites_of(&h->setup, levels)));
    for (int32_t l = levels; l > 0; l--) {
        int32_t band = levels + 1 - l, n = sites_of(&h->setup, l);
        take_latents(h, band_row, column, &bands[band], band, advance(c->detail[l - 1], kept_detail(h, l), n));
        int16_t *finer = l == 1 ? advance(c->wave[0], kept_wave(h, 1), 2 * n) : advance(c->coarse[l - 2], kept_coarse(h), 2 * n);
        join_level(h, c, l, row, finer);
    }
}

/* A band's new values, divided by its step. */
static void divide(int16_t *v, int32_t n, int32_t step)
{
    for (int32_t i = 0; i < n; i++) v[i] = in_steps(v[i], step);
}

/* Undecimated split of a block's worth of places; `next` is where the approximation goes on, or NULL. */
static void split_level(const vc_history *h, const vc_history_channel *c, int32_t level, int32_t row, int16_t *next)
{
    int32_t n = vc_history_block(&h->setup) / 2, at = row * n - h->wave_delay[level] / 2, levels = h->setup.levels, band = levels + 1 - level;
    int32_t early = at >= 0 ? 0 : -at < n ? -at : n; /* places before the packet's first */
    int32_t place = at + early - h->first, wanted = h->room - place, count = n - early; /* no block of the packet looks farther */
    wanted = wanted < 0 ? 0 : wanted < count ? wanted : count;
    int32_t step = level == 1 ? 2 : 1, stretch = level == 1 ? 1 : 1 << (level - 2);
    const int16_t *x = c->wave[level - 1] + (ptrdiff_t)early * step;
    int16_t *high = c->bands + (ptrdiff_t)band * h->room + place, *low = next ? next + early : c->bands + place;
    const vc_history_level *own = &h->setup.level[level - 1];
    vc_filter f = {(const uint8_t *)own->low, (const uint8_t *)own->high, own->taps, own->shift_low, own->shift_high};
    if (next) vc_zero(next, (size_t)early * sizeof *next);
    if (wanted > 0) {
        vc_filter_along(&f, x, step, stretch, wanted, low, high);
        divide(high, wanted, h->setup.step[band]);
        if (!next) divide(low, wanted, h->setup.step[0]);
    }
    if (next) vc_filter_along(&f, x + (ptrdiff_t)wanted * step, step, stretch, count - wanted, low + wanted, NULL);
}

void vc_history_learn(vc_history *h, int32_t row, const vc_band *bands, int32_t band_row)
{
    int32_t levels = h->setup.levels;
    for (int32_t i = 0; i < h->cols; i++) {
        const vc_history_channel *c = &h->channels[i];
        join_block(h, c, row, i, bands, band_row);
        for (int32_t l = 1; l <= levels; l++)
            split_level(h, c, l, row, l == levels ? NULL : advance(c->wave[l], kept_wave(h, l + 1), new_wave(h, l + 1)));
    }
}
