"""WFDB records (PhysioNet): a text header `.hea` and a file of packed samples `.dat`.

Formats 8-bit to 32-bit as in https://physionet.org/physiotools/wag/signal-5.htm: 16, 61, 80, 212, 24 and 32. One segment,
one sample a frame. Samples stay in ADC units; gain, baseline and units travel along, so a record comes back as a record.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError, UnsupportedError
from vaecodec.io.recording import Recording, parse_rate

__all__ = ["read", "write"]

Table = NDArray[np.int32]
GAIN = re.compile(r"^(?P<gain>[-+.\deE]+)?(?:\((?P<baseline>-?\d+)\))?(?:/(?P<units>\S+))?$")
MAX_SIGNALS = 256
# Formats whose lowest value stands for a missing sample.
SENTINEL = ("16", "61", "212")
# A gain of 0 stands for this one, which the specification calls the default.
DEFAULT_GAIN = 200.0


@dataclass(frozen=True)
class Signal:
    """One signal line of a header."""

    file: str
    format: str
    offset: int
    gain: float
    baseline: int
    units: str
    bits: int
    zero: int
    checksum: int | None
    name: str


@dataclass(frozen=True)
class Header:
    """A .hea file; `samples` is 0 where it does not say."""

    record: str
    rate: Fraction
    samples: int
    start: str
    signals: tuple[Signal, ...]
    comments: tuple[str, ...]


# --- reading --------------------------------------------------------------------------------------------------------


def read(header: bytes, load: Callable[[str], bytes]) -> Recording:
    """Reads a record.

    Args:
        header: content of the .hea file.
        load: gives the content of a signal file named in the header.

    Raises:
        FormatError: the header or the samples are damaged.
        UnsupportedError: several segments, several samples a frame, or another sample format.
    """
    head = parse_header(header.decode("utf-8", "replace"))
    groups: dict[str, list[int]] = {}
    for i, signal in enumerate(head.signals):
        groups.setdefault(signal.file, []).append(i)
    columns: dict[int, Table] = {}
    for name, members in groups.items():
        first = head.signals[members[0]]
        table = unpack(load(name)[first.offset :], first.format, len(members))
        columns |= {index: table[:, i] for i, index in enumerate(members)}
    return _recording(head, columns)


def parse_header(text: str) -> Header:
    """Parses a .hea file; see `read` for errors."""
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    lines = [line for line in lines if line and not line.startswith("#")]
    try:
        record, count, *rest = lines[0].split()
        if "/" in record:
            raise UnsupportedError("records of several segments are not read; convert each segment")
        if not 1 <= int(count) <= MAX_SIGNALS or len(lines) < int(count) + 1:
            raise FormatError(f"the header announces {count} signals and describes {len(lines) - 1}")
        rate = parse_rate(rest[0].split("/")[0].split("(")[0]) if rest else Fraction(250)
        samples = int(rest[1]) if len(rest) > 1 else 0
        signals = tuple(_signal(line, i) for i, line in enumerate(lines[1 : int(count) + 1]))
    except (IndexError, ValueError, ZeroDivisionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"not a WFDB header: {error}") from error
    if rate <= 0 or samples < 0:
        raise FormatError(f"a WFDB header with rate {rate} and {samples} samples")
    return Header(record, rate, samples, " ".join(rest[2:]), signals, comments)


def _signal(line: str, number: int) -> Signal:
    fields = line.split(maxsplit=8)
    kind = re.fullmatch(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?", fields[1])
    if kind is None or fields[0] == "~":
        raise FormatError(f"signal {number}: unreadable sample format {fields[1]!r}")
    if kind[2] not in (None, "1") or kind[3] not in (None, "0"):
        raise UnsupportedError(f"signal {number}: several samples a frame, or skew, are not read")
    if kind[1] not in FORMATS:
        raise UnsupportedError(f"signal {number}: sample format {kind[1]}; {', '.join(FORMATS)} are read")
    scale = GAIN.match(fields[2]) if len(fields) > 2 else None
    zero = int(fields[4]) if len(fields) > 4 else 0
    return Signal(
        file=fields[0],
        format=kind[1],
        offset=int(kind[4] or 0),
        gain=float((scale and scale["gain"]) or 0) or DEFAULT_GAIN,
        baseline=int(scale["baseline"]) if scale and scale["baseline"] else zero,
        units=(scale and scale["units"]) or "mV",
        bits=int(fields[3]) if len(fields) > 3 else 0,
        zero=zero,
        checksum=int(fields[6]) if len(fields) > 6 else None,
        name=fields[8] if len(fields) > 8 else f"signal {number}",
    )


def _recording(head: Header, columns: dict[int, Table]) -> Recording:
    length = head.samples or min(map(len, columns.values()))
    if any(len(column) < length for column in columns.values()):
        raise FormatError(f"truncated: the header announces {length} samples, a signal has {min(map(len, columns.values()))}")
    table = np.stack([columns[i][:length] for i in range(len(columns))], axis=1)
    checksums = [_checksum(column) for column in table.T]
    missing = [_hold(table[:, i], FORMATS[s.format][0][0]) if s.format in SENTINEL else 0 for i, s in enumerate(head.signals)]
    narrow = table.min(initial=0) >= -32768 and table.max(initial=0) <= 32767
    signals = head.signals
    facts: dict[str, Any] = {
        "format": signals[0].format,
        "gain": [s.gain for s in signals],
        "baseline": [s.baseline for s in signals],
        "bits": [s.bits for s in signals],
        "zero": [s.zero for s in signals],
        "start": head.start,
        "comments": list(head.comments),
    }
    samples = table.astype(np.int16) if narrow else table
    return Recording(
        samples if len(signals) > 1 else samples[:, 0],
        head.rate,
        [s.name for s in signals],
        [s.units for s in signals],
        extra={"wfdb": {key: value for key, value in facts.items() if value}},
        notes=(
            *(
                f"the samples of {s.name!r} do not have the checksum that the header states"
                for s, checksum in zip(signals, checksums, strict=True)
                if s.checksum is not None and head.samples and (checksum - s.checksum) % 65536
            ),
            *(f"{count} missing samples of {s.name!r} repeat the one before them" for s, count in zip(signals, missing, strict=True) if count),
        ),
    )


def _hold(column: NDArray[Any], sentinel: int) -> int:
    """Replaces missing samples by the last good one (by the first good one at the start; by 0 if there is none); returns their number."""
    bad = column == sentinel
    if not bad.any():
        return 0
    good = np.flatnonzero(~bad)
    if len(good) == 0:
        column[:] = 0
        return len(column)
    last = np.maximum.accumulate(np.where(bad, -1, np.arange(len(column))))
    column[:] = column[np.where(last < 0, good[0], last)]
    return int(bad.sum())


def _checksum(column: NDArray[Any]) -> int:
    """Sum of the samples as a signed 16-bit number."""
    return int(column.sum(dtype=np.int64) + 32768) % 65536 - 32768


# --- writing --------------------------------------------------------------------------------------------------------


def write(recording: Recording, record: str) -> dict[str, bytes]:
    """Writes a record.

    Args:
        recording: samples; of a recording that was no WFDB record, floats become integers by their steps.
        record: name of the record, which names the files.

    Returns:
        Contents of `record.dat` and `record.hea`, in this order.

    Raises:
        InputError: the format has no such names.
    """
    if not re.fullmatch(r"[A-Za-z0-9_\-.]+", record):
        raise InputError(f"{record!r} is no name for a WFDB record: letters, digits, _ - . only")
    facts = recording.extra.get("wfdb")
    facts = _sane(facts) if isinstance(facts, dict) else {}
    table, gains = _integers(recording, facts)
    form = facts.get("format")
    form = form if form is not None and _fits(table, form) else "16" if _fits(table, "16") else "32"
    low, high = FORMATS[form][0]
    table = np.clip(table, low + (form in SENTINEL), high).astype(np.int32)  # the lowest value would read as a missing sample
    channels = table.shape[1]
    rate = recording.rate or Fraction(250)
    text = [f"{record} {channels} {_number(float(rate))} {len(table)} {facts.get('start', '')}".strip()]
    for i in range(channels):
        baseline, zero = _at(facts, "baseline", i, 0), _at(facts, "zero", i, 0)
        units = recording.units[i].replace(" ", "_") if recording.units and recording.units[i] else "NU"
        scale = f"{_number(gains[i])}{f'({baseline})' if baseline != zero else ''}/{units}"
        name = recording.columns[i] if recording.columns else f"signal {i}"
        text.append(f"{record}.dat {form} {scale} {_at(facts, 'bits', i, 0)} {zero} {table[0, i]} {_checksum(table[:, i])} 0 {name}")
    text += [f"# {line}" for line in facts.get("comments", ())]
    return {f"{record}.dat": pack(table, form), f"{record}.hea": ("\n".join(text) + "\n").encode()}


def _sane(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that have the form which `read` gives them: whoever made the stream wrote them."""
    kept: dict[str, Any] = {}
    for key in ("gain", "baseline", "bits", "zero"):
        values, kind = facts.get(key), (int, float) if key == "gain" else int
        if isinstance(values, list) and all(isinstance(v, kind) and not isinstance(v, bool) and abs(v) < 1e12 for v in values):
            kept[key] = values
    if any(not gain > 0 for gain in kept.get("gain", ())):
        del kept["gain"]
    if isinstance(facts.get("format"), str) and facts["format"] in FORMATS:
        kept["format"] = facts["format"]
    if isinstance(facts.get("start"), str):
        kept["start"] = " ".join(facts["start"].split())
    if isinstance(facts.get("comments"), list):
        kept["comments"] = [" ".join(str(line).split()) for line in facts["comments"]]
    return kept


