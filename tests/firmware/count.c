/* A plugin of QEMU that counts how often each instruction ran, by address: hexadecimal address and count, one a line, to the file `out`. Debian has no header for
   plugins, so what is needed of version 1 of their interface is declared here. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*call)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum qemu_plugin_op op, void *to, uint64_t value);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*call)(uint64_t, void *), void *context);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

int qemu_plugin_version = 1;

enum { PLACES = 1 << 20 }; /* of 2 bytes */
static uint64_t counts[PLACES], first;
static FILE *out;

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        if (address >= first && (address - first) / 2 < PLACES)
            qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &counts[(address - first) / 2], 1);
    }
}

static void ended(uint64_t id, void *context)
{
    (void)id;
    (void)context;
    for (uint64_t i = 0; i < PLACES; i++)
        if (counts[i]) fprintf(out, "%llx %llu\n", (unsigned long long)(first + 2 * i), (unsigned long long)counts[i]);
    fclose(out);
}

/* Arguments: out=FILE, first=ADDRESS (decimal) from which on code lies. */
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) out = fopen(argv[i] + 4, "w");
        if (strncmp(argv[i], "first=", 6) == 0 && sscanf(argv[i] + 6, "%llu", (unsigned long long *)&first) != 1) return -1;
    }
    if (!out) return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
