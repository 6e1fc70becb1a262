/* All that MATCH finds in a packet whose latents are known: what training looks at. */
#ifndef VC_MATCH_RUN_H
#define VC_MATCH_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "vc_match.h"

/* Latents of a packet, and how they are coded. */
typedef struct vc_match_packet {
    const vc_band *bands;
    const vc_symbol *symbols;            /* of a block, in coding order */
    const int32_t *groups;               /* first symbol of each MATCH, and at the end the number of symbols */
    int32_t n_groups, rows, cols;        /* rows: blocks */
} vc_match_packet;

/* Bytes of workspace. */
int64_t vc_match_run_memory(const vc_match_setup *s, int32_t rows, int32_t cols);

/* Fills planes [rows][cols][symbols]: `out` begins at the first block. Returns 0 or VC_ESPACE. */
int vc_match_run(const vc_match_setup *s, const vc_match_packet *p, const vc_match_out *out, void *memory, size_t n);

#endif
