"""Compressed sensing in the core: against the page's reference, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from common import sensing_codec
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import sensing

from vaecodec.codec._native import lib
from vaecodec.codec.errors import FormatError, InputError, ModelError
from vaecodec.codec.sensing_model import SenseModel

MODEL = sensing_codec().bundle.sensing
PAGE = sensing.Model(MODEL.blob)
codes = st.integers(0, MODEL.codes - 1)


def noise(windows: int, channels: int, size: float, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, size, (windows * MODEL.window, channels))
    return np.clip(np.rint(values), -32767, 32767).astype(np.int16)


@settings(max_examples=60)
@given(codes, st.integers(1, 5), st.integers(1, 3), st.sampled_from([1, 30, 1000, 40000]), st.integers(0, 255), st.integers(0, 99))
def test_the_core_and_the_reference_agree_bit_for_bit(t: int, windows: int, channels: int, size: int, rounding: int, seed: int) -> None:
    x = noise(windows, channels, size, seed)
    z = MODEL.measure(x, t, rounding)
    parts = x.reshape(windows, MODEL.window, channels)
    assert z.tolist() == [[sensing.measure(PAGE, parts[w, :, c].tolist(), t, rounding) for c in range(channels)] for w in range(windows)]
    payload = MODEL.encode(z, t)
    assert payload == sensing.encode(PAGE, z.tolist(), t)
    assert MODEL.decode(payload, t, windows, channels).tolist() == z.tolist()


@given(st.binary(max_size=150), codes)
def test_any_bytes_decode_as_by_the_reference_or_are_refused(data: bytes, t: int) -> None:
    try:
        wanted = sensing.decode(PAGE, data, t, 4, 2)
    except ValueError:
        with pytest.raises(FormatError):
            MODEL.decode(data, t, 4, 2)
    else:
        assert MODEL.decode(data, t, 4, 2).tolist() == wanted


@given(st.integers(-(2**23), 2**23), st.integers(-512, 1535), st.integers(0, 255))
def test_quantiser(y: int, exponent: int, rounding: int) -> None:
    assert lib.vc_sense_quantise(y, exponent, rounding) == sensing.quantise(y, exponent, rounding)


def test_extreme_measurements_come_back() -> None:
    shape = 3, 2, MODEL.ratio(0).measurements
    z = np.where(np.random.default_rng(1).random(shape) < 0.5, -32767, 32767).astype(np.int16)
    assert np.array_equal(MODEL.decode(MODEL.encode(z, 0), 0, 3, 2), z)


def test_zeros_take_no_bytes() -> None:
    z = np.zeros((5, 1, MODEL.ratio(0).measurements), np.int16)
    assert MODEL.encode(z, 0) == b""
    assert not MODEL.decode(b"", 0, 5, 1).any()


def test_a_measurement_below_16_bits_is_refused() -> None:
    with pytest.raises(InputError):
        MODEL.encode(np.full((1, 1, MODEL.ratio(0).measurements), -32768, np.int16), 0)


@pytest.mark.parametrize("x", [np.zeros(16, np.int16), np.zeros((16, 1)), np.zeros((17, 1), np.int16), np.zeros((0, 1), np.int16)])
def test_other_arrays_are_not_measured(x: np.ndarray) -> None:
    with pytest.raises(InputError):
        MODEL.measure(x, 0)


def test_step_codes_beyond_the_dial_are_refused() -> None:
    for t in (-1, MODEL.codes):
        with pytest.raises(InputError):
            MODEL.measure(noise(1, 1, 9, 1), t)


def test_a_model_cut_off_anywhere_is_refused() -> None:
    for length in range(len(MODEL.blob)):
        with pytest.raises(ModelError):
            SenseModel(MODEL.blob[:length])
    with pytest.raises(ModelError, match="follow"):
        SenseModel(MODEL.blob + b"\0")


@settings(max_examples=300)
@given(st.integers(0, len(MODEL.blob) - 1), st.integers(0, 255))
def test_a_damaged_model_is_refused_or_codes_what_it_decodes(place: int, byte: int) -> None:
    blob = MODEL.blob[:place] + bytes([byte]) + MODEL.blob[place + 1 :]
    try:
        model = SenseModel(blob)
    except ModelError:
        return
    t = model.codes - 1
    z = np.random.default_rng(place).integers(-300, 300, (3, 2, model.ratio(t).measurements)).astype(np.int16)
    assert np.array_equal(model.decode(model.encode(z, t), t, 3, 2), z)


def test_operations_are_additions_a_sample() -> None:
    ratio = MODEL.ratios[0]
    cost = ratio.operations(0)
    assert cost["sums"] == (np.count_nonzero(ratio.phi) - len(ratio.phi)) / MODEL.window
    assert cost["quantiser"] == sum(bin(sensing.MUL[max(0, int(o)) % 32]).count("1") for o in ratio.offsets) / MODEL.window
