"""The lapped transform as layers, its prior, and models with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from trained_models import model

from vaecodec.codec.errors import InputError
from vaecodec.codec.lapped import unrotated
from vaecodec.train.config_io import load_config
from vaecodec.train.layers.lapped import Lapped, LappedSynthesis, blocks_of, cosines, octaves, rotate
from vaecodec.train.layers.synthesis import ResidualWidths
from vaecodec.train.topology import Conv, joint_topology, lapped_topology, macs_per_sample
from vaecodec.train.topology import SignalWidths as Widths


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("levels", [2, 5, 8])
@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_synthesis_undoes_the_analysis_and_energy_stays(levels, blocks):
    x = noise(2, blocks << levels, 3)
    bands = Lapped(levels)(x)
    assert [band.shape[1] for band in bands] == [blocks, *(blocks << j for j in range(levels))]
    np.testing.assert_allclose(sum(np.square(band).sum() for band in bands), np.square(x).sum(), rtol=1e-4)
    back = LappedSynthesis(levels, ResidualWidths(0, 0))(bands, tf.constant([0.1, 0.9]))
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_a_fresh_residual_network_adds_nothing():
    x = noise(1, 96, 2)
    synthesis = LappedSynthesis(4, ResidualWidths(8, 2))
    np.testing.assert_allclose(synthesis(Lapped(4)(x), tf.constant([0.5])), x, atol=1e-5)


def test_a_coefficient_is_a_smooth_window_of_two_blocks():
    bands = [np.zeros((1, 4 << max(0, j - 1), 1), np.float32) for j in range(6)]
    bands[2][0, 3, 0] = 1  # frequency 3 of block 1
    wave = LappedSynthesis(5, ResidualWidths(0, 0))([tf.constant(b) for b in bands], tf.constant([0.5])).numpy()[0, :, 0]
    assert np.flatnonzero(np.abs(wave) > 1e-6).min() >= 16
    assert np.flatnonzero(np.abs(wave) > 1e-6).max() < 80
    assert np.abs(np.diff(wave)).max() < 0.12


def test_bands_and_blocks_are_one_another():
    blocks = noise(2, 3, 16, 2)
    np.testing.assert_array_equal(blocks_of(octaves(tf.constant(blocks))), blocks)


def test_the_codec_turns_back_what_the_layer_turned():
    blocks = noise(1, 5, 16, 1)
    turned = rotate(tf.constant(blocks)).numpy()[0, :, :, 0]
    np.testing.assert_allclose(unrotated(turned.astype(np.float64)), blocks[0, :, :, 0], atol=1e-6)


def test_cosines_are_their_own_inverse():
    np.testing.assert_allclose(cosines(64) @ cosines(64), np.eye(64), atol=1e-12)


@pytest.mark.parametrize("changes", [{"modality": "image"}, {"levels": 1}, {"transform": "fourier"}])
def test_what_cannot_be_lapped_is_refused(changes):
    with pytest.raises(InputError, match="transform"):
        replace(load_config("tiny-lapped"), **changes)


def test_filters_that_do_not_exist_cannot_move():
    config = load_config("tiny-lapped")
    with pytest.raises(InputError, match="transform"):
        replace(config, training=replace(config.training, parts=("filters",)))


def test_every_symbol_is_coded_once():
    for topology in (lapped_topology(7, 5, Widths(40, 40, 48, 28)), joint_topology(6, 5, Widths(36, 36, 48, 32))):
        coded = [s for op in topology.stages[0].row if hasattr(op, "params") for s in range(op.first, op.first + op.count)]
        assert coded == list(range(2**topology.levels))


@pytest.mark.parametrize("name", ["speech8k", "imu"])
def test_weights_fit_a_small_device(name):
    from vaecodec.train.model import topology_of

    config = load_config(name)
    topology = topology_of(config)
    assert macs_per_sample(topology) + 2**config.levels < 1500
    weights = macs_per_sample(topology) * 2**config.levels
    assert weights <= 65536, "each weight is used once a block"
    assert all(isinstance(op, Conv) or hasattr(op, "params") for op in topology.stages[0].row)


def test_rate_counts_all_channels():
    joint = model("tiny-joint")
    x = np.round(64 * noise(1, 128, 1))
    once = joint(tf.constant(np.repeat(x, 1, -1)), tf.constant([0.3]))
    thrice = joint(tf.constant(np.repeat(x, 3, -1)), tf.constant([0.3]))
    np.testing.assert_allclose(thrice.distortion, once.distortion, rtol=1e-4)
    assert 0.5 < float(thrice.rate[0] / once.rate[0]) < 1.5