def _integers(recording: Recording, facts: dict[str, Any]) -> tuple[NDArray[np.int64], list[float]]:
    table = recording.table
    if table.dtype.kind != "f":
        return table.astype(np.int64), [float(_at(facts, "gain", i, DEFAULT_GAIN)) for i in range(table.shape[1])]
    steps = recording.steps or [float(np.ptp(column) or 1) / 65535 for column in table.T]
    with np.errstate(over="ignore"):
        whole, gains = np.rint(table.astype(np.float64) / steps), 1 / np.asarray(steps, np.float64)
    if not np.isfinite(gains).all() or np.abs(whole).max() >= 1 << 31:
        raise InputError("WFDB cannot hold these samples: in units of their step they do not fit 32 bits; write .csv or .npy")
    return whole.astype(np.int64), gains.tolist()


def _at(facts: dict[str, Any], key: str, i: int, default: float) -> Any:
    values = facts.get(key)
    return values[i] if isinstance(values, list) and i < len(values) else default


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _fits(table: NDArray[np.int64], form: str) -> bool:
    # A lossy decoder may overshoot by a little: such samples are clipped. A table of another range needs another format.
    low, high = FORMATS[form][0]
    span = high - low
    return bool(table.min() >= low - span // 8 and table.max() <= high + span // 8)


# --- sample formats -------------------------------------------------------------------------------------------------


def unpack(raw: bytes, form: str, channels: int) -> Table:
    """Samples `[N, channels]` of a signal file; a frame that is cut off at the end is left out."""
    flat = FORMATS[form][1](np.frombuffer(raw, np.uint8))
    return flat[: len(flat) // channels * channels].reshape(-1, channels)


def pack(table: NDArray[np.signedinteger[Any]], form: str) -> bytes:
    """The bytes of a signal file."""
    return FORMATS[form][2](table.astype(np.int32).ravel())


def _read_212(raw: NDArray[np.uint8]) -> Table:
    """Two samples of 12 bits in three bytes; a last odd sample takes two bytes."""
    odd = len(raw) % 3 == 2
    groups = np.append(raw, np.uint8(0)) if odd else raw[: len(raw) // 3 * 3]
    b = groups.reshape(-1, 3).astype(np.int32)
    flat = np.stack([b[:, 0] | (b[:, 1] & 15) << 8, b[:, 2] | (b[:, 1] >> 4) << 8], axis=1).ravel()
    flat = flat[:-1] if odd else flat
    return np.asarray(flat - ((flat & 2048) << 1), np.int32)


def _write_212(flat: Table) -> bytes:
    pairs = np.append(flat, 0) if len(flat) % 2 else flat
    a, b = (pairs[k::2] & 4095 for k in range(2))
    packed = bytes(np.stack([a & 255, a >> 8 | (b >> 8) << 4, b & 255], axis=1).astype(np.uint8).tobytes())
    return packed[:-1] if len(flat) % 2 else packed


def _whole(raw: NDArray[np.uint8], size: int) -> bytes:
    return bytes(raw[: len(raw) // size * size].tobytes())


def _read_24(raw: NDArray[np.uint8]) -> Table:
    b = raw[: len(raw) // 3 * 3].reshape(-1, 3).astype(np.int32)
    flat = b[:, 0] | b[:, 1] << 8 | b[:, 2] << 16
    return np.asarray(flat - ((flat & 0x800000) << 1), np.int32)


def _write_24(flat: Table) -> bytes:
    return bytes(flat.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes())


def _read_int(dtype: str, size: int) -> Callable[[NDArray[np.uint8]], Table]:
    return lambda raw: np.frombuffer(_whole(raw, size), dtype).astype(np.int32)


Format = tuple[tuple[int, int], Callable[[NDArray[np.uint8]], Table], Callable[[Table], bytes]]
# Name -> range of a sample, reader, writer.
FORMATS: dict[str, Format] = {
    "16": ((-32768, 32767), _read_int("<i2", 2), lambda flat: flat.astype("<i2").tobytes()),
    "61": ((-32768, 32767), _read_int(">i2", 2), lambda flat: flat.astype(">i2").tobytes()),
    "80": ((-128, 127), lambda raw: raw.astype(np.int32) - 128, lambda flat: (flat + 128).astype(np.uint8).tobytes()),
    "212": ((-2048, 2047), _read_212, _write_212),
    "24": ((-(1 << 23), (1 << 23) - 1), _read_24, _write_24),
    "32": ((-(1 << 31), (1 << 31) - 1), _read_int("<i4", 4), lambda flat: flat.astype("<i4").tobytes()),
}
