"""Writes vc_tables.c and vc_tables.h: the integer tables of docs/format.md sections 3 and 5.

Run it as `python edge_runtime/c/make_tables.py edge_runtime/c`. The arithmetic is decimal with 60 digits, so the
result is the same on every machine; nevertheless the tables, once released, decide, not this script.
"""

from __future__ import annotations

import sys
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, getcontext
from pathlib import Path

getcontext().prec = 60

SCALES = 48
SPIKES = 64
LOGISTIC_END = 384
# What most tables consist of.
ENTRY = """#include "vc_build.h"

/* Devices are short of flash; elsewhere vectors are gathered from words. */
#if VC_FOR_DEVICE
typedef uint16_t vc_entry;
#else
typedef uint32_t vc_entry;
#endif

"""


def rounded(x: Decimal) -> int:
    """The nearest integer."""
    return int(x.to_integral_value(ROUND_HALF_UP))


def ceiled(x: Decimal) -> int:
    """The next integer at or above x, where a power of two that misses an integer by 1e-40 is that integer."""
    return int((x - Decimal("1e-40")).to_integral_value(ROUND_CEILING))


def power(exponent: Decimal) -> Decimal:
    """2 to any exponent."""
    return Decimal(2) ** exponent


def sigmoid(x: Decimal) -> Decimal:
    """The logistic function."""
    return 1 / (1 + (-x).exp())


def scale(i: int) -> Decimal:
    """Logistic scale number i: 2^((i - 16) / 4)."""
    return power(Decimal(i - 16) / 4)


def tables() -> dict[str, tuple[str, str, list[int]]]:
    """All tables: name -> (C type, what it is, values)."""
    return {
        "vc_step": ("uint16_t", "round(2^15 2^(-k/16)): reciprocal of the step's fraction of an octave",
                    [rounded(power(15 - Decimal(k) / 16)) for k in range(16)]),
        "vc_half": ("vc_entry", "ceil(12 s_i) + 1: half of the window of values that need no escape",
                    [ceiled(12 * scale(i)) + 1 for i in range(SCALES)]),
        "vc_inverse": ("uint32_t", "round(2^17 / s_i)",
                       [rounded(2**17 / scale(i)) for i in range(SCALES)]),
        "vc_spike": ("vc_entry", "round(65536 sigmoid((n - 32) / 4)): extra probability of zero",
                     [rounded(65536 * sigmoid(Decimal(n - 32) / 4)) for n in range(SPIKES)]),
        "vc_logistic": ("vc_entry", "round(65536 / (1 + exp(-n / 32))) - 32768; the last once more, so that it has a neighbour too",
                        [rounded(65536 * sigmoid(Decimal(min(n, LOGISTIC_END)) / 32)) - 32768 for n in range(LOGISTIC_END + 2)]),
    }


def definition(name: str, kind: str, values: list[int]) -> str:
    """One table in C, 12 values a line."""
    lines = [", ".join(str(v) for v in values[i : i + 12]) for i in range(0, len(values), 12)]
    body = ",\n    ".join(lines)
    return f"const {kind} {name}[{len(values)}] = {{\n    {body},\n}};\n"


def source() -> str:
    """The whole of vc_tables.c."""
    parts = [definition(name, kind, values) for name, (kind, _, values) in tables().items()]
    return '/* Generated: python edge_runtime/c/make_tables.py edge_runtime/c */\n#include "vc_tables.h"\n\n' + "\n".join(parts)


def header() -> str:
    """The whole of vc_tables.h."""
    parts = [f"/* {what} */\nextern const {kind} {name}[{len(values)}];\n" for name, (kind, what, values) in tables().items()]
    return (
        "/* Tables of docs/format.md, sections 3 and 5. Those in vc_tables.c are normative.\n"
        "   Generated: python edge_runtime/c/make_tables.py edge_runtime/c */\n"
        "#ifndef VC_TABLES_H\n#define VC_TABLES_H\n\n#include <stdint.h>\n\n" + ENTRY + "\n".join(parts) + "\n#endif\n"
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.joinpath("vc_tables.h").write_text(header())
    folder.joinpath("vc_tables.c").write_text(source())
