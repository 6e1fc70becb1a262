"""Builds vaecodec.codec._native: the C core in edge_runtime/c behind cffi. setup.py runs it; paths are from the root of the repository."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

CORE = "edge_runtime/c"

DECLARATIONS = """
typedef struct { int32_t rows, cols; ...; } vc_geometry;
typedef struct { int16_t *data; int32_t rows, cols, stride; ...; } vc_band;
typedef struct {
    uint8_t level, phases; uint16_t n_symbols, n_prelude, n_row; uint32_t symbols, operations; ...;
} vc_stage;
typedef struct { uint8_t left, right, rows; ...; } vc_reach;
typedef struct {
    const uint8_t *blob; uint32_t size; uint8_t rank, levels, colours, n_condition, n_stages, has_match, transform, lapped_shift; int8_t in_shift;
    uint16_t t_lo, t_hi, n_planes, n_bands; int32_t in_offset; uint32_t mix, bands, match, planes, filters[8][2][4];
    vc_stage stages[9]; vc_reach reach[128]; ...;
} vc_model;
typedef struct { int16_t offset; uint8_t rounding, level; ...; } vc_band_info;
typedef struct { uint8_t taps; ...; } vc_filter;
typedef struct { int kernel; ...; } vc_net;
typedef struct { vc_net net; ...; } vc_prior;
typedef struct { size_t size; ...; } vc_range_encoder;
typedef struct { ...; } vc_range_decoder;

const char *vc_error_text(int code);
int vc_model_load(vc_model *m, const uint8_t *blob, size_t n);
vc_band_info vc_model_band(const vc_model *m, uint32_t i);
int vc_model_step(const vc_model *m, uint32_t i, int t);
vc_filter vc_model_filter(const vc_model *m, uint32_t level, uint32_t axis, uint32_t colour);
int64_t vc_model_stage_macs(const vc_model *m, uint32_t stage);
vc_geometry vc_plan_grid(const vc_model *m, const vc_geometry *g, uint32_t stage);
int vc_best_kernel(void);

int64_t vc_prior_memory(const vc_model *m, const vc_geometry *g);
int vc_prior_begin(vc_prior *p, const vc_model *m, const vc_geometry *g, int t, void *memory, size_t n);
int vc_prior_rows(vc_prior *p, int32_t first, int32_t end);
int vc_prior_step(vc_prior *p, int t);
int64_t vc_prior_bound(const vc_prior *p, int first_stage, int last_stage);
int64_t vc_prior_encode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, uint8_t *out, size_t capacity);
int64_t vc_prior_encode_rdoq(
    vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const vc_band *excess, uint32_t lambda, uint8_t *out, size_t capacity
);
int vc_prior_decode(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, const uint8_t *data, size_t n);
int vc_prior_guess(vc_prior *p, int first_stage, int last_stage, const vc_band *bands);
int vc_prior_cost(vc_prior *p, int first_stage, int last_stage, const vc_band *bands, uint64_t *bits);

typedef struct { ptrdiff_t at, row_step; int32_t channels, mask; ...; } vc_plane;
typedef struct { uint16_t plane; int16_t row; int32_t offset, length, pitch, weight, pair; ...; } vc_segment;
typedef struct {
    uint8_t type, relu, n_terms; uint16_t plane, first, n, source; const uint8_t *terms, *shifts, *bias, *weights; uint32_t fan_in, size; ...;
} vc_operation;
typedef struct { vc_operation o; const vc_segment *segments; int32_t n_segments, n_conditions, n_pairs, lane; ptrdiff_t packed; ...; } vc_layer;
typedef struct { int32_t band, row_step, row_first, col_step, col_first; ...; } vc_symbol;
typedef struct {
    const vc_model *model; vc_geometry geometry; const vc_plane *planes; const vc_layer *layers[9]; const vc_symbol *symbols[9];
    int32_t known[9][3], matched[4];
    ptrdiff_t activations, packed, local; int32_t most_segments, most_symbols, most_blocks, lanes; ...;
} vc_plan;
int vc_plan_check(const vc_model *m, const vc_geometry *g);
int64_t vc_plan_memory(const vc_model *m, const vc_geometry *g);
vc_plan *vc_plan_place(const vc_model *m, const vc_geometry *g, void *memory);

typedef struct { const int8_t *low, *high; const uint8_t *inverse; uint8_t taps, shift_low, shift_high; ...; } vc_history_level;
typedef struct { vc_history_level level[8]; int32_t step[9]; int32_t levels, sites, shift; ...; } vc_history_setup;
typedef struct { vc_history_setup history; int32_t previous, known, nearest, farthest; ...; } vc_match_setup;
typedef struct { int16_t *best, *mean, *raw, *distance; int32_t pitch; } vc_match_out;
typedef struct {
    const vc_band *bands; const vc_symbol *symbols; const int32_t *groups; int32_t n_groups, rows, cols;
} vc_match_packet;
int32_t vc_history_delay(const vc_history_setup *s);
int64_t vc_match_macs(const vc_model *m);
int64_t vc_match_run_memory(const vc_match_setup *s, int32_t rows, int32_t cols);
int vc_match_run(const vc_match_setup *s, const vc_match_packet *p, const vc_match_out *out, void *memory, size_t n);

