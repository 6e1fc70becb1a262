"""How long to wait before the next try."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Waits that double, each drawn at random from the upper half of its range: many devices that lost one receiver do not come back as one.

    Args:
        first: seconds of the first wait, at most.
        most: seconds of any wait, at most.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most, self._failures = min(first, most), most, 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        longest = min(self._most, self._first * (1 << min(self._failures, 30)))
        self._failures += 1
        return longest * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begins anew, after a success."""
        self._failures = 0
