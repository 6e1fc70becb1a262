"""What firmware costs stays what figures.json says: nobody makes it dearer without noticing, or cheaper without writing it down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import figures
from firmware.cores import HERE, TARGETS, export, need

from vaecodec.export.firmware import Firmware

KEPT = json.loads((HERE / "figures.json").read_text())
SLACK = 0.02  # compilers differ a little
# What `ecg` may take: memory and stack are 16 KB together.
BUDGETS = {
    "M4F": {"instructions": 2500, "flash": 96 << 10, "memory": 13 << 10, "stack": 3 << 10},
    "M55": {"instructions": 1500},
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "model"
    export(folder, figures.heart(), Firmware(name="model", packet=2, offset=1024))
    return folder


@pytest.mark.parametrize("core", figures.CORES)
def test_figures_are_those_kept(core: str, library: Path, tmp_path: Path) -> None:
    need(TARGETS[core].compiler, TARGETS[core].runner[0], "gcc")
    found = figures.measure(core, library, figures.RATE * figures.SECONDS, tmp_path)
    assert found == pytest.approx(KEPT[core], rel=SLACK)


@pytest.mark.parametrize("core", BUDGETS)
def test_a_core_keeps_its_budget(core: str) -> None:
    assert {name: KEPT[core][name] for name, most in BUDGETS[core].items() if KEPT[core][name] > most} == {}
