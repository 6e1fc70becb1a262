/* A stream from standard input to the latents of its packets on standard output, a line each: number, step code, and the latents of all bands,
   coarse to fine, channels interleaved. What is missing or damaged is told on standard error, and by
   exit code 3.

       cc -O2 -Isrc examples/gateway/main.c src/[*].c -o gateway      (without the brackets)
       ./gateway < packets.vae > latents.txt */
#include <stdio.h>

#include "${name}_decoder.h"

static uint8_t memory[${upper}_DECODER_MEMORY];
static vc_decoder decoder;

static void print_latents(const vc_decoder_packet *p)
{
    printf("%llu %ld", (unsigned long long)p->number, (long)p->step);
    for (unsigned b = 0; b < ${name}.plan->model->n_bands; b++)
        for (int32_t i = 0; i < p->bands[b].rows * p->bands[b].cols; i++) printf(" %d", p->bands[b].data[i]);
    printf("\n");
}

/* Returns whether all was well. */
static int print_waiting(void)
{
    vc_decoder_packet p;
    int well = 1;
    for (int code; (code = vc_decoder_next(&decoder, &p)) != 0;) {
        well = well && code > 0 && p.skipped == 0 && p.lost == 0;
        if (p.skipped) fprintf(stderr, "%llu bytes belong to no packet\n", (unsigned long long)p.skipped);
        if (p.lost) fprintf(stderr, "%llu packets lost before packet %llu\n", (unsigned long long)p.lost, (unsigned long long)p.number);
        if (code < 0) fprintf(stderr, "packet %llu: %s\n", (unsigned long long)p.number, vc_error_text(code));
        else if (p.bands) print_latents(&p);
    }
    return well;
}

int main(void)
{
    uint8_t bytes[512];
    int well = 1, error = vc_decoder_begin(&decoder, &$name, memory, sizeof memory);
    if (error) {
        fprintf(stderr, "%s\n", vc_error_text(error));
        return 1;
    }
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, stdin)) > 0;)
        for (size_t at = 0; at < n;) {
            at += (size_t)vc_decoder_push(&decoder, bytes + at, n - at);
            well &= print_waiting();
        }
    vc_decoder_finish(&decoder);
    well &= print_waiting();
    return well ? 0 : 3;
}
