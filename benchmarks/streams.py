"""`vaecodec bench stream`: what packets cost, what a bad line costs, and the memory of a long stream."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vaecodec.benchmarks.distortion import prdn
from vaecodec.benchmarks.recordings import Channel, channels
from vaecodec.benchmarks.results import Report, environment, write_report
from vaecodec.benchmarks.search import lowest_quality
from vaecodec.benchmarks.tables import number, table
from vaecodec.codec import stream_syntax
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import SYNC
from vaecodec.codec.errors import UnsupportedError, VaecodecError
from vaecodec.codec.stream_decoder import Chunk, Decoder, Fault
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_timeline import CONCEALED, DECODED, EDGE

__all__ = ["bench_stream"]

Row = dict[str, Any]
Samples = NDArray[np.int16]
TARGET = 5.0
QUALITY_STEP = 0.4
LONG, SHORT, DELTA = "60 s packets", "2 s packets", "2 s packets, key every 10 s"
SHAPES: dict[str, dict[str, float]] = {LONG: {"packet": 60.0}, SHORT: {"packet": 2.0}, DELTA: {"packet": 2.0, "key": 10.0}}
# Shares of packets, of a line that loses, doubles, swaps and damages them.
LOST, DOUBLED, SWAPPED, FLIPPED = 0.05, 0.01, 0.01, 0.01
HOURS = 24.0
STATUS = Path("/proc/self/status")
# What `wait4` tells of a child covers its parent's memory too, from before the child became another program: it tells its own.
PROGRAM = (
    "import sys; from vaecodec.cli import run; code = run(); "
    f"print(*(line for line in open('{STATUS}') if line.startswith('VmHWM')), file=sys.stderr); sys.exit(code)"
)

PROTOCOL = (
    "Bytes: for each record and shape of stream the lowest quality whose PRDN is at most the target, by bisection, measured on what the stream "
    "decodes to; payload: bytes of the range coder; framing: all others of data packets; all: every byte of the stream, sync and end packets "
    "included. Line: of the data packets of the stream of 2 s packets 5 % lost, 1 % doubled, 1 % swapped with the next, 1 % with a flipped byte. A "
    "fault is reported if the decoder names that packet. Memory: peak of resident memory of `vaecodec encode --stream` and "
    "`decode --stream`, each a process, between which the stream passes."
)


def bench_stream(
    folder: str | Path,
    model: str | Path = "ecg",
    out: str | Path | None = None,
    *,
    limit: int | None = None,
    records: Sequence[str] | None = None,
    lead: int | None = None,
    seconds: float | None = None,
    hours: float = HOURS,
    effort: int = 2,
    as_json: bool = False,
    echo: Callable[[str], None] = print,
) -> Report:
    """Measures streams of recordings, each channel on its own, and prints tables.

    Args:
        folder: with WFDB records, WAV, CSV or NPY files.
        model: name or path of a bundle.
        out: folder for `stream.json` and `stream.txt`; nothing is written unless given.
        limit: only the first so many files.
        records: as `bench_signals`.
        lead: as `bench_signals`.
        seconds: only so much of each record.
        hours: of the long stream, which repeats the first record; 0: none.
        effort: of the encoder, 1 or 2.
        as_json: print the report as JSON in place of the tables.
        echo: takes the text to print.

    Returns:
        The report, as in `stream.json`.

    Raises:
        InputError: no such recordings.
        ModelError: no such model.
        UnsupportedError: a long stream is wanted, and the system does not tell a process's memory.
    """
    bundle = Bundle.open(model)
    rows: list[Row] = []
    lines: list[Row] = []
    found = channels(Path(folder), records, lead, None, limit)
    for channel in tqdm(found, desc="channels", disable=None):
        samples = _samples(channel, seconds)
        best = {name: _at_target(bundle, channel, samples, {**shape, "effort": effort}) for name, shape in SHAPES.items()}
        rows += [_row(channel.name, name, packets, quality, error) for name, (packets, quality, error) in best.items()]
        lines.append({"record": channel.name, **_bad_line(bundle, best[SHORT][0], len(samples))})
    report: Report = {
        "kind": "stream",
        "protocol": PROTOCOL,
        "environment": environment(),
        "model": {"name": bundle.name, "version": bundle.manifest.get("version"), "effort": effort},
        "seconds": seconds,
        "target": TARGET,
        "overheads": _overheads(rows),
        "line": _sum(lines),
        "rows": rows,
        "lines": lines,
    }
    if hours:
        report["long"] = _long(model, found[0], hours)
    if out is not None:
        write_report(report, Path(out) / "stream.json")
        (Path(out) / "stream.txt").write_text(text(report) + "\n", encoding="utf-8")
    echo(json.dumps(report, default=str) if as_json else text(report))
    return report


def _samples(channel: Channel, seconds: float | None) -> Samples:
    count = len(channel.samples) if seconds is None else int(seconds * channel.rate)
    return channel.samples[:count].astype(np.int16)


# --- bytes ----------------------------------------------------------------------------------------------------------


def _at_target(bundle: Bundle, channel: Channel, samples: Samples, shape: dict[str, Any]) -> tuple[list[bytes], float, float]:
    """Packets of the lowest quality that keeps the target, that quality, and its error."""
    seen: dict[float, tuple[list[bytes], float]] = {}

    def error(quality: float) -> float:
        if quality not in seen:
            encoder = Encoder(bundle, rate=channel.rate, quality=quality, **shape)
            packets = encoder.feed(samples) + encoder.flush()
            seen[quality] = packets, prdn(samples, _joined(_decode(bundle, packets)[0]))
        return seen[quality][1]

    quality = lowest_quality(error, TARGET, QUALITY_STEP)
    if quality is None:
        raise VaecodecError(f"{channel.name}: a PRDN of {TARGET:g} % was not reached")
    return seen[quality][0], quality, seen[quality][1]


def _decode(bundle: Bundle, packets: list[bytes]) -> tuple[list[Chunk], list[Fault]]:
    decoder, chunks, faults = Decoder(bundle), [], []
    for at in range(0, len(packets), 64):
        chunks += decoder.feed(b"".join(packets[at : at + 64]))
        faults += decoder.faults()
    chunks += decoder.flush()
    return chunks, faults + decoder.faults()


def _joined(chunks: list[Chunk]) -> NDArray[Any]:
    return np.concatenate([chunk.samples for chunk in chunks])[:, 0]


def _is_data(packet: bytes) -> bool:
    return packet[0] != SYNC or packet[1] & 7 == stream_syntax.DATA


def _payload(packet: bytes) -> int:
    """Bytes of a data packet's payload field."""
    found = stream_syntax.frame(packet, 0, len(packet))
    return 0 if found is None else found.check - found.payload


