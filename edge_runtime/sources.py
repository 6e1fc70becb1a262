"""Where samples come from: a file, standard input, a serial port, behind one interface."""

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError, UnsupportedError, VaecodecError
from vaecodec.edge_runtime.backoff import Backoff
from vaecodec.edge_runtime.stop import Stop
from vaecodec.io.lines import LineReader, RawReader

__all__ = ["FileSource", "Format", "GapError", "PipeSource", "SerialSource", "Source", "open_source"]

Samples = NDArray[Any]
Log = Callable[[str], None]
# Bytes that are read, coded and made durable at a time.
PIECE = 1 << 14
# How often a file is looked at that may grow.
FOLLOW_SECONDS = 0.05
NONE: Samples = np.empty((0, 1), np.int16)


class GapError(VaecodecError):
    """The source was away for a time: what it gives now does not follow what it gave before."""


@dataclass(frozen=True)
class Format:
    """How samples are written.

    Attributes:
        lines: whether as lines of numbers; otherwise as little-endian int16, channels interleaved.
        channels: of raw samples.
        step: of numbers with decimals, the value of one unit.
    """

    lines: bool = False
    channels: int = 1
    step: float | None = None

    def reader(self) -> RawReader | LineReader:
        """From bytes to samples."""
        return LineReader(self.step) if self.lines else RawReader(self.channels)


class Source(ABC):
    """Gives samples, in order.

    Attributes:
        live: whether it goes on while nobody reads, so that waiting loses samples.
        again: whether it can be read again from any sample on.
    """

    live = False
    again = False

    def seek(self, position: int) -> None:  # noqa: B027 - most have nothing to do
        """Makes `read` go on with that sample; sources that cannot be read again take it for a count and do nothing."""

    @abstractmethod
    def read(self, stop: Stop) -> Samples | None:
        """Waits for samples.

        Returns:
            `[n, channels]`, n may be 0, also where it was asked to stop; None at the end of the source.

        Raises:
            GapError: some may be missing from here on; the next call goes on behind the gap.
            FormatError, InputError: what comes is no samples.
        """

    def close(self) -> None:  # noqa: B027 - standard input stays open
        """Lets go of what it reads."""


class PipeSource(Source):
    """Standard input, or another file handle that gives bytes until it ends.

    Args:
        handle: of the file.
        form: how its samples are written.
    """

    def __init__(self, handle: int, form: Format) -> None:
        self._handle, self._reader, self._ended = handle, form.reader(), False

    def read(self, stop: Stop) -> Samples | None:
        """As `Source.read`."""
        if self._ended:
            return None
        if not stop.readable(self._handle):
            return NONE
        data = os.read(self._handle, PIECE)
        self._ended = not data
        return self._reader.feed(data) if data else self._reader.finish()


class FileSource(Source):
    """A file, read on from where durable packets end.

    Args:
        path: of the file.
        form: how its samples are written.
        follow: whether it may grow: its end is then waited at.

    Raises:
        InputError: there is no such file.
    """

    again = True

    def __init__(self, path: Path, form: Format, *, follow: bool = False) -> None:
        if not path.is_file():
            raise InputError(f"no such file: {path}")
        self._path, self._form, self._follow = path, form, follow
        self._file = path.open("rb", buffering=0)
        self._reader, self._skip, self._ended = form.reader(), 0, False

    def seek(self, position: int) -> None:
        """Goes to a sample.

        Raises:
            InputError: a raw file that ends before it.
        """
        self._reader, self._skip = self._form.reader(), 0
        if self._form.lines:
            self._file.seek(0)
            self._skip = position
            return
        at, size = 2 * self._form.channels * position, self._path.stat().st_size
        if at > size:
            raise InputError(f"{self._path} has {size} bytes, but {at} of it are in the spool: give another file a spool of its own")
        self._file.seek(at)

    def read(self, stop: Stop) -> Samples | None:
        """As `Source.read`."""
        if self._ended:
            return None
        data = self._file.read(PIECE)
        if not data and self._follow:
            stop.wait(FOLLOW_SECONDS)
            return NONE
        self._ended = not data
        return self._after_skip(self._reader.feed(data) if data else self._reader.finish())

    def _after_skip(self, samples: Samples) -> Samples:
        skip = min(self._skip, len(samples))
        self._skip -= skip
        if self._ended and self._skip:
            raise InputError(f"{self._path} ends {self._skip} samples before what is in the spool: give another file a spool of its own")
        return samples[skip:]

    def close(self) -> None:
        """As `Source.close`."""
        self._file.close()


