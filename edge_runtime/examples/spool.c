#define _GNU_SOURCE
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vc_crc.h"

enum { HEADER = 52, RECORD = 24, MOST_PACKET = 1 << 24, LEAST_SEGMENT = 1 << 12, MOST_SEGMENT = 1 << 20, SEGMENTS = 16, NAME = 32 };

/* --- bytes --- */

static void put(uint8_t *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *in, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)in[i] << 8 * i;
    return value;
}

static int write_at(int file, const uint8_t *data, size_t size, int64_t at)
{
    while (size) {
        ssize_t n = pwrite(file, data, size, at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return SPOOL_ERROR;
        data += n;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Bytes read, fewer at the end of the file. */
static ssize_t read_at(int file, uint8_t *data, size_t size, int64_t at)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(file, data + got, size - got, at + (int64_t)got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return SPOOL_ERROR;
        if (n == 0) break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static void segment_name(char *name, uint64_t first) { snprintf(name, NAME, "%020" PRIu64 ".seg", first); }

static int open_segment(const spool *s, uint64_t first, int flags)
{
    char name[NAME];
    segment_name(name, first);
    return openat(s->folder, name, flags | O_CLOEXEC, 0644);
}

static int remove_segment(const spool *s, uint64_t first)
{
    char name[NAME];
    segment_name(name, first);
    return unlinkat(s->folder, name, 0) && errno != ENOENT ? SPOOL_ERROR : 0;
}

static void write_header(const spool *s, uint8_t *h)
{
    memcpy(h, "VSPL", 4);
    put(h + 4, 1, 4);
    put(h + 8, s->id, 8);
    put(h + 16, s->epoch, 8);
    put(h + 24, s->next, 8);
    put(h + 32, s->start, 8);
    put(h + 40, s->time, 8);
    put(h + 48, vc_crc32c(VC_CRC32C_START, h, 48), 4);
}

/* Reads and checks a header. 1: it holds; 0: it does not. */
static int read_header(int file, uint8_t *h)
{
    ssize_t n = read_at(file, h, HEADER, 0);
    if (n < 0) return SPOOL_ERROR;
    return n == HEADER && !memcmp(h, "VSPL", 4) && get(h + 4, 4) == 1 && get(h + 48, 4) == vc_crc32c(VC_CRC32C_START, h, 48);
}

/* Reads and checks a record's head and, into memory of the caller's to free, its packet. 1: it holds; 0: it does not. */
static int read_record(int file, int64_t at, uint64_t sequence, uint8_t *head, uint8_t **packet)
{
    *packet = NULL;
    ssize_t n = read_at(file, head, RECORD, at);
    if (n < 0) return SPOOL_ERROR;
    size_t size = n == RECORD ? (size_t)get(head + 4, 4) : 0;
    if (!size || size > MOST_PACKET || get(head + 8, 8) != sequence) return 0;
    if (!(*packet = malloc(size))) return SPOOL_ERROR;
    n = read_at(file, *packet, size, at + RECORD);
    if (n < 0) return SPOOL_ERROR;
    uint32_t crc = vc_crc32c(vc_crc32c(VC_CRC32C_START, head + 4, RECORD - 4), *packet, (size_t)n);
    return (size_t)n == size && crc == get(head, 4);
}

/* --- opening --- */

static int add_segment(spool *s, spool_segment segment)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        spool_segment *more = realloc(s->segments, room * sizeof *more);
        if (!more) return SPOOL_ERROR;
        s->segments = more;
        s->room = room;
    }
    s->segments[s->count++] = segment;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const spool_segment *)a)->first, y = ((const spool_segment *)b)->first;
    return (x > y) - (x < y);
}

