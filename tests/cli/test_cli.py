"""The command line: what it writes, what it says, with which code it ends."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE, beats, flip, picture, prdn, psnr
from PIL import Image

from vaecodec import api
from vaecodec.cli import COMMANDS, encode, run
from vaecodec.cli import files as cli_files
from vaecodec.codec import rdoq
from vaecodec.codec.warn import PartialWarning
from vaecodec.io import arrays, csv_files, wav, wfdb
from vaecodec.io.recording import Recording

IMAGE, SIGNAL = str(IMAGE_BUNDLE), str(SIGNAL_BUNDLE)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAECODEC_MODELS", str(IMAGE_BUNDLE.parent))


def png(path: str, planes: int = 3, size: tuple[int, int] = (30, 40)) -> np.ndarray:
    pixels = picture(*size, planes)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def opened(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def listing(folder: str = ".") -> set[str]:
    return {str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file()}


# --- the main road --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "bmp"])
def test_a_picture_goes_there_and_back(suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = png("a.png")
    assert run(["encode", "a.png", "a.vae", "-m", IMAGE, "-q", "80"]) == 0
    assert run(["decode", "a.vae", f"b.{suffix}"]) == 0
    assert psnr(pixels, opened(f"b.{suffix}")) > 34
    assert capsys.readouterr().out == ""


def test_the_efforts_offered_are_those_of_the_codec() -> None:
    option = next(option for option in encode.command.params if option.name == "effort")
    assert (option.type.min, option.type.max, option.default) == (1, rdoq.MAX_EFFORT, rdoq.DEFAULT_EFFORT)


def test_a_record_goes_there_and_back() -> None:
    samples = np.rint(beats(500, 2) + 1000).astype(np.int16)
    facts = {"format": "212", "gain": [200.0, 100.0], "baseline": [1024, 0], "bits": [11, 11], "zero": [1024, 0], "comments": ["69 M"]}
    for name, content in wfdb.write(Recording(samples, 360, ["MLII", "V5"], ["mV", "uV"], extra={"wfdb": facts}), "100").items():
        Path(name).write_bytes(content)
    for source in ("100.hea", "100.dat", "100"):
        assert run(["encode", source, "100.vae", "-m", SIGNAL, "-q", "65", "-f"]) == 0
    assert run(["decode", "100.vae", "out/200.hea"]) == 0
    assert listing("out") == {"200.hea", "200.dat"}
    again = wfdb.read(Path("out/200.hea").read_bytes(), lambda name: Path("out", name).read_bytes())
    assert (again.rate, again.columns, again.units, again.extra["wfdb"]) == (360, ["MLII", "V5"], ["mV", "uV"], facts)
    assert prdn(samples, again.samples) < 3


def test_a_table_goes_there_and_back() -> None:
    samples = np.round(beats(300, 2, 2.0), 2)
    lines = ["time;x;label;y"] + [f"{i * 0.02:.2f};{x:.2f};{'on' if i < 90 else 'off'};{y:.2f}" for i, (x, y) in enumerate(samples)]
    Path("in.csv").write_text("\n".join(lines) + "\n")
    assert run(["encode", "in.csv", "in.vae", "-m", SIGNAL, "-q", "100"]) == 0
    assert run(["decode", "in.vae", "out.csv"]) == 0
    rows = [line.split(";") for line in Path("out.csv").read_text().splitlines()]
    given = [line.split(";") for line in lines]
    assert [[row[0], row[2]] for row in rows] == [[row[0], row[2]] for row in given]
    assert all(re.fullmatch(r"-?\d+\.\d\d", cell) for row in rows[1:] for cell in (row[1], row[3]))
    decoded = np.array([[row[1], row[3]] for row in rows[1:]], np.float64)
    assert prdn(samples, decoded) < 3


def test_sound_goes_there_and_back() -> None:
    samples = np.rint(beats(900, 2, 9000)).astype(np.int16)
    Path("in.wav").write_bytes(wav.write(Recording(samples, 8000)))
    assert run(["encode", "in.wav", "in.vae", "-m", SIGNAL, "-q", "90"]) == 0
    assert run(["decode", "in.vae", "out.wav"]) == 0
    again = wav.read(Path("out.wav").read_bytes())
    assert again.rate == 8000
    assert prdn(samples, again.samples) < 3


def test_arrays_go_there_and_back() -> None:
    for array, model in ((picture(20, 30), IMAGE), (beats(100, 3), SIGNAL)):
        Path("in.npy").write_bytes(arrays.save_npy(array))
        assert run(["encode", "in.npy", "in.vae", "-m", model, "-f"]) == 0
        assert run(["decode", "in.vae", "out.npy", "-f"]) == 0
        again = arrays.load_npy(Path("out.npy").read_bytes())
        assert (again.shape, again.dtype) == (array.shape, array.dtype)


def test_raw_samples_go_there_and_back() -> None:
    samples = np.rint(beats(300, 2)).astype("<i2")
    Path("in.raw").write_bytes(samples.tobytes())
    assert run(["encode", "in.raw", "in.vae", "-m", SIGNAL, "--rate", "1000/3", "--channels", "2", "-q", "100"]) == 0
    assert run(["decode", "in.vae", "out.raw"]) == 0
    assert prdn(samples, np.frombuffer(Path("out.raw").read_bytes(), "<i2").reshape(-1, 2)) < 3


def test_formats_convert_into_each_other() -> None:
    Path("in.wav").write_bytes(wav.write(Recording(np.rint(beats(300)).astype(np.int16), 100)))
    assert run(["encode", "in.wav", "in.vae", "-m", SIGNAL]) == 0
    for name in ("o.csv", "o.npy", "o.hea", "o.raw"):
        assert run(["decode", "in.vae", name]) == 0
    assert csv_files.read(Path("o.csv").read_bytes()).rate == 100


def test_channels_can_be_chosen() -> None:
    Path("in.wav").write_bytes(wav.write(Recording(np.rint(beats(300, 3)).astype(np.int16), 100)))
    assert run(["encode", "in.wav", "in.vae", "-m", SIGNAL, "--columns", "2"]) == 0
    assert run(["decode", "in.vae", "o.npy"]) == 0
    assert arrays.load_npy(Path("o.npy").read_bytes()).shape == (300,)


# --- names, streams, folders ----------------------------------------------------------------------------------------


def test_models_are_known_by_name() -> None:
    png("a.png")
    assert run(["encode", "a.png", "a.vae", "-m", "tiny-image"]) == 0


def test_standard_input_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.TextIOWrapper):
        def __init__(self, data: bytes = b"") -> None:
            super().__init__(io.BytesIO(data))

    png("a.png")
    out = Pipe()
    monkeypatch.setattr(sys, "stdin", Pipe(Path("a.png").read_bytes()))
    monkeypatch.setattr(sys, "stdout", out)
    assert run(["encode", "-", "-", "-m", IMAGE]) == 0
    stream = out.buffer.getvalue()
    back = Pipe()
    monkeypatch.setattr(sys, "stdin", Pipe(stream))
    monkeypatch.setattr(sys, "stdout", back)
    assert run(["decode", "-", "-", "--output-format", "bmp"]) == 0
    assert back.buffer.getvalue()[:2] == b"BM"
    assert listing() == {"a.png"}


def test_a_file_goes_into_a_folder_that_exists() -> None:
    png("a.png")
    Path("out").mkdir()
    assert run(["encode", "a.png", "out", "-m", IMAGE]) == 0
    assert listing("out") == {"a.vae"}


def test_a_folder_keeps_its_tree() -> None:
    for name in ("in/a.png", "in/deep/b.png"):
        png(name)
    Path("in/notes.txt").write_text("no picture")
    assert run(["encode", "in", "vae", "-m", IMAGE]) == 0
    assert listing("vae") == {"a.vae", "deep/b.vae"}
    assert run(["decode", "vae", "back"]) == 0
    assert listing("back") == {"a.png", "deep/b.png"}


def test_folders_of_signals_come_back_in_their_formats() -> None:
    Path("in").mkdir()
    Path("in/a.csv").write_text("x\n" + "\n".join(map(str, range(50))) + "\n")
    Path("in/b.wav").write_bytes(wav.write(Recording(np.arange(99, dtype=np.int16), 100)))
    for name, content in wfdb.write(Recording(np.arange(99, dtype=np.int16), 100, extra={"wfdb": {"format": "16"}}), "c").items():
        Path("in", name).write_bytes(content)
    assert run(["encode", "in", "vae", "-m", SIGNAL]) == 0
    assert run(["decode", "vae", "back"]) == 0
    assert listing("back") == {"a.csv", "b.wav", "c.hea", "c.dat"}


def test_a_folder_without_a_model_gives_its_pictures() -> None:
    png("in/a.png")
    Path("in/b.csv").write_text("x\n1\n2\n")
    assert run(["encode", "in", "out"]) == 0
    assert listing("out") == {"a.vae"}


def test_a_bar_shows_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    png("in/a.png")
    png("in/b.png")
    assert run(["encode", "in", "out", "-m", IMAGE]) == 0
    assert "file/s" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert run(["encode", "in", "out", "-m", IMAGE, "-f"]) == 0
    assert "2/2" in capsys.readouterr().err


def test_globs_and_several_files() -> None:
    for name in ("a.png", "b.png", "c.png"):
        png(name)
    assert run(["encode", "[ab].png", "c.png", "out", "-m", IMAGE]) == 0
    assert listing("out") == {"a.vae", "b.vae", "c.vae"}


def test_two_inputs_of_one_name_are_refused() -> None:
    png("a.png")
    png("d/a.png")
    assert run(["encode", "a.png", "d/a.png", "out", "-m", IMAGE]) == 7
    assert not Path("out").exists()


def test_one_bad_file_of_several_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    png("in/a.png")
    png("in/c.png")
    Path("in/b.png").write_bytes(b"no picture")
    assert run(["encode", "in", "out", "-m", IMAGE]) == 3
    assert listing("out") == {"a.vae", "c.vae"}
    assert "b.png" in capsys.readouterr().err


# --- rates and facts ------------------------------------------------------------------------------------------------


def test_targets_are_met() -> None:
    png("a.png", size=(60, 60))
    assert run(["encode", "a.png", "a.vae", "-m", IMAGE, "--target-bytes", "900"]) == 0
    assert 700 < Path("a.vae").stat().st_size <= 900
    assert run(["encode", "a.png", "a.vae", "-m", IMAGE, "--target-bpp", "1.5", "-f"]) == 0
    assert Path("a.vae").stat().st_size * 8 <= 1.5 * 3600


def test_a_prdn_is_kept_for_signals_and_refused_for_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("s.npy", np.rint(beats(3000)).astype(np.int16))
    assert run(["encode", "s.npy", "s.vae", "-m", SIGNAL, "--prdn", "6"]) == 0
    assert run(["decode", "s.vae", "back.npy", "-m", SIGNAL]) == 0
    assert prdn(np.load("s.npy"), np.load("back.npy")) <= 6
    png("a.png")
    capsys.readouterr()
    assert run(["encode", "a.png", "a.vae", "-m", IMAGE, "--prdn", "6"]) == 7
    assert capsys.readouterr().err == "vaecodec: error: --prdn is for signals; a picture takes --psnr\n"


def test_parts_and_reduced_sizes_of_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png", size=(80, 100))
    run(["encode", "a.png", "a.vae", "-m", IMAGE, "-q", "80", "-j", "2", "--tile", "32"])
    assert run(["decode", "a.vae", "part.png", "--region", "10,20,33,7", "-j", "2"]) == 0
    assert run(["decode", "a.vae", "small.png", "--scale", "1/4"]) == 0
    assert (opened("part.png").shape, opened("small.png").shape) == ((7, 33, 3), (20, 25, 3))
    assert "33 x 7 pixels" in capsys.readouterr().err
    assert run(["decode", "a.vae", "x.png", "--region", "90,20,33,7"]) == 7
    assert run(["decode", "a.vae", "x.png", "--scale", "1/3"]) == 7
    assert run(["decode", "a.vae", "x.png", "--scale", "0.5"]) == 2
    assert run(["decode", "a.vae", "x.png", "--region", "1,2,3"]) == 2
    assert not Path("x.png").exists()


def test_a_picture_cut_short_decodes_on_request() -> None:
    png("a.png", size=(80, 100))
    run(["encode", "a.png", "a.vae", "-m", IMAGE, "-q", "90"])
    data = Path("a.vae").read_bytes()
    Path("a.vae").write_bytes(data[: len(data) * 2 // 3])
    assert run(["decode", "a.vae", "b.png"]) == 3
    assert not Path("b.png").exists()
    with pytest.warns(PartialWarning, match="packets came"):
        assert run(["decode", "a.vae", "b.png", "--allow-partial"]) == 0
    assert opened("b.png").shape == (80, 100, 3)


def test_parts_of_signals_are_refused() -> None:
    Path("a.npy").write_bytes(arrays.save_npy(np.arange(50, dtype=np.int16)))
    run(["encode", "a.npy", "a.vae", "-m", SIGNAL])
    assert run(["decode", "a.vae", "b.npy", "--region", "0,0,1,1"]) == 7
    assert run(["decode", "a.vae", "b.npy", "--scale", "1/2"]) == 7
    assert run(["decode", "a.vae", "b.npy", "--allow-partial"]) == 7


def test_exif_is_kept_or_stripped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    Image.fromarray(picture(20, 30)).save("a.jpg", exif=exif)
    for name, options in (("kept", []), ("stripped", ["--strip"])):
        run(["encode", "a.jpg", f"{name}.vae", "-m", IMAGE, *options])
        run(["decode", f"{name}.vae", f"{name}.png"])
    with Image.open("kept.png") as kept, Image.open("stripped.png") as stripped:
        assert kept.getexif().get(0x010F) == "maker"
        assert 0x010F not in stripped.getexif()


def test_encode_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    assert run(["encode", "a.png", "a.vae", "-m", IMAGE, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["bytes"], facts["width"], facts["output"]) == (Path("a.vae").stat().st_size, 40, "a.vae")


def test_tiles_and_their_order_are_for_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    for order in ("tile", "level"):
        assert run(["encode", "a.png", f"{order}.vae", "-m", IMAGE, "--tile", "16x8", "--order", order, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["order"] == order
        run(["decode", f"{order}.vae", f"{order}.png"])
    assert Path("tile.vae").read_bytes() != Path("level.vae").read_bytes()
    assert Path("tile.png").read_bytes() == Path("level.png").read_bytes()
    for wrong in (["--tile", "0x"], ["--tile", "1x2x3"], ["--tile", "70000"], ["--tile", "16x-8"], ["--order", "random"]):
        assert run(["encode", "a.png", "b.vae", "-m", IMAGE, *wrong]) == 2
    np.save("s.npy", beats(500))
    capsys.readouterr()
    for wrong in (["--tile", "32"], ["--tile", "0"], ["--order", "level"]):
        for how in (["-m", SIGNAL], ["--max-error", "3"]):
            assert run(["encode", "s.npy", "b.vae", *how, *wrong]) == 7
            assert capsys.readouterr().err == f"vaecodec: error: {wrong[0]} is for pictures\n"
    assert not Path("b.vae").exists()


def test_info_speaks_json_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png", 4)
    run(["encode", "a.png", "a.vae", "-m", IMAGE])
    capsys.readouterr()
    assert run(["info", "--json", "a.vae"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["modality"], facts["model"], facts["mode"]) == ("image", "tiny-image", "rgb+alpha")
    assert run(["info", "a.vae"]) == 0
    assert "rgb+alpha" in capsys.readouterr().out


def test_test_verifies_streams_and_bundles(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    run(["encode", "a.png", "a.vae", "-m", IMAGE])
    assert run(["test", "a.vae", IMAGE, SIGNAL]) == 0
    assert capsys.readouterr().out.count("OK") == 3
    Path("bad.vae").write_bytes(flip(Path("a.vae").read_bytes(), 200))
    assert run(["test", "a.vae", "bad.vae"]) == 3
    assert capsys.readouterr().out.count("OK") == 1


def test_models_lists_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("tiny-image", "tiny-signal", "photo", "ecg"))
    assert run(["models", "--json"]) == 0
    assert {m["name"] for m in json.loads(capsys.readouterr().out)} >= {"photo", "ecg"}


def test_models_lists_damaged_ones_as_such(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken.vaemodel").write_bytes(b"PK")
    monkeypatch.setenv("VAECODEC_MODELS", ".")
    assert run(["models"]) == 0
    out = capsys.readouterr().out
    assert "cannot read manifest.json of broken.vaemodel" in out
    assert "photo" in out


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_shows_how(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert "Usage: vaecodec" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(r"vaecodec \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


# --- errors ---------------------------------------------------------------------------------------------------------


def failing(arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with the code and one line on stderr that says the text, and leaves no file behind."""
    before = listing()
    assert run(arguments) == code
    err = capsys.readouterr().err
    assert text in err
    if code != 2:
        assert err.count("\n") == 1
    assert listing() == before


