import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import wfdb as physionet

from vaecodec.benchmarks import bench_signals, fidelity
from vaecodec.benchmarks.fidelity import agreement, plan
from vaecodec.benchmarks.recordings import channels
from vaecodec.codec.errors import UnsupportedError
from vaecodec.demo_data import RATE, synthetic_ecg
from vaecodec.io import wfdb
from vaecodec.io.recording import Recording

COUNT = 60 * RATE
TIMES = np.arange(1000, 20_000, 300)


class Forgetful:
    """A codec that is exact at quality 100 and loses the second half of the record at quality 0."""

    def encode(self, array: np.ndarray, *, rate: Fraction, quality: float) -> bytes:
        self._decoded = array.copy()
        if quality < 100:
            self._decoded[len(array) // 2 :] = 1024
        return bytes(len(array))

    def decode(self, data: bytes) -> np.ndarray:
        return self._decoded


def write(folder: Path, name: str, beats: np.ndarray | None, gain: float = 200.0, unit: str = "mV") -> None:
    facts = {"format": "212", "gain": [gain], "baseline": [1024], "zero": [1024], "bits": [11]}
    files = wfdb.write(Recording(synthetic_ecg(COUNT), Fraction(RATE), ["MLII"], [unit], extra={"wfdb": facts}), name)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    if beats is not None:
        physionet.wrann(name, "atr", beats, ["N"] * len(beats), write_dir=str(folder))


def known_beats(folder: Path) -> np.ndarray:
    """What the detector finds in the record: the annotations that it agrees with."""
    (channel,) = channels(folder, ["a"], 0, None, None)
    return fidelity.Fidelity.of(channel).peaks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ECG with annotations, of which every tenth beat that a detector finds is missing."""
    write(tmp_path, "a", None)
    write(tmp_path, "a", np.delete(known_beats(tmp_path), slice(9, None, 10)))
    return tmp_path


def run(folder: Path, **options: object) -> dict:
    return bench_signals(folder, Forgetful(), peers=[], echo=lambda _: None, **options)  # type: ignore[arg-type]


def test_equal_lists_agree_in_full() -> None:
    found = agreement(TIMES, TIMES, RATE, 21_000)
    assert (found["f1"], found["sensitivity"], found["ppv"], found["jitter_ms"], found["offset_ms"]) == (1, 1, 1, 0, 0)
    assert (found["matched"], found["missed"], found["extra"]) == (len(TIMES), 0, 0)


def test_a_delay_is_an_offset_and_no_jitter() -> None:
    found = agreement(TIMES, TIMES + 9, RATE, 21_000)
    assert (found["f1"], found["offset_ms"]) == (1, pytest.approx(25))
    assert found["jitter_ms"] == pytest.approx(0, abs=1e-9)


def test_jitter_is_in_milliseconds() -> None:
    shifts = np.where(np.arange(len(TIMES)) % 2, 3, -3)[: len(TIMES) // 2 * 2]
    found = agreement(TIMES[: len(shifts)], TIMES[: len(shifts)] + shifts, RATE, 21_000)
    assert found["jitter_ms"] == pytest.approx(3000 / RATE)


def test_missed_and_extra_beats_are_told_apart() -> None:
    missed, extra = agreement(TIMES, TIMES[::2], RATE, 21_000), agreement(TIMES[::2], TIMES, RATE, 21_000)
    assert (missed["ppv"], extra["sensitivity"]) == (1, 1)
    assert missed["sensitivity"] == extra["ppv"] == pytest.approx(len(TIMES[::2]) / len(TIMES))
    assert missed["f1"] == pytest.approx(2 * len(TIMES[::2]) / (len(TIMES) + len(TIMES[::2])))


def test_beats_further_off_than_the_tolerance_do_not_match() -> None:
    assert agreement(TIMES, TIMES + 18, RATE, 21_000)["f1"] == 1
    assert agreement(TIMES, TIMES + 19, RATE, 21_000)["f1"] == 0


def test_the_ends_are_not_counted() -> None:
    reference, found = np.array([100, 5000, 9900]), np.array([5000, 9950])
    assert agreement(reference, found, RATE, 10_000)["f1"] == 1


def test_without_beats_there_is_no_figure() -> None:
    nothing = np.zeros(0, np.int64)
    found = agreement(nothing, nothing, RATE, 10_000)
    assert all(math.isnan(found[key]) for key in ("f1", "sensitivity", "ppv", "jitter_ms", "offset_ms"))
    assert agreement(TIMES, nothing, RATE, 21_000)["sensitivity"] == 0


def test_a_record_with_annotations_is_measured_against_both(folder: Path) -> None:
    row = run(folder, targets=(1.0,))["points"][0]["r_peaks"]
    assert row["against_original"]["f1"] == 1
    assert row["against_annotations"]["sensitivity"] == 1
    assert 0.85 < row["against_annotations"]["ppv"] < 0.95
    assert row["f1_lost"] == 0


def test_what_a_reconstruction_loses_is_seen(folder: Path) -> None:
    report = run(folder, targets=(200.0,))
    row = report["points"][0]["r_peaks"]
    assert 0.4 < row["against_original"]["sensitivity"] < 0.6
    assert row["f1_lost"] > 0.2
    assert report["codecs"]["vaecodec"]["targets"]["200"]["r_peaks"]["worst_f1"]["record"] == "a"


def test_without_annotations_nothing_is_measured_unless_asked(tmp_path: Path) -> None:
    write(tmp_path, "a", None)
    assert "r_peaks" not in run(tmp_path, targets=(1.0,))
    row = run(tmp_path, targets=(1.0,), r_peaks=True)["points"][0]["r_peaks"]
    assert row.keys() == {"against_original"}


def test_it_can_be_left_out(folder: Path) -> None:
    report = run(folder, targets=(1.0,), r_peaks=False)
    assert "r_peaks" not in report and "r_peaks" not in report["points"][0]


def test_report_and_tables_have_the_figures(folder: Path, tmp_path: Path) -> None:
    report = run(folder, targets=(1.0,), out=tmp_path / "out")
    saved = json.loads((tmp_path / "out" / "signals.json").read_text())
    assert saved["r_peaks"]["detector"].startswith("XQRS")
    assert saved["codecs"]["vaecodec"]["targets"]["1"]["r_peaks"]["f1_lost"] == 0
    assert report["r_peaks"]["originals"][0]["against_annotations"]["sensitivity"] == 1
    lines = (tmp_path / "out" / "signals.txt").read_text().splitlines()
    assert "R-peaks at PRDN 1: F1 / jitter in ms, against the original's" in lines


def test_a_missing_detector_matters_only_to_those_who_ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise UnsupportedError("R-peaks need the package 'wfdb'")

    monkeypatch.setattr(fidelity, "detector", missing)
    found = channels(folder, None, None, None, None)
    assert not plan(found, None)
    with pytest.raises(UnsupportedError, match="wfdb"):
        plan(found, True)


def test_channels_know_their_gain_and_annotations(folder: Path) -> None:
    (channel,) = channels(folder, None, None, None, None)
    assert (channel.gain, channel.annotations) == (200, folder / "a.atr")


@pytest.mark.parametrize(("gain", "unit"), [(200.0, "mV"), (0.2, "uV"), (200_000.0, "V")])
def test_gains_are_for_a_millivolt(tmp_path: Path, gain: float, unit: str) -> None:
    write(tmp_path, "a", None, gain, unit)
    assert channels(tmp_path, None, None, None, None)[0].gain == pytest.approx(200)
