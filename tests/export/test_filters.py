"""Trained filters in int8: exact at DC, symmetric, scaled back by the step offsets, and undone by the fitted inverse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from trained_models import trained

from vaecodec.codec.native import SymbolModel
from vaecodec.export.filters import (
    cdf97,
    quantise_analysis,
    quantise_pair,
    quantise_row,
)
from vaecodec.export.report import _float_analysis
from vaecodec.export.trained import convert, from_model
from vaecodec.export.wavelets import integer_bank
from vaecodec.train.config_io import load_config
from vaecodec.train.layers.colour import mix_matrix
from vaecodec.train.layers.inverse import bank_inverse, inverse_taps, phase_taps, reconstruction_decibels
from vaecodec.train.layers.wavelet import analysis_taps, integer_bank_taps
from vaecodec.train.model import build

small = arrays(np.float64, 9, elements=st.floats(-0.02, 0.02))


def moved(change: np.ndarray) -> np.ndarray:
    """CDF 9/7 with symmetric changes."""
    taps = cdf97()
    taps[:, 0] += change[[4, 3, 2, 1, 0, 1, 2, 3, 4]]
    taps[2:, 1] += change[[8, 7, 6, 5, 6, 7, 8]]
    return taps


def test_the_start_is_that_of_training():
    np.testing.assert_allclose(cdf97(), analysis_taps(), atol=1e-9)


def test_taps_of_the_integer_bank_become_that_bank():
    assert quantise_pair(integer_bank_taps()).filters == integer_bank()


def test_taps_on_the_training_grid_keep_their_integers_and_scale():
    taps = integer_bank_taps()
    taps[[3, 5], 0] *= 35 / 34
    taps[4, 0] *= 74 / 76
    pair = quantise_pair(taps)
    assert pair.filters.low == (3, -2, -9, 35, 74, 35, -9, -2, 3)
    np.testing.assert_allclose(pair.float_taps(), taps, atol=1e-12)


@given(small)
def test_rounded_taps_are_symmetric_and_exact_at_dc(change):
    filters = quantise_pair(moved(change)).filters
    assert filters.low == filters.low[::-1]
    assert filters.high[2:] == filters.high[:1:-1]
    assert sum(filters.low) == 2**filters.shift_low
    assert sum(filters.high) == 0


@given(small)
def test_rounded_taps_are_near_the_float_ones_in_their_own_scale(change):
    taps = moved(change)
    taps[:, 1] -= taps[:, 1].mean() * 9 / 7 * (np.arange(9) >= 2)
    assert np.abs(quantise_pair(taps).float_taps() - taps).max() < 0.03


def test_the_fitted_inverse_undoes_the_integer_bank_far_better_than_the_float_duals():
    taps = integer_bank_taps()
    assert reconstruction_decibels(taps, phase_taps()) > -50
    assert reconstruction_decibels(taps, bank_inverse(5)) < -60
    assert reconstruction_decibels(taps, bank_inverse(7)) < -80


def test_the_fitted_inverse_of_the_float_taps_is_their_dual():
    np.testing.assert_allclose(inverse_taps(cdf97(), phase_taps(7)), phase_taps(7), atol=1e-9)


def test_chroma_rows_of_the_colour_mix_reject_grey():
    rows = [quantise_row(row)[0] for row in mix_matrix()]
    assert [sum(row.weights) == 0 for row in rows] == [False, True, True]


@pytest.mark.parametrize("row", mix_matrix())
def test_a_row_of_the_colour_mix_has_a_gain_of_a_whole_step_code(row):
    whole, gain = quantise_row(row)
    np.testing.assert_allclose(np.array(whole.weights) / 2**whole.shift / gain, row, atol=0.004)
    assert 16 * np.log2(gain) == pytest.approx(round(16 * np.log2(gain)))


@pytest.mark.parametrize("mix", [None, mix_matrix()], ids=["signal", "picture"])
def test_step_offsets_keep_the_training_step_within_half_a_step_code(mix):
    filters = quantise_analysis([[cdf97()] * (1 if mix is None else 2)] * 5, mix)
    wanted = 16 * np.log2(filters.band_gains())
    assert np.abs(np.array(filters.step_offsets()) - wanted).max() <= 0.5


@pytest.mark.parametrize("name", ["tiny-image", "tiny-signal"])
@pytest.mark.parametrize(("taps", "most"), [(cdf97(), 0.06), (integer_bank_taps(), 0.01)], ids=["CDF 9/7", "integer bank"])
def test_coefficients_of_the_core_are_those_of_the_layer_times_the_gains(name, taps, most):
    model = replace(trained(name), taps=[[taps] * len(level) for level in trained(name).taps])
    converted = convert(model)
    rng = np.random.default_rng(6)
    x = rng.integers(-100, 100, (32, 24, 3) if model.config.rank == 2 else (64, 2))
    whole = SymbolModel(converted.program.to_bytes()).analyse((x << converted.steps.in_shift).astype(np.int16))
    mixed = x if model.mix is None else x @ model.mix.T
    layer = _float_analysis(model)(np.asarray(mixed[None], np.float32))
    for band, value, gain in zip(whole, layer, converted.filters.band_gains(), strict=True):
        error = band / gain / 2**converted.steps.in_shift - value[0].numpy()
        assert error.std() < most * value[0].numpy().std()


@pytest.fixture(scope="module", params=["tiny-image", "tiny-signal"])
def moved_model(request):
    """A model whose filters have moved: taps in training units, of the first level's first axis."""
    model = build(load_config(request.param), trainable_filters=True)
    model.analysis.taps[0][0].assign_add(np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32) * 0.02)
    return model


@pytest.mark.parametrize("quantised", [True, False])
def test_moved_filters_are_those_that_the_inverse_was_trained_with(moved_model, quantised):
    moved_model.analysis.quantised = quantised
    taps = moved_model.analysis.filters()[0][0].numpy().astype(np.float64)
    layer = moved_model.synthesis.steps[0]
    layer.inverse[-1].assign(layer.inverse_kernel("x", inverse_taps(taps, phase_taps())))
    np.testing.assert_allclose(from_model(moved_model).taps[0][0], taps, atol=1e-6)


def test_filters_of_quantised_training_keep_its_integers(moved_model):
    moved_model.analysis.quantised = True
    pair = quantise_pair(moved_model.analysis.filters()[0][0].numpy().astype(np.float64))
    integers = moved_model.analysis.integer_filters()[0][0]
    assert (pair.filters.low, pair.filters.high) == (tuple(integers[:, 0]), tuple(integers[:, 1]))
