"""What the classical transform coders share: the dead-zone quantiser, and where in its interval a value is put back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROUNDINGS", "centre", "put_back", "quantise"]

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

ROUNDINGS = (0.5, 0.4, 0.33, 0.28, 0.24, 0.2, 0.16, 0.12)
"""What tuning tries to add before truncation: 0.5 rounds, less makes a dead zone."""


def quantise(scaled: list[Reals], rounding: float) -> list[Integers]:
    """Coefficients in units of their steps to integers."""
    return [(np.sign(band) * np.floor(np.abs(band) + rounding)).astype(np.int64) for band in scaled]


def centre(scaled: list[Reals], latents: list[Integers]) -> float:
    """Mean distance of the magnitudes behind non-zero latents from them, 0..0.99."""
    pairs = [(np.abs(y[z != 0]), np.abs(z[z != 0])) for y, z in zip(scaled, latents, strict=True)]
    count = sum(len(z) for _, z in pairs)
    return min(0.99, max(0.0, float(sum((y - z).sum() for y, z in pairs)) / count)) if count else 0.0


def put_back(latents: Integers, offset: float) -> Reals:
    """Integers to coefficients in units of their steps, non-zero ones farther from zero by `offset`."""
    return np.asarray(np.sign(latents) * (np.abs(latents) + offset))
