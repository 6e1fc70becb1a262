"""Changes to a folder that a power cut does not undo. docs/edge.md states which of them the spool makes, and when."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["remove_files", "replace_file", "sync_folder", "write_all"]


def sync_folder(folder: Path) -> None:
    """Makes files made, renamed or removed in a folder durable: a file's own fsync does not vouch for its name."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Writes all of the data, in as many calls as it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def replace_file(path: Path, data: bytes) -> None:
    """Gives a file new content: after a power cut it has the old one or the new one, whole."""
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.replace(path)
    sync_folder(path.parent)


def remove_files(paths: Iterable[Path]) -> None:
    """Removes files of one folder."""
    folders = set()
    for path in paths:
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)
