"""Compressed sensing on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from common import SENSING_BUNDLE, beats

from vaecodec.cli import run as run_command
from vaecodec.codec.errors import InputError

Run = Callable[..., tuple[int, str]]


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str]:
        """Exit code and what was printed."""
        code = run_command([str(a) for a in arguments])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    np.save(tmp_path / "in.npy", np.rint(beats(900)).astype(np.int16))
    return tmp_path / "in.npy"


@pytest.mark.parametrize("target", [["-q", 40], ["--prdn", 7], ["--target-bytes", 300], ["--target-bpp", 2.5], ["-e", 1]])
def test_a_recording_goes_there_and_back(run: Run, recording: Path, target: list[object]) -> None:
    stream, back = recording.with_name("out.vae"), recording.with_name("back.npy")
    code, output = run("encode", recording, stream, "-m", SENSING_BUNDLE, *target)
    assert code == 0, output
    assert run("decode", stream, back, "-m", SENSING_BUNDLE)[0] == 0
    assert np.load(back).shape == (900,)
    assert run("test", stream, "-m", SENSING_BUNDLE)[0] == 0


def test_info_and_models_know_the_modality(run: Run, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAECODEC_MODELS", str(SENSING_BUNDLE.parent))
    stream = recording.with_name("out.vae")
    assert run("encode", recording, stream, "-m", "tiny-sensing")[0] == 0
    code, output = run("info", stream, "--json")
    assert code == 0
    facts = json.loads(output.splitlines()[-1])
    assert facts["model"] == "tiny-sensing"
    assert facts["measurements_per_sample"] == 0.5
    assert "sensing" in run("models")[1]
    assert run("test", SENSING_BUNDLE)[0] == 0


def test_a_bound_goes_without_the_model(run: Run, recording: Path) -> None:
    stream = recording.with_name("out.vae")
    assert run("encode", recording, stream, "-m", SENSING_BUNDLE, "--lossless")[0] == 0
    assert run("decode", stream, recording.with_name("back.npy"))[0] == 0
    assert np.array_equal(np.load(recording.with_name("back.npy")), np.load(recording))


@pytest.mark.parametrize("option", [["-e", 5], ["--psnr", 40]])
def test_options_without_a_meaning_are_named(run: Run, recording: Path, option: list[object]) -> None:
    code, output = run("encode", recording, recording.with_name("out.vae"), "-m", SENSING_BUNDLE, *option)
    assert code != 0
    assert option[0] == "--psnr" or "effort" in output


@pytest.mark.parametrize("options", [["--cs", "--peers", "DWT"], ["--cs", "-e", "2"], ["--seconds", "5"], ["-j", "2"]])
def test_bench_refuses_what_has_no_meaning(run: Run, tmp_path: Path, options: list[str]) -> None:
    code, output = run("bench", "signals", tmp_path, *options)
    assert code == 2
    assert "--cs" in output


def test_a_recording_streams_there_and_back(run: Run, recording: Path) -> None:
    stream, back = recording.with_name("out.vae"), recording.with_name("back.npy")
    code, output = run("encode", "--stream", recording, stream, "-m", SENSING_BUNDLE, "--rate", 100, "--packet", "1s", "-q", 60)
    assert code == 0, output
    assert run("decode", "--stream", stream, back, "-m", SENSING_BUNDLE)[0] == 0
    assert np.load(back).shape == (900,)
    assert run("decode", stream, back, "-m", SENSING_BUNDLE, "-f")[0] == 0
    code, output = run("encode", "--stream", recording, stream, "-m", SENSING_BUNDLE, "--rate", 100, "--key", "4s", "-f")
    assert code == InputError.exit_code
    assert "decode alone" in output


def test_a_library_for_a_device_has_one_ratio(run: Run, tmp_path: Path) -> None:
    code, output = run("export", "firmware", "ecg-cs", "--out", tmp_path / "device", "--ratio", 16, "--name", "lead")
    assert code == 0, output
    assert "LEAD_QUALITY_MAX = 137" in (tmp_path / "device" / "src" / "lead.h").read_text()
    assert "16 of each window of 128 samples" in (tmp_path / "device" / "README.md").read_text()
    code, output = run("export", "firmware", "ecg-cs", "--out", tmp_path / "none", "--ratio", 17)
    assert code == InputError.exit_code
    assert "16, 32, 64 of 128" in output
