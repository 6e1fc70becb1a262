"""The wavelet bank that models start from."""

from __future__ import annotations

import numpy as np
import pytest
from reference.analysis import analyse, enter
from reference.prior import band_shapes
from reference.quantiser import band_step_code
from reference.synthesis import synthesise

from vaecodec.export.symbols import band_level
from vaecodec.export.untrained import untrained_program
from vaecodec.export.wavelets import band_norms, colour_norms, integer_bank, peak_gain, reconstruction_error


def test_the_low_pass_keeps_a_constant_exactly_and_the_high_pass_removes_it():
    pair = integer_bank()
    assert sum(pair.low) == 1 << pair.shift_low
    assert sum(pair.high) == 0


def test_the_filters_are_symmetric_about_their_samples():
    pair = integer_bank()
    assert pair.low == pair.low[::-1]
    assert pair.high[2:] == pair.high[:1:-1]


def test_the_high_pass_fills_int8():
    assert 64 < max(integer_bank().high) <= 127


def test_one_level_is_inverted_to_48_db_by_the_float_dual_filters():
    assert reconstruction_error(integer_bank()) < -48.5


def test_five_levels_of_a_picture_are_inverted_to_45_db():
    image = picture()
    program = untrained_program(2, 5)
    restored = synthesise(analyse(enter(image, program), program), program)
    assert 10 * np.log10(255**2 / np.mean((restored - image) ** 2)) > 45


@pytest.mark.parametrize("rank", [1, 2])
def test_one_step_code_gives_equal_steps_in_the_orthonormal_sense(rank):
    """Noise of a uniform quantiser adds up to step^2 / 12 a sample, each band giving its share."""
    program = untrained_program(rank, 3)
    shape = (512, 1) if rank == 1 else (64, 64)
    t = 128
    step = 2 ** (t / 16) / 2**program.in_shift
    rng = np.random.default_rng(1)
    for band, band_shape in enumerate(band_shapes(program, shape)):
        noise = [np.zeros(s) for s in band_shapes(program, shape)]
        noise[band] = 2 ** (band_step_code(program, band, t) / 16) * rng.uniform(-0.5, 0.5, band_shape)
        error = synthesise(noise, program) - program.in_offset
        share = 2.0 ** (-rank * band_level(rank, 3, program.colours, band))
        assert np.mean(error**2) == pytest.approx(share * step**2 / 12, rel=0.35)


def test_colour_steps_are_those_that_minimise_the_error_of_rgb():
    y, cb, cr = 1 / colour_norms(3)
    assert cb / y == pytest.approx(0.96, abs=0.01)
    assert cr / y == pytest.approx(1.10, abs=0.01)


def test_norms_of_the_approximation_double_with_each_level_of_a_picture():
    assert band_norms(2, 4)[0] / band_norms(2, 3)[0] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(("rank", "levels", "sample"), [(2, 8, 128), (1, 8, 1024)])
def test_no_input_can_saturate_int16(rank, levels, sample):
    program = untrained_program(rank, levels)
    assert sample * 2**program.in_shift * peak_gain(levels) ** rank < 32767


def test_the_worst_picture_for_the_low_pass_does_not_saturate():
    program = untrained_program(2, 1)
    signs = np.sign(integer_bank().low)
    image = np.where(np.outer(signs, signs) > 0, 255, 0)
    image = np.pad(image, ((4, 3), (4, 3)), mode="edge")[:16, :16, None] * np.ones(3, int)
    bands = analyse(enter(image, program), program)
    assert max(int(np.abs(band.astype(int)).max()) for band in bands) < 32767


def picture():
    """Edges, texture and slopes, 96 x 128."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :128]
    texture = 20 * np.sin(x * (y / 40)) + rng.normal(0, 3, (96, 128))
    scene = 60 + x / 2 + 70 * ((x // 30 + y // 25) % 2) + texture
    return np.clip(np.round(scene[:, :, None] * [0.9, 0.8, 0.6]), 0, 255).astype(int)
