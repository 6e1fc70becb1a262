"""`vaecodec bench signals --cs`: what compressed sensing costs and what it saves, at one error.

Ours and the wavelet codec code whole recordings. BSBL-BO is slow: it gets a part of each recording, and so do ours beside it and classic sensing.

    vaecodec   learned recovery           whole recording, and the part
    BSBL-BO    the same Φ, the same bits  the part: our streams, decoded by sparse Bayesian learning in place of our network
    classic    random Φ, BSBL-BO          the part: two ones a column, an adaptive range coder
    wavelet    the bundle `ecg`           whole recording: multiplies on the device
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vaecodec.benchmarks.adaptive import decode_lists, encode_lists
from vaecodec.benchmarks.bsbl import bsbl_bo, quantisation_noise, sparse_binary
from vaecodec.benchmarks.distortion import prdn
from vaecodec.benchmarks.recordings import Channel, channels
from vaecodec.benchmarks.results import Report, environment, write_report
from vaecodec.benchmarks.search import coarsest_step, matching_quality
from vaecodec.benchmarks.tables import number, table
from vaecodec.codec.errors import ModelError
from vaecodec.codec.sensing import SensedLatents, SensingCodec
from vaecodec.codec.signal import SignalCodec

__all__ = ["bench_sensing"]

Row = dict[str, Any]
Samples = NDArray[np.int64]
Reals = NDArray[np.float64]

TARGET = 9.0
SECONDS = 30.0
# Samples that BSBL-BO recovers at a time, and samples of its blocks: 24 as published for ECG; on validation records 128 is the best of 24, 64
# and 128 for our sums, 64 the best of 16..64 for random ones.
STRETCH = 256
PUBLISHED, TUNED, TUNED_RANDOM = 24, 128, 64
ITERATIONS = 40
CLASSIC_RATIOS = (0.5,)
OURS, WAVELET, CLASSIC = "vaecodec", "wavelet", "classic"

PROTOCOL = (
    "PRDN: root-mean-square error in % of the standard deviation of what is coded. For each recording a setting whose PRDN is at most the "
    "target and within 2 % of it where there is one, found by interval search and measured on what the file decodes to. "
    "CR: samples times the sensor's bits over all bytes of the file. "
    "whole: the whole recording. part: {seconds:g} s from a third of it on, as a file of its own. "
    "BSBL-BO decodes our own streams (same sums, ratios, steps, coder and bytes; ratio and step go together as is "
    "best for ours) with its own setting of our quality, {stretch} samples at a time, "
    "blocks of {published} samples (as published) or {tuned} (tuned). "
    "classic: random Φ with two ones a column, {ratios} measurements a sample, step searched for, BSBL-BO with blocks of {random}. "
    "Device: integer additions a sample before the coder (adds), or multiplications (MAC)."
)


def bench_sensing(
    folder: str | Path,
    model: str | Path | SensingCodec = "ecg-cs",
    out: str | Path | None = None,
    *,
    limit: int | None = None,
    records: Sequence[str] | None = None,
    lead: int | None = None,
    bits: int | None = None,
    target: float = TARGET,
    seconds: float = SECONDS,
    wavelet: str | Path | SignalCodec | None = "ecg",
    jobs: int = 1,
    as_json: bool = False,
    echo: Callable[[str], None] = print,
) -> Report:
    """Measures compressed sensing beside sparse Bayesian learning and the wavelet codec, and prints tables.

    Args:
        folder: with WFDB records, WAV, CSV or NPY files.
        model: name or path of a bundle of compressed sensing, or its codec.
        out: folder for `sensing.json` and `sensing.txt`; nothing is written unless given.
        limit: only the first so many files.
        records: stems of the files to take; as in `bench_signals` unless given.
        lead: the channel to take of each file; every channel unless given.
        bits: the sensor's bit depth; the file's own word unless given.
        target: PRDN to reach, in per cent.
        seconds: length of the part that BSBL-BO gets.
        wavelet: the codec that multiplies, to compare with; None: none.
        jobs: processes that share the recordings; with more than one both models are names or paths.
        as_json: print the report as JSON in place of the tables.
        echo: takes the text to print.

    Returns:
        The report, as in `sensing.json`.

    Raises:
        InputError: no such recordings.
        ModelError: no such model, or of another kind.
    """
    codec, _ = _codecs(model, wavelet)
    found = channels(Path(folder), records, lead, bits, limit)
    measure = partial(_channel, model, wavelet, target=target, seconds=seconds)
    if jobs > 1:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            parts = list(tqdm(pool.map(measure, found), total=len(found), desc="channels", disable=None))
    else:
        parts = [measure(channel) for channel in tqdm(found, desc="channels", disable=None)]
    rows = [row for part in parts for row in part]
    form = {"seconds": seconds, "stretch": STRETCH, "published": PUBLISHED, "tuned": TUNED, "random": TUNED_RANDOM}
    report: Report = {
        "kind": "sensing",
        "protocol": PROTOCOL.format(**form, ratios=" and ".join(f"{r:g}" for r in CLASSIC_RATIOS)),
        "environment": environment(),
        "folder": Path(folder).name,
        "target": target,
        "model": {"name": codec.bundle.name, "model_id": f"{codec.bundle.model_id:08x}", "synthesis_id": f"{codec.bundle.synthesis_id:04x}"},
        "codecs": _summary(rows),
        "points": rows,
    }
    if out is not None:
        write_report(report, Path(out) / "sensing.json")
        (Path(out) / "sensing.txt").write_text(_text(report) + "\n", encoding="utf-8")
    echo(json.dumps(report, default=str) if as_json else _text(report))
    return report


def _load(model: Any, kind: type) -> Any:
    import vaecodec

    codec = vaecodec.load(model) if isinstance(model, (str, Path)) else model
    if not isinstance(codec, kind):
        raise ModelError(f"{model} is no model of {'compressed sensing' if kind is SensingCodec else 'a filter bank for signals'}")
    return codec


def _codecs(model: str | Path | SensingCodec, wavelet: str | Path | SignalCodec | None) -> tuple[SensingCodec, SignalCodec | None]:
    return _load(model, SensingCodec), None if wavelet is None else _load(wavelet, SignalCodec)


def _channel(
    model: str | Path | SensingCodec, wavelet: str | Path | SignalCodec | None, channel: Channel, *, target: float, seconds: float
) -> list[Row]:
    """All rows of a recording."""
    codec, other = _codecs(model, wavelet)
    part = _part(channel, seconds)
    rows = [_coded(OURS, "whole", codec, channel, target, codec.decode, lambda data: _additions(codec, data))]
    if other is not None:
        macs = sum(other.bundle.symbols.macs().values())
        rows.append(_coded(WAVELET, "whole", other, channel, target, other.decode, lambda _: {"macs": macs}))
    rows.append(_coded(OURS, "part", codec, part, target, codec.decode, lambda data: _additions(codec, data)))
    for block in (PUBLISHED, TUNED):
        decode = partial(sparse_decode, codec, block=block)
        rows.append(_coded(f"BSBL-BO {block}", "part", codec, part, target, decode, lambda data: _additions(codec, data)))
    return [*rows, _classic(part, target)]


def _part(channel: Channel, seconds: float) -> Channel:
    count = min(len(channel.samples), max(1, int(seconds * channel.rate)) // STRETCH * STRETCH or STRETCH)
    start = min(len(channel.samples) // 3, len(channel.samples) - count)
    return replace(channel, samples=channel.samples[start : start + count])


def _coded(
    name: str, extent: str, codec: Any, channel: Channel, target: float, decode: Callable[[bytes], Any], operations: Callable[[bytes], Row]
) -> Row:
    """One codec at the coarsest quality that keeps the target."""
    narrow = np.abs(channel.samples).max(initial=0) < 32768
    samples = channel.samples.astype(np.int16 if narrow else np.int32)
    encode = partial(codec.encode, samples, rate=channel.rate)
    seen: dict[float, float] = {}

    def error(quality: float) -> float:
        if quality not in seen:
            seen[quality] = prdn(samples, decode(encode(quality=quality)))
        return seen[quality]

    quality = matching_quality(error, target)
    if quality is None:
        return {"codec": name, "extent": extent, "record": channel.name, "missed": True}
    data = encode(quality=quality)
    return _row(name, extent, channel, target, seen[quality], len(data)) | {"quality": quality} | operations(data)


def _row(name: str, extent: str, channel: Channel, target: float, error: float, size: int) -> Row:
    return {
        "codec": name,
        "extent": extent,
        "record": channel.name,
        "prdn": error,
        "within_2_percent": 0.98 * target <= error <= target,
        "bytes": size,
        "samples": len(channel.samples),
        "cr": channel.bits * len(channel.samples) / (8 * size),
    }


def _additions(codec: SensingCodec, data: bytes) -> Row:
    """Additions a sample at the setting of a stream, and its measurements a sample."""
    model, t = codec.bundle.sensing, codec.info(data)["step_code"]
    ratio = model.ratio(t)
    return {"adds": sum(ratio.operations(model.dial[t][0]).values()), "measurements": ratio.measurements / model.window}


def sparse_decode(codec: SensingCodec, data: bytes, block: int) -> NDArray[np.int64]:
    """What BSBL-BO makes of one of our streams: integers `[N]`."""
    latents = codec.latents(data)
    offset, shift = latents.header.offsets[0], latents.header.shift
    recovered = np.rint(_sparse(codec, latents, block)[: latents.samples] * 2.0**shift + offset)
    return np.asarray(recovered, np.int64)


def _sparse(codec: SensingCodec, latents: SensedLatents, block: int) -> Reals:
    model, t = codec.bundle.sensing, latents.header.step_code
    together = max(1, STRETCH // model.window)
    phi = model.ratio(t).phi / model.steps(t)[:, None]
    z = latents.z[:, 0].astype(np.float64)
    z = np.pad(z, ((0, -len(z) % together), (0, 0)), mode="edge").reshape(-1, together * phi.shape[0])
    whole = np.asarray(np.kron(np.eye(together), phi), np.float64)
    return _recovered(z, whole, block, quantisation_noise(1.0))


def _recovered(z: Reals, phi: Reals, block: int, noise: float) -> Reals:
    return np.concatenate([bsbl_bo(row, phi, block, noise=noise, iterations=ITERATIONS) for row in z])


def _classic(channel: Channel, target: float) -> Row:
    """Classic compressed sensing with the best of the ratios."""
    found = [_random(channel, target, ratio) for ratio in CLASSIC_RATIOS]
    return max(found, key=lambda row: row.get("cr", 0.0))


def _random(channel: Channel, target: float, ratio: float) -> Row:
    phi = sparse_binary(round(ratio * STRETCH), STRETCH, 2, np.random.default_rng(1))
    mean = round(float(channel.samples.mean()))
    y = (channel.samples - mean).reshape(-1, STRETCH) @ phi.T

    def coded(step: float) -> bytes:
        return encode_lists([np.rint(y / step).astype(np.int64).ravel()])

    def error(step: float) -> float:
        (z,) = decode_lists(coded(step), [y.size])
        measured = np.asarray(z.reshape(y.shape) * step, np.float64)
        x = _recovered(measured, phi, TUNED_RANDOM, quantisation_noise(step))
        return prdn(channel.samples, np.rint(x + mean))

    try:
        step = coarsest_step(error, target, target / 30 * float(channel.samples.std()), tolerance=0.02)
    except ValueError:
        return {"codec": CLASSIC, "extent": "part", "record": channel.name, "missed": True}
    additions = 2 - ratio + 1
    return _row(CLASSIC, "part", channel, target, error(step), len(coded(step)) + 8) | {"adds": additions, "measurements": ratio}


def _summary(rows: Sequence[Row]) -> dict[str, Row]:
    """Means over recordings by codec and extent; a recording that a codec missed counts for none of its means."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(f"{row['codec']}, {row['extent']}", {"rows": []})["rows"].append(row)
    return {name: _mean(entry["rows"]) for name, entry in found.items()}