/* All segment files, in order, as far as their names tell. */
static int list_segments(spool *s)
{
    int copy = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) return SPOOL_ERROR;
    int error = 0;
    for (struct dirent *entry; !error && (entry = readdir(folder));) {
        spool_segment found = {0, 0, 0};
        char name[NAME];
        if (strspn(entry->d_name, "0123456789") != 20) continue;
        found.first = strtoull(entry->d_name, NULL, 10);
        segment_name(name, found.first);
        if (!strcmp(name, entry->d_name)) error = add_segment(s, found);
    }
    closedir(folder);
    if (s->count) qsort(s->segments, s->count, sizeof *s->segments, by_number);
    return error;
}

/* Finds the newest segment's last whole record and cuts off what follows. 1: it has records; 0: it has none. */
static int mend_newest(spool *s, spool_segment *segment)
{
    uint8_t head[HEADER > RECORD ? HEADER : RECORD], *packet;
    int file = open_segment(s, segment->first, O_RDWR);
    if (file < 0) return SPOOL_ERROR;
    int holds = read_header(file, head);
    if (holds == 1) {
        s->id = get(head + 8, 8);
        if (get(head + 16, 8) > s->epoch) s->epoch = get(head + 16, 8);
        segment->end = segment->first;
        segment->size = HEADER;
        while ((holds = read_record(file, segment->size, segment->end, head, &packet)) == 1) {
            s->position = get(head + 16, 8);
            segment->size += RECORD + (int64_t)get(head + 4, 4);
            segment->end++;
            free(packet);
        }
        free(packet);
        if (!holds && segment->end > segment->first) holds = ftruncate(file, segment->size) || fsync(file) ? SPOOL_ERROR : 1;
    }
    close(file);
    return holds;
}

/* Sizes of the older segments; those whose header is damaged are set aside. */
static int check_older(spool *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        spool_segment segment = s->segments[i];
        uint8_t head[HEADER];
        struct stat facts;
        int file = open_segment(s, segment.first, O_RDONLY), holds = file < 0 ? SPOOL_ERROR : read_header(file, head);
        if (holds >= 0 && fstat(file, &facts)) holds = SPOOL_ERROR;
        if (file >= 0) close(file);
        if (holds < 0) return SPOOL_ERROR;
        if (holds) {
            if (i + 1 < s->count) segment.size = facts.st_size;
            s->segments[kept++] = segment;
            continue;
        }
        char name[NAME], aside[NAME + 4];
        segment_name(name, segment.first);
        snprintf(aside, sizeof aside, "%s.bad", name);
        if (renameat(s->folder, name, s->folder, aside)) return SPOOL_ERROR;
    }
    s->count = kept;
    for (size_t i = 0; i + 1 < kept; i++) s->segments[i].end = s->segments[i + 1].first;
    return 0;
}

static void read_cursor(spool *s)
{
    char text[128] = "";
    uint64_t delivered, dropped, damaged;
    int file = openat(s->folder, "cursor", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t n = read_at(file, (uint8_t *)text, sizeof text - 1, 0);
    close(file);
    if (n <= 0 || sscanf(text, "delivered %" SCNu64 "\ndropped %" SCNu64 "\ndamaged %" SCNu64 "\n", &delivered, &dropped, &damaged) != 3) return;
    s->delivered = delivered;
    s->dropped = dropped;
    s->damaged = damaged;
}

static int remove_delivered(spool *s);

static int mend(spool *s)
{
    read_cursor(s);
    if (list_segments(s)) return SPOOL_ERROR;
    while (s->count) {
        int holds = mend_newest(s, &s->segments[s->count - 1]);
        if (holds < 0) return SPOOL_ERROR;
        if (holds) break;
        if (remove_segment(s, s->segments[--s->count].first)) return SPOOL_ERROR;
    }
    if (check_older(s)) return SPOOL_ERROR;
    if (!s->count && getrandom(&s->id, sizeof s->id, 0) != sizeof s->id) return SPOOL_ERROR;
    if (s->count && s->delivered < s->segments[0].first) s->delivered = s->segments[0].first;
    s->next = s->count && s->segments[s->count - 1].end > s->delivered ? s->segments[s->count - 1].end : s->delivered;
    s->durable = s->next;
    s->added = s->position;
    return remove_delivered(s) || fsync(s->folder) ? SPOOL_ERROR : 0;
}

int spool_open(spool *s, const char *folder, uint64_t most)
{
    memset(s, 0, sizeof *s);
    s->newest = -1;
    s->most = most;
    s->segment_bytes = most / SEGMENTS < LEAST_SEGMENT ? LEAST_SEGMENT : most / SEGMENTS > MOST_SEGMENT ? MOST_SEGMENT : most / SEGMENTS;
    if (most < SPOOL_LEAST) {
        errno = EINVAL;
        return SPOOL_ERROR;
    }
    if (pthread_mutex_init(&s->lock, NULL) || pthread_cond_init(&s->changed, NULL)) return SPOOL_ERROR;
    if (mkdir(folder, 0755) && errno != EEXIST) return SPOOL_ERROR;
    s->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder < 0) return SPOOL_ERROR;
    int parent = openat(s->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fsync(parent)) return SPOOL_ERROR;
    close(parent);
    s->guard = openat(s->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->guard < 0 || flock(s->guard, LOCK_EX | LOCK_NB)) return SPOOL_ERROR;
    return mend(s);
}

