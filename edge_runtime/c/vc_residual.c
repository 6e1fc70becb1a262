#include "vc_residual.h"

#include "vc_scale.h"

enum {
    FIRST_SIZE = 4 << 12,
    LEAST_SIZE = 1 << 9, /* smaller ones say nothing of the scale */
    MOST_SIZE = 1 << 27,
    LARGE = 18,      /* means from 2^(18 + 1) on, 128 steps, are more than section 5 has scales for */
    FIRST_LEVEL = 18 /* half octave of LEAST_SIZE */
};

static int64_t limited(int64_t size, int64_t most)
{
    return size < LEAST_SIZE ? LEAST_SIZE : size > most ? most : size;
}

void vc_residual_begin(vc_residual *r)
{
    r->fast = r->slow = FIRST_SIZE;
    for (int i = 0; i < VC_LEVELS; i++)
        for (int j = 0; j < VC_RATIOS; j++) r->means[i][j] = 0;
}

/* The mean at work; one that was never met starts at a mixture of the running means. */
static int32_t *find(vc_residual *r)
{
    int64_t usual = (5 * r->fast + 3 * r->slow) >> 3;
    int32_t top = vc_log2_floor((uint64_t)usual);
    r->low = top > LARGE ? top - LARGE : 0;
    int32_t slow = vc_log2_eighths((uint64_t)r->slow), fast = vc_log2_eighths((uint64_t)r->fast);
    int32_t level = vc_within((slow >> 2) - r->low * 2 - FIRST_LEVEL, VC_LEVELS), ratio = vc_within((fast - slow + 32) >> 2, VC_RATIOS);
    int32_t *mean = &r->means[level][ratio];
    if (*mean == 0) *mean = (int32_t)(usual >> r->low);
    return mean;
}

void vc_residual_expect(vc_residual *r, int32_t centre, vc_distribution *d)
{
    r->mean = find(r);
    /* A logistic of scale s has mean size 1.386 s; the index is rounded to the nearest quarter octave: 201/256 = 2^(1/8) / 1.386. */
    int32_t index = vc_log2_quarters((uint64_t)(((int64_t)*r->mean * 201) >> 8)) - 4 * 12;
    int32_t mean = r->low == 0 ? centre : ((centre + 8) >> r->low) - 8;
    vc_distribution_set(d, mean, index * 64, -2048);
}

void vc_residual_learn(vc_residual *r, int32_t centre, int32_t q)
{
    int64_t off = 16 * (int64_t)q - centre;
    int64_t size = limited((off < 0 ? -off : off) << 8, INT64_MAX);
    *r->mean += (int32_t)((limited(size >> r->low, MOST_SIZE) - *r->mean) >> 6);
    r->fast += (size - r->fast) >> 3;
    r->slow += (limited(size, 16 * r->slow) - r->slow) >> 7; /* one spike is not yet another level */
}
