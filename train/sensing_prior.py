"""The integer prior of quantised measurements, fitted to training signals; and the dial from quality to ratio and step.

A measurement is predicted from few that are already known, in its window and the one before: a mean and a size, each a sum of neighbours
times powers of two. The size picks a context, and the context a scale and a spike of the distribution of docs/format.md, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vaecodec.codec.sensing_model import SUBDIVISIONS, Ratio, Term
from vaecodec.train.sensing_config import SensingConfig

CANDIDATES = 24
MEAN_TERMS, SIZE_TERMS = 5, 7
SHIFTS = 6
CONTEXTS = 24
SCALES, SPIKES = 48, 64
CELL = 1500  # measurements that a scale and a spike are fitted to
REACH = 2.0  # in lengths of the longer row: how far candidates lie

Terms = tuple[Term, ...]


def fit_ratio(config: SensingConfig, ratio: int, signals: Sequence[np.ndarray]) -> tuple[Ratio, list[int]]:
    """Prior of one ratio.

    Args:
        config: says what is measured.
        ratio: number of the ratio.
        signals: training signals [W * window] without their mean.

    Returns:
        The ratio, and the exponent at which each bank begins.
    """
    low, high = (SUBDIVISIONS * np.log2(step) for step in config.measure.steps[ratio])
    banks = max(1, round((high - low) / SUBDIVISIONS))
    starts = [round(low + (high - low) * b / banks) for b in range(banks)]
    middles = [low + (high - low) * (b + 0.5) / banks for b in range(banks)]
    phi, classes = config.matrix(ratio)
    z = [[measured(config, ratio, x, e) for x in signals] for e in middles]
    pooled = [part for bank in z for part in bank]
    means: list[Terms] = []
    sizes: list[Terms] = []
    for row in range(len(phi)):
        near = candidates(phi, row)
        values, target = gathered(pooled, near), np.concatenate([part[1:, row] for part in pooled])
        weights = 1 / (0.3 + np.mean(np.abs(values), axis=1)) ** 2
        means.append(greedy(values, target, weights, near, MEAN_TERMS, signed=True))
        error = np.abs(target - mean_of(pooled, means[-1]) / 16)
        sizes.append(greedy(np.abs(values), error, weights, near, SIZE_TERMS, signed=False))
    tables = tuple(_table(z, np.flatnonzero(classes == c), means, sizes) for c in range(classes.max() + 1))
    return Ratio(phi, config.row_offsets(ratio), classes, tuple(means), tuple(sizes), tables), starts


def measured(config: SensingConfig, ratio: int, x: np.ndarray, exponent: float) -> np.ndarray:
    """Quantised measurements float64 [W, M] of a signal [W * window]."""
    steps = 2.0 ** ((exponent + config.row_offsets(ratio)) / SUBDIVISIONS)
    y = x.reshape(-1, config.window) @ config.matrix(ratio)[0].T / steps
    return np.asarray(np.sign(y) * np.floor(np.abs(y) + config.measure.rounding))


def candidates(phi: np.ndarray, row: int) -> list[Term]:
    """What a row may be predicted from: the nearest of the rows before it and of the window before, by time in units of length."""
    n = phi.shape[1]
    centres = [float(np.flatnonzero(r).mean()) for r in phi]
    lengths = [float(np.count_nonzero(r)) for r in phi]
    found = []
    for other in range(len(phi)):
        for before in (True, False):
            if not before and other >= row:
                continue
            reach = max(lengths[row], lengths[other])
            distance = abs(centres[row] - centres[other] + (n if before else 0)) / reach
            found.append((distance, Term(other, before, 0)))
    found.sort(key=lambda pair: pair[0])
    return [term for distance, term in found[:CANDIDATES] if distance <= REACH] or [found[0][1]]


def gathered(parts: Sequence[np.ndarray], terms: Sequence[Term]) -> np.ndarray:
    """Values [samples, terms] of what the terms name, of all windows but the first of each part."""
    return np.concatenate([np.stack([part[:-1, t.row] if t.before else part[1:, t.row] for t in terms], 1) for part in parts])


def mean_of(parts: Sequence[np.ndarray], terms: Terms, magnitudes: bool = False) -> np.ndarray:
    """The integer sum that the terms make, [samples]."""
    total = np.zeros(sum(len(part) - 1 for part in parts))
    if terms:
        values = gathered(parts, terms)
        factors = [(-1 if t.minus else 1) * 2.0**t.shift for t in terms]
        total = (np.abs(values) if magnitudes else values) @ factors
    return total


def greedy(values: np.ndarray, target: np.ndarray, weights: np.ndarray, terms: Sequence[Term], most: int, signed: bool) -> Terms:
    """Powers of two over 16 that predict the target best, one term after the other (matching pursuit on the normal equations)."""
    weighted = values * weights[:, None]
    gram, cross = weighted.T @ values, weighted.T @ target
    steps = np.array([s * 2.0**k / 16 for s in ((1, -1) if signed else (1,)) for k in range(SHIFTS)])
    found: list[Term] = []
    residual, energy = cross.copy(), float(weights @ target**2)
    for _ in range(most):
        gains = 2 * residual[:, None] * steps - np.diag(gram)[:, None] * steps**2
        i, k = divmod(int(np.argmax(gains)), len(steps))
        if gains[i, k] < 5e-4 * energy:
            break
        residual -= gram[:, i] * steps[k]
        found.append(Term(terms[i].row, terms[i].before, k % SHIFTS, bool(steps[k] < 0)))
    return tuple(found)


def _table(z: list[list[np.ndarray]], rows: np.ndarray, means: list[Terms], sizes: list[Terms]) -> tuple[tuple[int, ...], np.ndarray]:
    """Thresholds of the sizes of a class, and scale and spike of each bank and context."""
    values = [[np.concatenate([part[1:, row] for part in bank]) for row in rows] for bank in z]
    centres = [np.concatenate([mean_of(bank, means[row]) for row in rows]) for bank in z]
    scores = [np.concatenate([mean_of(bank, sizes[row], magnitudes=True) for row in rows]) for bank in z]
    pooled = np.concatenate(scores)
    shares = 1 - np.geomspace(1, 5e-4, CONTEXTS)
    thresholds = tuple(int(t) for t in np.unique(np.ceil(np.quantile(pooled, shares[1:]))) if 0 < t < 1 << 16)
    table = np.zeros((len(z), len(thresholds) + 1, 2), np.int64)
    random = np.random.default_rng(1)
    for bank, (value, centre, score) in enumerate(zip(map(np.concatenate, values), centres, scores, strict=True)):
        context = np.searchsorted(thresholds, score, side="right")
        for c in range(len(thresholds) + 1):
            here = np.flatnonzero(context == c)
            if len(here) > CELL:
                here = random.choice(here, CELL, replace=False)
            known = table[bank, c - 1] if c else np.array([16, 32])
            table[bank, c] = fit_cell(value[here], centre[here] / 16) if len(here) >= 20 else known
    return thresholds, table


def fit_cell(value: np.ndarray, centre: np.ndarray) -> tuple[int, int]:
    """Numbers of the scale and the spike that cost the fewest bits."""
    distance = value - centre
    zero = value == 0
    best = (np.inf, 16, 0)
    spikes = 1 / (1 + np.exp(-(np.arange(SPIKES) - 32) / 4))
    for number in range(SCALES):
        scale = 2 ** ((number - 16) / 4)
        share = _logistic((distance + 0.5) / scale) - _logistic((distance - 0.5) / scale)
        outside = np.abs(distance) > 12 * scale + 1
        share = np.maximum(share, 2.0**-16)
        escape = np.sum(2 * np.log2(1 + np.abs(distance[outside])) + 2)
        others = -np.sum(np.log2(share[~zero])) - np.count_nonzero(~zero) * np.log2(1 - spikes)
        bits = others - np.log2((1 - spikes[:, None]) * share[zero] + spikes[:, None]).sum(1) + escape
        spike = int(np.argmin(bits))
        best = min(best, (float(bits[spike]), number, spike))
    return best[1], best[2]


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))
