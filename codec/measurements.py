"""Φ of the compressed sensing mode: which samples each measurement adds and subtracts (docs/format.md, section 14).

A measurement is a row of Φ over a window of samples, -1, 0 or 1 for each. Patterns tile the window without overlap:

    sum 32      one row for every 32 samples: all of them added
    diff 32     the first half of every 32 samples less the second (a Haar wavelet)
    random 16 2 16 rows with two entries a column at random, from a seed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import InputError

__all__ = ["Pattern", "additions", "measurement_matrix", "parse_pattern"]

Ternary = NDArray[np.int8]

KINDS = ("sum", "diff", "random")
MOST_ENTRIES = 256


@dataclass(frozen=True)
class Pattern:
    """Rows of one kind.

    Attributes:
        kind: "sum", "diff" or "random".
        length: samples that a row covers; of "random" the number of rows.
        entries: of "random": entries a column.
    """

    kind: str
    length: int
    entries: int = 2


def parse_pattern(text: str) -> Pattern:
    """A pattern from a text such as "diff 16".

    Raises:
        InputError: it is none.
    """
    kind, *numbers = text.split() or [""]
    most = 2 if kind == "random" else 1
    if kind not in KINDS or not 1 <= len(numbers) <= most or not all(n.isdecimal() and 0 < int(n) < 1 << 16 for n in numbers):
        raise InputError(f'Expected a pattern such as "sum 32", "diff 16" or "random 16 2". Received: {text!r}')
    return Pattern(kind, *map(int, numbers))


def measurement_matrix(patterns: Sequence[Pattern], window: int, seed: int = 1) -> tuple[Ternary, NDArray[np.int64]]:
    """Φ of several patterns, in their order.

    Args:
        patterns: what is measured.
        window: samples N.
        seed: of random patterns.

    Returns:
        int8 `[M, N]`, and the number of the pattern of each row `[M]`.

    Raises:
        InputError: a pattern does not fit the window, or a row has no entry or more than 256.
    """
    parts = [_rows(pattern, window, seed + i) for i, pattern in enumerate(patterns)]
    phi = np.concatenate(parts).astype(np.int8)
    entries = np.count_nonzero(phi, axis=1)
    if entries.max() > MOST_ENTRIES or entries.min() < 1 or len(phi) > window:
        received = f"{len(phi)} of {entries.min()} to {entries.max()}"
        raise InputError(f"Expected at most {window} measurements of 1 to {MOST_ENTRIES} samples each. Received: {received}")
    return phi, np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def additions(phi: Ternary) -> float:
    """Additions a sample that y = Φx costs: each row takes one less than it has entries."""
    return float((np.count_nonzero(phi, axis=1) - 1).sum() / phi.shape[1])


def _rows(pattern: Pattern, window: int, seed: int) -> NDArray[np.int64]:
    if pattern.kind == "random":
        return _random(pattern.length, window, pattern.entries, seed)
    if window % pattern.length or (pattern.kind == "diff" and pattern.length % 2):
        raise InputError(f"Expected patterns whose length divides the window of {window}. Received: {pattern.length}")
    row = np.ones(pattern.length, np.int64)
    if pattern.kind == "diff":
        row[pattern.length // 2 :] = -1
    return np.kron(np.eye(window // pattern.length, dtype=np.int64), row)


def _random(rows: int, window: int, entries: int, seed: int) -> NDArray[np.int64]:
    """Ones at random places, as many in every column (sparse binary sensing, Mamaghanian et al. 2011)."""
    if entries > rows:
        raise InputError(f"Expected at most {rows} entries a column, one a row. Received: {entries}")
    places = np.argsort(np.random.default_rng(seed).random((rows, window)), axis=0)[:entries]
    phi = np.zeros((rows, window), np.int64)
    np.put_along_axis(phi, places, 1, axis=0)
    return phi