def test_outputs_are_not_replaced_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    Path("a.vae").write_bytes(b"precious")
    failing(["encode", "a.png", "a.vae", "-m", IMAGE], 7, "a.vae exists", capsys)
    assert Path("a.vae").read_bytes() == b"precious"
    assert run(["encode", "a.png", "a.vae", "-m", IMAGE, "-f"]) == 0
    Path("b.png").write_bytes(b"precious")
    capsys.readouterr()
    failing(["decode", "a.vae", "b.png"], 7, "b.png exists", capsys)


def test_a_record_is_not_half_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.npy").write_bytes(arrays.save_npy(np.arange(50, dtype=np.int16)))
    run(["encode", "a.npy", "a.vae", "-m", SIGNAL, "--rate", "5"])
    Path("r.dat").write_bytes(b"precious")
    capsys.readouterr()
    failing(["decode", "a.vae", "r.hea"], 7, "r.dat exists", capsys)


def test_links_that_make_two_files_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.npy").write_bytes(arrays.save_npy(np.arange(50, dtype=np.int16)))
    run(["encode", "a.npy", "a.vae", "-m", SIGNAL, "--rate", "5"])
    Path("s.hea").write_bytes(b"precious")
    Path("s.dat").symlink_to("s.hea")
    capsys.readouterr()
    failing(["decode", "a.vae", "s.hea", "-f"], 7, "one file", capsys)
    assert Path("s.hea").read_bytes() == b"precious"


