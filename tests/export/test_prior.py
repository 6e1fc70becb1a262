"""Float prior to integers: the same function, on the grids that training uses."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from reference.prior import Prior as ReferencePrior
from trained_models import exported, trained

from vaecodec.codec.errors import ModelError
from vaecodec.codec.native import Prior, SymbolModel
from vaecodec.export.prior import MAX_SUM, export_prior, join_convs, quantise_conv
from vaecodec.export.symbols import Code, Conv, Term
from vaecodec.export.trained import kernels
from vaecodec.train.layers import prior as layers

MODELS = ("tiny-image", "tiny-signal", "tiny-matching")
LENGTH = {"tiny-image": 16, "tiny-signal": 16, "tiny-matching": 256}


def random_bands(name: str, size: int = 16) -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    model = SymbolModel(exported(name).program.to_bytes())
    shape = (size, size) if model.rank == 2 else (size, 2)
    return [rng.integers(-4, 5, s).astype(np.int16) for s in model.band_shapes(shape)]


@pytest.mark.parametrize("scale", [1e-6, 0.01, 0.3, 5.0, 100.0])
def test_weights_are_those_of_quantised_training(scale):
    w = np.random.default_rng(1).normal(size=(1, 1, 500, 40)).astype(np.float32) * scale
    (whole,), shift, _ = quantise_conv([w], np.zeros(40))
    grid = layers.power_of_two_grid(tf.constant(w)).numpy()
    np.testing.assert_allclose(np.moveaxis(whole, 0, -1) / 2.0**shift, grid, rtol=1e-6)


def test_the_largest_sum_is_that_of_training():
    assert MAX_SUM == layers.MAX_SUM


def test_every_channel_has_the_largest_shift_that_int8_allows():
    (whole,), shift, _ = quantise_conv([np.array([0.9, 1.1, 126.0, 0.0]).reshape(1, 1, 1, 4)], np.zeros(4))
    assert shift.tolist() == [7, 6, 0, 15]
    assert whole.ravel().tolist() == [115, 70, 126, 0]


def test_biases_count_in_activation_times_weight():
    _, shift, bias = quantise_conv([np.full((1, 1, 1, 1), 1.0)], np.array([0.5]))
    assert bias.tolist() == [0.5 * 256 * 2 ** shift[0]]


def test_a_large_bias_costs_a_bit_of_the_weights_rather_than_the_32_bit_rule():
    kernel = np.full((1, 1, 400, 1), 1.0)
    _, without, _ = quantise_conv([kernel], np.zeros(1))
    (whole,), shift, bias = quantise_conv([kernel], np.array([100000.0]))
    assert shift[0] < without[0]
    assert abs(int(bias[0])) + 32768 * int(np.abs(whole).sum()) < 2**31


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_weight_is_refused(bad):
    with pytest.raises(ModelError, match="not finite"):
        quantise_conv([np.full((1, 1, 1, 1), bad)], np.zeros(1))


def test_a_missing_convolution_is_named():
    weights, biases = kernels(trained("tiny-signal").prior)
    weights.pop("near")
    with pytest.raises(ModelError, match="near"):
        export_prior(trained("tiny-signal").topology, weights, biases)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_of_all_symbols_are_those_of_the_quantised_layer(name):
    program, prior = exported(name).program, trained(name).prior
    bands = random_bands(name, LENGTH[name])
    shape = (LENGTH[name], bands[-1].shape[1] * (2 if program.rank == 2 else 1))
    reference = ReferencePrior(program, shape, (program.t_lo + program.t_hi) // 2)
    reference.cost([b.copy() for b in bands], 0, len(program.stages) - 1)
    prior.quantised = True
    floats = prior.parameters([tf.constant(b[None], tf.float32) for b in bands], tf.constant([0.5]))
    prior.quantised = False
    for number, stage in enumerate(program.stages):
        for code in (op for op in stage.rows if isinstance(op, Code)):
            mine = floats[number][0, :, :, code.first_symbol : code.first_symbol + code.count].numpy() * [16, 4, 4]
            mean, scale, spike = np.split(reference.planes[code.parameters][..., : 3 * code.count], 3, axis=-1)
            # float32 sums may round the other way now and then. Training matches by filters rounded in another way: some places differ.
            matched = program.matching is not None
            assert np.mean(np.abs(mean - mine[..., 0]) > 2) <= (0.1 if matched else 0)
            for whole, table in ((scale, mine[..., 1]), (spike, mine[..., 2])):
                assert np.mean(np.abs((whole + 32 >> 6) - table) > 1) <= (0.02 if matched else 0)
                assert np.mean((whole + 32 >> 6) != table) < (0.1 if matched else 0.02)


@pytest.mark.parametrize("name", MODELS)
def test_the_core_codes_latents_at_the_float_estimate(name):
    blob, prior = exported(name).program.to_bytes(), trained(name).prior
    size = max(64, LENGTH[name])
    model, bands = SymbolModel(blob), random_bands(name, size)
    shape = (size, size if model.rank == 2 else 2)
    t = (model.t_lo + model.t_hi) // 2
    estimate = sum(float(tf.reduce_sum(b)) for b in prior([tf.constant(b[None], tf.float32) for b in bands], tf.constant([0.5])))
    assert Prior(model, shape, t).cost(bands, 0, model.stages - 1) == pytest.approx(estimate, rel=0.01)


def test_neighbours_that_read_the_same_become_one_convolution():
    def conv(first: int, plane: int = 0) -> Conv:
        return Conv(1, (Term(plane, np.full((2, 1, 1, 3), first)),), [first] * 2, [first] * 2, first=first)

    joined = list(join_convs([conv(0), conv(2), Code(1, 0, 1), conv(4), conv(6, plane=2)]))
    assert [type(op).__name__ for op in joined] == ["Conv", "Code", "Conv", "Conv"]
    assert list(joined[0].shift) == [0, 0, 2, 2]
    assert joined[0].terms[0].array.shape == (4, 1, 1, 3)
