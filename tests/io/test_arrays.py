"""NumPy and raw files."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.io import arrays
from vaecodec.io.recording import Recording


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">i4", "float32", "bool"])
def test_npy_comes_back(dtype: str) -> None:
    array = np.arange(12).reshape(4, 3).astype(dtype)
    again = arrays.load_npy(arrays.save_npy(array))
    assert np.array_equal(again, array)
    assert again.dtype == array.dtype


def test_pickled_objects_are_never_loaded() -> None:
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(FormatError, match="objects"):
        arrays.load_npy(out.getvalue())


def test_a_header_that_claims_too_much_is_refused() -> None:
    data = arrays.save_npy(np.zeros(10, np.int16)).replace(b"(10,)", b"(9999999999,)").replace(b" " * 9 + b"\n", b"\n")
    with pytest.raises(FormatError):
        arrays.load_npy(data)


@given(st.integers(0, 147))
def test_truncated_npy_is_refused(length: int) -> None:
    with pytest.raises(FormatError):
        arrays.load_npy(arrays.save_npy(np.zeros(10, np.int16))[:length])


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(FormatError):
        arrays.load_npy(b"\x93NUMPY\x01\x00" + data)


def test_raw_comes_back() -> None:
    recording = Recording(np.array([[1, -2], [300, -400]], np.int16), Fraction(50))
    again = arrays.read_raw(arrays.write_raw(recording), Fraction(50), 2)
    assert np.array_equal(again.samples, recording.samples)


def test_raw_needs_a_rate_and_whole_frames() -> None:
    with pytest.raises(InputError, match="--rate"):
        arrays.read_raw(bytes(4), None)
    with pytest.raises(FormatError, match="frames"):
        arrays.read_raw(bytes(6), Fraction(1), 2)


def test_raw_output_refuses_what_does_not_fit() -> None:
    for samples in (np.array([40000]), np.array([0.5])):
        with pytest.raises(InputError):
            arrays.write_raw(Recording(samples, Fraction(1)))
