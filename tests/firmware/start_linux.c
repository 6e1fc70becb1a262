/* The same program as a process: for tests. */
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

void print(const char *text)
{
    fputs(text, stdout);
}

void leave(int code)
{
    exit(code);
}

int main(void)
{
    return run();
}