/* --- cursor --- */

static int64_t seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec;
}

/* A new cursor beside the old one, then in its place. A full disk lets it lag behind: at worst packets are sent again. */
static int save(spool *s)
{
    char text[128];
    int n = snprintf(text, sizeof text, "delivered %" PRIu64 "\ndropped %" PRIu64 "\ndamaged %" PRIu64 "\n", s->delivered, s->dropped, s->damaged);
    int file = openat(s->folder, "cursor.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    s->saved = seconds(CLOCK_MONOTONIC);
    int error = file < 0 || write_at(file, (uint8_t *)text, (size_t)n, 0) || fsync(file);
    int why = errno;
    if (file >= 0) close(file);
    if (!error && (renameat(s->folder, "cursor.new", s->folder, "cursor") || fsync(s->folder))) return SPOOL_ERROR;
    errno = why;
    return error && why != ENOSPC && why != EDQUOT ? SPOOL_ERROR : 0;
}

/* Removes delivered segments. The newest with a durable record stays, as it holds the numbers to go on with. */
static int remove_delivered(spool *s)
{
    size_t gone = 0;
    while (gone + 1 < s->count && s->segments[gone].end <= s->delivered && s->segments[gone + 1].first < s->durable) {
        if (remove_segment(s, s->segments[gone].first)) return SPOOL_ERROR;
        gone++;
    }
    if (!gone) return 0;
    memmove(s->segments, s->segments + gone, (s->count - gone) * sizeof *s->segments);
    s->count -= gone;
    return fsync(s->folder) ? SPOOL_ERROR : 0;
}

/* --- packets in --- */

static void close_newest(spool *s)
{
    if (s->newest >= 0) close(s->newest);
    s->newest = -1;
}

void spool_begin(spool *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&s->lock);
    close_newest(s);
    s->epoch++;
    s->start = s->added;
    s->time = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    pthread_mutex_unlock(&s->lock);
}

static uint64_t used(const spool *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) sum += (uint64_t)s->segments[i].size;
    return sum;
}

static int begin_segment(spool *s)
{
    uint8_t header[HEADER];
    spool_segment segment = {s->next, s->next, HEADER};
    write_header(s, header);
    s->newest = open_segment(s, s->next, O_RDWR | O_CREAT | O_TRUNC);
    if (s->newest < 0) return SPOOL_ERROR;
    s->is_new = 1;
    if (write_at(s->newest, header, HEADER, 0) || add_segment(s, segment)) {
        int why = errno;
        remove_segment(s, s->next);
        close_newest(s);
        errno = why;
        return SPOOL_ERROR;
    }
    return 0;
}

