"""The engines side by side, and inputs steered to rounding ties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from common import beats, picture
from PIL import Image
from reference.analysis import analyse

from vaecodec.benchmarks import bench_engine
from vaecodec.benchmarks.ties import distance, mixed_ties, rounded, steered, sums
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import UnsupportedError
from vaecodec.export.symbols import SymbolProgram
from vaecodec.export.untrained import untrained_program


@pytest.mark.parametrize("model", ["ecg", "photo"])
def test_a_report_counts_outputs_ties_and_latents(model: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.rint(beats(4000)).astype(np.int16))
    Image.fromarray(picture(128, 160)).save(tmp_path / "a.png")
    printed: list[str] = []
    report = bench_engine(tmp_path, model, tmp_path / "out", outputs=20_000, echo=printed.append)
    for row in report["rows"].values():
        assert row["outputs"] >= 20_000
        assert row["on_tie"] > 0
        assert row["differing"]["reference"] == 0
    assert report["latents"]["count"] > 0
    assert json.loads((tmp_path / "out" / "engine.json").read_text())["model"] == model
    assert "near ties" in printed[0]


def test_models_without_the_file_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="lapped"):
        bench_engine(tmp_path, "speech8k")


@pytest.mark.parametrize("level", [1, 3, 6])
def test_steered_signals_bring_nearly_every_output_of_their_level_to_a_tie(level: int) -> None:
    program = SymbolProgram.from_bytes(Bundle.open("ecg").member("symbols.bin"))
    chain = [filters[0][0] for filters in program.filters[:level]]
    steps = 20 << (6 - level)
    x = steered(chain, steps, 2, np.random.default_rng(1))
    x = x[: len(x) >> 6 << 6]
    low, high = [np.minimum(distance(values, shift), 2) for values, shift in sums(program, x[:, :1])][2 * (level - 1) : 2 * level]
    assert (np.minimum(low, high) <= 1).sum() > 0.7 * steps


def test_a_steered_mix_has_its_sums_near_ties() -> None:
    program = SymbolProgram.from_bytes(Bundle.open("photo").member("symbols.bin"))
    (values, shift), *_ = sums(program, mixed_ties(program.mix, 32, 32, np.random.default_rng(1)))
    assert (distance(values, shift) <= 1).mean() > 0.3


@pytest.mark.parametrize("rank", [1, 2])
def test_sums_are_those_of_the_analysis(rank: int) -> None:
    program = untrained_program(rank, 3)
    x = np.random.default_rng(0).integers(-32768, 32768, (32, 32, program.colours) if rank == 2 else (128, 1)).astype(np.int16)
    last, shift = list(sums(program, x))[-1]
    ours = rounded(last, shift)
    assert any(ours.shape == b.shape and np.array_equal(ours, b) for b in analyse(x, program))
