"""Samples to integers and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.codec.samples import clipped, find_step, read_steps, read_zeros, restore, rounding_shift, to_integers


@pytest.mark.parametrize("step", [1.0, 0.5, 0.005, 0.25, 20.0, 1e-6, 3.0])
def test_decimal_steps_are_found(step: float) -> None:
    values = np.random.default_rng(0).integers(-500, 500, 200) * step
    assert find_step(np.round(values, 9)) == pytest.approx(step, rel=1e-12)


@pytest.mark.parametrize("step", [0.0023942, 1 / 3, 0.00122173, 9.80665 / 4096])
def test_regular_steps_are_found(step: float) -> None:
    counts = np.random.default_rng(0).integers(-2000, 2000, 3000)
    assert find_step((counts * step).astype(np.float32).astype(np.float64)) == pytest.approx(step, rel=1e-5)


def test_noise_has_no_step() -> None:
    assert find_step(np.random.default_rng(0).standard_normal(1000)) is None


def test_zeros_have_some_step() -> None:
    assert find_step(np.zeros(5)) == 1.0


def test_float32_noise_has_no_step() -> None:
    assert find_step(np.random.default_rng(0).standard_normal(1000).astype(np.float32).astype(np.float64)) is None


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 31))
def test_rounding_shift_is_the_formats(value: int, shift: int) -> None:
    expected = (value + (1 << shift >> 1)) >> shift
    assert int(rounding_shift(np.array([value]), shift)[0]) == expected


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.sampled_from([0.01, 0.125, 3.0]))
def test_values_on_the_grid_come_back_exactly(counts: list[int], step: float) -> None:
    values = np.array(counts, np.float64)[:, None] * step
    integers, scaling = to_integers(values, 12, step)
    assert np.array_equal(restore(integers.astype(np.float64), scaling.sample_type, scaling.steps), values)


def test_overshoot_is_clipped() -> None:
    assert restore(np.array([[-3.7, 300.2]]), 2, None).tolist() == [[0, 255]]


@pytest.mark.parametrize("value", [None, 1.0, [], [1.0], [1.0, 0], [1, -1], [1, "2"], [1, float("inf")], [1, float("nan")], {"a": 1}])
def test_damaged_steps_are_refused(value: object) -> None:
    with pytest.raises(FormatError):
        read_steps(value, 2)


def test_values_beyond_32_bits_ask_for_a_larger_step() -> None:
    with pytest.raises(InputError, match="larger step"):
        to_integers(np.array([[1e12], [0.0]]), 12, 1.0)


@pytest.mark.parametrize("step", [None, 1e-4])
@pytest.mark.parametrize("offset", [1e9, -3e13])
def test_a_signal_far_from_zero_is_kept(step: float | None, offset: float) -> None:
    values = offset + np.sin(np.arange(500.0) / 7)[:, None]
    integers, scaling = to_integers(values, 12, step)
    again = restore(integers.astype(np.float64), scaling.sample_type, scaling.steps, scaling.zeros)
    assert np.abs(again - values).max() < 0.01  # a float64 near 3e13 has steps of 0.004


def test_a_signal_near_zero_has_no_zero_of_its_own() -> None:
    assert to_integers(np.sin(np.arange(50.0))[:, None], 12)[1].zeros is None


@pytest.mark.parametrize("value", [1.0, [], [1.0], [1, "2"], [1, float("inf")], [1, float("nan")], {"a": 1}])
def test_damaged_zeros_are_refused(value: object) -> None:
    with pytest.raises(FormatError):
        read_zeros(value, 2)


def test_a_step_for_integers_is_refused() -> None:
    with pytest.raises(InputError, match="float"):
        to_integers(np.array([[1]]), 12, 1.0)


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_what_is_below_zero_after_decoding_is_zero(dtype: type) -> None:
    values = np.array([-3, 5], np.int32)
    assert clipped(values, np.dtype(dtype)).tolist() == [0, 5]


def test_what_is_beyond_a_narrow_float_comes_to_its_end() -> None:
    assert np.isfinite(clipped(np.array([1e39, -1e39]), np.dtype(np.float32))).all()


@pytest.mark.parametrize("step", [[True], [10**400], [float("inf")], [-1.0], ["1"], None, [1.0, 1.0]])
def test_steps_that_are_none_are_refused(step: object) -> None:
    with pytest.raises(FormatError, match="positive step"):
        read_steps(step, 1)
