/* How unusual a packet is: its bits under the model against their running mean. */
#ifndef VC_SCORE_H
#define VC_SCORE_H

#include <stdint.h>

#include "vc_range_encoder.h"

/* Of bits a block and channel, in 1/16. */
typedef struct vc_score {
    int32_t mean, spread; /* running mean and mean deviation */
    uint32_t seen;        /* packets that these are of */
} vc_score;

/* Sixteenths of bits that the coder has made, to a sixteenth. */
uint32_t vc_coded_bits(const vc_range_encoder *e);

/* How far a packet's bits lie from what they were, in 1/256 of the mean deviation; then they count too, a wild packet's no more than an unusual one's. */
int32_t vc_score_take(vc_score *s, int32_t bits);

/* The usual bits change with the step: by so many codes, some 3.5 % each. */
void vc_score_step(vc_score *s, int32_t codes);

#endif
