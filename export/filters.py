"""The trained analysis in int8: taps, colour mix, and the step offsets that keep the training's quantisation steps.

Training works in orthonormal units: every band has the same step D. The integer filters have other gains,

    integer coefficient = 2^in_shift * gain_b * orthonormal coefficient,

so the step code t = 16 (log2 D + in_shift) with the offset o_b = 16 log2 gain_b gives every band the step that training gave it. Filters
whose scale is free (high-pass, colour rows) get one that makes o_b nearly whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaecodec.export.symbols import ColourMix, FilterPair
from vaecodec.export.wavelets import HIGH, LOW, high_gain, integer_bank
from vaecodec.train.layers.inverse import autocorrelation

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHIFT_LOW = 7
SHIFT_HIGH = 8
CENTRE_LOW, CENTRE_HIGH = 4, 5
STEPS_AN_OCTAVE = 16


@dataclass(frozen=True)
class Pair:
    """Integer filters of one level and axis beside the float ones they stand for.

    Attributes:
        filters: int8 taps and shifts.
        low_gain: scale of the integer low-pass relative to the float one.
        high_gain: the same for the high-pass.
    """

    filters: FilterPair
    low_gain: float
    high_gain: float

    def float_taps(self) -> Array:
        """[K, 2]: the integer taps in the float filters' scale."""
        low = np.array(self.filters.low) / 2**self.filters.shift_low / self.low_gain
        high = np.array(self.filters.high) / 2**self.filters.shift_high / self.high_gain
        return np.stack([low, high], axis=-1)


@dataclass(frozen=True)
class AnalysisFilters:
    """All integer filters of a model.

    Attributes:
        pairs: pairs[level - 1][axis]; axes are x, y for rank 2.
        mix: colour mix, empty for rank 1.
        colour_gains: scale of each row of the mix relative to the float row; (1.0,) for rank 1.
    """

    pairs: tuple[tuple[Pair, ...], ...]
    mix: tuple[ColourMix, ...]
    colour_gains: tuple[float, ...]

    @property
    def rank(self) -> int:
        """1 signals, 2 pictures."""
        return len(self.pairs[0])

    def filters(self) -> tuple[tuple[tuple[FilterPair, ...], ...], ...]:
        """Filters as a `SymbolProgram` wants them: all colour planes share them."""
        n = len(self.colour_gains)
        return tuple(tuple((pair.filters,) * n for pair in level) for level in self.pairs)

    def approximation_gains(self, level: int) -> Array:
        """[C]: integer over orthonormal approximation after `level` levels (0: the mixed samples), without in_shift."""
        low = np.prod([pair.low_gain for pairs in self.pairs[:level] for pair in pairs])
        return np.asarray(np.array(self.colour_gains) * low)

    def detail_gains(self, level: int) -> Array:
        """[C * (2^rank - 1)], orientations of plane 0 first: the same for the details of a level."""
        before = self.approximation_gains(level - 1)[:, None]
        pairs = self.pairs[level - 1]
        if self.rank == 1:
            return np.asarray(before * pairs[0].high_gain).ravel()
        x, y = pairs
        orientations = [x.high_gain * y.low_gain, x.low_gain * y.high_gain, x.high_gain * y.high_gain]
        return np.asarray(before * orientations).ravel()

    def band_gains(self) -> Array:
        """Gain of every band, in the order of docs/format.md section 1."""
        levels = len(self.pairs)
        return np.concatenate([self.approximation_gains(levels), *(self.detail_gains(level) for level in range(levels, 0, -1))])

    def step_offsets(self) -> list[int]:
        """Step code offset o_b of every band."""
        return [round(STEPS_AN_OCTAVE * np.log2(gain)) for gain in self.band_gains()]

    def mix_matrix(self) -> Array:
        """[C, C]: what the integer colour mix computes."""
        return np.array([np.array(row.weights) / 2**row.shift for row in self.mix])

    def peak_gain(self) -> float:
        """Largest magnitude of any intermediate or final coefficient over the largest sample: the headroom that samples must leave."""
        colour = max(1.0, float(np.abs(self.mix_matrix()).sum(axis=1).max())) if self.mix else 1.0
        cascades = [self.pairs[: n + 1] for n in range(len(self.pairs))]
        return colour * max(float(np.prod([_peak([level[axis].filters for level in c]) for axis in range(self.rank)])) for c in cascades)


def _peak(pairs: list[FilterPair]) -> float:
    """Worst-case gain along one axis of the approximation and the detail after a cascade of filters."""
    cascade = np.ones(1)
    for number, pair in enumerate(pairs):
        low, high = (np.kron(taps, np.eye(1, 2**number)[0]) for taps in (np.array(pair.low), np.array(pair.high)))
        before, cascade = cascade, np.convolve(cascade, low / 2**pair.shift_low)
    return float(max(np.abs(cascade).sum(), np.abs(np.convolve(before, high / 2**pair.shift_high)).sum()))


def quantise_analysis(taps: Sequence[Sequence[npt.ArrayLike]], mix: npt.ArrayLike | None) -> AnalysisFilters:
    """Rounds a trained analysis.

    Args:
        taps: taps[level - 1][axis], float [9, 2]: low- and high-pass, the high-pass centred on the odd sample.
        mix: [C out, C in] colour mix; None for signals.

    Returns:
        The integer filters.
    """
    pairs = tuple(tuple(quantise_pair(np.asarray(axis, np.float64)) for axis in level) for level in taps)
    if mix is None:
        return AnalysisFilters(pairs, (), (1.0,))
    rows = [quantise_row(row) for row in np.asarray(mix, np.float64)]
    return AnalysisFilters(pairs, tuple(row for row, _ in rows), tuple(gain for _, gain in rows))


