/* The edge client in C: samples from a file, standard input or a serial port; packets to the spool of docs/edge.md, and from there to a receiver by HTTP.
   Build it with the Makefile beside it, over a library that `vaecodec export firmware` wrote. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include MODEL_HEADER

#include "http.h"
#include "source.h"
#include "spool.h"

#define JOINED(a, b) a##b
#define JOIN(a, b) JOINED(a, b)
#define MODEL_CHANNELS JOIN(MODEL_SIZES, _CHANNELS)
#define MODEL_MEMORY JOIN(MODEL_SIZES, _MEMORY)
#define MODEL_PACKET JOIN(MODEL_SIZES, _PACKET)

enum { PIECE = 1024, BODY = 1 << 16, FIRST_WAIT = 500, ROOM_WAIT = 200 };

typedef struct options {
    const char *source, *folder, *url, *token;
    uint64_t most;
    unsigned baud;
    int most_wait; /* milliseconds */
    int drops;     /* what to do when the spool is full: -1 as the source is, 0 wait, 1 drop the oldest packets */
    vc_encoder_settings settings;
} options;

static uint8_t memory[MODEL_MEMORY];
static vc_encoder encoder;
static spool packets;
static http_link link_to;
static options given = {NULL, NULL, NULL, NULL, 64000000, 115200, 60000, -1, {600, 2, 0, 0, {0}}};
static int stop_pipe[2];
static volatile sig_atomic_t stopped, sender_ends;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
    if (write(stop_pipe[1], ".", 1) < 0) return; /* the flag is enough */
}

