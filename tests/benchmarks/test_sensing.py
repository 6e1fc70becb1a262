"""The benchmark of compressed sensing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from common import SENSING_BUNDLE, beats, prdn, sensing_codec, signal_codec

from vaecodec.benchmarks import bench_sensing
from vaecodec.benchmarks.sensing import sparse_decode
from vaecodec.codec.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(2):
        np.save(tmp_path / f"{seed}.npy", np.rint(beats(1100, seed=seed)).astype(np.int16))
    return tmp_path


def test_all_codecs_keep_the_target_and_say_what_they_cost(folder: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    report = bench_sensing(
        folder, sensing_codec(), tmp_path / "out", bits=11, target=7.0, seconds=512, wavelet=signal_codec(), echo=lines.append
    )
    rows = report["points"]
    assert {(row["codec"], row["extent"]) for row in rows} == {
        ("vaecodec", "whole"), ("wavelet", "whole"), ("vaecodec", "part"), ("BSBL-BO 24", "part"), ("BSBL-BO 128", "part"), ("classic", "part"),
    }  # fmt: skip
    assert all(row["prdn"] <= 7 for row in rows if not row.get("missed"))
    assert all(row["samples"] == 1100 for row in rows if row["extent"] == "whole")
    ours = report["codecs"]["vaecodec, whole"]
    assert 0 < ours["adds"] < 20 and "macs" not in ours
    assert report["codecs"]["wavelet, whole"]["macs"] > 10
    sizes = [row["bytes"] for row in rows if (row["codec"], row["extent"]) == ("vaecodec", "whole")]
    assert ours["cr"] == pytest.approx(np.mean([11 * 1100 / 8 / size for size in sizes]))
    assert json.loads((tmp_path / "out" / "sensing.json").read_text())["kind"] == "sensing"
    assert "adds/sample" in lines[0] and "BSBL-BO 24, part" in (tmp_path / "out" / "sensing.txt").read_text()


def test_an_error_out_of_reach_is_a_missed_row(folder: Path) -> None:
    report = bench_sensing(folder, sensing_codec(), target=0.01, seconds=256, wavelet=None, limit=1, echo=lambda _: None)
    assert report["codecs"]["vaecodec, whole"]["missed"] == ["0"]


def test_processes_share_the_recordings(folder: Path) -> None:
    alone, shared = (
        bench_sensing(folder, SENSING_BUNDLE, target=7.0, seconds=256, wavelet=None, jobs=jobs, echo=lambda _: None) for jobs in (1, 2)
    )
    assert alone["points"] == shared["points"]


def test_sparse_learning_decodes_our_streams() -> None:
    x = np.rint(beats(700)).astype(np.int16)
    stream = sensing_codec().encode(x, quality=100)
    assert prdn(x, sparse_decode(sensing_codec(), stream, 24)) < 15


def test_other_models_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="compressed sensing"):
        bench_sensing(folder, signal_codec())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="filter bank"):
        bench_sensing(folder, sensing_codec(), wavelet=sensing_codec())  # type: ignore[arg-type]
