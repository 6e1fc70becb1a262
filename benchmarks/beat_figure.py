"""`vaecodec bench beat`: compression ratio against error, and beside it the beat that our codec errs on most."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vaecodec.benchmarks.beats import annotated_beats
from vaecodec.benchmarks.images import OWN
from vaecodec.benchmarks.recordings import Channel, channels
from vaecodec.benchmarks.signal_peers import WaveletPeer
from vaecodec.codec.errors import FormatError, InputError
from vaecodec.codec.signal import SignalCodec

__all__ = ["bench_beat"]

Samples = NDArray[np.float64]
Report = dict[str, Any]

PRDN = 9.0
# Premature ventricular contractions: wide, and unlike what came before.
SYMBOLS = frozenset("V")
# Within which a beat's error counts, and what is drawn around it, in seconds.
NEAR_S, SHOWN_S = 0.3, 1.2


@dataclass(frozen=True)
class Beat:
    """A beat and what codecs make of it.

    Attributes:
        channel: the record.
        at: index of its R-peak.
        error: root-mean-square error of ours around it, in units of the record's standard deviation.
        decoded: ours, the whole record.
    """

    channel: Channel
    at: int
    error: float
    decoded: Samples


def bench_beat(
    folder: str | Path, out: str | Path, model: str | Path = "ecg", *, results: str | Path, records: Sequence[str] | None = None
) -> Report:
    """Draws the picture.

    Args:
        folder: WFDB records with annotations beside them.
        out: PNG to write.
        model: the bundle.
        results: folder with `signals.json` of `bench signals`, and `sensing.json` of `bench signals --cs` where that is to be shown.
        records: stems of the records to look through; as in `bench_signals` unless given.

    Returns:
        The record, the time of the beat and the errors around it.

    Raises:
        InputError: no such files, or no ventricular beat in them.
        FormatError: the results are not those of a benchmark.
    """
    import vaecodec

    codec = vaecodec.load(model)
    if not isinstance(codec, SignalCodec):
        raise InputError(f"{model} codes no signals of this kind")
    reports = _reports(Path(results))
    beats = [beat for c in tqdm(channels(Path(folder), records, 0, None, None), desc="records", disable=None) if (beat := _worst(codec, c))]
    if not beats:
        raise InputError(f"{folder}: no annotated ventricular beat")
    worst = max(beats, key=lambda beat: beat.error)
    peer = WaveletPeer()
    rival = peer.decode(peer.encode(worst.channel.samples, peer.tune(worst.channel.samples, PRDN)), len(worst.channel.samples))
    _draw(reports, worst, rival.astype(np.float64), Path(out))
    deviation = float(worst.channel.samples.std())
    rate = float(worst.channel.rate)
    return {
        "record": worst.channel.name,
        "seconds": worst.at / rate,
        "error": {OWN: worst.error, peer.name: _rms(worst.channel, rival, worst.at) / deviation},
    }


def _reports(folder: Path) -> dict[str, Report]:
    found = {}
    for name in ("signals", "sensing"):
        path = folder / f"{name}.json"
        if name == "sensing" and not path.exists():
            continue
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FormatError(f"{path}: not the results of a benchmark: {error}") from error
    return found


def _worst(codec: SignalCodec, channel: Channel) -> Beat | None:
    """The ventricular beat of a record on which ours, at the limit, errs most; None where it has none."""
    if not channel.annotations:
        return None
    times = annotated_beats(channel.annotations, channel.rate, SYMBOLS)
    if not len(times):
        return None
    decoded = codec.decode(codec.encode(channel.samples.astype(np.int32), rate=channel.rate, prdn=PRDN)).astype(np.float64)
    errors = [_rms(channel, decoded, int(at)) / float(channel.samples.std()) for at in times]
    return Beat(channel, int(times[int(np.argmax(errors))]), max(errors), decoded)


def _rms(channel: Channel, decoded: NDArray[Any], at: int) -> float:
    near = slice(max(0, at - round(NEAR_S * float(channel.rate))), at + round(NEAR_S * float(channel.rate)))
    return float(np.sqrt(np.mean(np.square(channel.samples[near] - decoded[near].astype(np.float64)))))


def _draw(reports: Mapping[str, Report], beat: Beat, rival: Samples, out: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _draw_ratios(left, reports)
    _draw_beat(right, beat, rival)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


def _draw_ratios(axes: Any, reports: Mapping[str, Report]) -> None:
    for i, (name, codec) in enumerate(reports["signals"]["codecs"].items()):
        points = [(at["mean_prdn"], at["mean_cr"]) for at in codec["targets"].values()]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, linewidth=2.6 if i == 0 else 1.3, label=name)
    for marker, (name, x, y) in zip("s^D", _sensed(reports.get("sensing")), strict=False):
        axes.plot([x], [y], marker=marker, linestyle="none", label=name)
    axes.set_title("ECG: mean over records")
    axes.set_xlabel("PRDN, %")
    axes.set_ylabel("compression ratio")
    axes.grid(alpha=0.3)
    axes.legend()


def _sensed(report: Report | None) -> list[tuple[str, float, float]]:
    """Name, PRDN and ratio of compressed sensing: ours on whole records, sparse Bayesian learning where it does best on its part."""
    if report is None:
        return []
    rows = [row for row in report["points"] if not row.get("missed")]
    groups = {
        "ecg-cs": [row for row in rows if row["codec"] == OWN and row["extent"] == "whole"],
        "ecg-cs, short parts": [row for row in rows if row["codec"] == OWN and row["extent"] == "part"],
        "BSBL-BO on these": _best([row for row in rows if row["codec"].startswith("BSBL")]),
    }
    means = {name: [float(np.mean([row[key] for row in group])) for key in ("prdn", "cr")] for name, group in groups.items() if group}
    return [(name, prdn, ratio) for name, (prdn, ratio) in means.items()]


def _best(rows: list[Report]) -> list[Report]:
    names = {row["codec"] for row in rows}
    return max(([row for row in rows if row["codec"] == name] for name in names), key=lambda group: np.mean([row["cr"] for row in group]), default=[])


def _draw_beat(axes: Any, beat: Beat, rival: Samples) -> None:
    channel, rate = beat.channel, float(beat.channel.rate)
    shown = slice(max(0, beat.at - round(SHOWN_S * rate)), beat.at + round(SHOWN_S * rate))
    seconds = np.arange(len(channel.samples))[shown] / rate
    for name, samples, colour, width in (
        ("original", channel.samples, "0.6", 3.0),
        ("DWT", rival, "tab:orange", 1.0),
        (OWN, beat.decoded, "tab:blue", 1.2),
    ):
        axes.plot(seconds, (samples[shown] - channel.baseline) / channel.gain, color=colour, linewidth=width, label=name)
    axes.set_title(f"record {channel.name}, PRDN {PRDN:g} %: our worst ventricular beat")
    axes.set_xlabel("s")
    axes.set_ylabel("mV")
    axes.grid(alpha=0.3)
    axes.legend()