static int die(const char *what)
{
    fprintf(stderr, "edge: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- sending --- */

/* Milliseconds to the next try: doubling, drawn from the upper half. */
static int back_off(int failures)
{
    long longest = failures < 16 ? (long)FIRST_WAIT << failures : given.most_wait;
    if (longest > given.most_wait) longest = given.most_wait;
    return (int)(longest / 2 + random() % (longest / 2 + 1));
}

static void pause_sender(int milliseconds)
{
    for (; milliseconds > 0 && !sender_ends; milliseconds -= 50) usleep((useconds_t)(milliseconds < 50 ? milliseconds : 50) * 1000);
}

static void *send_packets(void *unused)
{
    static uint8_t body[BODY];
    char why[256];
    int failures = 0;
    while (!sender_ends) {
        spool_batch batch;
        int found = spool_next(&packets, body, sizeof body, &batch);
        if (found < 0) die("spool");
        if (!found) {
            spool_wait(&packets, 1000);
            continue;
        }
        snprintf(why, sizeof why, "the receiver stored nothing");
        long n = http_post(&link_to, packets.id, &batch, body, why, sizeof why);
        if (n > 0) {
            if (spool_acknowledge(&packets, &batch, (size_t)n)) die("spool");
            if (failures) fprintf(stderr, "edge: link: up\n");
            failures = 0;
            continue;
        }
        if (!failures) fprintf(stderr, "edge: link: %s; trying again\n", why);
        pause_sender(back_off(failures++));
    }
    return unused;
}

/* --- encoding --- */

/* Spools a packet, or waits for room; returns 0 only where there is none and it is time to stop. */
static int keep(const source *in, const vc_encoder_packet *p, uint64_t position)
{
    int drops = given.drops < 0 ? in->is_live : given.drops;
    for (int told = 0;;) {
        uint64_t lost = 0;
        int error = spool_add(&packets, p->data, p->size, position);
        if (!error) return 1;
        if (error == SPOOL_ERROR || spool_commit(&packets)) die("spool");
        error = drops ? spool_drop_oldest(&packets, &lost) : 0;
        if (error < 0) die("spool");
        if (error) {
            fprintf(stderr, "edge: the spool is full: %" PRIu64 " packets dropped, %" PRIu64 " so far\n", lost, packets.dropped);
            continue;
        }
        if (stopped) return 0;
        if (!told++) fprintf(stderr, "edge: the spool is full: the source waits\n");
        spool_wait(&packets, ROOM_WAIT);
    }
}

/* Fetches the packets that wait in the encoder; `taken` is how many samples of the stream it has. */
static int keep_waiting(const source *in, uint64_t taken)
{
    vc_encoder_packet p;
    int found;
    while ((found = vc_encoder_next(&encoder, &p)) == 1) {
        uint64_t held = p.kind == VC_KIND_SYNC ? p.number * MODEL_PACKET : p.kind == VC_KIND_DATA ? (p.number + 1) * MODEL_PACKET : taken;
        if (!keep(in, &p, packets.start + (held < taken ? held : taken))) return 0;
    }
    if (found < 0) fprintf(stderr, "edge: %s\n", vc_error_text(found));
    return 1;
}

/* What the encoder still has. */
static int finish(const source *in, uint64_t taken)
{
    while (vc_encoder_flush(&encoder) == 1)
        if (!keep_waiting(in, taken)) return 0;
    return 1;
}

static int begin(void)
{
    spool_begin(&packets);
    given.settings.stream_id = (uint16_t)packets.epoch;
    int error = vc_encoder_begin(&encoder, &MODEL, &given.settings, memory, sizeof memory);
    if (error) fprintf(stderr, "edge: %s\n", vc_error_text(error));
    return !error;
}

/* Runs the source into the spool until it ends. Returns samples that were read and found no room. */
static uint64_t read_source(source *in)
{
    static int16_t samples[PIECE * MODEL_CHANNELS];
    uint64_t taken = 0;
    int room = 1;
    while (!stopped && room) {
        long n = source_read(in, samples, PIECE, stop_pipe[0]);
        if (n == -2) die("source");
        if (n < 0) break;
        if (n && !taken && !begin()) exit(1);
        for (int32_t at = 0; at < n && room;) {
            int32_t took = vc_encoder_push(&encoder, samples + MODEL_CHANNELS * at, (int32_t)n - at);
            at += took;
            taken += (uint64_t)took;
            room = keep_waiting(in, taken);
        }
        if (spool_commit(&packets)) die("spool");
    }
    if (taken && room) finish(in, taken);
    if (spool_commit(&packets)) die("spool");
    return taken && !in->is_again ? packets.start + taken - packets.position : 0;
}

/* --- the program --- */

static int usage(void)
{
    fprintf(stderr, "usage: edge -s file:PATH|serial:PORT|- -d FOLDER [-u http://HOST[:PORT][/PATH]] [-n DEVICE] [-k TOKENFILE] [-m BYTES] [-w SECONDS]\n"
                    "            [-f auto|wait|drop-oldest] [-b BAUD] [-o OFFSET] [-q QUALITY]\n");
    return 2;
}

static char *read_token(const char *path)
{
    static char token[400];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(token, sizeof token, file)) die(path);
    fclose(file);
    token[strcspn(token, "\r\n")] = 0;
    return token;
}

static int parse(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "s:d:u:n:k:m:w:f:b:o:q:")) != -1;) {
        if (c == 's') given.source = optarg;
        else if (c == 'd') given.folder = optarg;
        else if (c == 'u') given.url = optarg;
        else if (c == 'n') link_to.device = optarg;
        else if (c == 'k') link_to.token = read_token(optarg);
        else if (c == 'm') given.most = strtoull(optarg, NULL, 10);
        else if (c == 'w') given.most_wait = (int)(1000 * strtod(optarg, NULL));
        else if (c == 'f' && !strcmp(optarg, "auto")) given.drops = -1;
        else if (c == 'f' && !strcmp(optarg, "wait")) given.drops = 0;
        else if (c == 'f' && !strcmp(optarg, "drop-oldest")) given.drops = 1;
        else if (c == 'b') given.baud = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'o') for (int i = 0; i < VC_MAX_DEVICE_CHANNELS; i++) given.settings.offset[i] = (int32_t)strtol(optarg, NULL, 10);
        else if (c == 'q') given.settings.quality = (uint16_t)(10 * strtod(optarg, NULL));
        else return 0;
    }
    if (!link_to.device) link_to.device = "device";
    link_to.timeout = 30;
    size_t n = strspn(link_to.device, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return given.source && given.folder && given.most_wait > 0 && n && n < 65 && !link_to.device[n] && optind == argc;
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND; /* a second one ends the program as ever */
    if (pipe(stop_pipe)) die("pipe");
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
    pthread_t sender;
    source in;
    if (!parse(argc, argv) || (given.url && http_parse(&link_to, given.url))) return usage();
    catch_signals();
    if (source_open(&in, given.source, MODEL_CHANNELS, given.baud)) die(given.source);
    if (spool_open(&packets, given.folder, given.most)) die(errno == EWOULDBLOCK ? "another process has this spool" : given.folder);
    srandom((unsigned)packets.id ^ (unsigned)packets.epoch);
    errno = 0;
    if (source_seek(&in, packets.position)) {
        fprintf(stderr, "edge: %s is shorter than what is in the spool: give another file a spool of its own\n", given.source);
        return 1;
    }
    if (given.url && (errno = pthread_create(&sender, NULL, send_packets, NULL))) die("thread");
    uint64_t lost = read_source(&in);
    while (given.url && !stopped && spool_waiting(&packets)) spool_wait(&packets, ROOM_WAIT);
    sender_ends = 1;
    spool_wake(&packets);
    if (given.url) pthread_join(sender, NULL);
    fprintf(stderr, "edge: end: %" PRIu64 " packets wait, %" PRIu64 " dropped; %" PRIu64 " samples are safe\n", spool_waiting(&packets), packets.dropped, packets.position);
    if (lost) fprintf(stderr, "edge: %" PRIu64 " samples found no room before the end and are lost\n", lost);
    if (in.file) close(in.file);
    return spool_close(&packets) || lost ? 1 : 0;
}
