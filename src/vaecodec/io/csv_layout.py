"""What must be kept of a CSV file besides its samples, so that it comes back as the same table."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, LimitError

__all__ = ["MAX_PLACES", "TimeColumn", "decimals", "runs", "time_column", "unit_of_time", "unroll"]

# Unit of a time column by what its name contains; the first that fits decides.
TIME_UNITS = (("ns", 10**9), ("us", 10**6), ("µs", 10**6), ("micro", 10**6), ("ms", 1000), ("milli", 1000))
TIME_NAMES = ("time", "timestamp", "t", "sec", "secs", "second", "seconds", "date", "elapsed", "epoch", "unix")
# Counting ticks of Unix time: 10^11 seconds are in the year 5138, so larger numbers are finer units.
EPOCH_UNITS = ((1e17, 10**9), (1e14, 10**6), (1e11, 1000))
# More runs than this are data that we cannot code.
MAX_RUNS = 4096
# Letters that a text column of a stream may unfold to.
MAX_TEXT = 1 << 27
# A float64 near 1 has 17 significant digits; cells with more decimals than this are not read digit for digit.
MAX_PLACES = 20


@dataclass(frozen=True)
class TimeColumn:
    """A column that is a line: value i is `start + i * step`, printed with so many decimals.

    Attributes:
        start: first value.
        step: distance of two values.
        places: decimals.
        error: largest distance of a value from the line, in steps.
    """

    start: float
    step: float
    places: int
    error: float

    @property
    def exact(self) -> bool:
        """Whether printing the line gives the column back, digit for digit."""
        return self.error == 0.0


def decimals(cells: list[str]) -> int | None:
    """Most decimals of a column; None if a cell is in exponent form or has more than `MAX_PLACES`."""
    if any("e" in cell or "E" in cell for cell in cells):
        return None
    most = max(len(cell.partition(".")[2]) for cell in cells)
    return most if most <= MAX_PLACES else None


def time_column(cells: list[str], values: NDArray[np.float64]) -> TimeColumn | None:
    """The line through a column that never falls, or None if it falls or stands still."""
    places = decimals(cells)
    if places is None or len(values) < 3 or np.any(np.diff(values) < 0) or values[-1] == values[0]:
        return None
    step = (values[-1] - values[0]) / (len(values) - 1)
    for rounded in _round_numbers(step):
        line = values[0] + np.arange(len(values)) * rounded
        if [f"{v:.{places}f}" for v in line[: len(cells)]] == cells:
            return TimeColumn(float(values[0]), rounded, places, 0.0)
    # A fit by least squares stands less under the jitter of the two ends.
    slope, start = np.polyfit(np.arange(len(values)), values - values[0], 1)
    line = values[0] + start + np.arange(len(values)) * slope
    error = float(np.abs(line - values).max() / slope) if slope > 0 else float("inf")
    return TimeColumn(float(values[0] + start), float(slope), places, max(error, 1e-300))


def _round_numbers(step: float) -> list[float]:
    """Numbers near a step that a person would have meant: few decimals, or one over a whole number."""
    near = [float(round(step, places)) for places in range(13)]
    for unit in (1, 1000, 10**6, 10**9):
        rate = unit / step
        near += [unit / round(rate, places) for places in range(4) if round(rate, places) > 0]
    return [value for value in dict.fromkeys(near) if value > 0 and abs(value - step) <= 1e-3 * step] + [step]


def unit_of_time(name: str, start: float) -> int | None:
    """Ticks a second of a column of that name, or None if the name does not speak of time."""
    words = name.lower().replace("[", " ").replace("]", " ").replace("(", " ").replace(")", " ").replace("_", " ").split()
    spoken = any(word in TIME_NAMES or word.startswith("time") for word in words)
    for text, ticks in TIME_UNITS:
        if any(word == text or (spoken and word.endswith(text) and word != "times") for word in words):
            return ticks
    if not spoken and not any(word == "s" for word in words):
        return None
    return next((ticks for least, ticks in EPOCH_UNITS if start >= least), 1)


def rate_of(time: TimeColumn, ticks: int) -> Fraction:
    """Samples a second.

    Raises:
        FormatError: the column's steps are too small to be times.
    """
    rate = ticks / time.step
    if not rate < 1 << 32:
        raise FormatError(f"the time column steps by {time.step:g}: no sampling rate")
    return Fraction(rate).limit_denominator(10_000)


def runs(cells: list[str]) -> list[list[Any]] | None:
    """Run lengths [[text, count], ...] of a column, or None if there are too many."""
    out: list[list[Any]] = []
    for cell in cells:
        if out and out[-1][0] == cell:
            out[-1][1] += 1
        elif len(out) == MAX_RUNS:
            return None
        else:
            out.append([cell, 1])
    return out


def unroll(pairs: list[list[Any]], length: int) -> list[str]:
    """The column of run lengths, cut or filled up to `length`.

    Raises:
        LimitError: more than MAX_TEXT letters.
    """
    cells: list[str] = []
    letters = 0
    for text, count in pairs:
        run = min(int(count), length - len(cells))
        if run < 1:
            continue
        letters += len(str(text)) * run
        if letters > MAX_TEXT:
            raise LimitError(f"a text column of more than {MAX_TEXT} letters")
        cells += [str(text)] * run
    return cells + [cells[-1] if cells else ""] * (length - len(cells))
