"""The model as a variational autoencoder."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_compression as tfc
import tensorflow_probability as tfp

from vaecodec.benchmarks.msssim import ms_ssim
from vaecodec.train.config import Rounding, Step
from vaecodec.train.layers.prior import bits, gather_symbols, scatter_symbols
from vaecodec.train.model import EFFORT, build
from vaecodec.train.objective import SLOPE, dissimilarity, joint_loss, rate_distortion, separate_loss

tfd = tfp.distributions


@pytest.fixture(scope="module")
def image_model(image_config):
    return build(image_config)


@pytest.fixture(scope="module")
def signal_model(signal_config):
    return build(signal_config)


def picture(n: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, [n, 16, 24, 3]).astype(np.uint8)


def window(n: int = 1) -> np.ndarray:
    return np.round(np.random.default_rng(0).normal(size=[n, 32, 1]) * 9).astype(np.float32)


def test_weights_make_the_steps_of_bands_coarser_and_the_synthesis_knows(image_config):
    weighted = replace(image_config, step=replace(image_config.step, weights=(2.0, 0.5), chroma=2.0))
    model, plain = build(weighted), build(image_config)
    x, position = tf.constant(picture()), tf.constant([0.0])
    ratios = [4.0 if c else 2.0 for c in range(3) for _ in range(3)]
    coarser, equal = (m.scale(m.analyse(x), position) for m in (model, plain))
    for mine, theirs, ratio in zip(coarser, equal, [0.5, 1, 1, *ratios], strict=True):
        np.testing.assert_allclose(mine * ratio, theirs, rtol=1e-5, atol=1e-5)
    assert np.abs(model.reconstruct(model.latents(x, position), position) - picture()).max() < 20


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_latents_are_chosen_for_rate_plus_distortion(image_config, signal_config, weight):
    for config, x in ((image_config, picture()), (signal_config, window())):
        model = build(replace(config, rounding=Rounding(weight=weight)))
        model.prior.set_weights([w + np.random.default_rng(1).normal(size=w.shape) * 0.1 for w in model.prior.get_weights()])
        position = tf.constant([0.0])
        scaled = model.scale(model.analyse(tf.constant(x)), position)
        plain, chosen = model.quantise(scaled, EFFORT.narrowing / 256), model.choose(scaled, position)
        if not weight:
            assert all(np.array_equal(a, b) for a, b in zip(model.quantise(scaled), chosen, strict=True))
            continue
        moved = [np.abs(a) - np.abs(b) for a, b in zip(plain, chosen, strict=True)]
        assert {0.0, 1.0} == {float(v) for band in moved for v in np.unique(band)}
        stages = model.prior.parameters(plain, position)
        for number, parameters in enumerate(stages):
            here, there, wanted = (gather_symbols(model.topology, number, bands) for bands in (plain, chosen, scaled))
            costs = [bits(z, *tf.unstack(parameters, axis=-1)) + weight * SLOPE * tf.square(tf.abs(wanted) - tf.abs(z)) for z in (here, there)]
            assert np.all(costs[1] <= costs[0] + 1e-4)


@pytest.mark.parametrize("columns", [16, 15, 1])
def test_symbols_scatter_to_where_they_were_gathered(image_model, columns):
    bands = [tf.random.normal([2, max(1, band.shape[1]), columns]) for band in image_model.analyse(tf.constant(picture()))]
    for number, stage in enumerate(image_model.topology.stages):
        symbols = gather_symbols(image_model.topology, number, bands)
        scattered = scatter_symbols(image_model.topology, number, symbols, columns)
        assert set(scattered) == {band for band, _ in stage.symbols}
        assert all(np.array_equal(scattered[band], bands[band]) for band in scattered)


def test_dissimilarity_is_one_minus_the_benchmarks_ms_ssim():
    rng = np.random.default_rng(3)
    a = rng.integers(0, 256, [2, 192, 208, 3]).astype(np.float32)
    b = np.clip(a + rng.normal(size=a.shape) * 60, 0, 255).astype(np.float32)
    expected = [1 - ms_ssim(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(dissimilarity(tf.constant(a), tf.constant(b)), expected, atol=1e-4)


def test_negative_elbo_is_rate_plus_lambda_distortion_plus_a_constant(signal_model):
    """Posterior U(y - 1/2, y + 1/2), prior over the noisy latents, Gaussian likelihood whose variance is that of the noise, step^2 / 12."""
    x, position = tf.constant(window()), tf.constant([0.5])
    step = signal_model.step(position)[0]
    y = signal_model.scale(signal_model.analyse(x), position)
    posteriors = [tfd.Independent(tfd.Uniform(band - 0.5, band + 0.5), 3) for band in y]
    z = [q.sample(seed=i) for i, q in enumerate(posteriors)]
    log_posterior = sum(q.log_prob(band) for q, band in zip(posteriors, z, strict=True))

    mean, log2_scale, spike = tf.unstack(signal_model.prior.parameters(z, position)[0], axis=-1)
    w = tf.sigmoid(spike)
    noisy_logistic = tfc.UniformNoiseAdapter(tfd.Logistic(mean, 2.0**log2_scale))
    mixture = tfd.Mixture(tfd.Categorical(probs=tf.stack([1 - w, w], -1)), [noisy_logistic, tfd.Uniform(tf.fill(w.shape, -0.5), 0.5)])
    log_prior = tf.reduce_sum(mixture.log_prob(gather_symbols(signal_model.topology, 0, z)))

    sigma = step / math.sqrt(12)
    x_hat = signal_model.reconstruct(z, position)
    log_likelihood = tfd.Independent(tfd.Normal(x_hat, sigma), 3).log_prob(x)
    negative_elbo = float(log_posterior - log_prior - log_likelihood) / math.log(2)

    n = x.shape[1]
    rate = sum(tf.reduce_sum(b) for b in signal_model.prior(z, position)) / n
    distortion = tf.reduce_mean(tf.square((x_hat - x) / step))
    constant = n / 2 * math.log2(2 * math.pi * float(sigma) ** 2)
    assert negative_elbo == pytest.approx(float(n * rate_distortion(rate, distortion)) + constant, rel=1e-3)


def test_lambda_is_the_slope_of_fine_uniform_quantisation():
    x = np.random.default_rng(0).normal(size=400000) * 40

    def operate(step: float) -> tuple[float, float]:
        z = np.round(x / step)
        p = np.unique(z, return_counts=True)[1] / len(x)
        return float(-(p * np.log2(p)).sum()), float(np.mean((x - z * step) ** 2))

    (r1, d1), (r2, d2) = operate(1.9), operate(2.1)
    assert -(r2 - r1) / (d2 - d1) == pytest.approx(SLOPE / 2.0**2, rel=0.03)


def test_examples_count_by_their_own_rate():
    rate, distortion = tf.constant([10.0, 0.1]), tf.constant([0.0, 0.0])
    with tf.GradientTape() as tape:
        tape.watch(rate)
        loss = joint_loss(rate, distortion)
    np.testing.assert_allclose(tape.gradient(loss, rate), [0.5 / 10.05, 0.5 / 0.15], rtol=1e-5)


def test_with_resting_filters_rate_and_distortion_are_weighted_each_by_itself():
    rate, distortion = tf.constant([10.0, 0.1]), tf.constant([0.01, 0.2])
    with tf.GradientTape() as tape:
        tape.watch([rate, distortion])
        loss = separate_loss(rate, distortion)
    by_rate, by_distortion = tape.gradient(loss, [rate, distortion])
    np.testing.assert_allclose(by_rate, [0.5 / 10.05, 0.5 / 0.15], rtol=1e-5)
    np.testing.assert_allclose(by_distortion, 0.5 * SLOPE / (SLOPE * distortion.numpy() + 0.05), rtol=1e-5)


def test_what_is_not_wanted_is_zero(signal_model):
    x, position = tf.constant(window()), tf.constant([0.4])
    whole = signal_model(x, position)
    rate_alone, synthesis_alone = signal_model(x, position, synthesis=False), signal_model(x, position, rate=False)
    assert (float(rate_alone.distortion[0]), float(synthesis_alone.rate[0])) == (0.0, 0.0)
    assert float(rate_alone.rate[0]) == pytest.approx(float(whole.rate[0]))
    assert float(synthesis_alone.distortion[0]) == pytest.approx(float(whole.distortion[0]))


@pytest.mark.parametrize("kind", ["image", "signal"])
def test_a_fine_step_reconstructs_nearly_without_residual(kind, image_config, signal_config):
    config = replace(image_config if kind == "image" else signal_config, step=Step(-4, 4, 3))
    x = picture() if kind == "image" else window()
    outcome = build(config)(tf.constant(x), tf.constant([0.0]))
    assert np.abs(outcome.reconstruction - x.astype(np.float32)).max() < (14 if kind == "image" else 1.5)


def test_rates_of_stages_sum_to_the_rate(image_model):
    outcome = image_model(tf.constant(picture(2)), tf.constant([0.2, 0.9]))
    np.testing.assert_allclose(tf.reduce_sum(outcome.stage_bits, -1), outcome.rate, rtol=1e-5)
    assert outcome.rate.shape == outcome.distortion.shape == (2,)


def test_a_coarser_step_costs_fewer_bits_and_more_distortion(image_model):
    x = tf.constant(picture())
    fine, coarse = (image_model(x, tf.constant([p])) for p in (0.1, 0.9))
    assert fine.rate > coarse.rate
    error = lambda o: float(np.mean(np.square(o.reconstruction - x.numpy().astype(np.float32))))  # noqa: E731
    assert error(fine) < error(coarse)


def test_distortion_is_the_squared_error_in_squared_steps(image_model):
    x, position = tf.constant(picture()), tf.constant([0.6])
    outcome = image_model(x, position)
    step = float(image_model.step(position)[0])
    error = np.mean(np.square((outcome.reconstruction - x.numpy().astype(np.float32)) / step))
    assert float(outcome.distortion[0]) == pytest.approx(error, rel=1e-4)


def test_latents_are_integers_with_the_dead_zone_of_the_config(signal_model):
    z = signal_model.quantise([tf.constant([[0.55, -0.55, 0.45, 1.62]]), *[tf.constant([[0.55, 0.65, -0.55, -1.61]])] * 2])
    np.testing.assert_array_equal(z[0], [[1, -1, 0, 2]])
    np.testing.assert_array_equal(z[1], [[0, 1, 0, -2]])


def test_the_same_config_builds_the_same_weights(signal_config, signal_model):
    for a, b in zip(build(signal_config).get_weights(), signal_model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def gradients(model, x):
    with tf.GradientTape() as tape:
        outcome = model(tf.constant(x), tf.fill([len(x)], 0.4))
        loss = joint_loss(outcome.rate, outcome.distortion)
    variables = [v for part in model.parts().values() for v in part]
    return {id(v): g for v, g in zip(variables, tape.gradient(loss, variables), strict=True)}


@pytest.mark.parametrize("quantised", [False, True])
def test_moving_filters_get_gradients_of_rate_and_distortion(signal_config, quantised):
    model = build(signal_config, trainable_filters=True)
    model.quantised = quantised
    found = gradients(model, window(2))
    for part, variables in model.parts().items():
        assert variables, part
        got = [found[id(v)] for v in variables]
        assert all(g is not None and np.isfinite(g).all() for g in got), part
        assert any(np.abs(g).max() > 0 for g in got), part


def test_resting_filters_are_no_part_of_the_training(signal_model):
    parts = signal_model.parts()
    assert not parts["filters"]
    trained = {id(v) for v in parts["prior"] + parts["synthesis"]}
    assert {id(v) for v in signal_model.trainable_variables} == trained


def test_every_trainable_weight_belongs_to_one_part(image_config):
    model = build(image_config, trainable_filters=True)
    listed = [id(v) for part in model.parts().values() for v in part]
    assert sorted(listed) == sorted({id(v) for v in model.trainable_variables})