class SerialSource(Source):
    """A serial port. It is opened again when it went away; lines that are no numbers are skipped and counted.

    Args:
        port: such as /dev/ttyUSB0.
        baud: symbols a second.
        form: how samples are written.
        log: takes lines about the port.

    Attributes:
        skipped: lines so far that were no numbers.

    Raises:
        UnsupportedError: pyserial is not installed.
    """

    live = True

    def __init__(self, port: str, baud: int, form: Format, log: Log = lambda _: None) -> None:
        try:
            import serial
        except ImportError:
            raise UnsupportedError("a serial port needs the package 'pyserial': pip install '.[edge]'") from None
        self._open: Callable[[], Any] = lambda: serial.Serial(port, baud, timeout=0)
        self._name, self._form, self._log = port, form, log
        self._errors = (serial.SerialException, OSError)
        self._port: Any = None
        self._seen = False  # whether it was ever open
        self._backoff = Backoff(0.2, 5.0)
        self.skipped = 0

    def read(self, stop: Stop) -> Samples | None:
        """As `Source.read`."""
        try:
            if self._port is None:
                self._begin()
            return self._take(stop)
        except self._errors as error:
            self._lose(error, stop)
            return NONE

    def _begin(self) -> None:
        self._port = self._open()
        self._backoff.reset()
        self._reader, self._rest, self._first = self._form.reader(), b"", self._form.lines
        self._log(f"{self._name}: open")
        again, self._seen = self._seen, True
        if again:
            raise GapError(f"{self._name} was away")

    def _take(self, stop: Stop) -> Samples:
        if not stop.readable(self._port.fileno()):
            return NONE
        data: bytes = self._port.read(PIECE)
        if not data:
            raise OSError("the port gives nothing")  # it was unplugged
        return self._lines(data) if self._form.lines else self._reader.feed(data)

    def _lines(self, data: bytes) -> Samples:
        """Samples of the lines that are complete; the first line of all may have begun before we listened."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        parts = []
        for line in lines:
            if self._first:
                self._first = False
                continue
            try:
                parts.append(self._reader.feed(line + b"\n"))
            except (FormatError, InputError) as error:
                self.skipped += 1
                self._log(f"{self._name}: skipped: {error}")
        whole = [part for part in parts if len(part)]
        return np.concatenate(whole) if whole else NONE

    def _lose(self, error: Exception, stop: Stop) -> None:
        if self._port is not None or not self._seen:
            self._log(f"{self._name}: {error}; tried again until it is back")
        self.close()
        stop.wait(self._backoff.next())

    def close(self) -> None:
        """As `Source.close`."""
        port, self._port = self._port, None
        if port is not None:
            port.close()


def open_source(text: str, form: Format, *, baud: int = 115200, follow: bool = False, log: Log = lambda _: None) -> Source:
    """The source of a name: `-`, `file:PATH`, `serial:PORT`, or a path.

    Raises:
        InputError: there is no such source.
        UnsupportedError: a package that it needs is not installed.
    """
    kind, rest = _split(text)
    if kind == "serial":
        return SerialSource(rest, baud, form, log)
    if kind == "stdin":
        return PipeSource(0, form)
    path = Path(rest)
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        return PipeSource(os.open(path, os.O_RDONLY), form)
    return FileSource(path, form, follow=follow)


def _split(text: str) -> tuple[str, str]:
    if text in ("-", "stdin", "stdin:"):
        return "stdin", ""
    found = re.fullmatch("(file|serial):(.+)", text)
    return (found[1], found[2]) if found else ("file", text)