def _row(record: str, shape: str, packets: list[bytes], quality: float, error: float) -> Row:
    data = [packet for packet in packets if _is_data(packet)]
    payload = sum(map(_payload, data))
    return {
        "record": record,
        "shape": shape,
        "quality": quality,
        "prdn": error,
        "packets": len(data),
        "payload": payload,
        "framing_a_packet": (sum(map(len, data)) - payload) / len(data),
        "most_framing": max(len(packet) - _payload(packet) for packet in data),
        "all": sum(map(len, packets)),
    }


def _overheads(rows: list[Row]) -> dict[str, Row]:
    """What the short shapes cost over 60 s packets: in all bytes, and in the mean and at worst of the records."""
    base = {row["record"]: row for row in rows if row["shape"] == LONG}
    out: dict[str, Row] = {}
    for shape in (SHORT, DELTA):
        chosen = [row for row in rows if row["shape"] == shape]
        facts: Row = {"most_framing": max(row["most_framing"] for row in chosen)}
        for what in ("payload", "all"):
            each = [100 * (row[what] / base[row["record"]][what] - 1) for row in chosen]
            total = 100 * (sum(row[what] for row in chosen) / sum(row[what] for row in base.values()) - 1)
            facts[what] = {"total": total, "mean": float(np.mean(each)), "worst": max(each)}
        facts["framing_a_packet"] = float(np.mean([row["framing_a_packet"] for row in chosen]))
        out[shape] = facts
    return out


# --- a bad line -----------------------------------------------------------------------------------------------------


