"""The command as a process: what it imports, how it ends, what reaches the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE, beats, picture
from PIL import Image

from vaecodec.io.arrays import save_npy

HEAVY = ("tensorflow", "keras", "torch", "scipy", "matplotlib", "pandas", "skimage")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment})


def vaecodec(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from vaecodec.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_importing_vaecodec_loads_nothing_else() -> None:
    done = python("import sys, vaecodec; print([m for m in ('numpy', 'PIL', 'click', 'ai_edge_litert') if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_all_public_names_exist() -> None:
    done = python("import vaecodec; [getattr(vaecodec, n) for n in vaecodec.__all__]; print(sorted(vaecodec.__all__) == dir(vaecodec))")
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("options", [["-e", "4"], ["--psnr", "30"]])
def test_encoding_that_decodes_says_one_line(options: list[str], tmp_path: Path) -> None:
    Image.fromarray(picture(40, 40)).save(tmp_path / "a.png")
    done = vaecodec("encode", "a.png", "a.vae", "-m", str(IMAGE_BUNDLE), *options, cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("model", [IMAGE_BUNDLE, SIGNAL_BUNDLE])
def test_encoding_and_decoding_load_no_heavy_package(model: Path, tmp_path: Path) -> None:
    array = picture(16, 16) if model is IMAGE_BUNDLE else beats(100)
    (tmp_path / "a.npy").write_bytes(save_npy(array))
    code = f"""
import sys
from vaecodec.cli import run
assert run(["encode", "{tmp_path}/a.npy", "{tmp_path}/a.vae", "-m", "{model}"]) == 0
assert "ai_edge_litert" not in sys.modules, "encoding needs no interpreter"
assert run(["decode", "{tmp_path}/a.vae", "{tmp_path}/b.npy", "-m", "{model}"]) == 0
print([m for m in {HEAVY} if m in sys.modules])
"""
    done = python(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_exit_code_reaches_the_shell_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.vae").write_bytes(b"junk")
    done = vaecodec("decode", "bad.vae", "out.png", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("vaecodec: error: ")
    assert done.stderr.count("\n") == 1


def test_the_interpreters_log_stays_off_the_terminal(tmp_path: Path) -> None:
    Image.fromarray(picture(16, 16)).save(tmp_path / "a.png")
    assert vaecodec("encode", "a.png", "a.vae", "-m", str(IMAGE_BUNDLE), cwd=tmp_path).returncode == 0
    done = vaecodec("decode", "a.vae", "b.png", "-m", str(IMAGE_BUNDLE), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("a.vae -> b.png: 16 x 16 pixels")
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(save_npy(picture(300, 300)))
    shell = f"{sys.executable} -c 'from vaecodec.cli import main; main()' encode a.npy - -m {IMAGE_BUNDLE} --tile 8 | true"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=tmp_path)
    assert "Traceback" not in done.stderr
