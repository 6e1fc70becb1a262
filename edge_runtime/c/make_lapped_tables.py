"""Writes vc_lapped_tables.h: the cosines of docs/format.md section 2.

Run it as `python edge_runtime/c/make_lapped_tables.py > edge_runtime/c/vc_lapped_tables.h`. The arithmetic is decimal with
60 digits, so the result is the same on every machine; nevertheless the table, once released, decides, not this script.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, getcontext

getcontext().prec = 60

TURN = 2048
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def cosine(i: int) -> Decimal:
    """cos(2 pi i / TURN) by its power series, i in the first quarter."""
    x = 2 * PI * i / TURN
    total = term = Decimal(1)
    for n in range(1, 40):
        term *= -x * x / ((2 * n - 1) * (2 * n))
        total += term
    return total


def values() -> list[int]:
    """The first quarter of a turn, both ends included."""
    whole = [int((32768 * cosine(i)).to_integral_value(ROUND_HALF_UP)) for i in range(TURN // 4 + 1)]
    return [min(32767, value) for value in whole]


def header() -> str:
    """The whole of vc_lapped_tables.h, 12 values a line."""
    numbers = [str(value) for value in values()]
    body = ",\n    ".join(", ".join(numbers[i : i + 12]) for i in range(0, len(numbers), 12))
    return (
        "/* Table of docs/format.md, section 2. Normative.\n"
        "   Generated: python edge_runtime/c/make_lapped_tables.py > edge_runtime/c/vc_lapped_tables.h */\n"
        "#ifndef VC_LAPPED_TABLES_H\n#define VC_LAPPED_TABLES_H\n\n#include <stdint.h>\n\n"
        "/* min(32767, round(2^15 cos(2 pi i / 2048))): a quarter of a turn */\n"
        f"static const int16_t vc_cosine[{len(numbers)}] = {{\n    {body},\n}};\n\n#endif\n"
    )


if __name__ == "__main__":
    print(header(), end="")
