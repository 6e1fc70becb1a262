"""decoder.tflite: the Keras synthesis in the codec's units, for blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from trained_models import exported, trained

from vaecodec.codec.interpreter import Network
from vaecodec.export.decoder_tflite import StepRange, build_level, corrected, decoder_tflite, halo
from vaecodec.export.filters import cdf97, quantise_analysis
from vaecodec.train.layers.synthesis import LevelSynthesis, ResidualWidths

T = 100


def decoder(name: str) -> Network:
    e = exported(name)
    return Network(decoder_tflite(e.levels, e.filters, e.steps, e.unmix, trained(name).config.sensor.offset))


@pytest.fixture(scope="module", params=["tiny-image", "tiny-signal"])
def case(request):
    return exported(request.param), decoder(request.param)


def block(rank: int, side: int, margin: int, colours: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (1, side + 2 * margin if rank == 2 else 1, side + 3 + 2 * margin)
    approx, detail = (rng.normal(size=(*shape, n)).astype(np.float32) for n in (colours, colours * (2**rank - 1)))
    return approx, detail


@pytest.mark.parametrize("side", [4, 11])
def test_a_level_gives_what_keras_gives_in_other_units(case, side):
    converted, network = case
    program, filters, steps = converted.program, converted.filters, converted.steps
    for number, layer in enumerate(converted.levels, 1):
        approx, detail = block(program.rank, side, halo(converted.levels), program.colours)
        mine = network.run(f"level_{number}", approx=approx, detail=detail, step=np.full((1, 1, 1, 1), T / 16, np.float32))
        unit = 2.0**steps.in_shift
        position = tf.constant([(T - steps.t_lo) / (steps.t_hi - steps.t_lo)], tf.float32)
        gains = (filters.approximation_gains(number), filters.detail_gains(number), filters.approximation_gains(number - 1))
        scaled = [(x * unit / gain).astype(np.float32) for x, gain in zip((approx, detail), gains[:2], strict=True)]
        keras = layer(*scaled, position).numpy() * gains[2] / unit
        np.testing.assert_allclose(mine, keras, atol=1e-4 * np.abs(keras).max())


def test_levels_of_different_reach_take_the_same_halo():
    filters = quantise_analysis([[cdf97()] * 2] * 2, np.eye(3))
    plain, deep = LevelSynthesis(2, 3, ResidualWidths(0, 0)), LevelSynthesis(2, 3, ResidualWidths(4, 1))
    build_level(deep)
    levels = [corrected(layer, filters, [cdf97()] * 2, i) for i, layer in enumerate((plain, deep), 1)]
    network = Network(decoder_tflite(levels, filters, StepRange(80, 180, 5), np.eye(3), 0.0))
    approx, detail = block(2, 5, halo(levels), 3)
    for name in ("level_1", "level_2"):
        assert network.run(name, approx=approx, detail=detail, step=np.ones((1, 1, 1, 1), np.float32)).shape == (1, 10, 16, 3)


def test_flat_integer_planes_become_their_grey():
    e = exported("tiny-image")
    grey = np.full(3, 40.0)
    planes = e.filters.mix_matrix() @ grey
    out = decoder("tiny-image").run("colour", approx=np.full((1, 2, 2, 3), planes, np.float32))
    np.testing.assert_allclose(out, 128 + 40.0, atol=1e-3)


def test_inverse_filters_that_were_trained_keep_their_change():
    filters = quantise_analysis([[cdf97()]], None)
    layer = LevelSynthesis(1, 1, ResidualWidths(0, 0))
    plain = corrected(layer, filters, [cdf97()], 1).inverse[0].numpy()
    change = np.random.default_rng(0).normal(size=(5, 2, 2)).astype(np.float32) * 0.01
    layer.inverse[0].assign_add(change)
    difference = corrected(layer, filters, [cdf97()], 1).inverse[0].numpy() - plain
    np.testing.assert_allclose(difference[1:-1], change, atol=1e-6)


def test_a_copy_leaves_the_trained_layer_alone():
    t = trained("tiny-signal")
    before = [w.copy() for w in t.levels[0].get_weights()]
    corrected(t.levels[0], exported("tiny-signal").filters, t.taps[0], 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, t.levels[0].get_weights(), strict=True))
