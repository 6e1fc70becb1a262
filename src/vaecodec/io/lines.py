"""Samples that come bit by bit: raw int16 and lines of numbers, read and written in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError

__all__ = ["LineReader", "RawReader", "is_number", "write_lines", "write_raw_samples"]

Samples = NDArray[Any]
MAX_LINE = 1 << 16


class RawReader:
    """Little-endian int16 samples, channels interleaved, from bytes in any pieces.

    Args:
        channels: channels, at least 1.
    """

    def __init__(self, channels: int) -> None:
        self._frame = 2 * channels
        self._rest = b""

    def feed(self, data: bytes) -> Samples:
        """The frames that are complete now, int16 `[n, channels]`."""
        data = self._rest + data
        whole = len(data) - len(data) % self._frame
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<i2").astype(np.int16).reshape(-1, self._frame // 2)

    def finish(self) -> Samples:
        """No frames; FormatError if a part of one is left."""
        if self._rest:
            raise FormatError(f"the input ends inside a frame of {self._frame} bytes")
        return self.feed(b"")


class LineReader:
    """Lines of numbers, one a channel, separated by commas, semicolons, tabs or spaces.

    Lines that are empty or begin with # are skipped, and so is a first line of names.

    Args:
        step: the value of one unit; samples are then floats. None: they are integers.
    """

    def __init__(self, step: float | None = None) -> None:
        self._dtype: Any = np.int64 if step is None else np.float64
        self._rest = b""
        self._line = 0
        self._channels: int | None = None

    def feed(self, data: bytes) -> Samples:
        """The samples of the lines that are complete now, `[n, channels]`.

        Raises:
            FormatError: a line without end, of separators only, or of anything but numbers.
            InputError: a line of another number of channels, or numbers with decimals and no step.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise FormatError(f"a line of more than {MAX_LINE} bytes")
        return self._rows([row for line in lines if (row := self._row(line)) is not None])

    def finish(self) -> Samples:
        """The sample of a last line without line feed."""
        return self.feed(b"\n") if self._rest else self._rows([])

    def _rows(self, rows: list[list[float]]) -> Samples:
        try:
            return np.array(rows, self._dtype).reshape(-1, self._channels or 1)
        except OverflowError:
            raise InputError(f"line {self._line} or one just before it has a number beyond 64 bits") from None

    def _row(self, line: bytes) -> list[float] | None:
        self._line += 1
        text = line.decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            return None
        fields = text.replace(",", " ").replace(";", " ").split()
        if not fields:
            raise FormatError(f"line {self._line} has separators and no number: {text[:40]!r}")
        row = self._numbers(fields)
        if row is None:
            self._refuse(fields)
            return None
        if self._channels not in (None, len(row)):
            raise InputError(f"line {self._line} has {len(row)} numbers, those before it {self._channels}")
        self._channels = len(row)
        return row

    def _numbers(self, fields: list[str]) -> list[float] | None:
        if not all(map(_is_plain, fields)):
            return None
        try:
            return [int(field) if self._dtype is np.int64 else float(field) for field in fields]
        except ValueError:
            return None

    def _refuse(self, fields: list[str]) -> None:
        """Complains of a line that is no numbers, but for one of names at the start."""
        if self._channels is None and not any(map(_is_float, fields)):
            return
        if all(map(is_number, fields)):
            raise InputError(f"line {self._line} has decimals: give the value of one unit with --step")
        raise FormatError(f"line {self._line} is no numbers: {' '.join(fields)[:40]!r}")


def is_number(text: str) -> bool:
    """Whether a text is a number in a file; what else Python takes for one, `1_000` and the digits of other scripts, is none."""
    return _is_plain(text) and _is_float(text)


def _is_plain(text: str) -> bool:
    return text.isascii() and "_" not in text


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_raw_samples(samples: Samples) -> bytes:
    """Samples `[n, channels]` as little-endian int16, channels interleaved.

    Raises:
        InputError: they do not fit int16.
    """
    if samples.dtype.kind not in "iub" or (samples.size and (samples.max() > 32767 or samples.min() < -32768)):
        raise InputError(f"raw output is int16; these samples ({samples.dtype}) do not fit: write csv")
    return samples.astype("<i2").tobytes()


def write_lines(samples: Samples) -> bytes:
    """Samples `[n, channels]` as lines of numbers separated by commas."""
    digits = {"float16": ".5g", "float32": ".9g", "float64": ".15g"}.get(samples.dtype.name, "d")
    return "".join(",".join(format(value, digits) for value in row) + "\n" for row in samples.tolist()).encode()
