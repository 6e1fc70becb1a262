"""NumPy .npy files and raw int16 samples."""

from __future__ import annotations

import io
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.io.recording import Recording

__all__ = ["load_npy", "read_npy", "read_raw", "save_npy", "write_raw"]


def load_npy(data: bytes) -> NDArray[Any]:
    """The array of a .npy file; pickled objects are refused, and so is a header that claims more than the file holds.

    Raises:
        FormatError: damaged, or no .npy file.
    """
    stream = io.BytesIO(data)
    try:
        shape, dtype = _header(stream)
        if dtype.hasobject:
            raise FormatError("the .npy file holds Python objects, which are never loaded")
        if prod(shape) * dtype.itemsize != len(data) - stream.tell():
            raise FormatError(f"truncated: the .npy header claims {shape} of {dtype}, {len(data) - stream.tell()} bytes follow it")
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except FormatError:
        raise
    except Exception as error:
        # The header is a Python literal: NumPy lets through whatever Python's tokenizer and parser raise on a damaged one.
        raise FormatError(f"not a readable .npy file: {(str(error) or type(error).__name__).splitlines()[0]}") from error


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype; the stream stands at the data then."""
    form: Any = np.lib.format
    version = form.read_magic(stream)
    shape, _, dtype = (form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0)(stream)
    return shape, dtype


def read_npy(data: bytes, rate: Fraction | None = None) -> Recording:
    """A .npy file as a recording, `[N]` or `[N, channels]`; the rate is the caller's, as the file has none."""
    return Recording(load_npy(data), rate)


def save_npy(array: NDArray[Any]) -> bytes:
    """An array as a .npy file."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def read_raw(data: bytes, rate: Fraction | None, channels: int = 1) -> Recording:
    """Little-endian int16 samples, channels interleaved.

    Raises:
        InputError: no rate, or a number of channels below 1.
        FormatError: the bytes are no whole number of frames.
    """
    if not rate:
        raise InputError("raw samples do not say their sampling rate: give --rate")
    if channels < 1:
        raise InputError(f"channels is at least 1, got {channels}")
    if len(data) % (2 * channels):
        raise FormatError(f"{len(data)} bytes are no whole number of frames of {channels} int16 samples")
    samples = np.frombuffer(data, "<i2").astype(np.int16)
    return Recording(samples if channels == 1 else samples.reshape(-1, channels), rate)


def write_raw(recording: Recording) -> bytes:
    """Little-endian int16 samples, channels interleaved.

    Raises:
        InputError: samples that do not fit int16.
    """
    table = recording.table
    if table.dtype.kind not in "iu" or (table.size and (table.max() > 32767 or table.min() < -32768)):
        raise InputError(f"raw output is int16; these samples ({table.dtype}) do not fit: write .npy")
    return table.astype("<i2").tobytes()
