"""MS-SSIM after Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment" (2003).

Five scales, each half the one before by 2 x 2 means; Gaussian window of 11 taps and sigma 1.5, valid part only;
K1 = 0.01, K2 = 0.03; the exponents of the paper's equation 7. Every colour plane is measured on its own and the planes
are averaged, as is usual for learned codecs (the paper measures luminance).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

__all__ = ["MIN_SIDE", "decibel", "ms_ssim"]

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
TAPS, SIGMA = 11, 1.5
MIN_SIDE = TAPS * 2 ** (len(EXPONENTS) - 1)

Plane = NDArray[np.float32]


def ms_ssim(original: ArrayLike, decoded: ArrayLike, peak: float = 255.0) -> float:
    """Similarity of two pictures, 1 for equal ones.

    Args:
        original: `[H, W]` or `[H, W, C]`, sides of at least `MIN_SIDE` pixels.
        decoded: the same shape.
        peak: the largest value of a component.

    Returns:
        Mean over colour planes of the product over scales; 0..1 (a negative factor counts as 0).

    Raises:
        ValueError: the shapes differ or the picture is too small for five scales.
    """
    a, b = (np.atleast_3d(np.asarray(x, dtype=np.float32)) for x in (original, decoded))
    if a.shape != b.shape or min(a.shape[:2]) < MIN_SIDE:
        raise ValueError(f"MS-SSIM takes two pictures of one shape with sides of {MIN_SIDE} or more; got {a.shape} and {b.shape}")
    return float(np.mean([_plane(a[..., c], b[..., c], peak) for c in range(a.shape[2])]))


def decibel(similarity: float) -> float:
    """-10 log10(1 - MS-SSIM): spreads out the values next to 1."""
    return math.inf if similarity >= 1 else -10 * math.log10(1 - similarity)


def _plane(a: Plane, b: Plane, peak: float) -> float:
    product = 1.0
    for scale, exponent in enumerate(EXPONENTS):
        if scale:
            a, b = _halve(a), _halve(b)
        luminance, structure = _terms(a, b, peak)
        last = scale == len(EXPONENTS) - 1
        product *= max(0.0, float(np.mean(luminance * structure if last else structure))) ** exponent
    return product


def _terms(a: Plane, b: Plane, peak: float) -> tuple[Plane, Plane]:
    """Luminance and contrast-structure maps (equations 1..3)."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a * mean_a
    var_b = _blur(b * b) - mean_b * mean_b
    covariance = _blur(a * b) - mean_a * mean_b
    luminance: Plane = np.divide(2 * mean_a * mean_b + c1, mean_a * mean_a + mean_b * mean_b + c1, dtype=np.float32)
    structure: Plane = np.divide(2 * covariance + c2, var_a + var_b + c2, dtype=np.float32)
    return luminance, structure


def _blur(plane: Plane) -> Plane:
    half = TAPS // 2
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / SIGMA) ** 2)
    taps /= taps.sum()
    rows = correlate1d(plane, taps, axis=0)[half:-half]
    blurred: Plane = correlate1d(rows, taps, axis=1)[:, half:-half]
    return blurred


def _halve(plane: Plane) -> Plane:
    height, width = (side // 2 * 2 for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // 2, 2, width // 2, 2)
    half: Plane = blocks.mean(axis=(1, 3), dtype=np.float32)
    return half
