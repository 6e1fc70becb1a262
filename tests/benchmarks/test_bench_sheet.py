"""One picture beside what codecs make of it at equal bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from common import IMAGE_BUNDLE, picture
from PIL import Image

from vaecodec.benchmarks import bench_sheet
from vaecodec.codec.errors import InputError


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original.png"
    Image.fromarray(picture(120, 200)).save(path)
    return path


def test_the_sheet_shows_four_pictures_of_equal_bytes(original: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    figures = bench_sheet(original, tmp_path / "sheet.png", IMAGE_BUNDLE, bpp=1.5, echo=lines.append)
    assert [name for name, _, _ in figures] == ["JPEG", "AVIF", "vaecodec"]
    assert all(size <= 1.5 * 120 * 200 / 8 for _, size, _ in figures)
    assert all(db > 15 for _, _, db in figures)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 400
        assert sheet.height > 240
    assert len(lines) == 3


def test_a_crop_outside_is_refused(original: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not lie within"):
        bench_sheet(original, tmp_path / "sheet.png", IMAGE_BUNDLE, crop=(150, 0, 100, 100))
    assert not (tmp_path / "sheet.png").exists()
