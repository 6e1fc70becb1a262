#include "vc_match.h"

#include "vc_bytes.h"
#include "vc_compand.h"
#include "vc_target.h"

enum {
    SLACK = 128,    /* places that a history may grow before it is moved */
    CHUNK = 32,     /* lags that are passed over together */
    FAR = 4095,     /* no difference counts for more, in 1/8 of the step */
    HERE = 2,       /* weight of the running block over that of the block before */
    FRACTION = 6,   /* bits of a distance that are left out */
    MATCHES_SHIFT = 2,
    WORST = 0x7fffffff
};

void vc_match_set_up(vc_match_setup *s, const vc_model *m, int t)
{
    vc_match_info info = vc_model_match(m);
    vc_history_set_up(&s->history, m, t);
    s->previous = info.previous;
    s->known = info.known;
    s->nearest = info.nearest;
    s->farthest = info.farthest;
}

/* Planning */

static int32_t lesser(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Places of a block. */
static int32_t places(const vc_history_setup *s)
{
    return vc_history_block(s) / 2;
}

/* Lags that the last of so many blocks can use: up to that at which the block before it would be the packet's first. */
static int32_t count_lags(const vc_match_setup *s, int32_t rows)
{
    int64_t most = ((int64_t)rows - 2) * vc_history_block(&s->history);
    int64_t farthest = s->farthest < most ? s->farthest : most;
    return farthest < s->nearest ? 0 : (int32_t)((farthest - s->nearest) / 2) + 1;
}

void vc_match_plan(vc_match *k, const vc_match_setup *s, int32_t rows, int32_t cols, vc_arena *a)
{
    int32_t block = places(&s->history);
    k->previous = s->previous;
    k->known = s->known;
    k->nearest = s->nearest / 2;
    k->lags = count_lags(s, rows);
    k->kernel = vc_best_kernel();
    int64_t kept = (int64_t)k->nearest + k->lags + block + SLACK, seen = (int64_t)rows * block - k->nearest; /* by the last block */
    int32_t room = (int32_t)(kept < seen ? kept : seen);
    vc_history_plan(&k->history, &s->history, k->lags ? room : 0, k->lags ? cols : 0, a);
    k->sums = (vc_match_sums *)vc_arena_take(a, k->history.cols, sizeof *k->sums);
    for (int32_t c = 0; c < k->history.cols; c++) {
        vc_match_sums counted, *sums = k->sums ? &k->sums[c] : &counted;
        sums->here = (int32_t *)vc_arena_take(a, k->lags, sizeof(int32_t));
        sums->next = (int32_t *)vc_arena_take(a, k->lags, sizeof(int32_t));
        sums->before = (int32_t *)vc_arena_take(a, k->lags, sizeof(int32_t));
    }
}

void vc_match_begin(vc_match *k)
{
    k->row = -1;
    k->usable = 0;
    vc_history_begin(&k->history);
}

/* Place of the running block's first sample. */
static int32_t place(const vc_match *k)
{
    return k->row * places(&k->history.setup);
}

void vc_match_next(vc_match *k, int32_t band_row)
{
    k->row++;
    k->band_row = band_row;
    k->done = 0;
    k->candidates = k->usable;
    int32_t reach = place(k) - k->nearest + 1;
    k->usable = reach < 0 ? 0 : lesser(reach, k->lags);
    if (place(k) + places(&k->history.setup) - k->history.first > k->history.room) vc_history_forget(&k->history, reach - k->lags);
    for (int32_t c = 0; c < k->history.cols; c++) {
        vc_match_sums *s = &k->sums[c];
        int32_t *empty = s->before;
        s->before = s->next;
        s->next = empty;
        vc_zero(s->here, (size_t)k->lags * sizeof(int32_t));
    }
}

/* Comparing */

VC_INLINE void add_squares(const int16_t *v, int32_t z, int32_t n, int32_t *sum)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t x = v[i] - z;
        x = x > FAR ? FAR : x;
        x = x < -FAR ? -FAR : x;
        sum[i] += x * x;
    }
}