int64_t vc_analysis_memory(const vc_model *m, int32_t rows, int32_t cols);
int vc_analyse(const vc_model *m, const int16_t *x, int32_t rows, int32_t cols, const vc_band *bands, void *memory, size_t n);
int vc_quantise_band(const vc_model *m, uint32_t band, int t, int round, const int16_t *y, int16_t *z, size_t n);
int vc_quantise_excess(const vc_model *m, uint32_t band, int t, const int16_t *y, const int16_t *z, int16_t *excess, size_t n);

void vc_range_start(vc_range_encoder *e, uint8_t *data, size_t capacity);
void vc_range_encode(vc_range_encoder *e, uint32_t lo, uint32_t hi, unsigned precision);
void vc_range_encode_escaped(vc_range_encoder *e, int32_t j, int32_t last);
int vc_range_finish(vc_range_encoder *e);
void vc_range_open(vc_range_decoder *d, const uint8_t *data, size_t size);
int vc_range_decode_escaped(vc_range_decoder *d, int32_t last, int32_t *j);
uint64_t vc_range_scale(const vc_range_decoder *d, uint32_t cdf, unsigned precision);
int vc_range_is_below(const vc_range_decoder *d, uint32_t cdf, unsigned precision);
void vc_range_narrow(vc_range_decoder *d, uint32_t a, uint64_t b);

typedef struct { ...; } vc_bounded_channel;
#define VC_MOST_BYTES ...
int64_t vc_bounded_encode(
    vc_bounded_channel *state, int32_t channels, int32_t max_error, const int32_t *x, size_t samples, uint8_t *out, size_t capacity
);
int vc_bounded_decode(
    vc_bounded_channel *state, int32_t channels, int32_t max_error, const uint8_t *data, size_t n, int32_t *x, size_t samples
);

typedef struct { uint16_t window, codes; uint8_t n_ratios, rounding; ...; } vc_sense;
typedef struct { uint16_t exponent; uint8_t ratio, bank; } vc_sense_step;
#define VC_SENSE_MOST_BYTES ...
int vc_sense_load(vc_sense *s, const uint8_t *blob, size_t n);
vc_sense_step vc_sense_step_of(const vc_sense *s, int t);
int16_t vc_sense_quantise(int32_t y, int32_t exponent, int32_t rounding);
int vc_sense_measure(const vc_sense *s, int t, int rounding, const int16_t *x, size_t stride, int16_t *z);
int64_t vc_sense_encode(const vc_sense *s, int t, int32_t channels, int32_t windows, const int16_t *z, uint8_t *out, size_t capacity);
int vc_sense_decode(const vc_sense *s, int t, int32_t channels, int32_t windows, const uint8_t *data, size_t n, int16_t *z);

uint16_t vc_crc16(uint16_t crc, const uint8_t *data, size_t n);
uint32_t vc_crc32c(uint32_t crc, const uint8_t *data, size_t n);

typedef struct { uint8_t kind, is_short, seq; const uint8_t *payload; size_t n, size; ...; } vc_packet;
int64_t vc_packet_write(uint8_t *out, size_t capacity, unsigned head, unsigned seq, const uint8_t *payload, size_t n);
int vc_packet_read(const uint8_t *data, size_t n, vc_packet *p);
size_t vc_packet_find(const uint8_t *data, size_t n, size_t from, size_t longest);

#define VC_MAX_DEVICE_CHANNELS ...
#define VC_MAX_IMAGE_SIDE ...
typedef struct {
    const vc_plan *plan; uint32_t model_id; uint16_t synthesis_id, rows, group, sync; uint32_t rate, rate_divisor, packet_bytes, blob_crc;
    const char *facts; ...;
} vc_device_model;
typedef struct { uint16_t quality; uint8_t effort, shift; uint16_t stream_id; int32_t offset[...]; ...; } vc_encoder_settings;
typedef struct {
    const uint8_t *data; size_t size; unsigned kind; uint64_t number, first; int is_key; uint32_t bits; int32_t score; uint32_t saturated; ...;
} vc_encoder_packet;
typedef struct { ...; } vc_encoder;
typedef struct { ...; } vc_pyramid;
typedef struct { ...; } vc_cell;
typedef struct { ...; } vc_history_channel;
typedef struct { ...; } vc_match_sums;
int64_t vc_encoder_memory(const vc_device_model *d);
int vc_encoder_begin(vc_encoder *e, const vc_device_model *d, const vc_encoder_settings *s, void *memory, size_t n);
int32_t vc_encoder_push(vc_encoder *e, const int16_t *samples, int32_t n);
int vc_encoder_next(vc_encoder *e, vc_encoder_packet *p);
int vc_encoder_quality(vc_encoder *e, int quality);
int vc_encoder_flush(vc_encoder *e);

