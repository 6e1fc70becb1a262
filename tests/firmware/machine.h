/* What a machine gives the program under test, and what it calls. */
#ifndef MACHINE_H
#define MACHINE_H

void print(const char *text);
void leave(int code);
int run(void);

#endif
