/* The lapped transform of docs/format.md section 2: M = 2^L frequencies a block of M samples, windows over two blocks. */
#ifndef VC_LAPPED_H
#define VC_LAPPED_H

#include <stddef.h>
#include <stdint.h>

enum { VC_LAPPED_MOST = 256, VC_LAPPED_SHIFT = 15 };

/* Half a block before and behind a block that there is; without, that side is not folded. */
enum { VC_LAPPED_BEFORE = 1, VC_LAPPED_AFTER = 2 };

/* Folds the block of M = 2^levels samples at x (levels 2..8), `step` apart, with what lies beside it: half a block before and half a block
   behind where `sides` names them, which are then read. folded: M values. */
void vc_lapped_fold(unsigned levels, const int16_t *x, ptrdiff_t step, int sides, int32_t *folded);

/* Coefficient k, 0..M - 1, of a folded block: sat16(rshift(sum, 15 + shift)), shift 0..15. */
int16_t vc_lapped_coefficient(unsigned levels, unsigned shift, const int32_t *folded, uint32_t k);

#endif
