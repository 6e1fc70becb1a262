/* The decoder of $name for gateways: see vc_decoder.h. Made by vaecodec $version; do not edit. */
#ifndef ${upper}_DECODER_H
#define ${upper}_DECODER_H

#include "$name.h"
#include "vc_decoder.h"

/* Bytes of workspace, at least; more takes longer packets. */
#define ${upper}_DECODER_MEMORY ($decoder_memory)

#endif
