"""`--lossless` and `--max-error` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE, beats, picture
from PIL import Image

from vaecodec.cli import run
from vaecodec.io import wav, wfdb
from vaecodec.io.recording import Recording

IMAGE, SIGNAL = str(IMAGE_BUNDLE), str(SIGNAL_BUNDLE)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def record() -> np.ndarray:
    """A record 100 in the folder; its samples."""
    samples = np.rint(beats(900, 2) + 1000).astype(np.int16)
    facts = {"format": "212", "gain": [200.0, 100.0], "baseline": [1024, 0], "bits": [11, 11], "zero": [1024, 0], "comments": ["69 M"]}
    for name, content in wfdb.write(Recording(samples, 360, ["MLII", "V5"], ["mV", "uV"], extra={"wfdb": facts}), "100").items():
        Path(name).write_bytes(content)
    return samples


def samples_of(header: str) -> np.ndarray:
    return wfdb.read(Path(header).read_bytes(), lambda name: Path(header).with_name(name).read_bytes()).samples


@pytest.mark.parametrize("model", [[], ["-m", SIGNAL]])
def test_a_record_comes_back_to_the_byte(record: np.ndarray, model: list[str]) -> None:
    assert run(["encode", "100.hea", "a.vae", "--lossless", *model]) == 0
    assert run(["test", "a.vae"]) == 0
    assert run(["decode", "a.vae", "out/100.hea"]) == 0
    assert Path("out/100.dat").read_bytes() == Path("100.dat").read_bytes()
    assert Path("out/100.hea").read_bytes() == Path("100.hea").read_bytes()


@pytest.mark.parametrize("bound", [0, 1, 3, 20])
def test_no_sample_is_off_by_more_than_the_bound(record: np.ndarray, bound: int) -> None:
    assert run(["encode", "100.hea", "a.vae", "--max-error", str(bound)]) == 0
    assert run(["decode", "a.vae", "b.hea"]) == 0
    assert np.abs(samples_of("b.hea").astype(int) - record).max() == bound


def test_sound_comes_back_to_the_byte() -> None:
    Path("in.wav").write_bytes(wav.write(Recording(np.rint(beats(900, 2, 9000)).astype(np.int16), 8000)))
    assert run(["encode", "in.wav", "in.vae", "--lossless"]) == 0
    assert run(["decode", "in.vae", "out.wav"]) == 0
    assert Path("out.wav").read_bytes() == Path("in.wav").read_bytes()


def test_a_folder_of_records_needs_no_model(record: np.ndarray) -> None:
    Image.fromarray(picture(20, 30)).save("a.png")
    assert run(["encode", ".", "out", "--lossless"]) == 0
    assert [path.name for path in Path("out").iterdir()] == ["100.vae"]


def test_info_tells_the_bound(record: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "100.hea", "a.vae", "--max-error", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["max_error"] == 3
    assert run(["encode", "100.hea", "b.vae", "--lossless"]) == 0
    assert "lossless" in capsys.readouterr().err
    assert run(["info", "a.vae"]) == 0
    assert "max error        3" in capsys.readouterr().out


@pytest.mark.parametrize("other", [["-q", "50"], ["--target-bytes", "99"], ["--target-bpp", "1"], ["--psnr", "40"], ["--max-error", "2"]])
def test_it_takes_nothing_else_that_decides_the_quality(other: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "100.hea", "a.vae", "--lossless", *other]) == 2
    assert f"leave {other[0].replace('-q', '--quality')} away" in capsys.readouterr().err


@pytest.mark.parametrize("model", [[], ["-m", IMAGE]])
def test_pictures_are_refused(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(picture(20, 30)).save("a.png")
    assert run(["encode", "a.png", "a.vae", "--lossless", *model]) == 7
    assert "are for signals" in capsys.readouterr().err
    assert not Path("a.vae").exists()


def test_a_damaged_stream_is_told(record: np.ndarray) -> None:
    assert run(["encode", "100.hea", "a.vae", "--lossless"]) == 0
    Path("a.vae").write_bytes(Path("a.vae").read_bytes()[:-40])
    assert run(["test", "a.vae"]) == 3
