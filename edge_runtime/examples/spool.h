/* Packets on disk until the receiver has them: the spool of docs/edge.md, the same files as the Python client's. One process has a spool at a time; its threads may
   share it. Calls that return int give 0 or more, SPOOL_FULL, or SPOOL_ERROR with errno set: then the process had better end, and start anew. */
#ifndef SPOOL_H
#define SPOOL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPOOL_FULL = -1,
    SPOOL_ERROR = -2,
    SPOOL_LEAST = 1 << 16,     /* bytes that a spool takes at least */
    SPOOL_MOST_BATCH = 64      /* packets */
};

typedef struct spool_segment {
    uint64_t first, end; /* sequence numbers of its records: first .. end - 1 */
    int64_t size;        /* bytes */
} spool_segment;

typedef struct spool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int folder, guard;              /* the folder, and the lock that keeps other processes out */
    int newest;                     /* the segment that grows, or -1 */
    int is_new;                     /* whether its name is not yet durable */
    uint64_t most, segment_bytes;   /* bytes: of all, and of a segment */
    spool_segment *segments;
    size_t count, room;             /* of segments */
    uint64_t id, epoch, start, time; /* of the running stream: see docs/edge.md */
    uint64_t next;                  /* sequence number of the next packet */
    uint64_t durable;               /* packets below are on the disk */
    uint64_t position, added;       /* samples of the source in packets that are on the disk, and in all */
    uint64_t delivered, dropped, damaged;
    uint64_t read_sequence;         /* the record that begins at read_at of the segment read_first */
    uint64_t read_first;
    int64_t read_at;
    int64_t saved;                  /* when the cursor was, in seconds */
} spool;

/* Packets of one stream with consecutive numbers, as the body of a request: each after its length, a varint. */
typedef struct spool_batch {
    uint64_t sequence, start, time, epoch;
    size_t packets, size; /* size: of the body */
    int64_t after[SPOOL_MOST_BATCH]; /* where each packet's record ends */
} spool_batch;

/* Opens the spool of a folder, or makes one, and mends what a power cut left. EWOULDBLOCK: another process has it. */
int spool_open(spool *s, const char *folder, uint64_t most);

/* Begins a new stream, which gets a segment of its own. */
void spool_begin(spool *s);

/* Adds a packet; it is safe after the next spool_commit. `position`: samples of the source that it and those before it hold. */
int spool_add(spool *s, const uint8_t *packet, size_t size, uint64_t position);

/* Waits for the disk. */
int spool_commit(spool *s);

/* Gives the oldest segment up, with `lost` packets that were not delivered; they are counted. Returns 0 if there is only one. */
int spool_drop_oldest(spool *s, uint64_t *lost);

/* The oldest packets that were not delivered, into a body of `room` bytes. Returns 1, 0 where none waits, or SPOOL_ERROR. */
int spool_next(spool *s, uint8_t *body, size_t room, spool_batch *batch);

/* The first n packets of a batch are with the receiver. */
int spool_acknowledge(spool *s, const spool_batch *batch, size_t n);

/* Packets not yet delivered. */
uint64_t spool_waiting(spool *s);

/* Waits until something changes, at most so long. */
void spool_wait(spool *s, int milliseconds);
void spool_wake(spool *s);

int spool_close(spool *s);

#endif