def quantise_pair(taps: Array) -> Pair:
    """Rounds one pair of filters: the low-pass keeps DC exactly, the high-pass rejects it exactly, both stay symmetric.

    Args:
        taps: float [9, 2], symmetric about index 4 (low-pass) and 5 (high-pass). Taps that are on the integer bank's grid already become
            its integers.
    """
    bank = integer_bank()
    gains = 2**-0.5, high_gain(bank) * 2**-0.5
    whole = taps * gains * 2.0 ** np.array([bank.shift_low, bank.shift_high])
    if np.allclose(whole, np.rint(whole), atol=1e-3):
        whole_low, whole_high = np.rint(whole).astype(np.int64).T
        return Pair(FilterPair(_tuple(whole_low), _tuple(whole_high), bank.shift_low, bank.shift_high), *gains)
    gain = 1 / taps[:, 0].sum()
    low = round_symmetric(taps[:, 0] * gain * 2**SHIFT_LOW, CENTRE_LOW, 2**SHIFT_LOW)
    high, free_gain = _round_high(taps[:, 1])
    return Pair(FilterPair(_tuple(low), _tuple(high), SHIFT_LOW, SHIFT_HIGH), float(gain), free_gain)


def _round_high(high: Array) -> tuple[Ints, float]:
    """Tries every scale in sixteenths of an octave that uses the upper half of int8, and keeps the best."""
    candidates = []
    for scale in _scales(high):
        whole = round_symmetric(high * scale, CENTRE_HIGH, 0)
        candidates.append((_weighted(whole / scale - high), whole, scale / 2**SHIFT_HIGH))
    _, whole, gain = min(candidates, key=lambda c: c[0])
    return whole, gain


def _scales(taps: Array) -> list[float]:
    """Powers of 2^(1/16) that bring the largest tap into the upper half of int8."""
    top = int(np.floor(STEPS_AN_OCTAVE * np.log2(126 / np.abs(taps).max())))
    return [float(2 ** (code / STEPS_AN_OCTAVE)) for code in range(top - STEPS_AN_OCTAVE + 1, top + 1)]


def round_symmetric(taps: Array, centre: int, total: int) -> Ints:
    """Symmetric integers near `taps` with a given even sum and the least error for a correlated signal.

    Starts from rounded sides with the centre making up the sum, then moves units between the centre and both sides while the error falls.

    Args:
        taps: float filter.
        centre: its middle; taps beyond the shorter side are 0.
        total: what the integers must add up to.
    """
    reach = min(centre, len(taps) - 1 - centre)
    sides = range(1, reach + 1)
    whole = np.zeros(len(taps), np.int64)
    for k in sides:
        whole[[centre - k, centre + k]] = round((taps[centre - k] + taps[centre + k]) / 2)
    whole[centre] = total - whole.sum()
    units = np.zeros((reach + 1, len(taps)), np.int64)
    for k in sides:
        units[k, [centre - k, centre + k]], units[k, centre] = 1, -2
    moves = [a - b for a in units for b in units]
    return _descend(whole, moves, taps)


def round_row(row: Array, total: int) -> Ints:
    """Integers near a row of the colour mix with a given sum and the least squared error."""
    whole = np.rint(row).astype(np.int64)
    while (missing := total - int(whole.sum())) != 0:
        step = int(np.sign(missing))
        whole[np.argmax((row - whole) * step)] += step
    return whole


def _descend(whole: Ints, moves: list[Ints], taps: Array) -> Ints:
    """Takes the best move within int8 for as long as one lowers the error."""
    while True:
        allowed = [whole + move for move in moves if np.abs(whole + move).max() <= 127]
        better = min(allowed, key=lambda w: _weighted(w - taps), default=whole)
        if _weighted(better - taps) >= _weighted(whole - taps):
            return whole
        whole = better


def _weighted(error: Array) -> float:
    """Power of a filter's error on a first-order process of correlation 0.95."""
    return float(error @ autocorrelation(len(error)) @ error)


def quantise_row(row: Array) -> tuple[ColourMix, float]:
    """Rounds one row of the colour mix.

    A row that rejects grey (its weights add up to 0) still does so in integers.

    Returns:
        The integer row, and its scale relative to the float one, a power of 2^(1/16).
    """
    candidates = []
    for scale in _scales(row):
        whole = round_row(row * scale, round(row.sum() * scale))
        candidates.append((float(np.abs(whole / scale - row).max()), whole, scale))
    _, whole, scale = min(candidates, key=lambda c: c[0])
    shift = max(0, round(np.log2(scale)))  # a gain of about 1
    return ColourMix(_tuple(whole), shift), scale / 2**shift


def cdf97() -> Array:
    """[9, 2]: the orthonormally scaled CDF 9/7 taps that training starts from."""
    low, high = np.zeros(9), np.zeros(9)
    for k in range(5):
        low[4 - k] = low[4 + k] = LOW[k] * 2**0.5
    for k in range(4):
        high[5 - k] = high[5 + k] = HIGH[k] * 2**0.5
    return np.stack([low, high], axis=-1)


def _tuple(values: Ints) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
