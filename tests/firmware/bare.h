/* What a bare machine's own file gives the common one, and the places that the linker tells. */
#ifndef BARE_H
#define BARE_H

#include <stdint.h>

#include "machine.h"

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;

long call(long operation, const void *argument); /* of semihosting */
void start_in_c(void);

#endif