def _bad_line(bundle: Bundle, packets: list[bytes], count: int, seed: int = 7) -> Row:
    """Sends a stream over a bad line and compares with the intact one."""
    sent, happened = _send(packets, random.Random(seed))
    truth = _joined(_decode(bundle, packets)[0])
    chunks, faults = _decode(bundle, sent)
    named = {kind: {f.number + i for f in faults if f.kind == kind and f.number is not None for i in range(f.count)} for kind in happened}
    missing = happened["lost"] | happened["flipped"]
    origins: Counter[str] = Counter()
    wrong, error, energy = 0, 0.0, 0.0
    for chunk in chunks:
        origins[chunk.origin] += len(chunk.samples)
        want = truth[chunk.first : chunk.first + len(chunk.samples)].astype(np.float64)
        got = chunk.samples[:, 0].astype(np.float64)
        wrong += int((got != want).sum()) if chunk.origin == DECODED else 0
        if chunk.origin == CONCEALED:
            error += float(np.square(got - want).sum())
            energy += float(np.square(want - truth.mean()).sum())
    return {
        "packets": sum(map(_is_data, packets)),
        "faults": {kind: len(numbers) for kind, numbers in happened.items()},
        "unreported": len(missing ^ named["lost"])
        + len(happened["duplicated"] ^ named["duplicated"])
        + len(happened["reordered"] ^ named["reordered"])
        + abs(len(happened["flipped"]) - _damaged(faults, happened["flipped"])),
        "wrong_samples": wrong,
        "samples": {origin: origins[origin] for origin in (DECODED, EDGE, CONCEALED)},
        "samples_missing": count - sum(origins.values()),
        "concealed_error": error,
        "concealed_energy": energy,
    }


def _damaged(faults: list[Fault], flipped: set[int]) -> int:
    """How many damaged packets the reports speak of: neighbours are skipped as one."""
    runs = sum(number - 1 not in flipped for number in flipped)
    return len(flipped) if sum(fault.kind == "damaged" for fault in faults) == runs else -1


def _send(packets: list[bytes], line: random.Random) -> tuple[list[bytes], dict[str, set[int]]]:
    """What arrives of packets, and what happened to which."""
    happened: dict[str, set[int]] = {"lost": set(), "duplicated": set(), "reordered": set(), "flipped": set()}
    sent: list[bytes] = []
    number, held = 0, None
    for packet in packets:
        if not _is_data(packet):
            sent.append(packet)
            continue
        luck = line.random()
        if held is not None:
            sent += [packet, held]
            held = None
        elif luck < LOST:
            happened["lost"].add(number)
        elif luck < LOST + DOUBLED:
            sent += [packet, packet]
            happened["duplicated"].add(number)
        elif luck < LOST + DOUBLED + SWAPPED and _may_swap(packets, packet):
            held = packet
            happened["reordered"].add(number)
        elif luck < LOST + DOUBLED + SWAPPED + FLIPPED:
            place = line.randrange(len(packet))
            sent.append(packet[:place] + bytes([packet[place] ^ line.randrange(1, 256)]) + packet[place + 1 :])
            happened["flipped"].add(number)
        else:
            sent.append(packet)
        number += 1
    return sent, happened


def _may_swap(packets: list[bytes], packet: bytes) -> bool:
    """Whether a packet has one after it to change places with."""
    return packet is not next(p for p in reversed(packets) if _is_data(p))


def _sum(lines: list[Row]) -> Row:
    """The records' lines together."""
    out: Row = {}
    for name, value in lines[0].items():
        if isinstance(value, dict):
            out[name] = {key: sum(line[name][key] for line in lines) for key in value}
        elif name != "record":
            out[name] = sum(line[name] for line in lines)
    return out


# --- a long stream --------------------------------------------------------------------------------------------------


def _long(model: str | Path, channel: Channel, hours: float) -> Row:
    """Peak memory of encoder and decoder, of a stream of one hour and of one of `hours`."""
    if not STATUS.exists():
        raise UnsupportedError(f"this system does not tell the memory of a process: it has no {STATUS}")
    options = ["-m", str(model), "--rate", str(channel.rate), "--packet", "2s", "--key", "10s"]
    samples = channel.samples.astype("<i2")
    return {f"{each:g} h": _pass(samples, round(each * 3600 * channel.rate), options) for each in sorted({min(1.0, hours), hours})}


