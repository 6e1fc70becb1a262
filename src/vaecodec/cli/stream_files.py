"""Where streams come from and go to: inputs that are read as they come, outputs that grow."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from vaecodec.cli.files import STDIO, followed, refuse_existing
from vaecodec.codec.errors import InputError

__all__ = ["Output", "check_files", "is_live", "read_pieces"]

PIECE = 1 << 16


def check_files(source: str, outputs: Sequence[str], force: bool) -> None:
    """Stops before any work is done if an output exists and may not be replaced, or is the input or another output.

    Raises:
        InputError: it does.
    """
    names = {_identity(source, sys.stdin): "standard input" if source == STDIO else source}
    for path in outputs:
        identity = _identity(path, sys.stdout)
        if identity is not None and identity in names:
            raise InputError(f"{names[identity]} and {'standard output' if path == STDIO else path} are one file; give another name")
        names[identity] = path
        refuse_existing(path, force)


def _identity(path: str, standard: Any) -> object:
    """What all names of a file have in common; None for pipes and devices."""
    try:
        facts = os.fstat(standard.fileno()) if path == STDIO else Path(path).stat()
    except (AttributeError, OSError, ValueError):  # a standard stream that is closed or no file; a file that is not there yet
        return None if path == STDIO else os.path.realpath(path)
    return (facts.st_dev, facts.st_ino) if stat.S_ISREG(facts.st_mode) else None


def is_live(source: str) -> bool:
    """Whether what an input gives cannot be had again."""
    return source == STDIO or not Path(source).is_file()


def read_pieces(source: str) -> Iterator[bytes]:
    """What is there of an input, without waiting for a full buffer.

    Raises:
        InputError: there is no such input.
    """
    with _opened(source) as stream:
        read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        while data := read(PIECE):
            yield data


def _opened(source: str) -> Any:
    if source == STDIO:
        return nullcontext(_standard(sys.stdin, "input"))
    if not Path(source).exists():
        raise InputError(f"no such file: {source}")
    return Path(source).open("rb")


def _standard(stream: Any, name: str) -> BinaryIO:
    if stream is None:
        raise InputError(f"standard {name} is closed")
    buffer: BinaryIO = stream.buffer
    return buffer


class Output:
    """Standard output, or a file that begins with its first bytes and grows.

    An error leaves nothing of it, and brings back the file that it replaced. What was written stays after an interruption, for a stream needs no
    end to be decoded, and after an error of the system if the input is live.

    Args:
        target: path, or `-`.
        live: whether the input is live.
    """

    def __init__(self, target: str, live: bool) -> None:
        self._target, self._live = target, live
        self._file: BinaryIO | None = None
        self._made: Path | None = None  # a regular file that we began
        self._old: Path | None = None  # where the one that it replaces lies meanwhile

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written."""
        return self._file is None

    def write(self, data: bytes) -> None:
        """Writes at once what a reader may wait for."""
        if not data:
            return
        if self._file is None:
            self._file = _standard(sys.stdout, "output") if self._target == STDIO else self._begun()
        self._file.write(data)
        self._file.flush()

    def _begun(self) -> BinaryIO:
        path = followed(Path(self._target))
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            self._old = _set_aside(path)
        if not path.exists():
            self._made = path
        return path.open("wb")

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._file is not None and self._target != STDIO:
                self._file.close()
        finally:
            if self._made is not None:
                self._settle(self._made, keep=self._file is not None and self._stays(kind))

    def _stays(self, kind: type[BaseException] | None) -> bool:
        return kind is None or not issubclass(kind, Exception) or (self._live and issubclass(kind, OSError))

    def _settle(self, made: Path, keep: bool) -> None:
        if keep:
            if self._old is not None:
                self._old.unlink()
        elif self._old is not None:
            self._old.replace(made)
        else:
            made.unlink(missing_ok=True)


def _set_aside(path: Path) -> Path:
    """Moves a file to a name of its own beside its place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".vaecodec-", suffix=".old")
    os.close(handle)
    return path.replace(name)
