"""Packets of bounded error in the core: against the page's reference, and the bound."""

from __future__ import annotations

import numpy as np
import pytest
from common import beats
from hypothesis import given
from hypothesis import strategies as st
from reference import bounded

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.codec.native import decode_bounded, encode_bounded

LOW, HIGH = -(2**31), 2**31 - 1
errors = st.sampled_from([0, 1, 2, 3, 100, 65535])


def signal(kind: str, length: int, channels: int, seed: int = 0) -> np.ndarray:
    """int32 [length, channels] of one of many kinds."""
    random = np.random.default_rng(seed)
    shape = length, channels
    made = {
        "beats": lambda: beats(length, channels, seed=seed).reshape(shape),
        "constant": lambda: np.full(shape, 1024),
        "lowest": lambda: np.full(shape, LOW),
        "noise of 32 bits": lambda: random.integers(LOW, HIGH, shape, endpoint=True),
        "noise of 24 bits": lambda: random.normal(0, 2e6, shape),
        "extremes": lambda: np.where(random.random(shape) < 0.5, LOW, HIGH),
        "jumps": lambda: np.where(random.random(shape) < 0.02, random.integers(LOW, HIGH, shape), random.integers(-5, 5, shape)),
        "saturated": lambda: np.clip(beats(length, channels, seed=seed).reshape(shape), -20, 100),
        "walk": lambda: random.integers(-40, 41, shape).cumsum(0),
    }
    return np.clip(np.rint(made[kind]()), LOW, HIGH).astype(np.int32)


KINDS = ["beats", "constant", "lowest", "noise of 32 bits", "noise of 24 bits", "extremes", "jumps", "saturated", "walk"]


@pytest.mark.parametrize("max_error", [0, 1, 7, 65535])
@pytest.mark.parametrize("kind", KINDS)
def test_the_core_and_the_reference_agree_bit_for_bit(kind: str, max_error: int) -> None:
    x = signal(kind, 150, 2)
    payload = encode_bounded(x, max_error)
    assert payload == bounded.encode(x.tolist(), max_error)
    assert decode_bounded(payload, *x.shape, max_error).tolist() == bounded.decode(payload, *x.shape, max_error)


@pytest.mark.parametrize("max_error", [0, 1, 3, 1000, 65535])
@pytest.mark.parametrize("kind", KINDS)
def test_no_sample_is_off_by_more_than_the_bound(kind: str, max_error: int) -> None:
    for length, channels in ((1, 1), (2, 3), (3000, 1), (200, 64), (20, 256)):
        x = signal(kind, length, channels, seed=length)
        back = decode_bounded(encode_bounded(x, max_error), length, channels, max_error)
        assert np.abs(back.astype(np.int64) - x).max() <= max_error


@given(st.lists(st.lists(st.integers(LOW, HIGH), min_size=2, max_size=2), min_size=1, max_size=40), errors)
def test_any_samples_stay_within_the_bound(rows: list[list[int]], max_error: int) -> None:
    x = np.array(rows, np.int32)
    back = decode_bounded(encode_bounded(x, max_error), *x.shape, max_error)
    assert np.abs(back.astype(np.int64) - x).max() <= max_error


@given(st.binary(max_size=200), errors)
def test_any_bytes_decode_as_by_the_reference_or_are_refused(data: bytes, max_error: int) -> None:
    try:
        expected = bounded.decode(data, 12, 2, max_error)
    except ValueError:
        with pytest.raises(FormatError):
            decode_bounded(data, 12, 2, max_error)
    else:
        assert decode_bounded(data, 12, 2, max_error).tolist() == expected


def test_a_quiet_signal_takes_few_bytes() -> None:
    assert len(encode_bounded(signal("constant", 10000, 1), 0)) < 100
    assert len(encode_bounded(signal("walk", 10000, 1), 0)) < 10000 * np.log2(81) / 8 * 1.08  # a logistic is no uniform distribution


@pytest.mark.parametrize("max_error", [-1, 65536])
def test_errors_outside_the_format_are_refused(max_error: int) -> None:
    with pytest.raises(InputError):
        encode_bounded(np.zeros((3, 1), np.int32), max_error)
    with pytest.raises(InputError):
        decode_bounded(b"", 3, 1, max_error)


@pytest.mark.parametrize("x", [np.zeros(3, np.int32), np.zeros((3, 1)), np.zeros((3, 257), np.int32), np.zeros((3, 0), np.int32)])
def test_other_arrays_are_refused(x: np.ndarray) -> None:
    with pytest.raises(InputError):
        encode_bounded(x, 0)
