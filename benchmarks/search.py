"""Finding the setting that just reaches a target error."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["coarsest_step", "lowest_quality", "matching_quality"]

Point = tuple[float, float]


def coarsest_step(error: Callable[[float], float], target: float, guess: float, tolerance: float = 0.003) -> float:
    """The largest step whose error is at most the target and, where the error moves finely enough, within `tolerance` of it.

    Error over step is nearly a straight line in logarithms: the bracket is cut where the line through its ends meets the
    target, or in the middle when that has left one end in place for long.

    Args:
        error: error of a step; nearly monotone.
        target: largest error allowed.
        guess: a step to start from.
        tolerance: relative distance to the target at which the search ends.

    Raises:
        ValueError: no step keeps the target.
    """
    low, high = _bracket(error, target, guess)
    aim = math.log(target * (1 - tolerance / 2))
    for turn in range(24):
        (x0, y0), (x1, y1) = low, high
        share = 0.5 if turn % 3 == 2 or y1 <= y0 else min(0.95, max(0.05, (aim - y0) / (y1 - y0)))
        point = _measure(error, math.exp(x0 + share * (x1 - x0)))
        if point[1] > math.log(target):
            high = point
        else:
            low = point
        if low[1] >= math.log(target * (1 - tolerance)) or high[0] - low[0] < 1e-4:
            break
    return math.exp(low[0])


def _bracket(error: Callable[[float], float], target: float, guess: float) -> tuple[Point, Point]:
    """A step that keeps the target and a larger one that does not, by factors of 1.5 from the guess, growing."""
    here, factor = _measure(error, guess), 1.5
    fine = here[1] <= math.log(target)
    for _ in range(40):
        there = _measure(error, math.exp(here[0]) * (factor if fine else 1 / factor))
        if (there[1] <= math.log(target)) != fine:
            return (here, there) if fine else (there, here)
        here, factor = there, factor * 1.2
    raise ValueError(f"no step reaches an error of {target}")


def _measure(error: Callable[[float], float], step: float) -> Point:
    return math.log(step), math.log(max(error(step), 1e-12))


def lowest_quality(error: Callable[[float], float], target: float, resolution: float = 0.05) -> float | None:
    """The lowest quality in 0..100 whose error is at most the target, by bisection.

    Args:
        error: error of a quality, nearly monotone; called again for qualities it has seen.
        target: largest error allowed.
        resolution: qualities closer than this are not told apart.

    Returns:
        The quality, or None if even 100 misses the target.
    """
    low, high = 0.0, 100.0
    if error(high) > target:
        return None
    if error(low) <= target:
        return low
    while high - low > resolution:
        middle = (low + high) / 2
        if error(middle) <= target:
            high = middle
        else:
            low = middle
    return high


def matching_quality(error: Callable[[float], float], target: float, tolerance: float = 0.015, resolution: float = 0.05) -> float | None:
    """A quality in 0..100 whose error is at most the target and within `tolerance` of it; with fewer measurements than `lowest_quality`.

    The bracket is cut where the line through its ends, errors in logarithms, meets the target, every third time in the middle.

    Args:
        error: error of a quality, nearly monotone.
        target: largest error allowed.
        tolerance: relative distance to the target at which the search ends.
        resolution: qualities closer than this are not told apart: then the finer one is taken, however far its error is.

    Returns:
        The quality, or None if even 100 misses the target.
    """
    fine, coarse = (100.0, math.log(max(error(100.0), 1e-12))), (0.0, math.log(max(error(0.0), 1e-12)))
    aim = math.log(target * (1 - tolerance / 2))
    if fine[1] > math.log(target):
        return None
    if coarse[1] <= math.log(target):
        return coarse[0]
    turn = 0
    while fine[1] < math.log(target * (1 - tolerance)) and fine[0] - coarse[0] > resolution:
        share = 0.5 if turn % 3 == 2 else min(0.95, max(0.05, (aim - coarse[1]) / (fine[1] - coarse[1])))
        quality = coarse[0] + share * (fine[0] - coarse[0])
        point = quality, math.log(max(error(quality), 1e-12))
        fine, coarse = (point, coarse) if point[1] <= math.log(target) else (fine, point)
        turn += 1
    return fine[0]
