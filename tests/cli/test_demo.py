"""The demo runs on a real photo and a real ECG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE
from PIL import Image

from vaecodec import demo_data
from vaecodec.cli import run


def test_it_prints_figures_and_writes_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo", "--photo-model", str(IMAGE_BUNDLE), "--ecg-model", str(SIGNAL_BUNDLE)]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("bpp", "PSNR", "CR", "PRDN", "encode s", "decode s"))
    assert {p.name for p in Path("demo-out").iterdir()} == {"photo.png", "photo.vae", "ecg.png", "ecg.vae"}
    with Image.open("demo-out/photo.png") as image:
        assert image.width > 2 * 512


def test_the_synthetic_ecg_stands_in() -> None:
    samples = demo_data.synthetic_ecg(3600)
    assert samples.dtype == np.int16
    assert 0 <= samples.min() < 1024 < samples.max() < 2048
    assert np.array_equal(samples, demo_data.synthetic_ecg(3600))
