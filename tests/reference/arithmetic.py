"""The integer arithmetic that the whole format uses (format.md, introduction and section 2)."""

from __future__ import annotations

import numpy as np


def sat16(v):
    """Limits to int16."""
    return np.clip(v, -32768, 32767)


def rshift(v, s):
    """Rounding shift of int64 arrays: add one half, then floor."""
    v, s = np.asarray(v, np.int64), np.asarray(s, np.int64)
    return np.where(s > 0, (v + (1 << np.maximum(s - 1, 0))) >> s, v)


def div(a, b):
    """Flooring division of integers."""
    return a // b
