"""What `--stream` does to files: inputs stay whole, outputs begin with their first bytes and go again where the input is bad."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats

from vaecodec.cli import run, stream
from vaecodec.io.arrays import save_npy

SIGNAL = str(SIGNAL_BUNDLE)
ENCODE = ["encode", "--stream", "-m", SIGNAL, "--rate", "100", "--packet", "0.5s", "--stream-id", "1"]
LINES = [*ENCODE, "--input-format", "csv"]
DECODE = ["decode", "--stream", "-m", SIGNAL]
SAMPLES = np.rint(beats(2000)).astype("<i2")
TEXT = "".join(f"{v}\n" for v in SAMPLES)
NO_STREAM = {
    "random": np.random.default_rng(0).bytes(5000),
    "empty": b"",
    "raw": SAMPLES.tobytes(),
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAECODEC_MODELS", str(SIGNAL_BUNDLE.parent))
    Path("in.raw").write_bytes(SAMPLES.tobytes())
    assert run([*ENCODE, "--sync", "5s", "in.raw", "good.vae"]) == 0


def feed(data: bytes | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts bytes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode() if isinstance(data, str) else data)))


def names() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"in.raw", "good.vae"}


# --- input that is no stream, or lost its beginning -----------------------------------------------------------------


@pytest.mark.parametrize("output", ["out.raw", "out.csv", "out.npy"])
@pytest.mark.parametrize("data", NO_STREAM.values(), ids=NO_STREAM)
def test_what_is_no_stream_is_refused(data: bytes, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    feed(data, monkeypatch)
    assert run([*DECODE, "-", output, "--report", "r.json"]) == 3
    assert capsys.readouterr().err == f"vaecodec: error: no stream: no sync packet in {len(data)} bytes\n"
    assert not names()


def test_an_ordinary_file_is_no_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "-m", SIGNAL, "--rate", "100", "in.raw", "file.vae"]) == 0
    capsys.readouterr()
    assert run([*DECODE, "file.vae", "out.raw"]) == 3
    assert "no sync packet" in capsys.readouterr().err
    assert names() == {"file.vae"}


def test_a_stream_whose_only_sync_packet_is_damaged_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "in.raw", "bad.vae"]) == 0
    data = bytearray(Path("bad.vae").read_bytes())
    data[10] ^= 1
    Path("bad.vae").write_bytes(data)
    assert run([*DECODE, "bad.vae", "out.raw"]) == 3
    assert "no sync packet" in capsys.readouterr().err
    assert names() == {"bad.vae"}


def test_a_sync_packet_alone_gives_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path("good.vae").read_bytes()
    Path("bad.vae").write_bytes(data[: 6 + data[3]])
    assert run([*DECODE, "bad.vae", "out.raw"]) == 3
    assert "no samples came" in capsys.readouterr().err
    assert names() == {"bad.vae"}


def test_bytes_skipped_before_the_first_packet_are_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(Path("good.vae").read_bytes())
    data[10] ^= 1
    Path("bad.vae").write_bytes(data)
    assert run([*DECODE, "bad.vae", "out.raw"]) == 3
    assert "fault: joined at packet" in capsys.readouterr().err
    assert 0 < Path("out.raw").stat().st_size < 4000


def test_joining_at_a_later_packet_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path("good.vae").read_bytes()
    second = data.index(data[:2], 1)
    Path("late.vae").write_bytes(data[second:])
    assert run([*DECODE, "late.vae", "out.raw"]) == 0
    assert "fault: joined at packet" in capsys.readouterr().err


# --- one file for two things ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [*ENCODE, "in.raw", "in.raw"],
        [*ENCODE, "in.raw", "link"],
        [*ENCODE, "in.raw", "other.raw"],
        [*DECODE, "good.vae", "good.vae", "--output-format", "raw"],
        [*DECODE, "good.vae", "./good.vae"],
        [*DECODE, "good.vae", "out.raw", "--report", "good.vae"],
        [*DECODE, "good.vae", "out.raw", "--report", "out.raw"],
        [*DECODE, "good.vae", "new.raw", "--report", "./new.raw"],
        [*DECODE, "good.vae", "out.hea", "--report", "out.dat"],
    ],
)
def test_no_file_is_two_things(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("link").symlink_to("in.raw")
    for name in ("other.raw", "out.raw"):
        Path(name).write_bytes(b"before")
    good = Path("good.vae").read_bytes()
    assert run([*arguments, "-f"]) in (4, 7)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert Path("in.raw").read_bytes() == SAMPLES.tobytes()
    assert Path("good.vae").read_bytes() == good
    assert {Path(name).read_bytes() for name in ("other.raw", "out.raw")} == {b"before"}


def test_standard_input_may_be_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("good.vae").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert run([*DECODE, "-", "good.vae", "--output-format", "raw", "-f"]) == 7
    assert "standard input and good.vae are one file" in capsys.readouterr().err


def test_devices_may_be_two_things() -> None:
    assert run([*DECODE, "good.vae", "/dev/null", "--output-format", "raw", "--report", "/dev/null", "-f"]) == 0


@pytest.mark.parametrize("taken", ["r.json", "100.dat"])
def test_reports_and_records_are_not_replaced_unless_forced(taken: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(taken).write_bytes(b"before")
    arguments = [*DECODE, "good.vae", "100.hea", "--report", "r.json"]
    assert run(arguments) == 7
    assert f"{taken} exists; -f replaces it" in capsys.readouterr().err
    assert Path(taken).read_bytes() == b"before"
    assert names() == {taken}
    assert run([*arguments, "-f"]) == 0
    assert Path(taken).read_bytes() != b"before"


# --- bad input leaves no output -------------------------------------------------------------------------------------

BAD_TEXT = {
    "a bad line": TEXT + "x\n",
    "separators only": TEXT + ",\n",
    "more than 32 bits": TEXT + "99999999999\n",
    "no samples": "",
    "names only": "a,b\n",
}


@pytest.mark.parametrize("text", BAD_TEXT.values(), ids=BAD_TEXT)
@pytest.mark.parametrize("before", [None, b"before"])
def test_bad_lines_leave_what_was_there_before(text: str, before: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if before is not None:
        Path("out.vae").write_bytes(before)
    feed(text, monkeypatch)
    monkeypatch.setattr("vaecodec.cli.stream_files.PIECE", 1000)
    assert run([*LINES, "-", "out.vae", "-f"]) in (3, 7)
    assert names() == ({"out.vae"} if before else set())
    assert before is None or Path("out.vae").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([*ENCODE, "none.raw"], 7),
        ([*ENCODE, "nan.npy", "--step", "1"], 7),
        ([*ENCODE, "--channels", "3", "in.raw"], 3),
        ([*ENCODE, "empty.raw"], 7),
        ([*ENCODE, "-m", "none.vaemodel", "in.raw"], 5),
        ([*DECODE, "none.vae"], 7),
        ([*DECODE, "-m", "none.vaemodel", "good.vae"], 5),
    ],
)
@pytest.mark.parametrize("before", [None, b"before"])
def test_bad_input_leaves_what_was_there_before(arguments: list[str], code: int, before: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = SAMPLES.astype(float)
    samples[1900] = np.nan
    Path("nan.npy").write_bytes(save_npy(samples))
    Path("empty.raw").touch()
    monkeypatch.setattr(stream, "STRIDE", 500)
    monkeypatch.setattr("vaecodec.cli.stream_files.PIECE", 1000)
    target = "out.vae" if arguments[0] == "encode" else "out.csv"
    if before is not None:
        Path(target).write_bytes(before)
    assert run([*arguments, target, "-f"]) == code
    assert names() == {"nan.npy", "empty.raw"} | ({target} if before else set())
    assert before is None or Path(target).read_bytes() == before


def test_samples_that_do_not_fit_leave_no_raw_file() -> None:
    Path("large.csv").write_text("".join(f"{v * 1000}\n" for v in range(2000)))
    assert run([*ENCODE, "large.csv", "large.vae"]) == 0
    assert run([*DECODE, "large.vae", "out.raw", "--report", "r.json"]) == 7
    assert names() == {"large.csv", "large.vae"}


def test_an_output_that_exists_is_replaced_when_forced() -> None:
    Path("out.vae").write_bytes(b"before")
    assert run([*ENCODE, "--sync", "5s", "in.raw", "out.vae"]) == 7
    assert Path("out.vae").read_bytes() == b"before"
    assert run([*ENCODE, "--sync", "5s", "in.raw", "out.vae", "-f"]) == 0
    assert Path("out.vae").read_bytes() == Path("good.vae").read_bytes()
    assert names() == {"out.vae"}


def test_a_link_goes_on_to_point_at_its_file() -> None:
    Path("out.vae").symlink_to("real.vae")
    assert run([*ENCODE, "--sync", "5s", "in.raw", "out.vae", "-f"]) == 0
    assert Path("out.vae").is_symlink()
    assert Path("real.vae").read_bytes() == Path("good.vae").read_bytes()


def test_an_output_makes_its_folder() -> None:
    assert run([*DECODE, "good.vae", "new/out.raw"]) == 0
    assert Path("new/out.raw").stat().st_size == 4000


def test_a_pipe_with_a_name_is_an_input() -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cp", "in.raw", "pipe"]) as writer:
        code = run([*ENCODE, "--sync", "5s", "--input-format", "raw", "pipe", "out.vae"])
        writer.kill()
    assert code == 0
    assert Path("out.vae").read_bytes() == Path("good.vae").read_bytes()


def started(arguments: list[str]) -> subprocess.Popen[bytes]:
    """The command as a process that an interrupt reaches, even where this one runs in the background of a shell and ignores them."""
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{listening}; from vaecodec.cli import main; main()", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def until_written(path: str, old: bytes) -> None:
    deadline = time.monotonic() + 60
    while not (Path(path).exists() and Path(path).read_bytes() not in (b"", old)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_recording_keeps_what_came(number: signal.Signals, code: int) -> None:
    Path("out.vae").write_bytes(b"before")
    with started([*ENCODE, "-", "out.vae", "-f"]) as encoder:
        assert encoder.stdin is not None
        encoder.stdin.write(SAMPLES[:1000].tobytes())
        encoder.stdin.flush()
        until_written("out.vae", b"before")
        encoder.send_signal(number)
        assert encoder.wait(60) == code
    assert names() == {"out.vae"}
    assert run([*DECODE, "out.vae", "out.raw"]) == 3
    assert Path("out.raw").stat().st_size > 1000


def test_an_interrupted_decoder_keeps_what_came() -> None:
    with started([*DECODE, "-", "out.raw", "--report", "r.json"]) as decoder:
        assert decoder.stdin is not None
        decoder.stdin.write(Path("good.vae").read_bytes()[:-100])
        decoder.stdin.flush()
        until_written("out.raw", b"")
        decoder.send_signal(signal.SIGTERM)
        assert decoder.wait(60) == 143
    assert Path("out.raw").stat().st_size > 1000
    assert sum(json.loads(Path("r.json").read_text().splitlines()[-1])["samples"].values()) * 2 == Path("out.raw").stat().st_size


class Full(io.BytesIO):
    """A file on a disk that is full after its first 100 bytes."""

    def write(self, data: object) -> int:
        if self.tell() > 100:
            raise OSError(28, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("live", [False, True])
def test_a_full_disk_leaves_nothing_but_of_a_live_input(live: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened = Path.open
    monkeypatch.setattr(stream, "STRIDE", 500)
    monkeypatch.setattr("vaecodec.cli.stream_files.PIECE", 1000)
    feed(SAMPLES.tobytes(), monkeypatch)

    def full(path: Path, mode: str = "r", *args: object, **options: object) -> object:
        opened(path, mode, *args, **options).close()  # type: ignore[call-overload]
        return Full() if mode == "wb" else opened(path, mode, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    assert run([*ENCODE, "-" if live else "in.raw", "out.vae"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert names() == ({"out.vae"} if live else set())


# --- options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--tile", "4"], "--tile"),
        (["--json"], "--json"),
        (["--strip"], "--strip"),
        (["-j", "2"], "--threads"),
        (["--columns", "0"], "--columns"),
        (["--step", "0.5"], "--step"),
        (["--input-format", "csv", "--columns", "0"], "--columns"),
        (["--input-format", "csv", "--channels", "2"], "--channels"),
        (["--input-format", "npy", "--channels", "2"], "--channels"),
        (["--shift", "1"], "--shift"),
        (["--offset", "1.5"], "--offset"),
        (["--offset", "1_0"], "--offset"),
    ],
)
def test_options_that_mean_nothing_to_an_encoder_are_refused(
    options: list[str], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(SAMPLES.tobytes(), monkeypatch)
    assert run([*ENCODE, *options, "-", "out.vae"]) == 2
    assert name in capsys.readouterr().err
    assert not names()


@pytest.mark.parametrize("option", ["--json", "--fast", "--allow-partial", "--region=1,1,2,2", "--scale=1/2"])
def test_options_that_mean_nothing_to_a_decoder_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DECODE, option, "good.vae", "out.raw"]) == 2
    assert f"{option.split('=')[0]} is not for --stream" in capsys.readouterr().err
    assert not names()


@pytest.mark.parametrize("option", ["--offset=1", "--shift=1", "--stream-id=1"])
def test_options_of_streams_mean_nothing_to_files(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "-m", SIGNAL, option, "in.raw", "out.vae"]) == 2
    assert "is for streams: give --stream" in capsys.readouterr().err


def test_a_step_is_refused_where_a_file_holds_integers(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.npy").write_bytes(save_npy(SAMPLES))
    assert run([*ENCODE, "--step", "0.5", "in.npy", "out.vae"]) == 7
    assert "these are int16" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["out.raw", "out.csv", "out.npy"])
def test_the_most_samples_count_for_every_output(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DECODE, "good.vae", output, "--max-size", "1999"]) == 6
    assert "raise --max-size" in capsys.readouterr().err
    assert not names()
    assert run([*DECODE, "good.vae", output, "--max-size", "2000"]) == 0


@pytest.mark.parametrize("output", ["out.png", "out.vae", "out"])
def test_an_output_that_cannot_be_written_is_refused_before_the_stream_comes(output: str) -> None:
    # A decoder that began to read would say that this is no stream.
    assert run([*DECODE, "in.raw", output]) == 4


# --- a scale that stays ---------------------------------------------------------------------------------------------


def sync_of(path: str) -> object:
    from vaecodec.codec.stream_reader import StreamReader

    return next(iter(StreamReader().feed(Path(path).read_bytes())))


@pytest.mark.parametrize("offsets", [["--offset", "12,-34"], ["--offset", "12", "--offset", "-34"], ["--offset=7"]])
def test_offset_shift_and_number_are_those_given(offsets: list[str]) -> None:
    np.save("two.npy", np.stack([SAMPLES, -SAMPLES], 1))
    assert run([*ENCODE, *offsets, "--shift", "2", "--stream-id", "77", "two.npy", "out.vae"]) == 0
    header = sync_of("out.vae").header
    assert (header.offsets, header.shift, header.stream_id) == ((7, 7) if "--offset=7" in offsets else (12, -34), 2, 77)


def test_a_wrong_number_of_offsets_leaves_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "--offset", "1,2", "in.raw", "out.vae"]) == 7
    assert "2 offsets for 1 channels" in capsys.readouterr().err
    assert not names()


def test_samples_that_saturate_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "--offset", "0", "in.raw", "fits.vae"]) == 0
    assert capsys.readouterr().err == ""
    samples = SAMPLES.astype(np.int32)
    samples[100:105] = 1 << 20
    np.save("in.npy", samples)
    assert run([*ENCODE, "--offset", "0", "in.npy", "out.vae"]) == 0
    assert "note: samples too far from --offset, which saturate: 5;" in capsys.readouterr().err
