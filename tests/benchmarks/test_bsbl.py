import numpy as np
import pytest

from vaecodec.benchmarks.bsbl import bsbl_bo, cosine_basis, quantisation_noise, sparse_binary
from vaecodec.benchmarks.distortion import prdn
from vaecodec.demo_data import ecg

N, M, BLOCK = 512, 256, 16


def block_sparse(seed: int, active: int, correlation: float = 0.9) -> np.ndarray:
    """Noise of an autoregression in `active` blocks of `BLOCK`, zero elsewhere; float64 `[N]`."""
    random = np.random.default_rng(seed)
    x = np.zeros((N // BLOCK, BLOCK))
    for i in random.choice(len(x), active, replace=False):
        x[i, 0] = random.normal()
        for j in range(1, BLOCK):
            x[i, j] = correlation * x[i, j - 1] + np.sqrt(1 - correlation**2) * random.normal()
    return x.reshape(-1)


def snr(x: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(x**2) / np.sum((x - found) ** 2)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_block_sparse_signals_come_back_from_half_as_many_measurements(seed: int) -> None:
    x = block_sparse(seed, 8)
    phi = np.random.default_rng(seed).normal(size=(M, N)) / np.sqrt(M)
    assert snr(x, bsbl_bo(phi @ x, phi, BLOCK)) > 60


def test_borders_of_the_blocks_need_not_be_known() -> None:
    x = np.roll(block_sparse(3, 6), 5)
    phi = np.random.default_rng(3).normal(size=(M, N)) / np.sqrt(M)
    assert snr(x, bsbl_bo(phi @ x, phi, BLOCK)) > 40


def test_noise_is_not_amplified() -> None:
    random = np.random.default_rng(4)
    x, phi = block_sparse(4, 6), random.normal(size=(M, N)) / np.sqrt(M)
    y = phi @ x
    noisy = y + random.normal(0, 0.1 * y.std(), M)  # 20 dB
    assert snr(x, bsbl_bo(noisy, phi, BLOCK, noise=0.01 * y.var())) > 20


@pytest.mark.parametrize(("basis", "limit"), [("samples", 10.0), ("cosines", 7.0)])
def test_half_as_many_sparse_sums_give_an_ecg_back(basis: str, limit: float) -> None:
    samples = ecg()[0][:N].astype(np.float64) - 1024
    phi = sparse_binary(M, N, 2, np.random.default_rng(0))
    y = np.rint(phi @ samples)
    waves = cosine_basis(N) if basis == "cosines" else np.eye(N)
    found = waves @ bsbl_bo(y, phi @ waves, 24, noise=quantisation_noise(1))
    assert prdn(samples, found) < limit


@pytest.mark.parametrize("block", [1, 7, 24, 100])
def test_the_last_block_may_be_short(block: int) -> None:
    x = np.cos(np.arange(50) / 8)
    assert snr(x, bsbl_bo(x, np.eye(50), block)) > 60


def test_scale_does_not_matter() -> None:
    x = block_sparse(5, 6)
    phi = np.random.default_rng(5).normal(size=(M, N))
    y = phi @ x
    large, small = bsbl_bo(1024 * y, phi, BLOCK, noise=2.0**20 * 1e-3), bsbl_bo(y, phi, BLOCK, noise=1e-3)
    np.testing.assert_allclose(large, 1024 * small, rtol=1e-6, atol=1e-6)


def test_nothing_measured_is_nothing() -> None:
    assert not bsbl_bo(np.zeros(M), np.ones((M, N)), BLOCK).any()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected y"):
        bsbl_bo(np.ones(3), np.ones((4, 8)), 2)
    with pytest.raises(ValueError, match="a block of 1 or more"):
        bsbl_bo(np.ones(4), np.ones((4, 8)), 0)
    with pytest.raises(ValueError, match="noise"):
        bsbl_bo(np.ones(4), np.ones((4, 8)), 2, noise=-1.0)


def test_every_column_of_a_sparse_matrix_has_its_ones() -> None:
    phi = sparse_binary(20, 50, 2, np.random.default_rng(0))
    assert (phi.sum(axis=0) == 2).all() and set(np.unique(phi)) == {0.0, 1.0}


def test_cosines_are_orthonormal() -> None:
    basis = cosine_basis(48)
    np.testing.assert_allclose(basis.T @ basis, np.eye(48), atol=1e-12)
