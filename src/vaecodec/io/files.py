"""Which reader and writer a file name means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import InputError, UnsupportedError
from vaecodec.io.recording import Picture, Recording

__all__ = ["IMAGE_SUFFIXES", "SIGNAL_SUFFIXES", "ReadOptions", "default_suffix", "read", "sniff", "write"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
SIGNAL_SUFFIXES = (".hea", ".dat", ".wav", ".csv", ".tsv", ".raw")
RAW_SUFFIXES = (".raw", ".bin", ".s16", ".pcm")
CSV_SUFFIXES = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class ReadOptions:
    """What the command line knows beyond the file: rate, channels of raw samples, columns of a table."""

    rate: Fraction | None = None
    channels: int = 1
    columns: Sequence[str] | None = None


def read(data: bytes, suffix: str, modality: str, options: ReadOptions, load: Callable[[str], bytes]) -> Picture | Recording:
    """Reads a file's content.

    Args:
        data: the content.
        suffix: such as ".png", which says what it is.
        modality: what the model codes, "image" or "signal"; decides what a .npy file holds.
        options: see `ReadOptions`.
        load: gives the content of a neighbour file by name (WFDB samples).

    Raises:
        UnsupportedError: no reader for this suffix, or not for this modality.
        FormatError: the file is damaged.
        InputError: its content cannot be coded.
    """
    kind = suffix.lower()
    if not data:
        raise InputError("the input is empty")
    if modality == "image":
        return _read_picture(data, kind)
    return _select(_read_recording(data, kind, options, load), options)


def _read_picture(data: bytes, suffix: str) -> Picture:
    if suffix in IMAGE_SUFFIXES:
        from vaecodec.io import images

        return images.read(data)
    if suffix == ".npy":
        from vaecodec.io.arrays import load_npy

        return Picture(load_npy(data))
    raise UnsupportedError(f"this model codes pictures; {suffix or 'a file without suffix'} is none of {' '.join(IMAGE_SUFFIXES)} .npy")


def _read_recording(data: bytes, suffix: str, options: ReadOptions, load: Callable[[str], bytes]) -> Recording:
    from vaecodec.io import arrays, csv_files, wav, wfdb

    if suffix == ".hea":
        return wfdb.read(data, load)
    if suffix == ".wav":
        return wav.read(data)
    if suffix in CSV_SUFFIXES:
        return csv_files.read(data, options.rate, options.columns)
    if suffix == ".npy":
        return arrays.read_npy(data, options.rate)
    if suffix in RAW_SUFFIXES:
        return arrays.read_raw(data, options.rate, options.channels)
    raise UnsupportedError(f"this model codes signals; {suffix or 'a file without suffix'} is none of {' '.join(SIGNAL_SUFFIXES)} .npy")


def _select(recording: Recording, options: ReadOptions) -> Recording:
    """Columns wanted of a recording that is no CSV table, and the caller's rate."""
    from dataclasses import replace

    if options.rate is not None:
        recording = replace(recording, rate=options.rate)
    if options.columns is None or "csv" in recording.extra:
        return recording
    names = recording.columns or []
    index = [names.index(c) if c in names else int(c) if re.fullmatch("[0-9]{1,9}", c) else -1 for c in options.columns]
    if bad := [c for c, i in zip(options.columns, index, strict=True) if not 0 <= i < recording.table.shape[1]]:
        raise InputError(f"no channel {bad[0]!r}; the file has {recording.table.shape[1]} channels {' '.join(names)}")
    extra = {kind: _pick(facts, index) for kind, facts in recording.extra.items()}
    table = recording.table[:, index]
    return replace(
        recording,
        samples=table[:, 0] if len(index) == 1 else table,
        columns=recording.columns and [names[i] for i in index],
        units=recording.units and [recording.units[i] for i in index],
        extra=extra,
    )


def _pick(facts: dict[str, Any], index: list[int]) -> dict[str, Any]:
    """The facts of some channels: lists that are one item a channel are cut, the others kept."""
    per_channel = ("gain", "baseline", "bits", "zero")
    return {key: [value[i] for i in index] if key in per_channel else value for key, value in facts.items()}


def sniff(data: bytes, modality: str) -> str:
    """Suffix of content that comes without a name, by its first bytes.

    Raises:
        InputError: it could be anything.
    """
    heads = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"), (b"BM", ".bmp"), (b"\x93NUMPY", ".npy"))
    if data[:4] == b"RIFF":
        return ".webp" if data[8:12] == b"WEBP" else ".wav"
    for head, suffix in heads:
        if data.startswith(head):
            return suffix
    if modality == "signal" and data[:1].isascii() and b"\n" in data[:65536] and b"\0" not in data[:65536]:
        return ".csv"
    raise InputError("cannot tell what the input is: give --input-format (png, wav, csv, npy, raw, ...)")


def default_suffix(facts: dict[str, Any]) -> str:
    """The suffix that a stream's content is best written with, given its `info`."""
    if facts["modality"] == "image":
        return ".png"
    known = {"wfdb": ".hea", "csv": ".csv", "wav": ".wav"}
    return next((suffix for kind, suffix in known.items() if kind in facts["metadata"]), ".npy")


def write(content: Picture | Recording, suffix: str, stem: str) -> dict[str, bytes]:
    """Writes pictures and recordings.

    Args:
        content: what was decoded.
        suffix: says the format.
        stem: names the files of a WFDB record.

    Returns:
        File name -> content; several for a WFDB record.

    Raises:
        UnsupportedError: no writer for this suffix.
        InputError: the format cannot hold this content.
    """
    kind = suffix.lower()
    if kind == ".npy":
        from vaecodec.io.arrays import save_npy

        array: NDArray[Any] = content.pixels if isinstance(content, Picture) else content.samples
        return {stem + suffix: save_npy(np.ascontiguousarray(array))}
    if isinstance(content, Picture):
        if kind not in IMAGE_SUFFIXES:
            raise UnsupportedError(f"a picture can be written as {' '.join(IMAGE_SUFFIXES)} or .npy, not {suffix!r}")
        from vaecodec.io import images

        return {stem + suffix: images.write(content, kind)}
    return _write_recording(content, kind, suffix, stem)


def _write_recording(content: Recording, kind: str, suffix: str, stem: str) -> dict[str, bytes]:
    from vaecodec.io import arrays, csv_files, wav, wfdb

    if kind in (".hea", ".dat"):
        return wfdb.write(content, stem)
    if kind == ".wav":
        return {stem + suffix: wav.write(content)}
    if kind in CSV_SUFFIXES:
        return {stem + suffix: csv_files.write(content)}
    if kind in RAW_SUFFIXES:
        return {stem + suffix: arrays.write_raw(content)}
    raise UnsupportedError(f"a signal can be written as {' '.join(SIGNAL_SUFFIXES)} or .npy, not {suffix!r}")
