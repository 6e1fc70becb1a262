/* What this copy of the core is for. `vaecodec export firmware` writes others. */
#ifndef VC_BUILD_H
#define VC_BUILD_H

#define VC_FOR_DEVICE 0 /* 1: plans are constant, without room for the weights that AVX2 wants */
#define VC_WITH_MATCH 1 /* 0: for models that do not match */
#define VC_ONE_COLUMN 0 /* 1: for signals of one channel alone, whose grids have one column */

#endif
