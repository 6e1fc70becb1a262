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


NOISE = np.random.default_rng(0).normal(0, 1, 3000)
MULTIPLES = np.rint(1000 * NOISE) + 0.0  # no -0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_between_the_multiples_of_a_step_are_refused(dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("in.npy", NOISE.astype(dtype))
    assert run(["encode", "in.npy", "a.vae", "--lossless"]) == 7
    assert "--step, or --max-error" in capsys.readouterr().err
    assert not Path("a.vae").exists()


def test_floats_next_to_the_multiples_of_a_step_are_refused() -> None:
    np.save("in.npy", MULTIPLES / 1000 + 1e-9 * NOISE)
    assert run(["encode", "in.npy", "a.vae", "--lossless"]) == 7


@pytest.mark.parametrize("samples", [MULTIPLES / 128, (MULTIPLES / 1000).astype(np.float32), (MULTIPLES / 128).astype(np.float16), MULTIPLES + 1e12])
def test_floats_that_are_multiples_of_a_step_come_back_to_the_bit(samples: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("in.npy", samples)
    assert run(["encode", "in.npy", "a.vae", "--lossless"]) == 0
    assert "note" not in capsys.readouterr().err
    assert run(["decode", "a.vae", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), samples)


def test_decimals_that_come_back_all_but_for_the_last_bits_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("in.npy", MULTIPLES / 1000)
    assert run(["encode", "in.npy", "a.vae", "--lossless"]) == 0
    assert "the last bits of samples may differ" in capsys.readouterr().err
    assert run(["decode", "a.vae", "out.npy"]) == 0
    np.testing.assert_allclose(np.load("out.npy"), MULTIPLES / 1000, rtol=1e-15)


def test_decimals_of_a_table_come_back_to_the_byte(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("a,b\n" + "".join(f"{v / 1000:.3f},{v / 10:.1f}\n" for v in MULTIPLES))
    assert run(["encode", "in.csv", "a.vae", "--lossless"]) == 0
    assert "note" not in capsys.readouterr().err
    assert run(["decode", "a.vae", "out.csv"]) == 0
    assert Path("out.csv").read_bytes() == Path("in.csv").read_bytes()


def test_a_step_that_is_not_found_can_be_given() -> None:
    samples = MULTIPLES / 10
    samples[7] = 0.50000001  # on a grid of six decimals, as far as the search for one can tell
    np.save("in.npy", samples)
    assert run(["encode", "in.npy", "a.vae", "--lossless"]) == 7
    assert run(["encode", "in.npy", "a.vae", "--lossless", "--step", "0.00000001"]) == 7
    samples[:] = np.where(np.abs(samples) < 10, samples, 0)
    np.save("in.npy", samples)
    assert run(["encode", "in.npy", "a.vae", "--lossless"]) == 7
    assert run(["encode", "in.npy", "a.vae", "--lossless", "--step", "0.00000001"]) == 0
    assert run(["decode", "a.vae", "out.npy"]) == 0
    np.testing.assert_allclose(np.load("out.npy"), samples, rtol=1e-15)


def test_a_step_is_the_unit_of_a_bound() -> None:
    np.save("in.npy", MULTIPLES / 10)
    assert run(["encode", "in.npy", "a.vae", "--max-error", "3", "--step", "0.2"]) == 0
    assert run(["decode", "a.vae", "out.npy"]) == 0
    assert 0.6 <= np.abs(np.load("out.npy") - MULTIPLES / 10).max() < 0.7 + 1e-9


@pytest.mark.parametrize("options", [["-m", SIGNAL], ["--lossless"], ["--max-error", "2"]])
def test_a_step_is_for_decimals(record: np.ndarray, options: list[str]) -> None:
    assert run(["encode", "100.hea", "a.vae", "--step", "0.1", *options]) == 7
    np.save("in.npy", MULTIPLES / 10)
    assert run(["encode", "in.npy", "a.vae", "--step", "0.1", "--rate", "100", *options]) == 0
