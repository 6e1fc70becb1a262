/* Where samples come from: a file, standard input, a serial port. Little-endian int16, channels interleaved. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct source {
    int file;
    int is_live;  /* whether it goes on while nobody reads */
    int is_again; /* whether it can be read again from any sample on */
    size_t frame; /* bytes a sample of all channels */
    uint8_t rest[64];
    size_t kept;  /* bytes of a frame that is not complete */
} source;

/* Opens `-`, file:PATH or serial:PORT. Returns 0, or -1 with errno set. */
int source_open(source *s, const char *name, size_t channels, unsigned baud);

/* Goes to a sample; sources that cannot be read again do nothing. Returns 0, or -1 if the file ends before it. */
int source_seek(source *s, uint64_t position);

/* Waits for samples, or for `stop` to become readable. Returns how many came, a channel; 0 also where it was stopped; -1 at the end, -2 on an error. */
long source_read(source *s, int16_t *samples, size_t room, int stop);

#endif
