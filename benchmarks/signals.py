"""`vaecodec bench signals`: compression ratio at given errors, and speed, on a folder of recordings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vaecodec.benchmarks.distortion import prd, prdn
from vaecodec.benchmarks.fidelity import Fidelity, plan
from vaecodec.benchmarks.fidelity_report import r_peaks_facts
from vaecodec.benchmarks.images import OWN, describe_model
from vaecodec.benchmarks.plots import plot_curves
from vaecodec.benchmarks.recordings import Channel, channels
from vaecodec.benchmarks.results import Report, environment, write_report
from vaecodec.benchmarks.search import lowest_quality
from vaecodec.benchmarks.signal_peers import FlacPeer, SignalPeer, signal_peers
from vaecodec.benchmarks.signal_report import summarise, text
from vaecodec.benchmarks.timing import one_core, timed
from vaecodec.benchmarks.together import TOGETHER, merged, recordings_of, rows_of

__all__ = ["SignalCodecLike", "bench_signals"]

Samples = NDArray[np.int64]
Row = dict[str, Any]
# What else is said of a reconstruction `[N]`.
Columns = Callable[[NDArray[Any]], Row]

TARGETS = (2.0, 5.0, 9.0)
# Greatest errors, in units of the sensor, of the rows that need no model.
BOUNDS = (0, 1)

PROTOCOL = (
    "PRDN: root-mean-square error in % of the standard deviation of the record; PRD: of its root-mean-square around the sensor's baseline. "
    "For each record the coarsest setting whose PRDN is at most the target, found by bisection and measured on what the file decodes to. "
    "CR: samples times the sensor's bits over all bytes of the file; mean over records, and total bits over total bits. Ours is cut into "
    "packets that decode alone; peers code the whole record at once, steps, dead zone and predictor tuned per record and target. "
    "Times: processor seconds on one core."
)


class SignalCodecLike(Protocol):
    """What the benchmark asks of `vaecodec.load("ecg")`."""

    def encode(self, array: NDArray[Any], *, rate: Fraction, quality: float) -> bytes:
        """Integers `[N]` to a file; with all channels together, `[N, channels]`, and `prdn` in the place of `quality`."""

    def decode(self, data: bytes) -> NDArray[Any]:
        """A file to integers `[N]`."""


def bench_signals(
    folder: str | Path,
    model: str | Path | SignalCodecLike = "ecg",
    out: str | Path | None = None,
    *,
    limit: int | None = None,
    records: Sequence[str] | None = None,
    lead: int | None = None,
    bits: int | None = None,
    targets: Sequence[float] = TARGETS,
    peers: Sequence[str] | None = None,
    effort: int | None = None,
    together: bool = False,
    r_peaks: bool | None = None,
    as_json: bool = False,
    echo: Callable[[str], None] = print,
) -> Report:
    """Measures a codec and its peers on the same recordings, each channel on its own, and prints tables.

    Args:
        folder: with WFDB records, WAV, CSV or NPY files.
        model: name or path of a bundle, or a codec.
        out: folder for `signals.json`, `signals.txt` and the plot; nothing is written unless given.
        limit: only the first so many files.
        records: stems of the files to take; unless given, the 11 report records of MIT-BIH (lead 0) where the folder holds
            them all, else every file.
        lead: the channel to take of each file; every channel unless given.
        bits: the sensor's bit depth; the file's own word unless given.
        targets: PRDN to reach, in per cent.
        peers: names of the peers to run ("DWT", "DCT", "SZ3", "FLAC"); all that are installed unless given.
        effort: of the encoder; its default unless given.
        together: ours codes all channels of a recording in one file, where each of them keeps the target; peers one file a channel. A row
            is then a recording: the bytes of all its files, and the largest error of its channels.
        r_peaks: whether R-peaks of the reconstructions are compared with those of the original and the annotations; unless
            given, where a record has a file .atr beside it and the detector is installed.
        as_json: print the report as JSON in place of the tables.
        echo: takes the text to print.

    Returns:
        The report, as in `signals.json`.

    Raises:
        InputError: no such recordings.
        ModelError: no such model.
        UnsupportedError: `r_peaks`, and the detector is not installed.
    """
    codec = _load(model) if isinstance(model, (str, Path)) else model
    chosen = [peer for peer in signal_peers() if peers is None or peer.name in peers]
    options = {} if effort is None else {"effort": effort}
    rows: list[Row] = []
    lossless: list[Row] = []
    originals: list[Row] = []
    found = channels(Path(folder), records, lead, bits, limit)
    with_beats = plan(found, False if together else r_peaks)
    bounded: list[Row] = []
    with one_core() as pinned:
        for channel in tqdm(found, desc="channels", disable=None):
            fidelity = Fidelity.of(channel) if with_beats else None
            originals += [fidelity.original()] if fidelity else []
            beats = fidelity.row if fidelity else _no_columns
            rows += [] if together else _own_rows(codec, channel, targets, options, beats)
            rows += [_peer_row(peer, channel, target, beats) for peer in chosen for target in targets]
            lossless += _lossless(channel) if peers is None or FlacPeer.name in peers else []
            bounded += [_bounded_row(channel, error) for error in BOUNDS]
        if together:
            groups = recordings_of(found)
            own = [row for group in tqdm(groups, desc="recordings", disable=None) for row in rows_of(codec, OWN, group, targets, options)]
            rows = own + [whole for group in groups for whole in merged(group, rows)]
    report: Report = {
        "kind": "signals",
        "protocol": PROTOCOL + (TOGETHER if together else ""),
        "environment": {**environment(), "one_core": pinned},
        "folder": Path(folder).name,
        "model": {**describe_model(codec), **options},
        "codecs": {name: summarise(name, rows) for name in (OWN, *(peer.name for peer in chosen))},
        "lossless": lossless,
        "bounded": bounded,
        "points": rows,
    } | ({"r_peaks": r_peaks_facts(originals)} if with_beats else {})
    if out is not None:
        _write(report, Path(out))
    echo(json.dumps(report, default=str) if as_json else text(report))
    return report


def _load(model: str | Path) -> SignalCodecLike:
    import vaecodec
    from vaecodec.codec.errors import ModelError
    from vaecodec.codec.signal import SignalCodec

    codec = vaecodec.load(model)
    if not isinstance(codec, SignalCodec):
        raise ModelError(f"{model} codes pictures, not signals")
    return codec


def _no_columns(decoded: NDArray[Any]) -> Row:
    return {}


def _own_rows(codec: SignalCodecLike, channel: Channel, targets: Sequence[float], options: dict[str, Any], beats: Columns) -> list[Row]:
    """A row for each target; qualities met on the way are kept for the next."""
    narrow = np.abs(channel.samples).max(initial=0) < 32768
    samples = channel.samples.astype(np.int16 if narrow else np.int32)
    encode = partial(codec.encode, samples, rate=channel.rate, **options)
    seen: dict[float, float] = {}

    def error(quality: float) -> float:
        if quality not in seen:
            seen[quality] = prdn(samples, codec.decode(encode(quality=quality)))
        return seen[quality]

    return [_own_row(codec, channel, samples, target, lowest_quality(error, target), encode, beats) for target in targets]


def _own_row(
    codec: SignalCodecLike,
    channel: Channel,
    samples: NDArray[Any],
    target: float,
    quality: float | None,
    encode: Callable[..., bytes],
    beats: Columns,
) -> Row:
    if quality is None:
        return {"codec": OWN, "record": channel.name, "target": target, "missed": True}
    data, encode_s = timed(lambda: encode(quality=quality))
    decoded, decode_s = timed(lambda: codec.decode(data))
    row = _row(OWN, channel, target, data, decoded, encode_s, decode_s) | {"quality": quality} | beats(decoded)
    if hasattr(codec, "latents") and hasattr(codec, "info"):
        _, row["entropy_decode_s"] = timed(lambda: codec.latents(data))
        facts = codec.info(data)
        row |= {
            "payload_bytes": facts["payload_bytes"],
            "packets": facts["packets"],
            "packet_s": len(samples) / facts["packets"] / float(channel.rate),
        }
    return row


def _peer_row(peer: SignalPeer, channel: Channel, target: float, beats: Columns) -> Row:
    setting = peer.tune(channel.samples, target)
    data, encode_s = timed(lambda: peer.encode(channel.samples, setting))
    decoded, decode_s = timed(lambda: peer.decode(data, len(channel.samples)))
    return _row(peer.name, channel, target, data, decoded, encode_s, decode_s) | {"setting": str(setting)} | beats(decoded)


def _row(codec: str, channel: Channel, target: float, data: bytes, decoded: NDArray[Any], encode_s: float, decode_s: float) -> Row:
    error = prdn(channel.samples, decoded)
    return {
        "codec": codec,
        "record": channel.name,
        "target": target,
        "prdn": error,
        "prd": prd(channel.samples, decoded, channel.baseline),
        "bytes": len(data),
        "sensor_bits": channel.bits * len(channel.samples),
        "cr": channel.bits * len(channel.samples) / (8 * len(data)),
        "samples": len(channel.samples),
        "within_2_percent": 0.98 * target <= error <= target,
        "encode_s": encode_s,
        "decode_s": decode_s,
    }


def _lossless(channel: Channel) -> list[Row]:
    """FLAC's row; none where the package is missing or the samples are wider than 16 bits."""
    if np.abs(channel.samples).max(initial=0) > 32767:
        return []
    peer = FlacPeer()
    try:
        data, encode_s = timed(lambda: peer.encode(channel.samples))
    except ImportError:
        return []
    decoded, decode_s = timed(lambda: peer.decode(data))
    return [_row(peer.name, channel, 0.0, data, decoded, encode_s, decode_s)]


def _bounded_row(channel: Channel, max_error: int) -> Row:
    """Ours where every sample is right, or within an error; the model has no part in it."""
    from vaecodec.codec.bounded import BoundedCodec

    codec, samples = BoundedCodec(), channel.samples.astype(np.int32)
    data, encode_s = timed(lambda: codec.encode(samples, max_error=max_error, rate=channel.rate))
    decoded, decode_s = timed(lambda: codec.decode(data))
    found = int(np.abs(decoded.astype(np.int64) - samples).max())
    return _row(OWN, channel, 0.0, data, decoded, encode_s, decode_s) | {"max_error": max_error, "max_error_found": found}


def _write(report: Report, out: Path) -> None:
    write_report(report, out / "signals.json")
    (out / "signals.txt").write_text(text(report) + "\n", encoding="utf-8")
    curves = {name: [(target["mean_cr"], target["mean_prdn"]) for target in codec["targets"].values()] for name, codec in report["codecs"].items()}
    top = 1.05 * max((x for points in curves.values() for x, _ in points), default=1.0)
    plot_curves(curves, out / "signals.png", (f"{report['folder']}: mean over records", "compression ratio", "PRDN, %"), (0, top))
