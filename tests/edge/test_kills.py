"""The client killed while it spools and sends: no acknowledged sample lost, none twice. `benchmarks.edge_kills` kills it longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from common import SIGNAL_BUNDLE

from vaecodec.benchmarks.edge_kills import run_kills, wrong_samples


def test_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    outcome = run_kills(tmp_path, SIGNAL_BUNDLE, 15)
    assert not any(outcome.faults.values()), outcome.faults


@pytest.mark.parametrize(
    ("pieces", "wrong"),
    [([(0, 4), (4, 6)], 0), ([(0, 4), (4, 0), (4, 6)], 0), ([(0, 4), (5, 5)], 1), ([(0, 4), (3, 7)], 1), ([(0, 4)], 6), ([(0, 3), (0, 10)], 3)],
)
def test_samples_that_are_missing_or_there_twice_are_counted(pieces: list[tuple[int, int]], wrong: int) -> None:
    assert wrong_samples(pieces, 10) == wrong
