"""What firmware costs stays what is kept beside this file: nobody makes it dearer without noticing, or cheaper without writing it down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import figures
from firmware.cores import TARGETS, export, need

from vaecodec.export.firmware import Firmware

KEPT = {model: json.loads(path.read_text()) for model, path in figures.KEPT.items()}
SLACK = 0.02  # compilers differ a little
# What they may take. Memory and stack are 16 KB together for `ecg`, 3 KB for `ecg-cs`.
BUDGETS = {
    ("ecg", "M4F"): {"instructions": 2500, "flash": 96 << 10, "memory": 13 << 10, "stack": 3 << 10},
    ("ecg", "M55"): {"instructions": 1500},
    ("ecg-cs", "M0+"): {"instructions": 150, "flash": 8 << 10, "memory": 2 << 10, "stack": 1 << 10},
    ("ecg-cs", "M4F"): {"instructions": 120, "flash": 8 << 10, "memory": 2 << 10, "stack": 1 << 10},
    ("ecg-cs", "RV32IMC"): {"instructions": 140, "flash": 9 << 10, "memory": 2 << 10, "stack": 1 << 10},
}


@pytest.fixture(scope="module", params=figures.KEPT)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model's name, and its library."""
    folder = tmp_path_factory.mktemp("figures") / "model"
    export(folder, figures.heart(), Firmware(name="model", packet=2, offset=1024), request.param)
    return request.param, folder


@pytest.mark.parametrize("core", figures.CORES)
def test_figures_are_those_kept(core: str, exported: tuple[str, Path], tmp_path: Path) -> None:
    model, library = exported
    need(TARGETS[core].compiler, TARGETS[core].runner[0], "gcc")
    found = figures.measure(core, library, figures.RATE * figures.SECONDS, tmp_path)
    assert found == pytest.approx(KEPT[model][core], rel=SLACK)


@pytest.mark.parametrize(("model", "core"), BUDGETS)
def test_a_core_keeps_its_budget(model: str, core: str) -> None:
    kept, budget = KEPT[model][core], BUDGETS[model, core]
    assert {name: kept[name] for name, most in budget.items() if kept[name] > most} == {}
