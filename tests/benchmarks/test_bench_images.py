import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaecodec.benchmarks import bench_images
from vaecodec.benchmarks.image_report import summarise
from vaecodec.codec.errors import FormatError, InputError


class Halving:
    """A codec that keeps the upper bits: 2 at quality 0, 7 at quality 100, zero bytes standing for its file."""

    def encode(self, array: np.ndarray, *, quality: float) -> bytes:
        bits = 2 + round(5 * quality / 100)
        self._decoded = (array >> (8 - bits) << (8 - bits)) + (1 << (7 - bits))
        return bytes(round(array.shape[0] * array.shape[1] * bits / 16))

    def decode(self, data: bytes) -> np.ndarray:
        return self._decoded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    x = np.mgrid[:192, :208][1]
    for seed in range(2):
        noise = np.random.default_rng(seed).normal(0, 12, (192, 208, 3))
        pixels = 128 + 80 * np.sin(x / (9 + seed))[..., None] + noise
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{seed}.png")
    return tmp_path


def test_a_report_holds_every_codec_and_picture(folder: Path) -> None:
    report = bench_images(folder, Halving(), peers=["JPEG"], echo=lambda _: None)
    assert {name: list(files) for name, files in report["points"].items()} == {"vaecodec": ["0", "1"], "JPEG": ["0", "1"]}


def test_rate_counts_all_bytes_of_the_file(folder: Path) -> None:
    report = bench_images(folder, Halving(), peers=["JPEG"], limit=1, echo=lambda _: None)
    point = report["points"]["vaecodec"]["0"][0]
    assert point["bpp"] == pytest.approx(8 * point["bytes"] / (192 * 208))


def test_both_directions_of_the_bd_rate_agree(folder: Path) -> None:
    codecs = bench_images(folder, Halving(), peers=["JPEG"], limit=1, with_ms_ssim=False, echo=lambda _: None)["codecs"]
    there, back = codecs["vaecodec"]["bd_rate"]["JPEG"], codecs["JPEG"]["bd_rate"]["vaecodec"]
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1, abs=1e-6)


def test_a_report_checks_the_quality_scale_and_the_first_half_of_a_file(folder: Path) -> None:
    printed: list[str] = []
    report = bench_images(folder, "photo", peers=["JPEG 4:2:0"], with_ms_ssim=False, limit=1, echo=printed.append)
    checks = report["codecs"]["vaecodec"]["checks"]
    assert (checks["of"], checks["monotone"]) == (1, 1)
    assert checks["finest_psnr"] > 40
    assert 10 < checks["half_psnr"] < checks["finest_psnr"]
    assert "never fall as quality rises: 1 of 1" in printed[0]


def test_a_quality_scale_that_falls_is_told() -> None:
    same = {"pixels": 9, "encode_s": 1, "decode_s": 1}
    points = [{"setting": q, "bytes": 10 * q, "bpp": q / 100, "psnr": db, **same} for q, db in ((1, 30), (2, 31), (3, 30.9))]
    falling, rising = summarise("own", {"own": {"a": points}}), summarise("own", {"own": {"a": points[:2]}})
    assert [codec["checks"]["monotone"] for codec in (falling, rising)] == [0, 1]


def test_out_gets_json_tables_and_plots(folder: Path, tmp_path: Path) -> None:
    printed: list[str] = []
    bench_images(folder, Halving(), tmp_path / "out", peers=["JPEG"], limit=1, echo=printed.append)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"images.json", "images.txt", "images_psnr.png", "images_ms_ssim_db.png"}
    assert (tmp_path / "out" / "images.txt").read_text() == printed[0] + "\n"
    assert json.loads((tmp_path / "out" / "images.json").read_text())["kind"] == "images"


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(FormatError, match="bad.png"):
        bench_images(tmp_path, "photo", peers=())


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file ends in"):
        bench_images(tmp_path, Halving())
