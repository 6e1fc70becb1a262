/* What this copy of the core is for. `vaecodec export firmware` writes 1: plans are constant there, without room for the weights that AVX2 wants. */
#ifndef VC_BUILD_H
#define VC_BUILD_H

#define VC_FOR_DEVICE 0

#endif