#if VC_HAVE_AVX2
VC_AVX2 static void add_squares_avx2(const int16_t *v, int32_t z, int32_t n, int32_t *sum)
{
    add_squares(v, z, n, sum);
}
#endif

static int32_t latent(const vc_match *k, const vc_symbol *s, const vc_band *bands, int32_t column)
{
    const vc_band *b = &bands[s->band];
    ptrdiff_t row = (ptrdiff_t)k->band_row * s->row_step + s->row_first;
    return b->data[row * b->stride + column];
}

/* The history of a symbol's band at a lag, given as an index into sums; shorter lags follow. */
static const int16_t *behind(const vc_match *k, const vc_symbol *s, int32_t column, int32_t lag)
{
    int32_t within = s->row_first << vc_history_band_level(&k->history.setup, s->band) >> 1;
    return vc_history_at(&k->history, column, s->band, place(k) - k->nearest - (k->lags - 1) + lag + within);
}

static void add_symbol(const vc_match *k, const vc_symbol *s, const vc_band *bands, int32_t column)
{
    int32_t z = 8 * latent(k, s, bands, column), most = 4 * FAR + 3, from = k->lags - k->usable;
    int32_t wanted = z > most ? most : z < -most ? -most : z;
    const int16_t *v = behind(k, s, column, from);
#if VC_HAVE_AVX2
    if (k->kernel == VC_KERNEL_AVX2) {
        add_squares_avx2(v, wanted, k->usable, k->sums[column].here + from);
        return;
    }
#endif
    add_squares(v, wanted, k->usable, k->sums[column].here + from);
}

static void keep(const vc_match_sums *s, int32_t lags)
{
    for (int32_t i = 0; i < lags; i++) s->next[i] = s->here[i];
}

/* Sums up the symbols below `end`. The sums over the first ones are what the next block begins with. */
static void compare(vc_match *k, const vc_symbol *symbols, const vc_band *bands, int32_t end)
{
    for (; k->done < lesser(end, k->known); k->done++)
        for (int32_t c = 0; k->usable > 0 && c < k->history.cols; c++) {
            add_symbol(k, &symbols[k->done], bands, c);
            if (k->done + 1 == k->previous) keep(&k->sums[c], k->lags);
        }
}

/* Choosing */

/* Lags by distance, the best first. */
typedef struct choice {
    int32_t lag[VC_MATCHES], distance[VC_MATCHES]; /* as an index into sums */
    int32_t n;
} choice;

VC_INLINE int32_t total(const vc_match_sums *s, int32_t i)
{
    return s->before[i] + HERE * s->here[i];
}

/* Puts a lag in its place, after all that are as near. */
static void consider(choice *c, int32_t lag, int32_t distance)
{
    int32_t at = c->n < VC_MATCHES ? c->n++ : VC_MATCHES - 1;
    for (; at > 0 && c->distance[at - 1] > distance; at--) {
        c->lag[at] = c->lag[at - 1];
        c->distance[at] = c->distance[at - 1];
    }
    c->lag[at] = lag;
    c->distance[at] = distance;
}

static int32_t bar(const choice *c)
{
    return c->n < VC_MATCHES ? WORST : c->distance[VC_MATCHES - 1];
}

/* The least distance of a chunk: most chunks have none that is near enough. */
VC_INLINE int32_t least(const vc_match_sums *s, int32_t first)
{
    int32_t found = WORST;
    for (int32_t i = first; i < first + CHUNK; i++) {
        int32_t d = total(s, i);
        found = d < found ? d : found;
    }
    return found;
}

#if VC_HAVE_AVX2
VC_AVX2 static int32_t least_avx2(const vc_match_sums *s, int32_t first)
{
    return least(s, first);
}
#endif

