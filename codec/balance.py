"""Channels of different loudness in one stream: a gain for each, so that one step serves all (docs/format.md, sections 2 and 8).

A model that is trained on channels of one standard deviation wants them so (`level_gains`). Where every channel is to keep the same PRDN, the gains
are then moved until all of them just do (`balance`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.samples import Integers

__all__ = ["MAX_GAIN", "balance", "channel_prdn", "level_gains", "made_smaller"]

Errors = NDArray[np.float64]

MAX_GAIN = 255
OCTAVE = 16
ROUNDS = 8
# round(2^15 2^(-k/16)), the quantiser's table (section 3).
FRACTIONS = np.rint(2.0 ** (15 - np.arange(OCTAVE) / OCTAVE)).astype(np.int64)


def made_smaller(x: Integers, gains: Sequence[int]) -> Integers:
    """Integers `[N, channels]` over 2^(gain / 16), rounded as the quantiser rounds; no gains leave them alone."""
    if not gains:
        return x
    g = np.asarray(gains, np.int64)
    size = (np.abs(x) * FRACTIONS[g % OCTAVE] + (1 << (14 + g // OCTAVE))) >> (15 + g // OCTAVE)
    return np.asarray(np.sign(x) * size)


def level_gains(x: Integers, deviation: float) -> tuple[int, ...]:
    """The gain of each channel that brings its standard deviation nearest to `deviation`; 0 where it is below."""
    ratio = np.maximum(x.std(0), 1.0) / deviation
    return tuple(np.clip(np.rint(OCTAVE * np.log2(ratio)), 0, MAX_GAIN).astype(int).tolist())


def channel_prdn(samples: NDArray[np.generic], decoded: NDArray[np.generic]) -> Errors:
    """PRDN of each channel of `[N, channels]` in per cent; 0 for one that does not vary."""
    original = samples.astype(np.float64)
    energy = np.square(original - original.mean(0)).sum(0)
    error = np.square(original - decoded.astype(np.float64)).sum(0)
    varies = original.max(0) > original.min(0)
    return np.asarray(100 * np.sqrt(np.where(varies, error / np.where(varies, energy, 1.0), 0.0)))


def balance(errors: Callable[[Sequence[int], int], Errors], gains: Sequence[int], target: float, steps: tuple[int, int]) -> tuple[int, ...]:
    """Gains at which every channel is as coarse as its target allows, nearly: the step that follows is fitted as ever.

    A channel's error follows t + gain. Of each channel the coarsest sum that kept the target and the finest that missed it are known; the next one
    to try is where the error, proportional to the step, would meet the target, between the two.

    Args:
        errors: PRDN of every channel for gains and a step code.
        gains: to begin with.
        target: PRDN in per cent.
        steps: finest and coarsest step code.
    """
    base = np.asarray(gains, np.int64)
    t = sum(steps) // 2
    for _ in range(3):
        found = errors(gains, t)
        t = int(np.clip(t + np.rint(OCTAVE * np.log2(target / max(1e-3, float(np.median(found))))), *steps))
    good, bad, total = np.full(len(base), -1), np.full(len(base), 1 << 20), t + base
    for _ in range(ROUNDS):
        found = errors(tuple((total - t).tolist()), t)
        keeps = found <= target
        good, bad = np.where(keeps, np.maximum(good, total), good), np.where(keeps, bad, np.minimum(bad, total))
        move = np.rint(OCTAVE * np.log2(target / np.maximum(found, 1e-3)))
        move = np.where(found == 0, 0, np.where(keeps, np.maximum(move, 1), np.minimum(move, -1)))
        wanted = np.clip(np.clip(total + move, good, np.maximum(good, bad - 1)), t, t + MAX_GAIN).astype(np.int64)
        if np.array_equal(wanted, total):
            break
        total = wanted
    return tuple((np.where(good >= t, good, total) - t).tolist())
