/* What the programs that check cases share: an end with a message, memory, a file as bytes. */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(const char *what, int number)
{
    fprintf(stderr, "case %d: %s\n", number, what);
    exit(1);
}

static void *need(size_t n)
{
    void *p = calloc(n ? n : 1, 1);
    if (!p) fail("no memory", 0);
    return p;
}

static uint8_t *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail("cannot open the cases", 0);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = (uint8_t *)need(*n);
    if (fread(data, 1, *n, f) != *n) fail("cannot read the cases", 0);
    fclose(f);
    return data;
}

#endif
