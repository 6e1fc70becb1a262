"""Memory and time of a large picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from common import IMAGE_BUNDLE

from vaecodec.benchmarks import bench_large
from vaecodec.benchmarks.large import landscape


def test_a_report_has_time_and_memory_of_every_part(tmp_path: Path) -> None:
    printed: list[str] = []
    report = bench_large(300, 400, IMAGE_BUNDLE, tmp_path, echo=printed.append)
    for row in report["rows"].values():
        assert row["seconds"] > 0
        assert 10e6 < row["peak_bytes"] < 2e9
    assert "share" in report["rows"]["region"]
    assert json.loads((tmp_path / "large.json").read_text())["width"] == 300
    assert "300 x 400" in printed[0]
    assert "scale 1/8" in printed[0]


def test_a_landscape_has_its_size_and_no_two_equal_tiles_in_a_column() -> None:
    picture = landscape(600, 300)
    assert (picture.shape, picture.dtype) == ((600, 300, 3), np.uint8)
    assert not np.array_equal(picture[:256], picture[256:512])
