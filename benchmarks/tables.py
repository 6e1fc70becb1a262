"""Plain-text tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["number", "table"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))) for row in [head, *rows]
    ]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(line.rstrip() for line in lines)


def number(value: float | None, form: str = ".2f") -> str:
    """A formatted number, or a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else format(value, form)
