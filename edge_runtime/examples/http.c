#define _GNU_SOURCE
#include "http.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST_ANSWER = 1 << 14 };

int http_parse(http_link *link, const char *url)
{
    if (strncmp(url, "http://", 7)) return -1;
    const char *host = url + 7, *path = host + strcspn(host, "/"), *colon = memchr(host, ':', (size_t)(path - host));
    size_t n = (size_t)((colon ? colon : path) - host), digits = colon ? (size_t)(path - colon - 1) : 0, length = strlen(path);
    while (length && path[length - 1] == '/') length--;
    if (!n || n >= sizeof link->host || digits >= sizeof link->port || length >= sizeof link->path || strpbrk(url, "?#@ \r\n")) return -1;
    snprintf(link->host, sizeof link->host, "%.*s", (int)n, host);
    snprintf(link->port, sizeof link->port, "%.*s", digits ? (int)digits : 2, digits ? colon + 1 : "80");
    snprintf(link->path, sizeof link->path, "%.*s", (int)length, path);
    return 0;
}

static int fail(char *why, size_t n, const char *what)
{
    snprintf(why, n, "%s", what);
    return -1;
}

static int open_connection(const http_link *link, char *why, size_t n)
{
    struct addrinfo hints = {0}, *found, *at;
    struct timeval wait = {link->timeout, 0};
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(link->host, link->port, &hints, &found), connection = -1;
    if (error) return fail(why, n, gai_strerror(error));
    for (at = found; at && connection < 0; at = at->ai_next) {
        connection = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (connection < 0) continue;
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait); /* connect keeps to it as well */
        if (!connect(connection, at->ai_addr, at->ai_addrlen)) continue;
        fail(why, n, strerror(errno));
        close(connection);
        connection = -1;
    }
    freeaddrinfo(found);
    return connection;
}

static int send_all(int connection, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t n = send(connection, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The answer up to its end, as a string; -1 if there is none, or too much of it. */
static int receive_all(int connection, char *answer, size_t room)
{
    size_t got = 0;
    while (got + 1 < room) {
        ssize_t n = recv(connection, answer + got, room - got - 1, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) {
            answer[got] = 0;
            return got ? 0 : -1;
        }
        got += (size_t)n;
    }
    errno = EMSGSIZE;
    return -1;
}

static int send_request(int connection, const http_link *link, uint64_t spool_id, const spool_batch *b, const uint8_t *body)
{
    char head[2048], token[512] = "";
    if (link->token) snprintf(token, sizeof token, "Authorization: Bearer %s\r\n", link->token);
    int n = snprintf(head, sizeof head,
                     "POST %s/v1/streams/%s/%016" PRIx64 "-%" PRIu64 "/packets?sequence=%" PRIu64 "&start=%" PRIu64 "&time=%" PRIu64 " HTTP/1.1\r\n"
                     "Host: %s:%s\r\n%sContent-Type: application/vnd.vaecodec.packets\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     link->path, link->device, spool_id, b->epoch, b->sequence, b->start, b->time, link->host, link->port, token, b->size);
    if (n < 0 || (size_t)n >= sizeof head) return -1;
    return send_all(connection, head, (size_t)n) || send_all(connection, body, b->size) ? -1 : 0;
}

/* Packets up to the highest durable number that the answer names. */
static long acknowledged(const char *answer, const spool_batch *b, char *why, size_t n)
{
    int status = 0;
    const char *body = strstr(answer, "\r\n\r\n"), *at = body ? strstr(body, "\"durable\"") : NULL;
    if (sscanf(answer, "HTTP/1.%*1[01] %3d", &status) != 1 || status < 200 || status > 299) {
        snprintf(why, n, "the receiver answers %.*s", (int)strcspn(answer, "\r\n") > 80 ? 80 : (int)strcspn(answer, "\r\n"), answer);
        return -1;
    }
    if (at) at += strlen("\"durable\""), at += strspn(at, " \t\r\n");
    if (at && *at == ':') at++, at += strspn(at, " \t\r\n");
    else at = NULL;
    if (at && *at == '-') return 0;
    if (!at || *at < '0' || *at > '9') return fail(why, n, "the answer has no number \"durable\"");
    errno = 0;
    unsigned long long durable = strtoull(at, NULL, 10);
    if (errno || durable >= b->sequence + b->packets) return (long)b->packets;
    return durable < b->sequence ? 0 : (long)(durable + 1 - b->sequence);
}

long http_post(const http_link *link, uint64_t spool_id, const spool_batch *batch, const uint8_t *body, char *why, size_t n)
{
    char answer[MOST_ANSWER];
    int connection = open_connection(link, why, n);
    if (connection < 0) return -1;
    errno = 0;
    int error = send_request(connection, link, spool_id, batch, body) || receive_all(connection, answer, sizeof answer);
    if (error) fail(why, n, errno ? strerror(errno) : "the receiver closed the connection");
    close(connection);
    return error ? -1 : acknowledged(answer, batch, why, n);
}
