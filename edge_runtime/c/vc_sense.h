/* Compressed sensing, docs/format.md section 14: windows of samples to quantised ternary measurements, and these to a payload and back.
 *
 * A device measures (vc_sense_measure.c: additions and shifts alone) and encodes (vc_sense_encode.c); a server decodes (vc_sense_decode.c). All
 * need vc_sense.c. The model's bytes are read where they lie; nothing is allocated. */
#ifndef VC_SENSE_H
#define VC_SENSE_H

#include <stddef.h>
#include <stdint.h>

#include "vc_band.h"
#include "vc_distribution.h"
#include "vc_sense_quantise.h"

enum {
    VC_SENSE_MAX_RATIOS = 8,
    VC_SENSE_MAX_WINDOW = 1024,
    VC_SENSE_MAX_CODES = 256,
    VC_SENSE_MAX_CLASSES = 16,
    VC_SENSE_MAX_ENTRIES = 256,  /* of a row */
    VC_SENSE_MAX_TERMS = 8,      /* of a mean or of a size */
    VC_SENSE_MOST_BYTES = 8      /* that one measurement may take */
};

/* A loaded model; the bytes it points to must outlive it. */
typedef struct vc_sense {
    const uint8_t *blob;
    uint32_t size;
    uint16_t window;  /* samples N */
    uint16_t codes;   /* step codes 0 .. codes - 1 */
    uint8_t n_ratios;
    uint8_t rounding; /* the encoder's own, in 1/256 */
    struct {
        uint32_t classes[VC_SENSE_MAX_CLASSES]; /* where the tables of a class are */
        uint32_t rows;                          /* where the rows begin */
        uint16_t measurements;
        uint8_t n_banks, n_classes;
    } ratios[VC_SENSE_MAX_RATIOS];
} vc_sense;

/* What a step code stands for. */
typedef struct vc_sense_step {
    uint16_t exponent; /* of the step, in 1/32 octave */
    uint8_t ratio, bank;
} vc_sense_step;

/* One row, as the bytes have it; `next` is where the next one begins. */
typedef struct vc_sense_row {
    const uint8_t *entries, *means, *sizes;
    int32_t offset;
    uint16_t n_entries;
    uint8_t class_number, n_means, n_sizes;
    uint32_t next;
} vc_sense_row;

/* Reads and checks a model. Returns 0 or a VC_EM_ code. */
int vc_sense_load(vc_sense *s, const uint8_t *blob, size_t n);

/* The entry of a step code below s->codes. */
vc_sense_step vc_sense_step_of(const vc_sense *s, int t);

/* The row whose bytes begin at `at`. */
vc_sense_row vc_sense_row_at(const vc_sense *s, uint32_t at);

/* Measures a window: x[i * stride], i < N, in -32767..32767, to z[0 .. M-1]. rounding: 0..255, or -1 for the model's own. Returns M or VC_EARGUMENT. */
int vc_sense_measure(const vc_sense *s, int t, int rounding, const int16_t *x, size_t stride, int16_t *z);

/* The distribution of the measurement of a row; `now` holds the window's measurements before it, `before` all of the window before, or NULL: zeros. */
void vc_sense_expect(
    const vc_sense *s, vc_sense_step step, const vc_sense_row *row, const int16_t *now, const int16_t *before, vc_distribution *d);

/* Codes the windows of a packet: z[(window * channels + channel) * M + row], each in -32767..32767. `out` of VC_SENSE_MOST_BYTES a measurement and 8 more
 * suffices; nothing comes out where all are 0. Returns the payload's bytes, VC_EARGUMENT, VC_ELATENT or VC_ESPACE. */
int64_t vc_sense_encode(const vc_sense *s, int t, int32_t channels, int32_t windows, const int16_t *z, uint8_t *out, size_t capacity);

/* The inverse. Any bytes decode to something; returns 0, VC_EARGUMENT, or VC_EESCAPE where no encoder wrote them. */
int vc_sense_decode(const vc_sense *s, int t, int32_t channels, int32_t windows, const uint8_t *data, size_t n, int16_t *z);

#endif
