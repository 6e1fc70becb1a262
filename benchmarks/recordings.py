"""Single channels of recordings, as integers, with what the protocol needs to know about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaecodec.benchmarks.results import find_files, naming
from vaecodec.codec.errors import InputError
from vaecodec.codec.samples import to_integers
from vaecodec.io.files import ReadOptions, read
from vaecodec.io.recording import Recording
from vaecodec.io.wfdb import DEFAULT_GAIN

__all__ = ["REPORT_RECORDS", "Channel", "channels"]

SUFFIXES = (".hea", ".wav", ".csv", ".npy")
IN_A_MILLIVOLT = {"uV": 1000.0, "µV": 1000.0, "V": 0.001}
# Records of the MIT-BIH Arrhythmia Database that no shipped model was trained or tuned on; lead 0 of each is reported.
REPORT_RECORDS = ("100", "103", "105", "111", "113", "117", "121", "123", "200", "210", "212")


@dataclass(frozen=True)
class Channel:
    """One channel of one file.

    Attributes:
        name: the file's stem, and the channel where all are taken.
        samples: integers `[N]` in the sensor's own units.
        rate: samples a second.
        bits: the sensor's bit depth.
        baseline: what the sensor gives for a physical zero.
        gain: units of `samples` in a millivolt, or in the file's physical unit if that is no voltage; WFDB's default where the
            file does not say.
        annotations: the file of annotations beside a WFDB record, if there is one.
    """

    name: str
    samples: NDArray[np.int64]
    rate: Fraction
    bits: int
    baseline: float
    gain: float = DEFAULT_GAIN
    annotations: Path | None = None


def channels(folder: Path, records: Sequence[str] | None, lead: int | None, bits: int | None, limit: int | None) -> list[Channel]:
    """Reads what is to be measured.

    Args:
        folder: with files `*.hea`, `*.wav`, `*.csv` or `*.npy`.
        records: stems to take, or patterns of them; unless given, `REPORT_RECORDS` if the folder holds them all, else every file.
        lead: the channel to take of each file; unless given, 0 with `REPORT_RECORDS`, else every channel.
        bits: the sensor's bit depth; unless given, the file's own word, else that of its sample type (16 for floats).
        limit: at most so many files.

    Raises:
        InputError: no such file or channel.
    """
    files = {path.stem: path for path in find_files(folder, SUFFIXES, None)}
    if records is None and files.keys() >= set(REPORT_RECORDS):
        records, lead = REPORT_RECORDS, lead or 0
    found = [[path for stem, path in files.items() if fnmatchcase(stem, name)] for name in records or ()]
    if missing := [name for name, paths in zip(records or (), found, strict=True) if not paths]:
        raise InputError(f"{folder} has no record {missing[0]!r}")
    chosen = [path for paths in found for path in paths] if records else list(files.values())
    return [channel for path in chosen[:limit] for channel in _split(path, lead, bits)]


def _split(path: Path, lead: int | None, bits: int | None) -> Iterator[Channel]:
    with naming(path):
        content = read(path.read_bytes(), path.suffix, "signal", ReadOptions(), lambda name: (path.parent / Path(name).name).read_bytes())
    assert isinstance(content, Recording)
    table = content.table
    if lead is not None and not 0 <= lead < table.shape[1]:
        raise InputError(f"{path}: no channel {lead}; it has {table.shape[1]}")
    integers, _ = to_integers(table, 15, content.steps)
    facts = content.extra.get("wfdb", {})
    beside = path.with_suffix(".atr")
    annotations = beside if path.suffix == ".hea" and beside.exists() else None
    for i in range(table.shape[1]) if lead is None else [lead]:
        column = content.columns[i] if content.columns else str(i)
        name = path.stem if lead is not None or table.shape[1] == 1 else f"{path.stem}/{column}"
        depth = bits or _at(facts.get("bits"), i) or (16 if table.dtype.kind == "f" else 8 * table.dtype.itemsize)
        gain = (_at(facts.get("gain"), i) or DEFAULT_GAIN) * IN_A_MILLIVOLT.get(content.units[i] if content.units else "mV", 1.0)
        baseline = float(_at(facts.get("baseline"), i))
        yield Channel(name, integers[:, i].astype(np.int64), content.rate or Fraction(1), int(depth), baseline, gain, annotations)


def _at(values: Sequence[float] | None, i: int) -> float:
    return values[i] if values else 0
