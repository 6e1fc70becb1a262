"""Reads WFDB records of formats 16 and 212 (PhysioNet, "WFDB Applications Guide", header(5) and signal(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaecodec.codec.errors import InputError
from vaecodec.train.data.recording import Recording

INVALID = {"16": -32768, "212": -2048}  # what the formats write where a sample is missing
_GAIN = re.compile(r"[-+.\deE]+(?:\((-?\d+)\))?(?:/\S+)?")


@dataclass(frozen=True)
class _Signal:
    file: str
    format: str
    baseline: float
    name: str


def read_wfdb(path: Path) -> Recording:
    """Reads a record.

    Args:
        path: of the header (`.hea`); signal files lie beside it.

    Returns:
        Samples as float64 [N, channels], NaN where missing, in ADC units.

    Raises:
        InputError: if the header or a signal file is damaged, or of a kind not read here (several segments, other formats,
            several samples a frame).
    """
    try:
        return _read(path)
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"Expected a WFDB record. Received: {path} ({error})") from error


def _read(path: Path) -> Recording:
    lines = [line for line in path.read_text("ascii").splitlines() if line.strip() and not line.startswith("#")]
    record = lines[0].split()
    if "/" in record[0]:
        raise InputError(f"Expected a WFDB record of one segment. Received: {path}, which has several")
    count = int(record[1])
    rate = float(record[2].split("/")[0].split("(")[0]) if len(record) > 2 else 250.0
    signals = [_signal(line, path) for line in lines[1 : 1 + count]]
    if count < 1 or len(signals) != count:
        raise InputError(f"Expected {count} signal lines, at least 1. Received: {len(signals)} in {path}")
    columns: list[np.ndarray] = []
    for file in dict.fromkeys(s.file for s in signals):  # channels of one file lie next to each other
        members = [s for s in signals if s.file == file]
        columns += list(_samples(path.with_name(file), members).T)
    n = min(map(len, columns))
    values = np.stack([c[:n] for c in columns], axis=1)
    return Recording(values, tuple(s.name for s in signals), rate, tuple(s.baseline for s in signals))


def _signal(line: str, path: Path) -> _Signal:
    fields = line.split(None, 8)
    file, kind = fields[:2]
    if kind not in INVALID:
        raise InputError(f"Expected WFDB format 16 or 212. Received: {kind} in {path}")
    if Path(file).name != file:
        raise InputError(f"Expected a signal file beside its header. Received: {file} in {path}")
    zero = float(fields[4]) if len(fields) > 4 else 0.0
    gain = _GAIN.fullmatch(fields[2]) if len(fields) > 2 else None
    baseline = float(gain.group(1)) if gain and gain.group(1) else zero
    return _Signal(file, kind, baseline, fields[8] if len(fields) > 8 else file)


def _samples(path: Path, signals: list[_Signal]) -> np.ndarray:
    kinds = {s.format for s in signals}
    if len(kinds) > 1:
        raise InputError(f"Expected one format a file. Received: {', '.join(sorted(kinds))} in {path}")
    kind = kinds.pop()
    raw = path.read_bytes()
    flat = np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.int32) if kind == "16" else _unpack_212(raw)
    n = len(flat) // len(signals)
    values = flat[: n * len(signals)].reshape(n, len(signals)).astype(np.float64)
    values[values == INVALID[kind]] = np.nan
    return values


def _unpack_212(raw: bytes) -> np.ndarray:
    """Two 12-bit samples in three bytes: low byte, high nibbles of second and first, low byte."""
    triples = np.frombuffer(raw[: len(raw) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int32)
    first = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    second = triples[:, 2] | (triples[:, 1] & 0xF0) << 4
    flat = np.stack([first, second], axis=1).ravel()
    return np.where(flat > 2047, flat - 4096, flat)
