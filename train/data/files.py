"""Finds the data files and splits them into training and validation, whole files at a time."""

from __future__ import annotations

import zlib
from fnmatch import fnmatch
from pathlib import Path

from vaecodec.codec.errors import InputError
from vaecodec.train.config import IMAGE
from vaecodec.train.data.readers import SIGNAL_READERS, image_suffixes
from vaecodec.train.sensing_config import Config

HELD_OUT = 20  # one file in so many is held out where the config names none


def split(config: Config, folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Training and validation files.

    Args:
        config: whose `data.train` and `data.validation` are patterns of paths below the folder. A pattern matches a whole path or
            its end, with or without the suffix: `101`, `s01/*`, `photos/*.png`.
        folder: searched with all its subfolders.

    Returns:
        Two lists of paths, sorted; no file is in both.

    Raises:
        InputError: if the folder does not exist, a pattern matches nothing, or either list would be empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"Expected a folder of data. Received: {folder}")
    paths = _find(config, folder)
    if len(paths) < 2:
        raise InputError(f"Expected at least 2 {config.modality} files below {folder}. Received: {len(paths)}")
    names = {p: p.relative_to(folder).as_posix() for p in paths}
    held = _matching(names, config.data.validation) if config.data.validation else _held_out(names)
    rest = [p for p in paths if p not in held]
    wanted = _matching(names, config.data.train) if config.data.train else set(rest)
    train = [p for p in rest if p in wanted]
    if not train:
        raise InputError(f"Expected files to train on beside those for validation. Received: none below {folder}")
    return train, [p for p in paths if p in held]


def _find(config: Config, folder: Path) -> list[Path]:
    suffixes = image_suffixes() if config.modality == IMAGE else set(SIGNAL_READERS)
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())


def _matching(names: dict[Path, str], patterns: tuple[str, ...]) -> set[Path]:
    found: set[Path] = set()
    for pattern in patterns:
        hits = {p for p, name in names.items() if _matches(name, pattern)}
        if not hits:
            raise InputError(f"Expected files for the pattern {pattern!r} of [data]. Received: none among {len(names)} files")
        found |= hits
    return found


def _matches(name: str, pattern: str) -> bool:
    bare = name.rpartition(".")[0]
    return any(fnmatch(candidate, p) for candidate in (name, bare) for p in (pattern, f"*/{pattern}"))


def _held_out(names: dict[Path, str]) -> set[Path]:
    """About one file in twenty, at least one; a file's lot depends on its own name alone."""
    lot = {p: zlib.crc32(name.encode()) for p, name in names.items()}
    return {p for p, value in lot.items() if value % HELD_OUT == 0} or {min(lot, key=lambda p: lot[p])}
