"""`encode --stream` and `decode --stream` on the command line."""

from __future__ import annotations

import io
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats, prdn

from vaecodec.cli import run
from vaecodec.io import wfdb
from vaecodec.io.recording import Recording

SIGNAL = str(SIGNAL_BUNDLE)
ENCODE = ["encode", "--stream", "-m", SIGNAL, "--rate", "100", "--packet", "0.5s"]
DECODE = ["decode", "--stream", "-m", SIGNAL]
SAMPLES = np.rint(beats(2000)).astype("<i2")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.raw").write_bytes(SAMPLES.tobytes())


def piped(arguments: list[str], data: bytes, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> bytes:
    """What the command writes to standard output."""
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", out)
    assert run(arguments) == code
    return out.buffer.getvalue()


def packets(stream: bytes) -> list[bytes]:
    """The full packets of a stream without payloads of 128 bytes and more."""
    found = []
    while stream:
        size = 6 + stream[3]
        found.append(stream[:size])
        stream = stream[size:]
    return found


@pytest.mark.parametrize("options", [[], ["--key", "4s"], ["--bitrate", "400"], ["-q", "80"], ["--sync", "5s", "-e", "1"]])
def test_raw_samples_pass_through_a_pipe(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = piped([*ENCODE, *options, "-"], SAMPLES.tobytes(), monkeypatch)
    again = np.frombuffer(piped([*DECODE, "-"], stream, monkeypatch), "<i2")
    assert len(again) == 2000
    assert prdn(SAMPLES, again) < 30
    assert len(stream) < 2000


def test_channels_are_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    both = np.stack([SAMPLES, -SAMPLES], 1)
    stream = piped([*ENCODE, "--channels", "2", "-"], both.tobytes(), monkeypatch)
    again = np.frombuffer(piped([*DECODE, "-"], stream, monkeypatch), "<i2").reshape(-1, 2)
    assert prdn(both, again) < 20


def test_lines_of_numbers_pass_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a;b\n# a comment\n" + "".join(f"{v};{2 * v}\n" for v in SAMPLES)
    stream = piped([*ENCODE, "--input-format", "csv", "-"], text.encode(), monkeypatch)
    lines = piped([*DECODE, "--output-format", "csv", "-"], stream, monkeypatch).decode().splitlines()
    assert len(lines) == 2000
    assert prdn(SAMPLES, np.array([int(line.split(",")[1]) for line in lines]) / 2) < 20


def test_numbers_with_decimals_need_a_step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(f"{v / 8}\n" for v in SAMPLES).encode()
    piped([*ENCODE, "--input-format", "csv", "-"], text, monkeypatch, 7)
    assert "--step" in capsys.readouterr().err
    stream = piped([*ENCODE, "--input-format", "csv", "--step", "0.125", "-"], text, monkeypatch)
    lines = piped([*DECODE, "--output-format", "csv", "-"], stream, monkeypatch).decode().splitlines()
    assert prdn(SAMPLES / 8, np.array(lines, float)) < 20


@pytest.mark.parametrize(
    ("data", "code"), [(b"1\n2,3\n", 7), (b"1\nx\n", 3), (b"1" * 70000, 3), (b"\xff\n1\n\xfe\n", 3), (b"99999999999999999999\n", 7)]
)
def test_lines_that_are_no_samples_are_refused(data: bytes, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    piped([*ENCODE, "--input-format", "csv", "-"], data, monkeypatch, code)


def test_a_frame_that_is_cut_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    piped([*ENCODE, "--channels", "2", "-"], bytes(10), monkeypatch, 3)


def test_packets_leave_while_samples_come(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from vaecodec.cli import main; main()", *ENCODE, "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        assert encoder.stdout is not None
        encoder.stdin.write(SAMPLES[:1000].tobytes())
        encoder.stdin.flush()
        assert select.select([encoder.stdout], [], [], 60)[0]
        early = os.read(encoder.stdout.fileno(), 1 << 16)
        assert early[0] == 0xB5
        encoder.stdin.close()
        assert len(encoder.stdout.read()) > 0
    assert encoder.returncode == 0


def test_a_record_becomes_a_stream_and_a_record_again() -> None:
    facts = {"format": "16", "gain": [200.0], "baseline": [0], "bits": [11], "zero": [0], "comments": []}
    recording = Recording(SAMPLES.astype(np.int16), 360, ["MLII"], ["mV"], extra={"wfdb": facts})
    for name, content in wfdb.write(recording, "100").items():
        Path(name).write_bytes(content)
    assert run(["encode", "--stream", "-m", SIGNAL, "100.hea", "100.vae"]) == 0
    for arguments in (["decode", "-m", SIGNAL], DECODE):
        assert run([*arguments, "100.vae", "out/100.hea", "-f"]) == 0
        again = wfdb.read(Path("out/100.hea").read_bytes(), lambda name: Path("out", name).read_bytes())
        assert (again.rate, again.columns, again.units) == (360, ["MLII"], ["mV"])
        assert again.extra["wfdb"]["gain"] == [200.0]
        assert prdn(SAMPLES, again.samples) < 20


def test_a_stream_is_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "--key", "2s", "in.raw", "a.vae"]) == 0
    assert run(["info", "--json", "-m", SIGNAL, "a.vae"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["stream"], facts["samples"], facts["packets"], facts["sync_packets"]) == (True, 2000, 42, 1)
    assert facts["packet_seconds"] == 0.48
    assert facts["framing_bytes"] + facts["payload_bytes"] == facts["bytes"]
    assert run(["decode", "-m", SIGNAL, "a.vae", "b.npy"]) == 0
    assert np.load("b.npy").shape == (2000,)
    assert run([*DECODE, "a.vae", "c.csv"]) == 0
    np.testing.assert_array_equal(np.loadtxt("c.csv"), np.load("b.npy"))


def test_packets_with_steps_of_their_own_have_no_one_quality(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "--bitrate", "300", "in.raw", "a.vae"]) == 0
    assert run(["info", "--json", "-m", SIGNAL, "a.vae"]) == 0
    assert json.loads(capsys.readouterr().out)["quality"] is None
    assert run(["test", "-m", SIGNAL, "a.vae"]) == 0


def test_what_was_wrong_is_said_and_written_down(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "in.raw", "a.vae"]) == 0
    sent = packets(Path("a.vae").read_bytes())
    Path("b.vae").write_bytes(b"".join([*sent[:9], *sent[10:20], sent[19], *sent[20:]]))
    assert run([*DECODE, "b.vae", "b.raw", "--report", "r.json"]) == 3
    assert len(Path("b.raw").read_bytes()) == 4000
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["vaecodec: fault: lost at packet 8", "vaecodec: fault: duplicated at packet 18"]
    report = [json.loads(line) for line in Path("r.json").read_text().splitlines()]
    assert report[0] == {"fault": "lost", "number": 8, "count": 1}
    assert {"origin": "concealed", "number": 8, "first": 384, "samples": 48} in report
    assert report[-1]["faults"] == {"lost": 1, "duplicated": 1}
    assert report[-1]["samples"]["concealed"] == 48
    assert sum(report[-1]["samples"].values()) == 2000


def test_faults_that_cost_nothing_are_no_failure() -> None:
    assert run([*ENCODE, "in.raw", "a.vae"]) == 0
    sent = packets(Path("a.vae").read_bytes())
    Path("b.vae").write_bytes(b"".join([*sent[:9], sent[10], sent[9], sent[9], *sent[11:]]))
    assert run([*DECODE, "b.vae", "b.raw"]) == 0


def test_a_damaged_stream_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "in.raw", "a.vae"]) == 0
    Path("a.vae").write_bytes(Path("a.vae").read_bytes()[:-20])
    assert run(["decode", "-m", SIGNAL, "a.vae", "b.npy"]) == 3
    assert "decode --stream" in capsys.readouterr().err
    assert not Path("b.npy").exists()


