"""Checks of what callers hand over: types and ranges, with one wording."""

from __future__ import annotations

import math

import numpy as np

from vaecodec.codec.errors import InputError

__all__ = ["MAX_THREADS", "check_kind", "check_threads", "is_number", "shown", "whole_number"]

MAX_THREADS = 256


def shown(value: object) -> str:
    """A value for an error's text, cut to a few dozen letters; Python refuses to print integers of thousands of digits."""
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def is_number(value: object) -> bool:
    """Whether it is a finite real number, of NumPy too; True and False are not."""
    if isinstance(value, (int, np.integer)):
        return type(value) is not bool
    return isinstance(value, (float, np.floating)) and math.isfinite(value)


def whole_number(value: object, what: str, low: int, high: int) -> int:
    """The value as an int.

    Raises:
        InputError: it is none, or outside of low..high.
    """
    if not isinstance(value, (int, np.integer)) or type(value) is bool or not low <= value <= high:
        raise InputError(f"{what} is a whole number in {low}..{high}, got {shown(value)}")
    return int(value)


def check_threads(value: object) -> int:
    """A number of threads; the interpreter does not survive what no machine has."""
    return whole_number(value, "threads", 1, MAX_THREADS)


def check_kind(value: object, kind: type) -> None:
    """InputError unless the value is of this type."""
    if not isinstance(value, kind):
        raise InputError(f"expected {kind.__name__}, got {type(value).__name__}")