def _mean(rows: Sequence[Row]) -> Row:
    good = [row for row in rows if not row.get("missed")]
    means = {key: float(np.mean([row[key] for row in good])) for key in ("cr", "prdn", "adds", "macs", "measurements") if good and key in good[0]}
    missed = [row["record"] for row in rows if row.get("missed")]
    return means | {"records": len(good), "missed": missed, "not_within_2_percent": [r["record"] for r in good if not r["within_2_percent"]]}


def _text(report: Report) -> str:
    """The tables that are printed."""
    head = ["codec", "CR, mean", "PRDN", "missed", "not within 2 %", "measurements/sample", "adds/sample", "MAC/sample"]
    lines = [
        [
            name,
            number(entry.get("cr")),
            number(entry.get("prdn"), ".3f"),
            str(len(entry["missed"])),
            str(len(entry["not_within_2_percent"])),
            *(number(entry.get(key), form) for key, form in (("measurements", ".3f"), ("adds", ".1f"), ("macs", ".0f"))),
        ]
        for name, entry in report["codecs"].items()
    ]
    names = list(report["codecs"])
    ratio = {(f"{row['codec']}, {row['extent']}", row["record"]): row.get("cr") for row in report["points"]}
    records = list(dict.fromkeys(row["record"] for row in report["points"]))
    cells = [[record, *(number(ratio.get((name, record))) for name in names)] for record in records]
    title = f"{report['folder']}: {len(records)} channels, CR at PRDN {report['target']:g}"
    return "\n".join([title, "", table(head, lines), "", table(["record", *names], cells), "", report["protocol"]])
