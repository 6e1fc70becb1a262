/* Runs every convolution of a model over its whole grid, TIMES times each, and prints how many multiplications it makes each time, and a checksum of what they
   give. Inputs are made up and never 0, so that no
   kernel has anything to leave out. */
#include "vc_crc.h"
#include "vc_net.h"

#include "layers.h"
#include "machine.h"

static uint8_t memory[MEMORY];

static vc_net load(const vc_model *m, const vc_geometry *g)
{
    vc_net n;
    const vc_plan *plan = vc_plan_place(m, g, memory);
    vc_arena a = {memory + (vc_plan_memory(m, g) + VC_ARENA_ALIGN) / VC_ARENA_ALIGN * VC_ARENA_ALIGN, 0};
    a.base += (VC_ARENA_ALIGN - (uintptr_t)a.base % VC_ARENA_ALIGN) % VC_ARENA_ALIGN;
    vc_net_plan(&n, plan, &a);
    if (a.base + a.used > memory + sizeof memory) leave(4);
    vc_net_load(&n, (m->t_lo + m->t_hi) / 2);
    return n;
}

static void fill(const vc_net *n)
{
    uint32_t random = 1;
    for (ptrdiff_t i = 0; i < n->plan->activations; i++) {
        random = random * 1664525 + 1013904223;
        int32_t v = (int32_t)(random >> 24) - 128;
        n->activations[i] = (int16_t)(v == 0 ? 1 : v);
    }
}

static uint32_t checksum(const vc_net *n, uint32_t crc)
{
    for (ptrdiff_t i = 0; i < n->plan->activations; i++) {
        uint8_t bytes[2] = {(uint8_t)(n->activations[i] & 255), (uint8_t)(n->activations[i] >> 8 & 255)};
        crc = vc_crc32c(crc, bytes, sizeof bytes);
    }
    return crc;
}

typedef struct found {
    uint32_t macs, crc;
} found;

/* Rows outside the grid are not read; the condition is a constant of a stream. */
static uint32_t count(const vc_layer *l, vc_geometry grid, int32_t row)
{
    int32_t inputs = 0;
    for (const vc_segment *s = l->segments; s < l->segments + l->n_segments; s++)
        if (row + s->row >= 0 && row + s->row < grid.rows) inputs += s->length;
    return (uint32_t)(inputs * grid.cols * l->o.n);
}

static void run_layer(vc_net *n, const vc_layer *l, found *all)
{
    const vc_plan *p = n->plan;
    vc_geometry grid = vc_plan_grid(p->model, &p->geometry, vc_model_plane(p->model, l->o.plane).stage);
    fill(n);
    for (int32_t row = 0; row < grid.rows; row++) {
        for (int i = 0; i < TIMES; i++) vc_net_conv(n, l, row);
        all->macs += count(l, grid, row);
    }
    if (CHECKED) all->crc = checksum(n, all->crc);
}

static void print_number(uint32_t v)
{
    char text[9] = {0};
    for (int i = 0; i < 8; i++) text[i] = "0123456789abcdef"[v >> (28 - 4 * i) & 15];
    print(text);
    print("\n");
}

int run(void)
{
    static vc_model model;
    static const vc_geometry geometry = {ROWS, COLS};
    found all = {0, VC_CRC32C_START};
    if (vc_model_load(&model, symbols, sizeof symbols)) return 2;
    if (vc_plan_memory(&model, &geometry) > (int64_t)sizeof memory) return 3;
    vc_net net = load(&model, &geometry);
    for (uint32_t s = 0; s < model.n_stages; s++)
        for (int32_t i = 0; i < vc_plan_layers(&model, s); i++)
            if (net.plan->layers[s][i].o.type == VC_CONV) run_layer(&net, &net.plan->layers[s][i], &all);
    print_number(all.macs);
    print_number(all.crc);
    return 0;
}
