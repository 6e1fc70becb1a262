"""WAV files: PCM of 8, 16, 24 and 32 bits and IEEE floats, read and written here without a library."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError, UnsupportedError
from vaecodec.io.recording import Recording

__all__ = ["read", "write"]

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
DTYPES = {(PCM, 8): "<u1", (PCM, 16): "<i2", (PCM, 32): "<i4", (FLOAT, 32): "<f4", (FLOAT, 64): "<f8"}


def read(data: bytes) -> Recording:
    """Reads a WAV file.

    Raises:
        FormatError: damaged, or no WAV file.
        UnsupportedError: a compressed or unusual sample format.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise FormatError("not a WAV file: it does not begin with RIFF .... WAVE")
    chunks = dict(_chunks(data))
    if b"fmt " not in chunks or b"data" not in chunks or len(chunks[b"fmt "]) < 16:
        raise FormatError("the WAV file lacks its fmt or data chunk: truncated?")
    kind, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if kind == EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        kind = struct.unpack("<H", chunks[b"fmt "][24:26])[0]
    if not channels or not rate or not frame or frame * 8 != channels * bits:
        raise FormatError("the WAV file's fmt chunk contradicts itself")
    if len(chunks[b"data"]) % frame:
        raise FormatError("the WAV file ends within a frame of its channels")
    samples = _samples(chunks[b"data"], kind, bits).reshape(-1, channels)
    extra: dict[str, Any] = {"wav": {"bits": 24} if bits == 24 else {}}
    return Recording(samples[:, 0] if channels == 1 else samples, Fraction(rate), extra=extra)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        # Recorders that were cut off write a size of 0 or of all ones; take what there is, if it is the last chunk.
        if name == b"data" and size in (0, 0xFFFFFFFF):
            size = len(data) - position - 8
        if position + 8 + size > len(data):
            raise FormatError(f"truncated: the WAV file's {name.decode('latin-1')!r} chunk needs {size} bytes")
        yield name, data[position + 8 : position + 8 + size]
        position += 8 + size + (size & 1)


def _samples(raw: bytes, kind: int, bits: int) -> NDArray[Any]:
    if (kind, bits) == (PCM, 24):
        bytes3 = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(bytes3), 4), np.uint8)
        wide[:, 1:] = bytes3
        return wide.view("<i4")[:, 0] >> 8
    if (kind, bits) not in DTYPES:
        raise UnsupportedError(f"WAV samples of format {kind} with {bits} bits; PCM of 8, 16, 24, 32 bits and floats are read")
    dtype = np.dtype(DTYPES[kind, bits])
    return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="))


def write(recording: Recording) -> bytes:
    """Writes a WAV file in the samples' own format; the rate is rounded to whole hertz.

    Raises:
        InputError: no rate, or samples that WAV cannot hold.
    """
    table = recording.table
    if not recording.rate or not 1 <= round(recording.rate) < 1 << 32:
        raise InputError("a WAV file needs a sampling rate in whole hertz; this signal has none: write .npy or .csv")
    kind, bits, raw = _raw(table, recording.extra.get("wav"))
    frame = table.shape[1] * bits // 8
    rate = round(recording.rate)
    form = struct.pack("<HHIIHH", kind, table.shape[1], rate, rate * frame & 0xFFFFFFFF, frame, bits)
    body = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"data", raw)
    return _chunk(b"RIFF", body)


def _raw(table: NDArray[Any], facts: object) -> tuple[int, int, bytes]:
    if isinstance(facts, dict) and facts.get("bits") == 24 and table.dtype == np.int32:
        clipped = np.ascontiguousarray(np.clip(table, -(1 << 23), (1 << 23) - 1), "<i4")
        return PCM, 24, clipped.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    to = {"uint8": "<u1", "int8": "<i2", "int16": "<i2", "uint16": "<i4", "int32": "<i4", "float32": "<f4", "float64": "<f8"}.get(table.dtype.name)
    if to is None:
        raise InputError(f"WAV cannot hold samples of dtype {table.dtype}; write .npy or .csv")
    kind, bits = next(key for key, value in DTYPES.items() if value == to)
    return kind, bits, table.astype(to).tobytes()


def _chunk(name: bytes, body: bytes) -> bytes:
    if len(body) >= 1 << 32:
        raise InputError("a WAV file holds less than 4 GiB")
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)
