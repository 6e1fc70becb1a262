#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const struct {
    unsigned baud;
    speed_t code;
} speeds[] = {{9600, B9600}, {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600}};

/* A line of plain bytes. */
static int set_port(int file, unsigned baud)
{
    struct termios settings;
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        if (speeds[i].baud != baud) continue;
        if (tcgetattr(file, &settings)) return -1;
        cfmakeraw(&settings);
        settings.c_cflag |= CLOCAL | CREAD;
        settings.c_cc[VMIN] = 1;
        settings.c_cc[VTIME] = 0;
        if (cfsetispeed(&settings, speeds[i].code) || cfsetospeed(&settings, speeds[i].code)) return -1;
        return tcsetattr(file, TCSANOW, &settings);
    }
    errno = EINVAL;
    return -1;
}

int source_open(source *s, const char *name, size_t channels, unsigned baud)
{
    struct stat facts;
    memset(s, 0, sizeof *s);
    s->frame = 2 * channels;
    if (!strncmp(name, "serial:", 7)) {
        s->is_live = 1;
        s->file = open(name + 7, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        return s->file < 0 ? -1 : set_port(s->file, baud);
    }
    s->file = strcmp(name, "-") ? open(strncmp(name, "file:", 5) ? name : name + 5, O_RDONLY | O_CLOEXEC) : 0;
    if (s->file < 0 || fstat(s->file, &facts)) return -1;
    s->is_again = s->file != 0 && S_ISREG(facts.st_mode);
    return 0;
}

int source_seek(source *s, uint64_t position)
{
    struct stat facts;
    if (!s->is_again) return 0;
    off_t at = (off_t)(position * s->frame);
    if (fstat(s->file, &facts) || facts.st_size < at) return -1;
    return lseek(s->file, at, SEEK_SET) < 0 ? -1 : 0;
}

long source_read(source *s, int16_t *samples, size_t room, int stop)
{
    uint8_t bytes[4096];
    struct pollfd waits[2] = {{s->file, POLLIN, 0}, {stop, POLLIN, 0}};
    size_t most = sizeof bytes < room * s->frame ? sizeof bytes : room * s->frame;
    if (poll(waits, 2, -1) < 0) return errno == EINTR ? 0 : -2;
    if (waits[1].revents) return 0;
    memcpy(bytes, s->rest, s->kept);
    ssize_t n = read(s->file, bytes + s->kept, most - s->kept);
    if (n < 0) return errno == EINTR ? 0 : -2;
    if (n == 0) return -1;
    size_t got = s->kept + (size_t)n, whole = got / s->frame;
    for (size_t i = 0; i < whole * s->frame / 2; i++) samples[i] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    s->kept = got - whole * s->frame;
    memcpy(s->rest, bytes + whole * s->frame, s->kept);
    return (long)whole;
}
