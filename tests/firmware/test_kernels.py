"""The convolutions of our bundles on small cores: the numbers of this machine's kernels, at a cost that stays what kernels.json says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import kernels
from firmware.cores import HERE, TARGETS, need

KEPT = json.loads((HERE / "kernels.json").read_text())
SLACK = 0.02  # compilers differ a little
BUDGET = {"M4F": 2.1, "M55": 0.6}  # instructions a multiplication


@pytest.mark.parametrize("core", kernels.CORES)
@pytest.mark.parametrize("bundle", kernels.GEOMETRIES)
def test_kernels_cost_what_is_kept(bundle: str, core: str, tmp_path: Path) -> None:
    need(TARGETS[core].compiler, TARGETS[core].runner[0], "gcc")
    assert kernels.measure(core, bundle, tmp_path) == pytest.approx(KEPT[bundle][core], rel=SLACK)


def test_kernels_keep_their_budgets() -> None:
    assert [(bundle, core) for bundle, costs in KEPT.items() for core, cost in costs.items() if cost > BUDGET[core]] == []


@pytest.mark.parametrize("bundle", kernels.GEOMETRIES)
def test_every_kernel_gives_the_same_numbers(bundle: str, tmp_path: Path) -> None:
    found = {core: kernels.checksum(TARGETS[core], bundle, tmp_path) for core in ("host, sanitized", "M0+", *kernels.CORES)}
    assert len(set(found.values())) == 1, found
