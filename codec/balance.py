"""Channels of different loudness in one stream: a gain for each, so that one step serves all (docs/format.md, sections 2 and 8).

A model that is trained on channels of one standard deviation wants them so (`level_gains`). Where every channel is to keep the same PRDN, the gains
are then moved until all of them just do (`balance`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.rate import SUBSTEPS, fit_prdn
from vaecodec.codec.samples import Integers

__all__ = ["MAX_GAIN", "balance", "channel_prdn", "fit_channels", "level_gains", "made_smaller", "polish"]

Errors = NDArray[np.float64]

MAX_GAIN = 255
OCTAVE = 16
ROUNDS = 8
FARTHER = 3  # sixteenths of an octave that `polish` goes beyond
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
        wanted = np.clip(np.clip(total + move, good, np.maximum(good, bad - 1)), steps[0], t + MAX_GAIN).astype(np.int64)
        if np.array_equal(wanted, total):
            break
        t = min(t, int(wanted.min()))  # no gain is below 0
        total = np.minimum(wanted, t + MAX_GAIN)
    return tuple(np.minimum(np.where(good >= t, good, total) - t, MAX_GAIN).tolist())


def fit_channels(
    encode: Callable[[Sequence[int], int], tuple[bytes, Errors]],
    measured: Callable[[int], tuple[bytes, float]],
    gains: Sequence[int],
    target: float,
    steps: tuple[int, int],
) -> bytes:
    """The shortest stream found in which every channel keeps a PRDN: `balance`, then the coarsest setting (see `rate`), then `polish`.

    Args:
        encode: stream and PRDN of every channel for gains and a setting.
        measured: stream and largest PRDN for a setting, with the gains that `encode` saw last.
        gains: to begin with.
        target: PRDN in per cent.
        steps: finest and coarsest step code.

    Raises:
        InputError: the target is no number above 0 and at most 100, or is out of reach.
    """
    fit_prdn(measured, target, (steps[0], steps[0]))  # raises where even the finest step misses the target
    gains = balance(lambda g, t: encode(g, SUBSTEPS * t)[1], gains, target, steps)
    encode(gains, SUBSTEPS * steps[0])  # so that `measured` sees these gains
    coarsest = SUBSTEPS * steps[0]

    def noted(setting: int) -> tuple[bytes, float]:
        nonlocal coarsest
        stream, error = measured(setting)
        coarsest = max(coarsest, setting) if error <= target else coarsest
        return stream, error

    best = fit_prdn(noted, target, steps)
    return polish(lambda g: encode(g, coarsest), gains, best, target)


def polish(encode: Callable[[Sequence[int]], tuple[bytes, Errors]], gains: Sequence[int], best: bytes, target: float) -> bytes:
    """Makes single channels coarser where the target allows and bytes are saved: of few latents, each moves the error by much, up or down.

    Args:
        encode: a stream and the PRDN of every channel, for gains.
        gains: of the best stream so far.
        best: that stream, which keeps the target.
        target: PRDN in per cent.

    Returns:
        The shortest stream found.
    """
    kept = list(gains)
    for channel in range(len(kept)):
        for more in range(1, FARTHER + 1):
            trial = [gain + more * (i == channel) for i, gain in enumerate(kept)]
            if max(trial) > MAX_GAIN:
                break
            stream, errors = encode(trial)
            if errors.max() <= target and len(stream) < len(best):
                best, kept = stream, trial
                break
    return best
