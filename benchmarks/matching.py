"""Which detected event is which reference event: the one-to-one matching behind sensitivity, predictivity and jitter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["match"]

Times = NDArray[Any]
Pairs = list[tuple[int, int]]


def match(reference: Times, found: Times, tolerance: float) -> Pairs:
    """The best one-to-one matching of two lists of times.

    Of all matchings whose pairs are at most `tolerance` apart it has the most pairs, and of those the least sum of
    distances. On a line one of the best has no pairs that cross, so that a dynamic programme over each run of neighbours
    finds it.

    Args:
        reference: ascending times `[R]`.
        found: ascending times `[F]` in the same unit.
        tolerance: the greatest distance of a pair, itself included.

    Returns:
        Pairs (index into `reference`, index into `found`), ascending in both.
    """
    pairs: Pairs = []
    for first, second in _runs(reference, found, tolerance):
        inner = _best(reference[first].tolist(), found[second].tolist(), tolerance)
        pairs += [(first.start + i, second.start + j) for i, j in inner]
    return pairs


def _runs(reference: Times, found: Times, tolerance: float) -> Iterator[tuple[slice, slice]]:
    """Parts of both lists that no pair can connect: cut wherever the next event of either is further than the tolerance."""
    merged = np.sort(np.concatenate([reference, found]))
    starts = merged[1:][np.diff(merged) > tolerance]
    edges = [np.concatenate([[0], np.searchsorted(times, starts), [len(times)]]).tolist() for times in (reference, found)]
    for a, b, c, d in zip(edges[0], edges[0][1:], edges[1], edges[1][1:], strict=False):
        if a < b and c < d:
            yield slice(a, b), slice(c, d)


def _best(reference: list[float], found: list[float], tolerance: float) -> Pairs:
    """The matching of one run; a cell holds (pairs, minus their distances) of the best that the first i and j events allow."""
    best = [[(0, 0.0)] * (len(found) + 1) for _ in range(len(reference) + 1)]
    for i, t in enumerate(reference, 1):
        for j, u in enumerate(found, 1):
            pairs, gain = best[i - 1][j - 1]
            joined = (pairs + 1, gain - abs(t - u)) if abs(t - u) <= tolerance else (0, 0.0)
            best[i][j] = max(best[i - 1][j], best[i][j - 1], joined)
    return _trace(best)


def _trace(best: list[list[tuple[int, float]]]) -> Pairs:
    i, j = len(best) - 1, len(best[0]) - 1
    pairs: Pairs = []
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]
