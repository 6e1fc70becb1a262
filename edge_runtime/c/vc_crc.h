/* Checksums of docs/format.md section 7. Both take the value so far, so that a message may come in pieces. */
#ifndef VC_CRC_H
#define VC_CRC_H

#include <stddef.h>
#include <stdint.h>

#define VC_CRC16_START 0xffffu
#define VC_CRC32C_START 0u

/* CRC-16/IBM-3740 of n more bytes; begins with VC_CRC16_START. */
uint16_t vc_crc16(uint16_t crc, const uint8_t *data, size_t n);

/* CRC-32C (Castagnoli) of n more bytes; begins with VC_CRC32C_START. */
uint32_t vc_crc32c(uint32_t crc, const uint8_t *data, size_t n);

#endif