static int commit(spool *s)
{
    if (s->newest < 0 || s->durable == s->next) return 0;
    if (fsync(s->newest) || (s->is_new && fsync(s->folder))) return SPOOL_ERROR;
    s->is_new = 0;
    s->durable = s->next;
    s->position = s->added;
    pthread_cond_broadcast(&s->changed);
    return remove_delivered(s);
}

static int append(spool *s, const uint8_t *packet, size_t size, uint64_t position)
{
    uint8_t head[RECORD];
    if (s->newest < 0 && begin_segment(s)) return SPOOL_ERROR;
    spool_segment *segment = &s->segments[s->count - 1];
    put(head + 4, size, 4);
    put(head + 8, s->next, 8);
    put(head + 16, position, 8);
    put(head, vc_crc32c(vc_crc32c(VC_CRC32C_START, head + 4, RECORD - 4), packet, size), 4);
    if (write_at(s->newest, head, RECORD, segment->size) || write_at(s->newest, packet, size, segment->size + RECORD)) {
        int why = errno;
        if (ftruncate(s->newest, segment->size)) return SPOOL_ERROR;
        errno = why;
        return SPOOL_ERROR;
    }
    segment->size += RECORD + (int64_t)size;
    segment->end = ++s->next;
    s->added = position;
    return 0;
}

int spool_add(spool *s, const uint8_t *packet, size_t size, uint64_t position)
{
    int error = 0;
    pthread_mutex_lock(&s->lock);
    if (s->newest >= 0 && (uint64_t)s->segments[s->count - 1].size >= s->segment_bytes) {
        error = commit(s);
        close_newest(s);
    }
    if (!error && used(s) + HEADER + RECORD + size > s->most) error = SPOOL_FULL;
    if (!error && append(s, packet, size, position)) error = errno == ENOSPC || errno == EDQUOT ? SPOOL_FULL : SPOOL_ERROR;
    pthread_mutex_unlock(&s->lock);
    return error;
}

int spool_commit(spool *s)
{
    pthread_mutex_lock(&s->lock);
    int error = commit(s);
    pthread_mutex_unlock(&s->lock);
    return error;
}