def test_links_that_lead_nowhere_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    Path("loop").symlink_to("loop")
    failing(["encode", "a.png", "loop", "-m", IMAGE, "-f"], 7, "leads nowhere", capsys)


def test_samples_that_wfdb_cannot_hold_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.npy").write_bytes(arrays.save_npy(1e15 + np.sin(np.arange(60.0))))
    assert run(["encode", "a.npy", "a.vae", "-m", SIGNAL, "--rate", "5"]) == 0
    capsys.readouterr()
    failing(["decode", "a.vae", "r.hea"], 7, "WFDB cannot hold", capsys)


def test_a_record_whose_second_file_cannot_be_written_keeps_its_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.npy").write_bytes(arrays.save_npy(np.arange(50, dtype=np.int16)))
    run(["encode", "a.npy", "a.vae", "-m", SIGNAL, "--rate", "5"])
    capsys.readouterr()
    Path("r.dat").write_bytes(b"precious")
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if Path(target).suffix == ".hea":
            raise PermissionError(13, "Permission denied", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    failing(["decode", "a.vae", "r.hea", "-f"], 1, "r.hea: Permission denied", capsys)
    assert Path("r.dat").read_bytes() == b"precious"
    failing(["decode", "a.vae", "s.hea"], 1, "s.hea: Permission denied", capsys)


@pytest.mark.parametrize(
    ("content", "name", "code", "text"),
    [
        (b"", "a.png", 7, "empty"),
        (b"no picture", "a.png", 3, "picture"),
        (b"\x89PNG\r\n\x1a\n", "a.jpg", 3, "picture"),
        (b"text", "a.txt", 4, ".png"),
        (b"text", "a", 4, "without suffix"),
    ],
)
def test_bad_pictures(content: bytes, name: str, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(name).write_bytes(content)
    failing(["encode", name, "a.vae", "-m", IMAGE], code, text, capsys)


@pytest.mark.parametrize(
    ("content", "name", "code", "text"),
    [
        (b"", "a.csv", 7, "empty"),
        (b"a,b\n1,2\n3,\n", "a.csv", 7, "column 'b'"),
        (b"a,b\n1,2\n3,nan\n", "a.csv", 7, "NaN"),
        (b"a,b\n1,2\n3\n", "a.csv", 3, "line 3"),
        (b"RIFF....WAVE", "a.wav", 3, "WAV"),
        (b"100 1 360 4\nmissing.dat 16\n", "a.hea", 7, "no such file"),
        (b"100 1 360 4\n../a.dat 16\n", "a.hea", 3, "beside"),
        (b"1234", "a.raw", 7, "--rate"),
        (b"\x93NUMPY", "a.npy", 3, "npy"),
        (b"picture", "a.png", 4, ".hea"),
    ],
)
def test_bad_signals(content: bytes, name: str, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(name).write_bytes(content)
    failing(["encode", name, "a.vae", "-m", SIGNAL], code, text, capsys)


def test_wrong_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    for array, model in (
        (np.zeros((4, 4), np.float32), IMAGE),
        (np.zeros((0, 3), np.uint8), IMAGE),
        (np.array([1.0, np.nan]), SIGNAL),
        (np.zeros((2, 2, 2)), SIGNAL),
        (np.zeros(0), SIGNAL),
    ):
        Path("a.npy").write_bytes(arrays.save_npy(array))
        failing(["encode", "a.npy", "a.vae", "-m", model], 7, "error:", capsys)


def test_unknown_models_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    Path("bad.vaemodel").write_bytes(b"PK")
    failing(["encode", "a.png", "a.vae", "-m", "nobody"], 5, "known:", capsys)
    failing(["encode", "a.png", "a.vae", "-m", "missing.vaemodel"], 5, "missing.vaemodel", capsys)
    failing(["encode", "a.png", "a.vae", "-m", "bad.vaemodel"], 5, "bad.vaemodel", capsys)
    failing(["encode", "b.png", "a.vae", "-m", IMAGE], 7, "no such file: b.png", capsys)
    failing(["info", "b.vae"], 7, "b.vae", capsys)


def test_streams_that_cannot_be_decoded(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    png("a.png")
    run(["encode", "a.png", "a.vae", "-m", IMAGE])
    good = Path("a.vae").read_bytes()
    for data in (b"", b"junk", good[:-1], good[: len(good) // 2], flip(good, 100), flip(good, 8 * len(good) - 9), good + b"x"):
        Path("bad.vae").write_bytes(data)
        capsys.readouterr()
        failing(["decode", "bad.vae", "b.png"], 3, "error:", capsys)
    failing(["decode", "a.vae", "b.png", "--max-size", "1199"], 6, "1199", capsys)
    failing(["decode", "a.vae", "b.wav"], 4, "picture", capsys)
    failing(["decode", "a.vae", "b.png", "-m", SIGNAL], 5, "picture", capsys)
    monkeypatch.setenv("VAECODEC_MODELS", "")
    api._cached_id.cache_clear()
    failing(["decode", "a.vae", "b.png"], 5, "model with id", capsys)
    assert run(["decode", "a.vae", "b.png", "-m", IMAGE]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode"],
        ["encode", "a.png"],
        ["encode", "a.png", "b.vae", "-q", "101"],
        ["encode", "a.png", "b.vae", "-q", "high"],
        ["encode", "a.png", "b.vae", "--rate", "0"],
        ["encode", "a.png", "b.vae", "--rate", "fast"],
        ["encode", "a.wav", "b.vae"],
        ["decode", "a.vae"],
        ["nonsense"],
        ["encode", "--nonsense"],
    ],
)
def test_a_command_line_that_cannot_be_parsed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    Path("a.wav").write_bytes(wav.write(Recording(np.arange(9, dtype=np.int16), 100)))
    failing(arguments, 2, "", capsys)


def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")

    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    def full(handle: int, mode: str) -> Full:
        os.close(handle)
        return Full()

    monkeypatch.setattr(cli_files.os, "fdopen", full)
    failing(["encode", "a.png", "a.vae", "-m", IMAGE], 1, "No space left", capsys)


def test_a_missing_optional_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from vaecodec.cli import optional

    def absent(name: str) -> object:
        raise ImportError("No module named 'tensorflow'", name="tensorflow")

    monkeypatch.setattr(optional, "import_module", absent)
    Path("data").mkdir()
    failing(["train", "imu", "--data", "data", "--out", "run"], 4, "pip install '.[train]'", capsys)
    failing(["bench", "images", "data"], 4, "pip install '.[bench]'", capsys)


def test_heartbeats_are_counted_where_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    samples = np.rint(beats(4000) + 1000).astype(np.int16)[:, None]
    for name, content in wfdb.write(Recording(samples, 120, ["MLII"], ["mV"]), "100").items():
        Path(name).write_bytes(content)
    measure = ["bench", "signals", ".", "-m", SIGNAL, "--peers", "none", "--json"]
    reports = []
    for flags in (["--r-peaks"], ["--no-r-peaks"], []):
        assert run([*measure, *flags]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert ["r_peaks" in report for report in reports] == [True, False, False]


def test_names_of_originals_are_no_streams(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = png("a.png"), png("b.png")
    failing(["encode", "a.png", "b.png", "-m", IMAGE, "-f"], 7, "what comes out is a stream; give an output such as b.vae", capsys)
    assert np.array_equal(opened("b.png"), second)
    assert np.array_equal(first, opened("a.png"))


def test_a_trailing_slash_means_a_folder() -> None:
    png("a.png")
    assert run(["encode", "a.png", "streams/", "-m", IMAGE]) == 0
    assert run(["decode", "streams/a.vae", "pictures/"]) == 0
    assert opened("pictures/a.png").shape == (30, 40, 3)


def test_an_unknown_output_suffix_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    run(["encode", "a.png", "a.vae", "-m", IMAGE])
    capsys.readouterr()
    failing(["decode", "a.vae", "a.xyz"], 4, "cannot write .xyz; one of", capsys)
    assert run(["decode", "a.vae", "a.3"]) == 0
    assert opened("a.3.png").shape == (30, 40, 3)


def test_a_signal_of_another_rate_than_the_model_knows_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.wav").write_bytes(wav.write(Recording(np.arange(99, dtype=np.int16), 8000)))
    assert run(["encode", "a.wav", "a.vae", "-m", "ecg"]) == 0
    assert "a.wav has 8000 Hz, ecg was trained on 360 Hz" in capsys.readouterr().err


def test_the_quality_that_was_asked_for_is_the_one_reported(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    run(["encode", "a.png", "a.vae", "-m", IMAGE, "-q", "60.3", "--json"])
    assert json.loads(capsys.readouterr().out)["quality"] == 60.3


def test_info_names_the_bad_file_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    run(["encode", "a.png", "a.vae", "-m", IMAGE])
    Path("bad.vae").write_bytes(b"bad")
    capsys.readouterr()
    assert run(["info", "bad.vae", "a.vae", "-m", IMAGE, "--json"]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out)["file"] == "a.vae"
    assert "bad.vae" in printed.err


def test_a_config_to_start_from_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "imu", "--print-config"]) == 0
    assert "x_acc" in capsys.readouterr().out
    failing(["train", "nosuch", "--print-config"], 7, "one of ecg, ecg-cs, imu, photo", capsys)
    assert run(["train", "imu", "--data", "."]) == 2


def test_what_is_no_file_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    os.mkfifo("pipe")
    failing(["encode", "a.png", "pipe", "-m", IMAGE, "-f"], 7, "pipe is no regular file", capsys)
    assert Path("pipe").is_fifo()


def test_a_link_goes_on_to_point_at_its_file() -> None:
    png("a.png")
    Path("real.vae").write_bytes(b"old")
    Path("link.vae").symlink_to("real.vae")
    assert run(["encode", "a.png", "link.vae", "-m", IMAGE, "-f"]) == 0
    assert Path("link.vae").is_symlink()
    assert Path("real.vae").read_bytes() != b"old"


@pytest.mark.parametrize("rate", ["1e999999999", "1e-99999999", "1e9999999"])
def test_rates_that_would_take_for_ever_are_refused(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.hea").write_text(f"b 1 {rate} 100\nb.dat 16\n")
    Path("b.dat").write_bytes(bytes(200))
    failing(["encode", "b.hea", "b.vae", "-m", SIGNAL], 3, "not a WFDB header", capsys)
    Path("c.npy").write_bytes(arrays.save_npy(np.arange(50, dtype=np.int16)))
    assert run(["encode", "c.npy", "c.vae", "-m", SIGNAL, "--rate", rate]) == 2


def test_a_rate_near_the_limit_is_kept() -> None:
    Path("c.npy").write_bytes(arrays.save_npy(np.arange(50, dtype=np.int16)))
    assert run(["encode", "c.npy", "c.vae", "-m", SIGNAL, "--rate", "4294967295.5"]) == 0


def test_a_faulty_program_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    monkeypatch.setattr(api, "cached", lambda *_: 1 / 0)
    failing(["encode", "a.png", "a.vae", "-m", IMAGE], 70, "fault of vaecodec, please report it: ZeroDivisionError", capsys)
    monkeypatch.setenv("VAECODEC_VERBOSE", "1")
    with pytest.raises(ZeroDivisionError):
        run(["encode", "a.png", "a.vae", "-m", IMAGE])


def test_closed_standard_streams_are_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    png("a.png")
    monkeypatch.setattr(sys, "stdin", None)
    failing(["decode", "-", "a.png", "-f"], 7, "standard input is closed", capsys)


def test_a_photo_with_places_and_lenses_decodes_to_tiff() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:22 20:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(picture(20, 30)).save("a.jpg", exif=exif)
    assert run(["encode", "a.jpg", "a.vae", "-m", IMAGE]) == 0
    assert run(["decode", "a.vae", "a.tif"]) == 0
    assert opened("a.tif").shape == (20, 30, 3)
