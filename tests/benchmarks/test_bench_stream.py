"""What packets and bad lines cost, and the memory of a long stream."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats

from vaecodec.benchmarks import bench_stream
from vaecodec.benchmarks.streams import DELTA, SHORT
from vaecodec.io import wfdb
from vaecodec.io.recording import Recording


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("records")
    for seed, name in enumerate(("a", "b")):
        samples = np.rint(beats(12000, scale=300, seed=seed)).astype(np.int16)
        facts = {"format": "16", "gain": [200.0], "baseline": [0], "zero": [0], "bits": [11]}
        for file, content in wfdb.write(Recording(samples, 100, ["I"], ["mV"], extra={"wfdb": facts}), name).items():
            (where / file).write_bytes(content)
    return where


def test_a_report_tells_bytes_faults_and_memory(folder: Path, tmp_path: Path) -> None:
    printed: list[str] = []
    report = bench_stream(folder, SIGNAL_BUNDLE, tmp_path, hours=0.05, echo=printed.append)
    assert all(row["prdn"] <= 5 for row in report["rows"])
    short, delta = report["overheads"][SHORT], report["overheads"][DELTA]
    assert 0 < delta["all"]["total"] < short["all"]["total"]
    assert short["most_framing"] == 6
    line = report["line"]
    assert line["packets"] == 2 * 63
    assert sum(line["faults"].values()) > 4
    assert line["unreported"] == line["wrong_samples"] == line["samples_missing"] == 0
    long = report["long"]["0.05 h"]
    assert long["received"] == long["samples"] == 18000
    assert 10e6 < long["decoder_peak_bytes"] < 1e9
    assert json.loads((tmp_path / "stream.json").read_text())["kind"] == "stream"
    assert (tmp_path / "stream.txt").read_text() == printed[0] + "\n"


def test_a_part_of_a_record_may_do(folder: Path) -> None:
    report = bench_stream(folder, SIGNAL_BUNDLE, records=["b"], seconds=40, hours=0, effort=1, echo=lambda _: None)
    assert "long" not in report
    assert [row["record"] for row in report["rows"]] == ["b"] * 3
