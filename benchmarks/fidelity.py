"""What a cardiologist's software makes of a reconstruction: its R-peaks beside those of the original and those annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.benchmarks.beats import annotated_beats, detect_beats, detector
from vaecodec.benchmarks.matching import match
from vaecodec.benchmarks.recordings import Channel
from vaecodec.codec.errors import UnsupportedError

__all__ = ["EDGE_S", "TOLERANCE_S", "Fidelity", "agreement", "plan"]

Times = NDArray[np.int64]
Row = dict[str, Any]

TOLERANCE_S = 0.05
# Not counted at either end: filters settle there, and a beat may be cut in two.
EDGE_S = 2.0


@dataclass(frozen=True)
class Fidelity:
    """The R-peaks that one channel's reconstructions are held against.

    Attributes:
        channel: the original.
        peaks: indices of its R-peaks, by the detector.
        annotated: indices of the beats in its annotation file; None where there is none.
    """

    channel: Channel
    peaks: Times
    annotated: Times | None

    @classmethod
    def of(cls, channel: Channel) -> Fidelity:
        """Runs the detector on the original and reads its annotations."""
        annotated = annotated_beats(channel.annotations, channel.rate) if channel.annotations else None
        return cls(channel, _peaks(channel, channel.samples), annotated)

    def original(self) -> Row:
        """The detector's own score on the original: what a reconstruction cannot be blamed for."""
        against = None if self.annotated is None else self._agreement(self.annotated, self.peaks)
        return {"record": self.channel.name, "peaks": len(self.peaks), "against_annotations": against}

    def row(self, decoded: NDArray[Any]) -> Row:
        """Columns of a reconstruction `[N]`."""
        found = _peaks(self.channel, decoded)
        row: Row = {"against_original": self._agreement(self.peaks, found)}
        if self.annotated is not None:
            row["against_annotations"] = self._agreement(self.annotated, found)
            row["f1_lost"] = self._agreement(self.annotated, self.peaks)["f1"] - row["against_annotations"]["f1"]
        return {"r_peaks": row}

    def _agreement(self, reference: Times, found: Times) -> Row:
        return agreement(reference, found, float(self.channel.rate), len(self.channel.samples))


def plan(found: Sequence[Channel], wanted: bool | None) -> bool:
    """Whether R-peaks are to be measured.

    Args:
        found: the channels.
        wanted: by the user; None leaves it to the data: if there are annotations and the detector is installed.

    Raises:
        UnsupportedError: they are wanted, and the detector is not installed.
    """
    if wanted is None and not any(channel.annotations for channel in found):
        return False
    if wanted is False:
        return False
    try:
        detector()
    except UnsupportedError:
        if wanted:
            raise
        return False
    return True


def agreement(reference: Times, found: Times, rate: float, count: int) -> Row:
    """How well detections agree with a reference, by the terms of ANSI/AAMI EC57, but within 50 ms, not 150.

    Detections are matched one to one with the reference (see `match`). What lies in the first or last `EDGE_S` is then
    left out: pairs by the time of their reference.

    Args:
        reference: ascending indices of samples.
        found: likewise.
        rate: samples a second.
        count: samples of the record.

    Returns:
        `matched`, `missed` and `extra` beats; `sensitivity` = matched / (matched + missed); `ppv` = matched / (matched +
        extra), the positive predictivity; `f1`, their harmonic mean; `jitter_ms` and `offset_ms`, standard deviation and
        mean of the matched times' differences. NaN where nothing is to be counted.
    """
    pairs = match(reference, found, TOLERANCE_S * rate)
    first, second = (np.array([pair[k] for pair in pairs], np.int64) for k in (0, 1))
    inner = _inside(reference[first], rate, count)
    matched = int(inner.sum())
    missed = int(_inside(np.delete(reference, first), rate, count).sum())
    extra = int(_inside(np.delete(found, second), rate, count).sum())
    late = (found[second] - reference[first])[inner] * (1000 / rate)
    return {
        "matched": matched,
        "missed": missed,
        "extra": extra,
        "sensitivity": _share(matched, missed),
        "ppv": _share(matched, extra),
        "f1": _share(2 * matched, missed + extra),
        "jitter_ms": float(late.std()) if matched else float("nan"),
        "offset_ms": float(late.mean()) if matched else float("nan"),
    }


def _inside(times: Times, rate: float, count: int) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (times >= EDGE_S * rate) & (times < count - EDGE_S * rate)
    return inside


def _share(part: int, rest: int) -> float:
    return part / (part + rest) if part + rest else float("nan")


def _peaks(channel: Channel, samples: NDArray[Any]) -> Times:
    return detect_beats((samples.astype(np.float64) - channel.baseline) / channel.gain, channel.rate)
