import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vaecodec.benchmarks import bench_signals
from vaecodec.benchmarks.recordings import REPORT_RECORDS, channels
from vaecodec.codec.errors import FormatError, InputError
from vaecodec.io import wfdb
from vaecodec.io.recording import Recording


class Rounding:
    """A codec that rounds to multiples of a step: 256 at quality 0, 2 at quality 100; a byte a sample stands for its file."""

    def encode(self, array: np.ndarray, *, rate: Fraction, quality: float) -> bytes:
        step = 2 ** (8 - 7 * quality / 100)
        self._decoded = np.rint(np.rint(array / step) * step).astype(array.dtype)
        return bytes(len(array))

    def decode(self, data: bytes) -> np.ndarray:
        return self._decoded


def record(folder: Path, name: str, seed: int = 0) -> None:
    t = np.arange(3000) / 360
    noise = np.random.default_rng(seed).normal(0, 5, (3000, 2))
    samples = np.rint(1024 + 200 * np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.001)[:, None] * [1, -0.5] + noise).astype(np.int16)
    facts = {"format": "212", "gain": [200.0, 200.0], "baseline": [1024, 1024], "zero": [1024, 1024], "bits": [11, 11]}
    files = wfdb.write(Recording(samples, Fraction(360), ["MLII", "V5"], ["mV", "mV"], extra={"wfdb": facts}), name)
    for file, content in files.items():
        (folder / file).write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a", "b")):
        record(tmp_path, name, seed)
    return tmp_path


def test_every_row_keeps_its_target(folder: Path) -> None:
    report = bench_signals(folder, Rounding(), lead=0, echo=lambda _: None)
    assert len(report["points"]) == 2 * 3 * 4
    assert all(row["prdn"] <= row["target"] for row in report["points"])


def test_ratio_is_against_the_bits_of_the_sensor(folder: Path) -> None:
    report = bench_signals(folder, Rounding(), lead=0, peers=[], echo=lambda _: None)
    assert all(row["cr"] == pytest.approx(11 / 8) for row in report["points"])


def test_flac_is_the_lossless_yardstick(folder: Path) -> None:
    report = bench_signals(folder, Rounding(), lead=0, peers=["FLAC"], echo=lambda _: None)
    assert [row["prdn"] for row in report["lossless"]] == [0.0, 0.0]


def test_bounds_are_held_and_told(folder: Path) -> None:
    told: list[str] = []
    report = bench_signals(folder, Rounding(), lead=0, peers=[], echo=told.append)
    assert [(row["max_error"], row["max_error_found"]) for row in report["bounded"]] == [(0, 0), (1, 1)] * 2
    assert "without loss, vaecodec: " in told[0]
    assert "within 1 of every sample, vaecodec: " in told[0]


def test_a_target_out_of_reach_is_said_to_be_missed(folder: Path) -> None:
    report = bench_signals(folder, Rounding(), lead=0, peers=[], targets=(1e-4,), echo=lambda _: None)
    assert report["codecs"]["vaecodec"]["targets"]["0.0001"]["missed"] == ["a", "b"]


def test_out_gets_json_tables_and_a_plot(folder: Path, tmp_path: Path) -> None:
    bench_signals(folder, Rounding(), tmp_path / "out", lead=0, peers=[], echo=lambda _: None)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"signals.json", "signals.txt", "signals.png"}
    assert json.loads((tmp_path / "out" / "signals.json").read_text())["kind"] == "signals"


def test_every_channel_is_taken_unless_a_lead_is_named(folder: Path) -> None:
    assert [c.name for c in channels(folder, None, None, None, None)] == ["a/MLII", "a/V5", "b/MLII", "b/V5"]
    assert [c.name for c in channels(folder, None, 1, None, None)] == ["a", "b"]


def test_channels_know_rate_bits_and_baseline(folder: Path) -> None:
    first = channels(folder, ["b"], 0, None, None)[0]
    assert (first.name, first.rate, first.bits, first.baseline, len(first.samples)) == ("b", 360, 11, 1024, 3000)


def test_the_report_records_are_the_default_where_they_are_all_there(folder: Path) -> None:
    for name in REPORT_RECORDS:
        record(folder, name)
    assert [c.name for c in channels(folder, None, None, None, None)] == list(REPORT_RECORDS)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.hea").write_text("bad 1 360 10\nmissing.dat 16\n")
    with pytest.raises(FormatError, match="bad.hea"):
        channels(tmp_path, None, None, None, None)


def test_an_unknown_record_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no record 'c'"):
        channels(folder, ["c"], 0, None, None)


def test_an_unknown_lead_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no channel 2"):
        channels(folder, None, 2, None, None)