def _pass(samples: NDArray[np.int16], count: int, options: list[str]) -> Row:
    """Sends the samples, again and again, through the two commands."""
    with _start("encode", options) as encoder, _start("decode", options[:2]) as decoder:
        sent, received = _exchange(encoder, decoder, samples, count), 0
        assert decoder.stdout
        while data := decoder.stdout.read(1 << 20):
            received += len(data) // 2
        peaks = {"encoder_peak_bytes": _peak(encoder), "decoder_peak_bytes": _peak(decoder)}
    return {"samples": count, "received": received, "bytes": sum(sent), **peaks}


def _exchange(encoder: subprocess.Popen[bytes], decoder: subprocess.Popen[bytes], samples: NDArray[np.int16], count: int) -> list[int]:
    """Feeds the encoder and passes its packets on to the decoder, while the caller reads; gives the sizes of what has been passed on so far."""
    sent: list[int] = []
    assert encoder.stdin
    threading.Thread(target=_supply, args=(encoder.stdin, samples, count), daemon=True).start()
    threading.Thread(target=_relay, args=(encoder, decoder, sent), daemon=True).start()
    return sent


def _start(command: str, options: list[str]) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-c", PROGRAM, command, "--stream", *options, "-"]
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _supply(pipe: Any, samples: NDArray[np.int16], count: int) -> None:
    with pipe:
        for at in range(0, count, len(samples)):
            pipe.write(samples[: count - at].tobytes())


def _relay(encoder: subprocess.Popen[bytes], decoder: subprocess.Popen[bytes], sent: list[int]) -> None:
    assert encoder.stdout and decoder.stdin
    with decoder.stdin:
        while data := encoder.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            sent.append(len(data))
            decoder.stdin.write(data)
            decoder.stdin.flush()


def _peak(process: subprocess.Popen[bytes]) -> int:
    """Peak of resident memory of a process, which says so last."""
    assert process.stderr
    said = process.stderr.read().decode()
    if process.wait():
        raise VaecodecError(f"a process ended with {process.returncode}: {said[-200:]}")
    return 1024 * int(said.split()[-2])


# --- text -----------------------------------------------------------------------------------------------------------


def text(report: Report) -> str:
    """The tables that are printed."""
    head = ("over 60 s packets, %", "payload", "mean", "worst", "all bytes", "mean", "worst", "framing, bytes a packet")
    rows = []
    for shape, facts in report["overheads"].items():
        figures = [number(facts[what][which], "+.1f") for what in ("payload", "all") for which in ("total", "mean", "worst")]
        rows.append((shape, *figures, f"{facts['framing_a_packet']:.1f}, most {facts['most_framing']}"))
    parts = [f"Bytes at a PRDN of {report['target']:g} %", table(head, rows), "", _line_text(report["line"])]
    for name, row in report.get("long", {}).items():
        memory = f"encoder {row['encoder_peak_bytes'] / 1e6:.0f} MB, decoder {row['decoder_peak_bytes'] / 1e6:.0f} MB at most"
        parts.append(f"A stream of {name}: {row['samples']} samples, {row['received']} came back, {row['bytes']} bytes; {memory}")
    return "\n".join(parts)


def _line_text(line: Row) -> str:
    faults = ", ".join(f"{count} {kind}" for kind, count in line["faults"].items())
    shares = ", ".join(f"{100 * count / sum(line['samples'].values()):.1f} % {origin}" for origin, count in line["samples"].items())
    error = 100 * (line["concealed_error"] / line["concealed_energy"]) ** 0.5 if line["concealed_energy"] else 0.0
    return (
        f"A bad line, {line['packets']} packets: {faults}; {line['unreported']} not reported as they were. Samples: {shares}, "
        f"{line['samples_missing']} missing; {line['wrong_samples']} decoded ones are not those of the intact stream; "
        f"PRDN of the concealed ones {error:.0f} %."
    )
