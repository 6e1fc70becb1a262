/* Hands out pieces of the caller's workspace. Without a base it only counts, so one plan both measures and lays out. */
#ifndef VC_ARENA_H
#define VC_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { VC_ARENA_ALIGN = 8 };

typedef struct vc_arena {
    uint8_t *base; /* aligned, or NULL to count */
    int64_t used;
} vc_arena;

/* Room for count * size bytes, aligned to VC_ARENA_ALIGN; NULL where the arena only counts. */
static inline void *vc_arena_take(vc_arena *a, int64_t count, size_t size)
{
    int64_t at = a->used;
    int64_t bytes = count * (int64_t)size;
    a->used += (bytes + VC_ARENA_ALIGN - 1) / VC_ARENA_ALIGN * VC_ARENA_ALIGN;
    return a->base ? a->base + at : NULL;
}

/* An arena in a workspace, whose first bytes it may leave out to be aligned. */
static inline vc_arena vc_arena_in(void *memory)
{
    uintptr_t address = (uintptr_t)memory % VC_ARENA_ALIGN;
    vc_arena a = {(uint8_t *)memory + (VC_ARENA_ALIGN - address) % VC_ARENA_ALIGN, 0};
    return a;
}

#endif
