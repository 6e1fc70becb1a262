/* symbols.bin (docs/format.md section 11): parsed in place and validated, so that nothing after this can go out of bounds. */
#ifndef VC_MODEL_H
#define VC_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    VC_MAX_LEVELS = 8,
    VC_MAX_COLOURS = 4,
    VC_MAX_STAGES = VC_MAX_LEVELS + 1,
    VC_MAX_PLANES = 128,
    VC_MAX_CHANNELS = 1024, /* of a plane */
    VC_MAX_OPERATIONS = 255, /* of a stage */
    VC_MAX_TERMS = 16,
    VC_MAX_KERNEL = 16,
    VC_MAX_SHIFT = 15,
    VC_MAX_CONDITION = 16
};

/* Bytes of a band, of a plane, and of a match section before its filters. */
enum { VC_BAND_SIZE = 4, VC_PLANE_SIZE = 6, VC_MATCH_HEAD = 8 };

enum { VC_CONDITION = 0xffff };                               /* plane number of the condition */
enum { VC_CONV = 1, VC_SHUFFLE = 2, VC_CODE = 3, VC_MATCH = 4, VC_BLEND = 5 }; /* operation types */

/* Plane kinds: written by operations, by the coder (views of symbols), or by MATCH (views of what it predicts). */
enum { VC_COMPUTED = 0, VC_SIGNED = 1, VC_MAGNITUDE = 2, VC_RAW = 3, VC_BEST = 4, VC_MEAN = 5, VC_RAW_MEAN = 6, VC_DISTANCE = 7, VC_PLANE_KINDS = 8 };

typedef struct vc_stage {
    uint8_t level, phases;
    uint16_t n_symbols, n_prelude, n_row;
    uint32_t symbols, operations; /* offsets in the blob */
} vc_stage;

/* How samples become coefficients. */
enum { VC_WAVELET = 0, VC_LAPPED = 1 };

/* What the operations need of a plane around a site. */
typedef struct vc_reach {
    uint8_t left, right; /* columns read outside the site's own */
    uint8_t rows;        /* rows a coder must keep, the current one included; 0: all */
} vc_reach;

/* A parsed model. Points into the blob, which must outlive it; holds no other pointer. */
typedef struct vc_model {
    const uint8_t *blob;
    uint32_t size;
    uint8_t rank, levels, colours, n_condition, n_stages;
    uint8_t has_match;
    int8_t in_shift;
    uint8_t transform, lapped_shift;
    uint16_t t_lo, t_hi, n_planes, n_bands;
    int32_t in_offset;
    uint32_t mix, bands, match, planes;                          /* offsets in the blob */
    uint32_t filters[VC_MAX_LEVELS][2][VC_MAX_COLOURS];          /* the same; [level - 1][axis][plane] */
    vc_stage stages[VC_MAX_STAGES];
    vc_reach reach[VC_MAX_PLANES];
} vc_model;

/* Parses and checks n bytes. Returns 0 or a VC_EM_... code. The blob stays the caller's and must not change. */
int vc_model_load(vc_model *m, const uint8_t *blob, size_t n);

typedef struct vc_plane_info {
    uint8_t stage, kind, depth;
    uint16_t channels;
} vc_plane_info;

/* Plane number i < n_planes. */
vc_plane_info vc_model_plane(const vc_model *m, uint32_t i);

typedef struct vc_band_info {
    int16_t offset;  /* o_b */
    uint8_t rounding; /* default rounding offset, in 1/256 */
    uint8_t level;   /* 1..L */
} vc_band_info;

/* Band number i < n_bands. */
vc_band_info vc_model_band(const vc_model *m, uint32_t i);

/* Step code of band i at step code t: clamp(t + o_b, 0, 255). */
int vc_model_step(const vc_model *m, uint32_t i, int t);

/* First band of a stage and, in *n, their number. */
uint32_t vc_model_stage_bands(const vc_model *m, uint32_t stage, uint32_t *n);

typedef struct vc_filter {
    const uint8_t *low, *high; /* int8 taps */
    uint8_t taps, shift_low, shift_high;
} vc_filter;

/* Filter pair of level 1..L, axis 0 (x, or time) or 1 (y), colour plane; none, 0 taps, where the transform is lapped. */
vc_filter vc_model_filter(const vc_model *m, uint32_t level, uint32_t axis, uint32_t colour);

/* The match section. */
typedef struct vc_match_info {
    uint8_t sites, shift, previous, known;
    uint16_t nearest, farthest;
    const uint8_t *inverse; /* i16 [levels][sites][2 bands][2 phases], little-endian */
} vc_match_info;

/* Of a model that has one. */
vc_match_info vc_model_match(const vc_model *m);

/* One operation as it lies in the blob. */
typedef struct vc_operation {
    uint8_t type;
    uint8_t relu, n_terms;      /* CONV */
    uint16_t plane;             /* CONV, SHUFFLE: written; CODE, BLEND: parameters */
    uint16_t first, n;          /* CONV: channels written; CODE, BLEND: first = first parameter channel, n = symbols; MATCH: n alone */
    uint16_t source;            /* SHUFFLE: plane read; CODE, BLEND, MATCH: first symbol */
    const uint8_t *terms, *shifts, *bias, *weights; /* CONV */
    uint32_t fan_in;            /* CONV: weights per output channel */
    uint32_t size;              /* bytes in the blob */
} vc_operation;

typedef struct vc_term {
    uint16_t plane, first, n;
    uint8_t kh, kw, dilation;
    int8_t oy, ox;
} vc_term;

/* Reads the operation at blob offset `at`. Returns 0, VC_EM_END, VC_EM_FIELD or VC_EM_LIMIT; in a loaded model it cannot fail. */
int vc_operation_read(const vc_model *m, uint32_t at, vc_operation *o);

/* Term i < n_terms of a CONV. */
vc_term vc_operation_term(const vc_operation *o, uint32_t i);

/* Weights of a term per output channel. */
static inline uint32_t vc_term_weights(const vc_term *t)
{
    return (uint32_t)t->kh * t->kw * t->n;
}

/* Multiplications of all convolutions on the grid of a stage, at one site of it; terms of the condition are constants of a stream and cost nothing. */
int64_t vc_model_stage_macs(const vc_model *m, uint32_t stage);

#endif
