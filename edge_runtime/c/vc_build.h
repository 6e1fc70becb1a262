/* What this copy of the core is for. `vaecodec export firmware` writes 1 for a device: plans are constant there, without room for the weights that AVX2 wants;
   and 0 for matching where the model does not match. */
#ifndef VC_BUILD_H
#define VC_BUILD_H

#define VC_FOR_DEVICE 0
#define VC_WITH_MATCH 1

#endif
