/* Packets to a receiver by HTTP/1.1, as docs/edge.md says: one request, one connection. */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "spool.h"

typedef struct http_link {
    char host[256], port[8], path[512]; /* path: what comes before /v1/streams */
    const char *device;
    const char *token; /* bearer token, or NULL */
    int timeout;       /* seconds */
} http_link;

/* Takes http://HOST[:PORT][/PATH] apart. Returns 0, or -1 if it is something else. */
int http_parse(http_link *link, const char *url);

/* Posts a batch. Returns how many of its packets, from the first on, the receiver acknowledged; -1: none, and `why` says why. */
long http_post(const http_link *link, uint64_t spool_id, const spool_batch *batch, const uint8_t *body, char *why, size_t n);

#endif