typedef struct { uint32_t model_id, rows, group; ...; } vc_stream_header;
typedef struct {
    unsigned kind; uint64_t number, first, lost, skipped, samples; int32_t step, blocks; const vc_band *bands; const vc_stream_header *header;
    int is_other; ...;
} vc_decoder_packet;
typedef struct { ...; } vc_decoder;
int64_t vc_decoder_memory(const vc_device_model *d);
int vc_decoder_begin(vc_decoder *d, const vc_device_model *m, void *memory, size_t n);
int64_t vc_decoder_push(vc_decoder *d, const uint8_t *data, size_t n);
void vc_decoder_finish(vc_decoder *d);
int vc_decoder_next(vc_decoder *d, vc_decoder_packet *p);
typedef struct {
    const vc_plan *plan; uint32_t model_id; uint16_t synthesis_id, width, height; uint32_t waiting_bytes, packet_bytes, blob_crc; ...;
} vc_image_model;
typedef struct { uint16_t quality; uint8_t effort; ...; } vc_image_settings;
typedef struct { const uint8_t *data; size_t size; int32_t number; ...; } vc_image_packet;
typedef struct { uint32_t used; ...; } vc_latents;
typedef struct { vc_latents waiting; ...; } vc_image_encoder;
int64_t vc_image_memory(const vc_image_model *d);
int vc_image_begin(vc_image_encoder *e, const vc_image_model *d, const vc_image_settings *s, void *memory, size_t n);
int vc_image_push(vc_image_encoder *e, const uint8_t *pixels);
int vc_image_next(vc_image_encoder *e, vc_image_packet *p);
int vc_image_is_done(const vc_image_encoder *e);

typedef struct { uint16_t contexts, thresholds, distributions; ...; } vc_sense_class;
typedef struct {
    const uint16_t *words; const uint8_t *bytes; const vc_sense_class *classes; uint32_t n_words, n_bytes, crc; uint16_t window, measurements,
    coarsest, first_code, n_codes; uint8_t rounding, channels, n_classes; uint32_t model_id; uint16_t synthesis_id, windows, sync; uint32_t rate,
    rate_divisor, packet_bytes; const char *facts; ...;
} vc_sense_device;
typedef struct { ...; } vc_sense_encoder;
#define VC_SENSE_MOST_SAMPLES ...
#define VC_SENSE_MOST_ROWS ...
uint32_t vc_sense_encoder_memory(const vc_sense_device *d);
int vc_sense_encoder_begin(vc_sense_encoder *e, const vc_sense_device *d, const vc_encoder_settings *s, void *memory, size_t n);
int32_t vc_sense_encoder_push(vc_sense_encoder *e, const int16_t *samples, int32_t n);
int vc_sense_encoder_next(vc_sense_encoder *e, vc_encoder_packet *p);
int vc_sense_encoder_quality(vc_sense_encoder *e, int quality);
int vc_sense_encoder_flush(vc_sense_encoder *e);

typedef struct { ...; } vc_stream;
void vc_stream_begin(vc_stream *s, const uint8_t *constant, size_t n);
int64_t vc_stream_write(
    const vc_stream *s, uint8_t *out, size_t capacity, unsigned head, uint64_t number, const uint8_t *payload, size_t n
);

#define VC_LAPPED ...
#define VC_KERNEL_PORTABLE ...
#define VC_KERNEL_AVX2 ...
"""

INCLUDES = """
#include "vc_analysis.h"
#include "vc_bounded.h"
#include "vc_crc.h"
#include "vc_decoder.h"
#include "vc_encoder.h"
#include "vc_error.h"
#include "vc_image_encoder.h"
#include "vc_match_run.h"
#include "vc_packet_reader.h"
#include "vc_packet_writer.h"
#include "vc_prior.h"
#include "vc_quantise.h"
#include "vc_sense.h"
#include "vc_sense_encoder.h"
#include "vc_stream_writer.h"
#include "vc_target.h"
"""

ffibuilder = FFI()
ffibuilder.cdef(DECLARATIONS)
ffibuilder.set_source(
    "vaecodec.codec._native",
    INCLUDES,
    sources=sorted(path.as_posix() for path in Path(CORE).glob("*.c")),
    include_dirs=[CORE],
    depends=sorted(path.as_posix() for path in Path(CORE).glob("*.h")),
    extra_compile_args=["-O3", "-std=c99", "-fvisibility=hidden"],
)
