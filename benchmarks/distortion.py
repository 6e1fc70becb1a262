"""How far a reconstruction is from its original: PSNR for pictures, PRDN and PRD for signals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["mean_squared_error", "prd", "prdn", "psnr"]


def mean_squared_error(original: ArrayLike, decoded: ArrayLike) -> float:
    """Mean of the squared differences over all elements; both of one shape.

    Raises:
        ValueError: the shapes differ.
    """
    a, b = np.asarray(original), np.asarray(decoded)
    if a.shape != b.shape:
        raise ValueError(f"original {a.shape} and reconstruction {b.shape} differ in shape")
    difference: NDArray[np.float64] = np.subtract(a, b, dtype=np.float64)
    return float(np.mean(np.square(difference)))


def psnr(original: ArrayLike, decoded: ArrayLike, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio in dB, the error taken over all pixels and colours together; inf if there is none."""
    error = mean_squared_error(original, decoded)
    return math.inf if error == 0 else 10 * math.log10(peak * peak / error)


def prdn(original: ArrayLike, decoded: ArrayLike) -> float:
    """Root-mean-square error in per cent of the signal's standard deviation (PRD with the mean removed).

    Not defined for a constant signal: 0 if it is reproduced exactly, else inf.
    """
    return prd(original, decoded, float(np.mean(np.asarray(original, dtype=np.float64))))


def prd(original: ArrayLike, decoded: ArrayLike, offset: float = 0.0) -> float:
    """Percentage root-mean-square difference, the signal's energy taken around `offset` (in the signal's own units)."""
    energy = mean_squared_error(original, np.full(np.shape(original), offset))
    error = mean_squared_error(original, decoded)
    if energy == 0:
        return 0.0 if error == 0 else math.inf
    return 100 * math.sqrt(error / energy)
