"""A disk that loses all that nobody told it to keep: what a folder may look like after a power cut at any moment.

It watches the calls that change a folder, and knows of each file what of it was synchronised, and of the folder which names were.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Files = dict[str, bytes]


@dataclass
class Disk:
    """Watches one folder.

    Attributes:
        cuts: after each call, what the folder may hold if the power goes: names or contents not synchronised, neither, or both.
    """

    folder: Path
    cuts: list[tuple[int, list[Files]]] = field(default_factory=list)
    promise: int = 0  # what the caller may count on by now: kept beside each cut
    _numbers: dict[int, int] = field(default_factory=dict)  # of files, by inode; inodes are used again
    _synced: dict[int, bytes] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)
    _last: dict[int, bytes] = field(default_factory=dict)

    def begun(self, path: Any) -> None:
        """A file was opened, and may be new."""
        found = Path(path).stat()
        if stat.S_ISREG(found.st_mode) and found.st_size == 0:
            number = len(self._synced)
            self._numbers[found.st_ino] = number
            self._synced[number] = b""

    def synced(self, handle: int) -> None:
        """A file or the folder was synchronised."""
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            self._names = {name: self._numbers[path.stat().st_ino] for name, path in self._present().items()}
        else:
            self._synced[self._numbers[found.st_ino]] = Path(f"/proc/self/fd/{handle}").read_bytes()

    def changed(self) -> None:
        """After each call: what might be left."""
        now = {name: self._numbers[path.stat().st_ino] for name, path in self._present().items()}
        self._last |= {now[name]: path.read_bytes() for name, path in self._present().items()}
        states: list[Files] = []
        for names in (self._names, now):
            for contents in (self._synced, self._last):
                state = {name: contents.get(number, b"") for name, number in names.items()}
                if state not in states:
                    states.append(state)
        self.cuts.append((self.promise, states))

    def _present(self) -> dict[str, Path]:
        return {path.name: path for path in self.folder.iterdir()}


@contextmanager
def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Watches a folder while the context lasts."""
    disk = Disk(folder)
    folder.mkdir()
    with monkeypatch.context() as patch:
        for owner, name in ((os, "write"), (os, "ftruncate"), (Path, "unlink"), (Path, "replace"), (Path, "rename")):
            patch.setattr(owner, name, _then(getattr(owner, name), disk))
        patch.setattr(os, "open", _opening(os.open, disk))
        patch.setattr(os, "fsync", _synchronising(os.fsync, disk))
        yield disk


def _then(call: Any, disk: Disk) -> Any:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        out = call(*arguments, **options)
        disk.changed()
        return out

    return wrapped


def _opening(call: Any, disk: Disk) -> Any:
    def wrapped(path: Any, *arguments: Any, **options: Any) -> Any:
        handle = call(path, *arguments, **options)
        if Path(path).parent == disk.folder:
            disk.begun(path)
            disk.changed()
        return handle

    return wrapped


def _synchronising(call: Any, disk: Disk) -> Any:
    def wrapped(handle: int) -> None:
        call(handle)
        disk.synced(handle)
        disk.changed()

    return wrapped
