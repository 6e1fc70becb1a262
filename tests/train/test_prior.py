"""The prior: its distribution is that of docs/format.md, and no symbol sees what is decoded after it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_compression as tfc
import tensorflow_probability as tfp

from vaecodec.train.layers.matching import Matcher
from vaecodec.train.layers.prior import Prior, bits, compand, power_of_two_grid
from vaecodec.train.layers.wavelet import Analysis
from vaecodec.train.topology import Code, ImageWidths, SignalWidths, Topology, image_topology, signal_topology

tfd = tfp.distributions
IMAGE = image_topology(2, 3, 3, ImageWidths(5, 3, 4, 5, 6), ImageWidths(4, 3, 4, 5, 6))
SIGNAL = signal_topology(2, 3, SignalWidths(4, 5, 6, 8))
MATCHING = signal_topology(2, 3, SignalWidths(4, 5, 6, 8), matched=True)


def bands_of(top: Topology, examples: int, seed: int = 0, size: int = 16) -> list[np.ndarray]:
    """Random integer bands."""
    rng = np.random.default_rng(seed)
    c = top.colours
    levels = [top.levels, *range(top.levels, 0, -1)]
    counts = [c] + [3 * c] * top.levels if top.rank == 2 else [1] * (top.levels + 1)
    shapes = [(size >> level, size >> level if top.rank == 2 else 1) for level, n in zip(levels, counts, strict=True) for _ in range(n)]
    return [rng.integers(-3, 4, [examples, *shape]).astype(np.float32) for shape in shapes]


def shaken(prior: Prior, bands: list[np.ndarray]) -> Prior:
    """The prior with all weights made random, so that every connection carries something."""
    prior([tf.constant(b) for b in bands], tf.zeros([len(bands[0])]))
    rng = np.random.default_rng(5)
    prior.set_weights([rng.normal(size=w.shape) * 0.3 for w in prior.get_weights()])
    return prior


def order_of(top: Topology) -> dict[tuple[int, int], tuple[int, int]]:
    """(stage, symbol number) -> (number of its CODE in the row list, band, place in the site)."""
    order = {}
    for number, stage in enumerate(top.stages):
        codes = [op for op in stage.row if isinstance(op, Code)]
        for turn, code in enumerate(codes):
            for s in range(code.first, code.first + code.count):
                order[number, s] = (turn, *stage.symbols[s])
    return order


def prior_of(top: Topology) -> Prior:
    matcher = Matcher(top, Analysis(1, 2), (30, 60), (0, 0, 0), 40, 60) if top is MATCHING else None
    return Prior(top, matcher=matcher)


@pytest.mark.parametrize("top", [IMAGE, SIGNAL, MATCHING], ids=["rank 2", "rank 1", "matching"])
def test_changing_a_symbol_changes_no_parameter_of_itself_or_of_symbols_before_it(top):
    bands = bands_of(top, 1, size=128 if top is MATCHING else 16)
    prior = shaken(prior_of(top), bands)
    order = order_of(top)
    rng = np.random.default_rng(3)
    cases = []
    for stage, symbol in order:
        turn, band, place = order[stage, symbol]
        rows, columns = bands[band].shape[1:]
        per_site = top.stages[stage].phases if top.rank == 2 else sum(b == band for b, _ in top.stages[stage].symbols)
        sites = (rows, columns // per_site) if top.rank == 2 else (rows // per_site, columns)
        row, column = (int(rng.integers(n)) for n in sites)
        where = (row, per_site * column + place) if top.rank == 2 else (row * per_site + place, column)
        changed = [b.copy() for b in bands]
        changed[band][(0, *where)] += 5
        cases.append((changed, (stage, row, turn)))
    batch = [tf.constant(np.concatenate([c[0][i] for c in cases] + [bands[i]])) for i in range(len(bands))]
    found = [p.numpy() for p in prior.parameters(batch, tf.fill([len(cases) + 1], 0.4))]
    reached = 0
    for example, (_, key) in enumerate(cases):
        for stage, p in enumerate(found):
            differs = np.abs(p[example] - p[-1]).max(axis=(1, 3)) > 1e-3  # [rows, symbols]
            for row, symbol in np.argwhere(differs):
                assert (stage, row, order[stage, symbol][0]) > key
                reached += 1
    assert reached > len(cases)  # the test would see something


def test_bits_equal_the_mixture_of_tensorflow_probability():
    rng = np.random.default_rng(0)
    z = rng.integers(-4, 5, 500).astype(np.float32)
    mean, log2_scale, spike = (rng.uniform(low, high, 500).astype(np.float32) for low, high in ((-3, 3), (-1, 3), (-4, 4)))
    w = 1 / (1 + np.exp(-spike))
    smooth = tfc.UniformNoiseAdapter(tfd.Logistic(mean, 2.0**log2_scale))
    box = tfd.Uniform(tf.fill([500], -0.5), tf.fill([500], 0.5))
    mixture = tfd.Mixture(tfd.Categorical(probs=np.stack([1 - w, w], -1)), [smooth, box])
    expected = -np.log2(mixture.prob(z).numpy() + 2.0**-20)  # the floor stands for the escape
    np.testing.assert_allclose(bits(z, mean, log2_scale, spike), expected, rtol=1e-4, atol=1e-4)


def test_a_zero_out_of_the_means_reach_costs_more_the_farther_it_is():
    mean, log2_scale, spike = tf.Variable([5.0, 40.0, 60.0]), tf.constant(0.0), tf.constant(7.0)
    with tf.GradientTape() as tape:
        cost = bits(tf.zeros(3), mean, log2_scale, spike)
    assert cost[0] < 0.01
    np.testing.assert_allclose(cost[2] - cost[1], 20, atol=0.01)
    np.testing.assert_allclose(tape.gradient(cost, mean)[1:], [1, 1], atol=0.01)
    assert bits(tf.constant([40.0]), mean[1:2], log2_scale, spike)[0] < 20  # what is not zero has a value of its own there


def test_probabilities_of_all_integers_sum_to_one():
    z = np.arange(-400, 401, dtype=np.float32)
    p = 2.0 ** -bits(z, tf.constant(0.3), tf.constant(2.0), tf.constant(-1.0)).numpy()
    assert p.sum() == pytest.approx(1, abs=801 * 2.0**-20 + 1e-4)


def test_compand_is_that_of_the_format():
    n = np.arange(0, 33000)
    e = np.floor(np.log2(n + 1)).astype(int)
    expected = 256 * e + (((n + 1) << 8) >> e) - 256  # docs/format.md section 4, which drops what is below 1/256
    got = 256 * compand(tf.constant(n, tf.float32)).numpy()
    assert np.all((got - expected > -0.05) & (got - expected < 1))


@pytest.mark.parametrize("magnitude", [0.01, 1.0, 40.0])
def test_weights_on_the_grid_are_int8_over_a_power_of_two_and_fit_the_accumulator(magnitude):
    w = tf.constant(np.random.default_rng(1).normal(size=[3, 3, 200, 7]) * magnitude, tf.float32)
    grid = power_of_two_grid(w).numpy().reshape(-1, 7).astype(np.float64)
    exponents = [next(e for e in range(16) if np.array_equal(np.round(c * 2.0**e), c * 2.0**e)) for c in grid.T]
    integers = grid * 2.0 ** np.array(exponents)
    assert np.abs(integers).max() <= 127
    assert np.abs(integers).sum(axis=0).max() * 32768 < 2**31


def test_gradients_pass_straight_through_the_grid():
    w = tf.constant([[0.3], [-0.7]])
    with tf.GradientTape() as tape:
        tape.watch(w)
        total = tf.reduce_sum(power_of_two_grid(w) * [[2.0], [3.0]])
    np.testing.assert_allclose(tape.gradient(total, w), [[2.0], [3.0]])


def test_a_quantised_prior_computes_parameters_in_the_steps_of_the_core():
    bands = bands_of(IMAGE, 1)
    prior = shaken(Prior(IMAGE, quantised=True), bands)
    for p in prior.parameters([tf.constant(b) for b in bands], tf.constant([0.5])):
        mean, scale, spike = np.moveaxis(p.numpy().astype(np.float64), -1, 0)
        assert np.array_equal(mean * 16, np.round(mean * 16))
        assert np.array_equal(scale * 4, np.round(scale * 4))
        assert np.array_equal(spike * 4, np.round(spike * 4))


def test_columns_that_do_not_exist_cost_nothing():
    top = image_topology(1, 1, 3, ImageWidths(3, 3, 4, 5, 6), ImageWidths(4, 3, 4, 5, 6))
    bands = [np.zeros([1, 4, 3], np.float32) for _ in range(4)]
    prior = shaken(Prior(top), bands)
    lengths = prior([tf.constant(b) for b in bands], tf.constant([0.5]))
    for number, length in enumerate(lengths):
        odd = [i for i, (_, d) in enumerate(top.stages[number].symbols) if d == 1]
        assert not length.numpy()[..., -1, odd].any()
        assert length.numpy()[..., :-1, :].all()


def test_gradients_reach_coefficients_as_expected_over_the_noise():
    bands = bands_of(SIGNAL, 1)
    prior = shaken(Prior(SIGNAL), bands)
    z = [tf.constant(b) for b in bands]
    y = [b + 0.3 for b in z]
    with tf.GradientTape() as tape:
        tape.watch(y)
        lengths = prior(z, tf.constant([0.5]), y)
    plain = prior(z, tf.constant([0.5]))
    np.testing.assert_allclose(lengths[0], plain[0], rtol=1e-5, atol=1e-5)
    mean, scale, spike = tf.unstack(prior.parameters(z, tf.constant([0.5]))[0][0, :, 0, 0], axis=-1)
    expected = bits(y[0][0, :, 0] + 0.5, mean, scale, spike) - bits(y[0][0, :, 0] - 0.5, mean, scale, spike)
    np.testing.assert_allclose(tape.gradient(lengths, y)[0][0, :, 0], expected, rtol=1e-4, atol=1e-4)
