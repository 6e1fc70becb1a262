"""`vaecodec compare`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from common import IMAGE_BUNDLE, beats, picture, psnr, signal_codec
from PIL import Image

from vaecodec.cli import run


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAECODEC_MODELS", str(IMAGE_BUNDLE.parent))


def save(name: str, pixels: np.ndarray) -> np.ndarray:
    Image.fromarray(pixels).save(name)
    return pixels


def test_figures_of_a_picture_and_its_stream(capsys: pytest.CaptureFixture[str]) -> None:
    pixels = save("a.png", picture(190, 200))
    run(["encode", "a.png", "a.vae", "-m", str(IMAGE_BUNDLE), "-q", "70"])
    run(["decode", "a.vae", "b.png"])
    assert run(["compare", "a.png", "a.vae", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    with Image.open("b.png") as decoded:
        assert facts["psnr"] == pytest.approx(psnr(pixels, np.array(decoded)), abs=0.1)
    assert 0.8 < facts["ms_ssim"] < 1
    assert facts["bytes"] == [Path("a.png").stat().st_size, Path("a.vae").stat().st_size]


def test_equal_pictures_and_small_ones(capsys: pytest.CaptureFixture[str]) -> None:
    save("a.png", picture(20, 30))
    save("b.bmp", picture(20, 30))
    assert run(["compare", "a.png", "b.bmp"]) == 0
    assert capsys.readouterr().out.startswith("equal, largest difference 0, 30 x 20 pixels")


def test_grey_and_transparency_compare_by_colour(capsys: pytest.CaptureFixture[str]) -> None:
    grey = save("a.png", picture(20, 30, 1))
    save("b.png", np.stack([grey, grey, grey, np.arange(600, dtype=np.uint8).reshape(20, 30)], axis=2))
    assert run(["compare", "a.png", "b.png"]) == 0
    assert capsys.readouterr().out.startswith("equal")


def test_the_difference_is_drawn() -> None:
    save("a.png", np.full((5, 7, 3), 100, np.uint8))
    save("b.png", np.full((5, 7, 3), 103, np.uint8))
    assert run(["compare", "a.png", "b.png", "--out", "d.png"]) == 0
    with Image.open("d.png") as drawn:
        assert np.array(drawn)[0, ::7, 0].tolist() == [100, 103, 128 + 8 * 3]
    assert run(["compare", "a.png", "b.png", "--out", "d.png"]) == 7
    assert run(["compare", "a.png", "b.png", "--out", "d.png", "-f"]) == 0


def test_what_cannot_be_compared_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    save("a.png", picture(20, 30))
    save("b.png", picture(21, 30))
    Path("s.vae").write_bytes(signal_codec().encode(beats(100), rate=100))
    Path("bad.png").write_bytes(b"\x89PNG")
    cases = [("b.png", 7, "30 x 21"), ("s.vae", 4, "holds a signal"), ("bad.png", 3, "cannot read")]
    for name, code, text in cases:
        assert run(["compare", "a.png", name]) == code
        assert text in capsys.readouterr().err
    assert run(["compare", "a.png", "a.png", "--out", "d.xyz"]) == 4
