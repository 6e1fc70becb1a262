"""Inputs of the analysis whose sums lie on or next to half-way values, where two ways of rounding part (docs/format.md section 2).

A sum v of a filter with shift s is *on* a tie where v mod 2^s = 2^(s-1), and *beside* it where it is one off. Of random input one sum in
2^s is on a tie. Here samples are chosen one step at a time so that the next sums of one level are: each output of level l has 2^l samples that
no output before it saw, so `CANDIDATES` random ones are tried in their place and those are kept that bring its low-pass and its high-pass sum
closest to a tie. A picture's colour mix has sums of three numbers of the same pixel, so each pixel is chosen by itself; its filters are steered
along one axis, with all rows or all columns alike, so that what the other axis does is a constant factor.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecodec.export.symbols import ColourMix, FilterPair, SymbolProgram

__all__ = ["Tally", "mixed_ties", "steered", "sums"]

Int16 = NDArray[np.int16]
Int64 = NDArray[np.int64]
# A stage of the analysis along one axis: a filter that halves (its pair), or a factor that stays (low-pass sums of a constant).
Stage = FilterPair | tuple[int, int]

CANDIDATES = 512
FAR = 2  # a sum that is neither on a tie nor beside one: how far is all the same
LIMIT = 1 << 14  # of samples, so that nothing saturates


@dataclass
class Tally:
    """Sums seen: how many, how many on a tie and how many beside one."""

    total: int = 0
    on: int = 0
    beside: int = 0

    def add(self, values: Int64, shift: int) -> None:
        """Counts sums of one filter."""
        away = distance(values, shift)
        self.total += away.size
        self.on += int((away == 0).sum())
        self.beside += int((away == 1).sum())


def distance(values: Int64, shift: int) -> Int64:
    """How far sums are from the nearest tie; filters that do not shift round nothing, and are far."""
    if shift == 0:
        return np.full(values.shape, 2, np.int64)
    return np.asarray(np.abs((values & ((1 << shift) - 1)) - (1 << (shift - 1))))


def rounded(values: Int64, shift: int) -> Int64:
    """What the format makes of a sum."""
    return np.asarray(np.clip((values + (1 << shift >> 1)) >> shift, -32768, 32767))


def sums(program: SymbolProgram, x: Int16) -> Iterator[tuple[Int64, int]]:
    """All sums of the analysis of `x`, filter by filter, with their shifts.

    Args:
        program: a model of wavelets.
        x: int16 [H, W, C] or [N, channels], padded.
    """
    if program.rank == 1:
        plane = x.astype(np.int64)
        for level in program.filters:
            plane, _ = yield from _split(plane, level[0][0])
        return
    for row, plane in zip(range(program.colours), _mixed(program.mix, x.astype(np.int64)), strict=True):
        yield plane, program.mix[row].shift
        low = rounded(plane, program.mix[row].shift)
        for level in program.filters:
            halves = yield from _split(low.T, level[0][row])
            low, _ = yield from _split(halves[0].T, level[1][row])
            yield from _split(halves[1].T, level[1][row])


def _mixed(mix: Sequence[ColourMix], x: Int64) -> list[Int64]:
    return [sum((weight * x[..., j] for j, weight in enumerate(row.weights)), np.zeros(x.shape[:-1], np.int64)) for row in mix]


def _split(x: Int64, pair: FilterPair) -> Generator[tuple[Int64, int], None, tuple[Int64, Int64]]:
    """Sums of both halves along axis 0; returns the halves, rounded."""
    half = len(pair.low) // 2
    extended = np.pad(x, ((half, half), (0, 0)), mode="reflect") if len(x) > half else x[_reflected(len(x), half)]
    low, high = (_strided(extended, taps) for taps in (pair.low, pair.high))
    yield low, pair.shift_low
    yield high, pair.shift_high
    return rounded(low, pair.shift_low), rounded(high, pair.shift_high)


def _reflected(size: int, half: int) -> Int64:
    """Positions that an axis shorter than the filter reads."""
    at = np.arange(-half, size + half) % max(1, 2 * size - 2)
    return np.minimum(at, 2 * size - 2 - at)


def _strided(x: Int64, taps: Sequence[int]) -> Int64:
    """Sums at every second place of axis 0, without any beyond the ends."""
    count = (len(x) - len(taps)) // 2 + 1
    return sum((tap * x[k : k + 2 * count - 1 : 2] for k, tap in enumerate(taps)), np.zeros((count, *x.shape[1:]), np.int64))


def steered(stages: Sequence[Stage], steps: int, lanes: int, random: np.random.Generator) -> Int16:
    """Samples [N, lanes] whose sums at the last of these stages lie on or beside ties.

    Args:
        stages: of one axis, from the samples on; the last one halves.
        steps: outputs to steer; N is what they take, without padding.
        lanes: signals beside each other, which have nothing in common.
        random: gives the candidates.
    """
    span, fresh = 1, 1
    for stage in reversed(stages):
        if isinstance(stage, FilterPair):
            span, fresh = 2 * (span - 1) + len(stage.low), 2 * fresh
    lead = _lead(stages)
    samples = random.integers(-LIMIT, LIMIT, (lead + span - fresh, lanes))
    for _ in range(steps):
        tails = random.integers(-LIMIT, LIMIT, (fresh, CANDIDATES, lanes))
        known = np.repeat(samples[len(samples) + fresh - span :, None], CANDIDATES, axis=1)
        best = _last_distance(np.concatenate([known, tails]), stages).argmin(axis=0)
        samples = np.concatenate([samples, tails[:, best, np.arange(lanes)]])
    return samples.astype(np.int16)


def _lead(stages: Sequence[Stage]) -> int:
    """Samples before the window of the first output that no border reaches."""
    first, moved = 0, 1
    for stage in stages:
        if isinstance(stage, FilterPair):
            first, moved = first + moved * (len(stage.low) // 2), 2 * moved
    return -first % moved


def _last_distance(windows: Int64, stages: Sequence[Stage]) -> Int64:
    """How far the one output of each window is from ties, over its two sums."""
    for stage in stages[:-1]:
        if isinstance(stage, FilterPair):
            windows = rounded(_strided(windows, stage.low), stage.shift_low)
        else:
            windows = rounded(windows * stage[0], stage[1])
    last = stages[-1]
    assert isinstance(last, FilterPair)
    low, high = (distance(_strided(windows, taps)[0], shift) for taps, shift in ((last.low, last.shift_low), (last.high, last.shift_high)))
    return np.asarray(np.minimum(low, FAR) + np.minimum(high, FAR))


def mixed_ties(mix: Sequence[ColourMix], height: int, width: int, random: np.random.Generator) -> Int16:
    """A picture [height, width, colours] whose colour mix has its sums on or beside ties."""
    colours = len(mix)
    pixels = np.zeros((height, width, colours), np.int64)
    best = np.full((height, width), 1 << 30)
    for _ in range(CANDIDATES):
        tried = random.integers(-LIMIT >> 1, LIMIT >> 1, pixels.shape)
        away = sum((np.minimum(distance(v, row.shift), FAR) for v, row in zip(_mixed(mix, tried), mix, strict=True)), np.zeros_like(best))
        better = away < best
        pixels[better], best[better] = tried[better], away[better]
    return pixels.astype(np.int16)
