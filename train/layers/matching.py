"""Matches of docs/format.md section 4 in training: the C core finds them in true latents, and nothing is learned in it."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import tensorflow as tf

from vaecodec.codec.matching import MatchBank, MatchFilters, MatchRange
from vaecodec.train.layers.inverse import integer_inverse
from vaecodec.train.layers.wavelet import CENTRE_HIGH, CENTRE_LOW, SHIFT_HIGH, SHIFT_LOW, Analysis
from vaecodec.train.topology import MATCHED, Match, Topology

THREADS = 2
STEPS_AN_OCTAVE = 16
# Symbols that are compared: more of them cost more than they gain (docs/experiments.md).
KNOWN, PREVIOUS = 16, 8
PEAK = 116  # largest tap of an integer high-pass
ACTIVATION_SCALE = 256.0


def match_range(topology: Topology, lags: tuple[int, ...]) -> MatchRange:
    """What a topology compares, over lags (nearest, farthest) in samples."""
    known = min(KNOWN, len(topology.stages[0].symbols))
    return MatchRange(lags[0], lags[1], min(PREVIOUS, known), known)


def integer_filters(taps: np.ndarray) -> tuple[MatchFilters, float, float]:
    """Rounds the filters of one level to what an export makes of them, or nearly so.

    Args:
        taps: float [9, 2], the high-pass centred on the odd sample.

    Returns:
        The filters, and how much larger the coefficients of the float low-pass and high-pass are than theirs.
    """
    gains = float(taps[:, 0].sum()), float(np.abs(taps[:, 1]).max()) * 2.0**SHIFT_HIGH / PEAK
    low, high = np.rint(taps[:, 0] / gains[0] * 2.0**SHIFT_LOW), np.rint(taps[:, 1] / gains[1] * 2.0**SHIFT_HIGH)
    low[CENTRE_LOW] += 2.0**SHIFT_LOW - low.sum()
    high[CENTRE_HIGH] -= high.sum()
    shifts = SHIFT_LOW, SHIFT_HIGH
    inverse = integer_inverse(low, high, shifts).astype(np.int16)
    return MatchFilters(low.astype(int).tolist(), high.astype(int).tolist(), shifts, inverse), *gains


class Matcher:
    """Finds matches by integer filters like those that resting ones become.

    Args:
        topology: with Match operations.
        analysis: the filters; looked at again whenever they have changed.
        lags: nearest and farthest, in samples.
        offsets: what the config adds to the step code of every band.
        first: step code of position 0.
        last: step code of position 1.

    Call arguments:
        bands: list of [B, N / 2^l, channels] integer-valued float tensors.
        position: [B] in [0, 1].

    Returns:
        Planes by the last part of their names, float [B, blocks, channels, symbols], without gradient.
    """

    def __init__(self, topology: Topology, analysis: Analysis, lags: tuple[int, ...], offsets: tuple[int, ...], first: int, last: int):
        self._analysis, self._offsets, self._range = analysis, offsets, match_range(topology, lags)
        self._taps: list[np.ndarray] = []
        self._bank: MatchBank | None = None
        stage = topology.stages[0]
        self._symbols = stage.symbols
        self._groups = [op.first for op in stage.row if isinstance(op, Match)] + [len(stage.symbols)]
        self._steps = first, last

    def __call__(self, bands: list[tf.Tensor], position: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.numpy_function(self._find, [position, *bands], tf.float32)
        found.set_shape([4, None, None, bands[0].shape[2], len(self._symbols)])
        return dict(zip(MATCHED, tf.unstack(found / ACTIVATION_SCALE)))

    def _find(self, position: np.ndarray, *bands: np.ndarray) -> np.ndarray:
        self._follow()
        lo, hi = self._steps
        codes = np.rint(lo + (hi - lo) * np.clip(position, 0, 1)).astype(int)
        one = partial(self._find_one, [np.clip(band, -32767, 32767).astype(np.int16) for band in bands])
        with ThreadPoolExecutor(THREADS) as pool:
            return np.stack(list(pool.map(one, range(len(codes)), codes.tolist())), 1)

    def _follow(self) -> None:
        """Makes the bank anew where the filters are not those it was made of."""
        taps = [level[0].numpy() for level in self._analysis.taps]
        if not self._bank or any((a != b).any() for a, b in zip(taps, self._taps)):
            self._taps, self._bank = taps, self._made(taps)

    def _made(self, taps: list[np.ndarray]) -> MatchBank:
        filters: list[MatchFilters] = []
        low, octaves = 0.0, list[float]()
        for level in taps:
            made, low_gain, high_gain = integer_filters(level)
            filters.append(made)
            octaves.insert(0, low + math.log2(high_gain))
            low += math.log2(low_gain)
        gains = (-round(STEPS_AN_OCTAVE * octave) for octave in (low, *octaves))
        return MatchBank(filters, [gain + offset for gain, offset in zip(gains, self._offsets)], self._range)

    def _find_one(self, bands: list[np.ndarray], example: int, code: int) -> np.ndarray:
        assert self._bank is not None
        return np.stack(self._bank.find([band[example] for band in bands], code, self._symbols, self._groups)).astype(np.float32)
