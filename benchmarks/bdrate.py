"""Bjontegaard delta rate: the mean difference in rate at equal quality.

After Bjontegaard, VCEG-M33 (2001), with piecewise cubic Hermite interpolation (PCHIP) of log rate over quality in
place of the polynomial, as in JCTVC-L1100: it does not swing between points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

__all__ = ["Curve", "bd_rate", "interpolate_quality"]

Curve = Sequence[tuple[float, float]]
Axis = NDArray[np.float64]

RATES = (0.1, 2.0)


def bd_rate(anchor: Curve, test: Curve, rates: tuple[float, float] = RATES) -> float:
    """Mean rate of `test` against `anchor` at equal quality, in per cent; negative is better.

    The mean is over the qualities that both curves reach between `rates`.

    Args:
        anchor: points (rate in bits a pixel, quality in dB), in any order.
        test: the same of the codec to judge.
        rates: the range of rates that counts.

    Returns:
        Per cent; NaN if the curves share no quality within the range.
    """
    a, b = _monotone(anchor), _monotone(test)
    spans = [_span(curve, rates) for curve in (a, b)]
    low, high = max(low for low, _ in spans), min(high for _, high in spans)
    if not low < high:
        return math.nan
    logs = [float(PchipInterpolator(quality, np.log(rate)).integrate(low, high)) / (high - low) for rate, quality in (a, b)]
    return 100 * (math.exp(logs[1] - logs[0]) - 1)


def interpolate_quality(curve: Curve, rate: float) -> float:
    """Quality at a rate, by PCHIP over log rate; NaN outside the curve."""
    rates, qualities = _monotone(curve)
    if len(rates) < 2 or not rates[0] <= rate <= rates[-1]:
        return math.nan
    return float(PchipInterpolator(np.log(rates), qualities)(math.log(rate)))


def _monotone(curve: Curve) -> tuple[Axis, Axis]:
    """Rates and qualities by ascending rate, without points that cost more and give no more, and without lossless ones."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(curve):
        if math.isfinite(quality) and rate > 0 and (not kept or (rate > kept[-1][0] and quality > kept[-1][1])):
            kept.append((rate, quality))
    points = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return points[:, 0], points[:, 1]


def _span(curve: tuple[Axis, Axis], rates: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest quality of a curve within the range of rates."""
    rate, quality = curve
    if len(rate) < 2 or rate[0] >= rates[1] or rate[-1] <= rates[0]:
        return math.inf, -math.inf
    at = PchipInterpolator(np.log(rate), quality)
    return float(at(math.log(max(rates[0], rate[0])))), float(at(math.log(min(rates[1], rate[-1]))))
