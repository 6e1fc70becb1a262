"""Compressed sensing's decoder for ECG: block sparse Bayesian learning by bound optimisation, BSBL-BO.

A device that senses compressively sends y = Φ x + v: a few sums of its samples, as cheap as encoding gets. The decoder
takes x for blocks that are each Gaussian, x_i ~ N(0, γ_i B), and learns how much each block holds (γ_i) and how its
samples correlate (B, of an autoregression of order 1) from y alone. What comes back is the posterior's mean.

Sources:
    Zhang and Rao, Extension of SBL algorithms for the recovery of block sparse signals with intra-block correlation,
        IEEE Trans. Signal Processing 61(8), 2013: the model, and Algorithm BSBL-BO (section IV).
    Zhang, Jung, Makeig and Rao, Compressed sensing for energy-efficient wireless telemonitoring of noninvasive fetal ECG
        via block sparse Bayesian learning, IEEE Trans. Biomedical Engineering 60(2), 2013: no block is pruned, as an ECG
        is not sparse in time, and Φ is a sparse binary matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bsbl_bo", "cosine_basis", "quantisation_noise", "sparse_binary"]

Reals = NDArray[np.float64]

# Beyond it B is as good as singular (Zhang and Rao's own bound).
MOST_CORRELATION = 0.99
# Noise of y in shares of its mean square, where it has none: keeps the covariance of y regular.
LEAST_NOISE = 1e-10


def bsbl_bo(
    y: NDArray[Any], phi: NDArray[Any], block: int = 24, *, noise: float = 0.0, iterations: int = 100, tolerance: float = 1e-4
) -> Reals:
    """Recovers a signal from fewer measurements than samples.

    To recover in a basis D, whose columns are its waves, give `phi @ D` and multiply the answer by D (see `cosine_basis`).

    Args:
        y: measurements `[M]`, of a signal without its constant part.
        phi: `[M, N]`, what each measurement adds up.
        block: samples in a block; the last block may have fewer. True borders need not be known.
        noise: variance of v, in y's units squared; that of rounding is `quantisation_noise(step)`.
        iterations: at most so many.
        tolerance: done when no sample moves further in one iteration, in shares of the root-mean-square of x.

    Returns:
        x, float64 `[N]`.

    Raises:
        ValueError: shapes do not fit, or the block or the noise is not positive.
    """
    y, phi = np.asarray(y, np.float64), np.asarray(phi, np.float64)
    _check(y, phi, block, noise)
    scale = float(np.sqrt(np.mean(y**2)))
    if scale == 0:
        return np.zeros(phi.shape[1])
    blocks = _blocks(phi, block)
    gamma, correlation = np.ones(len(blocks)), np.eye(block)
    x = np.zeros((len(blocks), block))
    for _ in range(iterations):
        before = x
        x, gamma, correlation = _iterate(y / scale, blocks, gamma, correlation, max(noise / scale**2, LEAST_NOISE))
        if np.abs(x - before).max() <= tolerance * np.sqrt(np.mean(x**2)):
            break
    return x.reshape(-1)[: phi.shape[1]] * scale


def quantisation_noise(step: float) -> float:
    """Variance of rounding to multiples of `step`."""
    return step**2 / 12


def cosine_basis(count: int) -> Reals:
    """The orthonormal DCT-II's waves as columns, `[N, N]`: `basis.T @ x` transforms, `basis @ z` goes back."""
    time, wave = np.arange(count)[:, None], np.arange(count)
    basis: Reals = np.sqrt(2 / count) * np.cos(np.pi * (time + 0.5) * wave / count)
    basis[:, 0] = np.sqrt(1 / count)
    return basis


def sparse_binary(rows: int, columns: int, ones: int, random: np.random.Generator) -> Reals:
    """Φ that a microcontroller adds up without multiplying: `[rows, columns]`, `ones` ones in every column, at random."""
    places = np.argsort(random.random((rows, columns)), axis=0)[:ones]
    phi = np.zeros((rows, columns))
    np.put_along_axis(phi, places, 1.0, axis=0)
    return phi


def _check(y: Reals, phi: Reals, block: int, noise: float) -> None:
    if y.ndim != 1 or phi.ndim != 2 or phi.shape[0] != len(y) or not phi.size:
        raise ValueError(f"expected y [M] and phi [M, N], got {y.shape} and {phi.shape}")
    if block < 1 or not noise >= 0:
        raise ValueError(f"expected a block of 1 or more and a noise of 0 or more, got {block} and {noise}")


def _blocks(phi: Reals, block: int) -> Reals:
    """Φ as `[blocks, M, block]`. The last block is filled with samples that no measurement sees, which changes nothing."""
    filled = np.pad(phi, ((0, 0), (0, -phi.shape[1] % block)))
    return np.ascontiguousarray(filled.reshape(len(phi), -1, block).transpose(1, 0, 2))


def _iterate(y: Reals, blocks: Reals, gamma: Reals, correlation: Reals, noise: float) -> tuple[Reals, Reals, Reals]:
    """One iteration: the posterior of x `[blocks, block]`, then γ `[blocks]` and B `[block, block]` from it."""
    prior = gamma[:, None, None] * correlation
    covariance = noise * np.eye(len(y)) + _flat(blocks @ prior) @ _flat(blocks).T
    inverse = np.linalg.inv(covariance)
    seen = blocks.transpose(0, 2, 1) @ (inverse @ y)  # Φ_iᵀ Σy⁻¹ y
    known = blocks.transpose(0, 2, 1) @ (inverse @ blocks)  # Φ_iᵀ Σy⁻¹ Φ_i
    x = (prior @ seen[..., None])[..., 0]
    posterior = prior - prior @ known @ prior
    return x, _learn_gamma(gamma, correlation, seen, known), _learn_correlation(x, posterior, gamma)


def _learn_gamma(gamma: Reals, correlation: Reals, seen: Reals, known: Reals) -> Reals:
    """The minimum of the bound on the likelihood: γ_i ← γ_i · |B^½ Φ_iᵀ Σy⁻¹ y| / √tr(Φ_iᵀ Σy⁻¹ Φ_i B)."""
    energy = np.einsum("gi,ij,gj->g", seen, correlation, seen)
    expected = np.einsum("gij,ji->g", known, correlation)
    learned: Reals = gamma * np.sqrt(np.maximum(energy, 0) / np.maximum(expected, np.finfo(float).tiny))
    return learned


def _learn_correlation(x: Reals, posterior: Reals, gamma: Reals) -> Reals:
    """One B for all blocks, of the autoregression whose neighbours correlate as the blocks' second moments do."""
    moments = (posterior + x[:, :, None] * x[:, None, :]) / np.maximum(gamma, np.finfo(float).tiny)[:, None, None]
    total = moments.sum(axis=0)
    if len(total) == 1:
        return np.eye(1)
    r = float(np.mean(np.diag(total, 1)) / np.mean(np.diag(total)))
    lag = np.arange(len(total))
    correlation: Reals = float(np.clip(r, -MOST_CORRELATION, MOST_CORRELATION)) ** np.abs(lag[:, None] - lag)
    return correlation


def _flat(blocks: Reals) -> Reals:
    """`[blocks, M, block]` as `[M, blocks * block]`."""
    return blocks.transpose(1, 0, 2).reshape(blocks.shape[1], -1)
