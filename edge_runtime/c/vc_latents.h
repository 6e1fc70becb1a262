/* Rows of quantised coefficients that wait for their tile, packed: at usual qualities most are 0. One record after the other:

       u8 stage + 16 colour, u16 row, u16 bytes of what follows; then of each band

       0 .. 63     1 .. 64 zeros
       64 .. 127   one value, -32 .. 31
       128 .. 253  0 .. 20 zeros, then one of -3 .. -1, 1 .. 3
       254         one value, in the two bytes that follow

   and, where the coder chooses latents, behind each value that is not 0 a byte more with its excess. Nothing of it leaves the device. */
#ifndef VC_LATENTS_H
#define VC_LATENTS_H

#include <stdint.h>

typedef struct vc_latents {
    uint8_t *data;
    uint32_t capacity, used;
    uint32_t at; /* where the next search begins */
    int with_excess;
} vc_latents;

/* Of a record: which it is, and its shape. */
typedef struct vc_latents_row {
    uint8_t stage, colour;
    uint16_t row;
    int32_t bands, cols;
    uint8_t round[3]; /* of each band: excess + round lies in 0 .. 255 */
} vc_latents_row;

/* Packs bands x cols latents, one band after the other, with their excess. Returns 0 or VC_ESPACE, and then nothing is kept of it. */
int vc_latents_put(vc_latents *l, const vc_latents_row *r, const int16_t *z, const int16_t *excess);

/* Unpacks a record; fast where it lies behind the one before. Returns 0, or VC_EORDER where there is none. */
int vc_latents_get(vc_latents *l, const vc_latents_row *r, int16_t *z, int16_t *excess);

/* Forgets the rows of every stage before first[stage]. */
void vc_latents_drop(vc_latents *l, const uint16_t *first);

#endif
