"""Analysis and synthesis: perfect reconstruction to start from, and filters that an integer device can run."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from vaecodec.export.wavelets import high_gain, integer_bank
from vaecodec.train.layers.synthesis import ResidualWidths, Synthesis, mirror
from vaecodec.train.layers.wavelet import GRID, HIGH_GAIN, SHIFT_HIGH, SHIFT_LOW, Analysis, integer_taps, on_grid

NONE = ResidualWidths(0, 0)


def noise(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=shape) * 50, tf.float32)


def snr(x: tf.Tensor, y: tf.Tensor) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) / np.mean(np.square(x - y))))


@pytest.mark.parametrize(("rank", "shape"), [(1, (2, 48, 3)), (2, (2, 24, 40, 3)), (2, (1, 32, 24, 1))])
def test_synthesis_without_residual_undoes_the_analysis(rank, shape):
    x = noise(*shape)
    synthesis = Synthesis(rank, shape[-1] if rank == 2 else 1, [NONE] * 3)
    x_hat = synthesis(Analysis(rank, 3)(x), tf.fill([shape[0]], 0.5))
    assert snr(x, x_hat) > 100


@pytest.mark.parametrize(("rank", "shape"), [(1, (1, 64, 1)), (2, (1, 48, 48, 3))])
def test_the_residual_network_starts_as_nothing(rank, shape):
    x = noise(*shape)
    synthesis = Synthesis(rank, shape[-1], [ResidualWidths(4, 2)] * 2)
    assert snr(x, synthesis(Analysis(rank, 2)(x), tf.constant([0.5]))) > 100


@pytest.mark.parametrize("rank", [1, 2])
def test_the_integer_bank_is_close_to_perfect(rank):
    x = noise(1, 64, 1) if rank == 1 else noise(1, 64, 64, 1)
    x_hat = Synthesis(rank, 1, [NONE])(Analysis(rank, 1, integer=True)(x), tf.constant([0.5]))
    assert snr(x, x_hat) > 30  # white noise; natural signals are above 45 dB


def test_the_transform_keeps_the_energy_of_noise_nearly():
    x = noise(1, 256, 256, 1)
    energy = sum(float(tf.reduce_sum(tf.square(b))) for b in Analysis(2, 3)(x))
    assert energy == pytest.approx(float(tf.reduce_sum(tf.square(x))), rel=0.06)


@pytest.mark.parametrize("high", [False, True])
def test_mirror_extends_a_band_as_the_reflected_signal_would(high):
    x = noise(1, 32, 1)
    full = np.asarray(x)[:, :, 0]
    reflected = np.concatenate([full[:, 16:0:-1], full, full[:, -2:-18:-1]], axis=1)[..., None]  # 16 more at each end
    band = lambda signal: Analysis(1, 1)(tf.constant(signal))[int(high)]  # noqa: E731
    extended = mirror(band(np.asarray(x)), 4, 1, high)
    inner = band(reflected)[:, 8 - 4 : 8 + 16 + 4]
    np.testing.assert_allclose(extended, inner, atol=1e-3)


def test_the_constants_are_the_bank_that_the_export_finds():
    pair = integer_bank()
    (taps,) = Analysis(1, 1, integer=True).integer_filters()[0]
    assert (tuple(taps[:, 0]), tuple(taps[:, 1])) == (pair.low, pair.high)
    assert (pair.shift_low, pair.shift_high) == (SHIFT_LOW, SHIFT_HIGH)
    assert high_gain(pair) == HIGH_GAIN


def test_moving_filters_stay_symmetric_and_on_the_grid():
    analysis = Analysis(1, 1, trainable_taps=True, integer=True, quantised=True)
    analysis.set_weights([w + np.random.default_rng(0).normal(size=w.shape) * 0.02 for w in analysis.get_weights()])
    taps = analysis.filters()[0][0].numpy().astype(np.float64)
    integers = taps * GRID
    np.testing.assert_allclose(integers, np.round(integers), atol=1e-4)
    np.testing.assert_allclose(taps[:, 0], taps[::-1, 0])
    np.testing.assert_allclose(taps[2:, 1], taps[:1:-1, 1])
    assert not taps[:2, 1].any()
    assert np.round(integers[:, 0]).sum() == 2**SHIFT_LOW
    assert np.round(integers[:, 1]).sum() == 0
    assert np.array_equal(np.round(integers), analysis.integer_filters()[0][0])


def test_gradients_pass_straight_through_the_grid_of_taps():
    taps = tf.Variable(tf.random.stateless_normal([9, 2], [1, 2]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(on_grid(taps))
    np.testing.assert_array_equal(tape.gradient(total, taps), np.ones([9, 2]))
    assert np.abs(integer_taps(taps)).max() <= 128


@pytest.mark.parametrize("rank", [1, 2])
def test_band_gains_turn_integer_coefficients_into_the_layer_s(rank):
    x = noise(1, 32, 1) if rank == 1 else noise(1, 32, 32, 1)
    analysis = Analysis(rank, 2, integer=True)
    gains = analysis.band_gains()
    plain = Analysis(rank, 2)
    scaled = [np.stack([t[:, 0] / 2**SHIFT_LOW, t[:, 1] / 2**SHIFT_HIGH], -1) for level in analysis.integer_filters() for t in level]
    plain.set_weights(scaled)
    for orthonormal, integer, gain in zip(analysis(x), plain(x), gains, strict=True):
        np.testing.assert_allclose(orthonormal, integer * gain, rtol=1e-4, atol=1e-2)