static int32_t least_of_chunk(const vc_match *k, const vc_match_sums *s, int32_t first)
{
#if VC_HAVE_AVX2
    if (k->kernel == VC_KERNEL_AVX2) return least_avx2(s, first);
#endif
    (void)k;
    return least(s, first);
}

/* The shortest of equally good lags comes first: it has the highest index. */
static void choose(const vc_match *k, const vc_match_sums *s, choice *c)
{
    int32_t end = k->lags - k->candidates;
    for (int32_t top = k->lags; top > end;) {
        int32_t first = top - end >= CHUNK ? top - CHUNK : end;
        if (top - first < CHUNK || least_of_chunk(k, s, first) < bar(c))
            for (int32_t i = top - 1; i >= first; i--)
                if (total(s, i) < bar(c)) consider(c, i, total(s, i));
        top = first;
    }
}

/* Predicting */

static int16_t signed_plane(int32_t eighths)
{
    int32_t a = vc_compand_log2((eighths < 0 ? -eighths : eighths) + 8) - vc_compand_log2(8);
    return (int16_t)(eighths < 0 ? -a : a);
}

static void predict(const vc_match *k, const vc_symbol *s, int32_t column, const choice *c, const vc_match_out *out, ptrdiff_t at)
{
    const int16_t *v = behind(k, s, column, c->lag[0]);
    int32_t best = *v, sum = 0;
    for (int32_t i = 0; i < VC_MATCHES; i++) sum += v[i < c->n ? c->lag[i] - c->lag[0] : 0];
    int32_t mean = (sum + VC_MATCHES / 2) >> MATCHES_SHIFT;
    if (out->best) out->best[at] = signed_plane(best);
    if (out->mean) out->mean[at] = signed_plane(mean);
    if (out->raw) out->raw[at] = vc_sat16(2 * mean);
}

/* Nothing to predict from. */
static void predict_nothing(const vc_match_out *out, ptrdiff_t at)
{
    if (out->best) out->best[at] = 0;
    if (out->mean) out->mean[at] = 0;
    if (out->raw) out->raw[at] = 0;
}

static void find_in_channel(const vc_match *k, const vc_symbol *symbols, int32_t column, int32_t n, const vc_match_out *out)
{
    ptrdiff_t at = (ptrdiff_t)column * out->pitch;
    choice c;
    c.n = 0;
    c.distance[0] = WORST;
    if (k->candidates > 0) choose(k, &k->sums[column], &c);
    for (int32_t i = 0; i < n; i++) {
        if (c.n > 0) predict(k, &symbols[i], column, &c, out, at + i);
        else predict_nothing(out, at + i);
    }
    if (out->distance) out->distance[at] = (int16_t)vc_compand(c.distance[0] >> FRACTION);
}

void vc_match_find(vc_match *k, const vc_symbol *symbols, const vc_band *bands, int32_t cols, int32_t first, int32_t n,
                   const vc_match_out *out)
{
    compare(k, symbols, bands, first);
    for (int32_t c = 0; c < cols; c++) find_in_channel(k, symbols + first, c, n, out);
}

void vc_match_end(vc_match *k, const vc_symbol *symbols, const vc_band *bands)
{
    if (k->lags == 0) return;
    compare(k, symbols, bands, k->known);
    vc_history_learn(&k->history, k->row, bands, k->band_row);
}

/* Of the inverse filters, of the undecimated ones at every place, and of the comparisons. */
int64_t vc_match_macs(const vc_model *m)
{
    vc_match_setup s;
    vc_match_set_up(&s, m, 0);
    int64_t macs = (int64_t)s.known * ((s.farthest - s.nearest) / 2 + 1);
    for (int32_t l = 1; l <= s.history.levels; l++) {
        macs += (int64_t)4 * s.history.sites * (vc_history_block(&s.history) >> l);
        macs += (int64_t)2 * s.history.level[l - 1].taps * places(&s.history);
    }
    return macs;
}