def test_a_stream_that_is_none_leaves_no_file() -> None:
    Path("a.vae").write_bytes(b"nothing")
    assert run([*DECODE, "a.vae", "b.npy"]) == 3
    assert not Path("b.npy").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["encode", "--stream", "-"], 2),
        ([*ENCODE, "a", "b", "c"], 2),
        ([*ENCODE, "--prdn", "5", "-"], 2),
        ([*ENCODE, "--lossless", "-"], 2),
        ([*ENCODE, "--packet", "2h", "-"], 2),
        ([*ENCODE, "--packet", "70s", "in.raw", "x.vae"], 7),
        ([*ENCODE, "--bitrate", "200", "-q", "5", "in.raw", "x.vae"], 7),
        ([*ENCODE, "none.raw"], 7),
        ([*ENCODE, "in.raw", "in.raw"], 7),
        (["encode", "--packet", "2s", "a.wav", "b.vae", "-m", SIGNAL], 2),
        (["decode", "--report", "r.json", "a", "b"], 2),
        ([*DECODE, "in.raw", "-", "--output-format", "wav"], 7),
    ],
)
def test_command_lines_that_cannot_be_meant(arguments: list[str], code: int) -> None:
    assert run(arguments) == code
    assert Path("in.raw").stat().st_size == 4000


def test_longer_gaps_than_wanted_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ENCODE, "in.raw", "a.vae"]) == 0
    sent = packets(Path("a.vae").read_bytes())
    Path("b.vae").write_bytes(b"".join([*sent[:9], *sent[13:]]))
    for conceal, kept in (("10s", 2000), ("1s", 2000 - 4 * 48)):
        assert run([*DECODE, "b.vae", f"{conceal}.raw", "--conceal", conceal]) == 3
        assert len(Path(f"{conceal}.raw").read_bytes()) == 2 * kept
    assert run([*DECODE, "b.vae", "again.raw", "--conceal", "1s", "--report", "r.json"]) == 3
    lines = [json.loads(line) for line in Path("r.json").read_text().splitlines()]
    assert {"origin": "missing", "first": 8 * 48, "samples": 4 * 48} in lines
    assert lines[-1]["samples"]["missing"] == 4 * 48
    assert "lost at packet 8, 4 packets" in capsys.readouterr().err
