"""The C analysis and quantiser against the plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_programs import random_program
from reference import analysis, quantiser

from vaecodec.codec.errors import InputError, LimitError
from vaecodec.codec.native import SymbolModel
from vaecodec.export.untrained import untrained_program


def _case(seed):
    rng = np.random.default_rng(seed)
    program = random_program(seed)
    model = SymbolModel(program.to_bytes())
    rows, cols = int(rng.integers(1, 5)) << model.levels, int(rng.integers(1, 5))
    shape = (rows, cols) if model.rank == 1 else (rows, cols << model.levels, model.colours)
    spread = rng.choice([100, 32767])
    return program, model, rng.integers(-spread - 1, spread + 1, shape).astype(np.int16)


@given(st.integers(0, 2**32))
def test_bands_are_the_references(seed):
    program, model, x = _case(seed)
    for ours, theirs in zip(model.analyse(x), analysis.analyse(x, program), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.integers(0, 2**32), st.integers(0, 255))
def test_latents_are_the_references(seed, t):
    program, model, x = _case(seed)
    bands = model.analyse(x)
    for ours, theirs in zip(model.quantise(bands, t), quantiser.quantise_all(bands, program, t), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=20)
@given(st.integers(0, 255), st.integers(0, 255))
def test_every_coefficient_quantises_as_the_reference(t, rounding):
    program = untrained_program(1, 1)
    model = SymbolModel(program.to_bytes())
    y = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16).reshape(-1, 1)
    z = model.quantise([y, y], t, [rounding, rounding])
    for band in range(2):
        step = quantiser.band_step_code(program, band, t)
        np.testing.assert_array_equal(z[band][:, 0], np.asarray(quantiser.quantise(y[:, 0], step, rounding)).ravel())


def test_shapes_are_those_of_the_bands():
    model = SymbolModel(untrained_program(2, 3).to_bytes())
    x = np.zeros((16, 24, 3), np.int16)
    assert [band.shape for band in model.analyse(x)] == model.band_shapes((16, 24))
    assert model.band_shapes((16, 24))[0] == (2, 3)
    assert model.band_shapes((16, 24))[-1] == (8, 12)


def test_steps_double_every_sixteen_codes():
    model = SymbolModel(untrained_program(1, 3).to_bytes())
    np.testing.assert_allclose(model.steps(116) / model.steps(100), 2.0)


def test_one_colour_plane_may_be_two_dimensional():
    model = SymbolModel(untrained_program(2, 2, colours=1).to_bytes())
    x = np.random.default_rng(0).integers(-500, 500, (8, 8)).astype(np.int16)
    for a, b in zip(model.analyse(x), model.analyse(x[:, :, None]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_strided_input_is_taken():
    model = SymbolModel(untrained_program(1, 2).to_bytes())
    x = np.random.default_rng(0).integers(-500, 500, (16, 6)).astype(np.int16)
    for a, b in zip(model.analyse(x[:, ::2]), model.analyse(x[:, ::2].copy()), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((8, 8, 3)), "int16"),
        ([[0]], "int16"),
        (np.zeros((8, 8, 2), np.int16), "H, W, 3"),
        (np.zeros((8, 8), np.int16), "H, W, 3"),
        (np.zeros((6, 8, 3), np.int16), "padded"),
        (np.zeros((8, 6, 3), np.int16), "padded"),
        (np.zeros((0, 8, 3), np.int16), "padded"),
    ],
)
def test_wrong_samples_are_refused(x, message):
    with pytest.raises(InputError, match=message):
        SymbolModel(untrained_program(2, 2).to_bytes()).analyse(x)


def test_too_large_a_picture_is_refused():
    model = SymbolModel(untrained_program(2, 2, colours=1).to_bytes())
    huge = np.broadcast_to(np.zeros((1, 1), np.int16), (1, 1 << 18))
    with pytest.raises((InputError, LimitError)):
        model.analyse(np.repeat(huge, 4, axis=0))


def test_wrong_roundings_are_refused():
    model = SymbolModel(untrained_program(1, 2).to_bytes())
    bands = model.analyse(np.zeros((8, 1), np.int16))
    for rounding in ([128], [128, 128, 256], [128, 128, -1]):
        with pytest.raises(InputError):
            model.quantise(bands, 100, rounding)
    with pytest.raises(InputError):
        model.quantise(bands[:-1], 100)


def test_macs_count_analysis_and_prior():
    macs = SymbolModel(untrained_program(1, 1).to_bytes()).macs()
    assert set(macs) == {"analysis", "prior"}
    assert macs["analysis"] == 9  # K = 9 for low and high alike, each on half the samples
    assert macs["prior"] > 0
