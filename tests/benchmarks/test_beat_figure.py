"""The picture of a difficult beat: which one it is, and that it can be drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import wfdb as physionet

from vaecodec.benchmarks.beat_figure import bench_beat
from vaecodec.codec.errors import FormatError, InputError

RATE = 360
AT = {"targets": {"5": {"mean_cr": 20.0, "mean_prdn": 4.9}, "9": {"mean_cr": 40.0, "mean_prdn": 8.9}}}


def record(folder: Path, symbols: str) -> None:
    """Beats a second apart; a ventricular one is wide, and the third beat in a storm of noise."""
    times = RATE * np.arange(1, len(symbols) + 1)
    n = np.arange(RATE * (len(symbols) + 1))
    widths = {"N": 40.0, "V": 400.0}
    signal = sum(200 * np.exp(-np.square(n - at) / widths[symbol]) for at, symbol in zip(times, symbols, strict=True))
    signal += np.random.default_rng(1).normal(0, 60, len(n)) * (abs(n - times[2]) < 60)
    samples = np.rint(signal + 1024).astype(int)[:, None]
    scale = {"adc_gain": [200.0], "baseline": [1024], "units": ["mV"]}
    physionet.wrsamp("a", fs=RATE, sig_name=["I"], d_signal=samples, fmt=["16"], write_dir=str(folder), **scale)
    physionet.wrann("a", "atr", times, list(symbols), write_dir=str(folder))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    rows = [{"codec": "vaecodec", "extent": "whole", "prdn": 9.0, "cr": 15.0}, {"codec": "BSBL-BO 16", "extent": "part", "prdn": 9.0, "cr": 7.0}]
    (tmp_path / "signals.json").write_text(json.dumps({"codecs": {"vaecodec": AT, "DWT": AT}}))
    (tmp_path / "sensing.json").write_text(json.dumps({"points": rows}))
    return tmp_path


def test_the_worst_ventricular_beat_is_drawn(results: Path) -> None:
    record(results, "NVVNVN")
    found = bench_beat(results, results / "out" / "beat.png", results=results)
    assert (found["record"], found["seconds"]) == ("a", 3.0)
    assert set(found["error"]) == {"vaecodec", "DWT"}
    assert (results / "out" / "beat.png").read_bytes().startswith(b"\x89PNG")


def test_records_without_ventricular_beats_are_named(results: Path) -> None:
    record(results, "NNNN")
    with pytest.raises(InputError, match="no annotated ventricular beat"):
        bench_beat(results, results / "beat.png", results=results)
    assert not (results / "beat.png").exists()


def test_results_that_are_none_are_named(tmp_path: Path) -> None:
    record(tmp_path, "NNVN")
    with pytest.raises(FormatError, match=r"signals\.json"):
        bench_beat(tmp_path, tmp_path / "beat.png", results=tmp_path)