int spool_drop_oldest(spool *s, uint64_t *lost)
{
    int result = 0;
    *lost = 0;
    pthread_mutex_lock(&s->lock);
    if (s->count > 1 && s->segments[1].first < s->durable) {
        uint64_t end = s->segments[0].end;
        if (end > s->delivered) *lost = end - s->delivered;
        s->dropped += *lost;
        if (end > s->delivered) s->delivered = end;
        result = save(s) || remove_delivered(s) ? SPOOL_ERROR : 1;
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

/* --- packets out --- */

static int skip(spool *s, uint64_t sequence)
{
    fprintf(stderr, "edge: packets %" PRIu64 " .. %" PRIu64 " cannot be read back from the disk and are lost\n", s->delivered, sequence - 1);
    s->damaged += sequence - s->delivered;
    s->delivered = sequence;
    return save(s);
}

static size_t varint_size(size_t value) { return value < 128 ? 1 : 1 + varint_size(value >> 7); }

static size_t put_varint(uint8_t *out, size_t value)
{
    size_t n = 0;
    for (; value > 127; value >>= 7) out[n++] = (uint8_t)(value | 128);
    out[n++] = (uint8_t)value;
    return n;
}

/* Goes to the record of the first packet that was not delivered. 1: it is there; 0: one before it is damaged. */
static int seek_record(spool *s, const spool_segment *segment, int file)
{
    uint8_t head[RECORD], *packet;
    if (s->read_first == segment->first && s->read_sequence == s->delivered && s->read_at) return 1;
    s->read_first = s->read_sequence = segment->first;
    s->read_at = HEADER;
    while (s->read_sequence < s->delivered) {
        int holds = read_record(file, s->read_at, s->read_sequence, head, &packet);
        free(packet);
        if (holds != 1) return holds;
        s->read_at += RECORD + (int64_t)get(head + 4, 4);
        s->read_sequence++;
    }
    return 1;
}

/* Fills a body with records from where seek_record went. */
static int fill(spool *s, const spool_segment *segment, int file, uint8_t *body, size_t room, spool_batch *batch)
{
    uint8_t head[RECORD], *packet;
    uint64_t end = segment->end < s->durable ? segment->end : s->durable;
    int64_t at = s->read_at;
    while (batch->packets < SPOOL_MOST_BATCH && s->delivered + batch->packets < end) {
        int holds = read_record(file, at, s->delivered + batch->packets, head, &packet);
        size_t size = holds == 1 ? (size_t)get(head + 4, 4) : 0;
        int fits = holds == 1 && batch->size + varint_size(size) + size <= room;
        if (fits) {
            batch->size += put_varint(body + batch->size, size);
            memcpy(body + batch->size, packet, size);
            batch->size += size;
            at += RECORD + (int64_t)size;
            batch->after[batch->packets++] = at;
        }
        free(packet);
        if (holds < 0) return SPOOL_ERROR;
        if (!fits) break;
    }
    return 0;
}

static int load(spool *s, const spool_segment *segment, uint8_t *body, size_t room, spool_batch *batch)
{
    uint8_t head[HEADER];
    int file = open_segment(s, segment->first, O_RDONLY);
    if (file < 0) return SPOOL_ERROR;
    int holds = read_header(file, head);
    if (holds == 1) holds = seek_record(s, segment, file);
    batch->sequence = s->delivered;
    batch->epoch = get(head + 16, 8);
    batch->start = get(head + 32, 8);
    batch->time = get(head + 40, 8);
    if (holds == 1) holds = fill(s, segment, file, body, room, batch);
    close(file);
    return holds < 0 ? SPOOL_ERROR : 0;
}

/* The segment that holds, or comes after, the first packet that was not delivered. */
static const spool_segment *pending(const spool *s)
{
    size_t i = 0;
    while (i < s->count && s->segments[i].end <= s->delivered) i++;
    return i < s->count ? &s->segments[i] : NULL;
}

int spool_next(spool *s, uint8_t *body, size_t room, spool_batch *batch)
{
    int error = 0;
    memset(batch, 0, sizeof *batch);
    pthread_mutex_lock(&s->lock);
    while (!error && s->delivered < s->durable && !batch->packets) {
        const spool_segment *segment = pending(s);
        uint64_t first = segment ? segment->first : s->durable, end = segment && segment->end < s->durable ? segment->end : s->durable;
        if (first > s->delivered) {
            error = skip(s, first < s->durable ? first : s->durable);
            continue;
        }
        error = load(s, segment, body, room, batch);
        if (!error && !batch->packets) error = skip(s, end);
    }
    pthread_mutex_unlock(&s->lock);
    return error ? SPOOL_ERROR : batch->packets > 0;
}

int spool_acknowledge(spool *s, const spool_batch *batch, size_t n)
{
    int error = 0;
    pthread_mutex_lock(&s->lock);
    if (n && n <= batch->packets && batch->sequence + n > s->delivered) {
        if (s->read_sequence == batch->sequence) {
            s->read_sequence = batch->sequence + n;
            s->read_at = batch->after[n - 1];
        }
        s->delivered = batch->sequence + n;
        error = remove_delivered(s);
        if (!error && seconds(CLOCK_MONOTONIC) - s->saved >= 1) error = save(s);
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return error;
}

uint64_t spool_waiting(spool *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->durable - s->delivered;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void spool_wait(spool *s, int milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&s->lock);
    pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

void spool_wake(spool *s)
{
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

int spool_close(spool *s)
{
    pthread_mutex_lock(&s->lock);
    int error = commit(s) || save(s) ? SPOOL_ERROR : 0;
    close_newest(s);
    free(s->segments);
    close(s->guard);
    close(s->folder);
    pthread_mutex_unlock(&s->lock);
    return error;
}
