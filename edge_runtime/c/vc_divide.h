/* Division where it is rare. */
#ifndef VC_DIVIDE_H
#define VC_DIVIDE_H

#include <stdint.h>

/* a / b rounded towards zero, b > 0. Cores without a divider take it from the compiler's library, which spends most of a kilobyte on speed; this is small. */
int32_t vc_divide(int32_t a, int32_t b);

#endif
