"""`vaecodec edge` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats

from vaecodec.benchmarks.edge_receiver import receiving
from vaecodec.cli import run
from vaecodec.codec.stream_encoder import Encoder

SAMPLES = np.rint(beats(2000)).astype("<i2")
ENCODE = ["-m", str(SIGNAL_BUNDLE), "--rate", "100", "--packet", "0.5s"]
RUN = ["edge", "run", *ENCODE, "--spool", "spool"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.raw").write_bytes(SAMPLES.tobytes())


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    capsys.readouterr()
    assert run(["edge", "status", "spool", "--json"]) == 0
    facts: dict[str, int] = json.loads(capsys.readouterr().out)
    return facts


def test_a_file_is_spooled_and_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*RUN, "--source", "file:in.raw"]) == 0
    facts = status(capsys)
    assert (facts["samples"], facts["epoch"], facts["dropped"]) == (2000, 1, 0)
    assert facts["packets_waiting"] == facts["next_sequence"] > 40
    Path("token").write_text("s3cret\n")
    with receiving(tmp_path) as receiver:
        assert run(["edge", "send", "spool", "--to", receiver.url, "--device", "d", "--secret-file", "token"]) == 0
        (stream,) = receiver.store.streams.values()
        assert set(receiver.tokens) == {"Bearer s3cret"}
    encoder = Encoder(SIGNAL_BUNDLE, rate=100, packet=0.5, stream_id=1)
    assert list(stream.packets.values()) == encoder.feed(SAMPLES) + encoder.flush()
    assert status(capsys)["packets_waiting"] == 0


def test_the_analysis_may_run_in_litert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-m", "ecg", "--rate", "360", "--offset", "0", "--stream-id", "1"]
    assert run(["edge", "run", *options[:-2], "--source", "in.raw", "--spool", "spool", "--engine", "litert"]) == 0
    assert status(capsys)["samples"] == 2000
    assert run(["encode", "--stream", *options, "--engine", "litert", "in.raw", "same.vae"]) == 0
    with receiving(tmp_path) as receiver:
        assert run(["edge", "send", "spool", "--to", receiver.url, "--device", "d"]) == 0
        (stream,) = receiver.store.streams.values()
    assert b"".join(stream.packets.values()) == Path("same.vae").read_bytes()


@pytest.mark.parametrize("wrong", [["--to", "ftp://x/"], ["--to", "http://127.0.0.1:1/", "--device", "a b"]])
def test_a_receiver_that_cannot_be_leaves_no_spool(wrong: list[str], tmp_path: Path) -> None:
    assert run([*RUN, "--source", "in.raw", *wrong]) != 0
    assert not (tmp_path / "spool").exists()


def test_the_packets_are_those_of_encode(tmp_path: Path) -> None:
    assert run(["encode", "--stream", *ENCODE, "--stream-id", "1", "in.raw", "same.vae"]) == 0
    with receiving(tmp_path) as receiver:
        assert run([*RUN, "--source", "in.raw", "--to", receiver.url, "--device", "d"]) == 0
        (stream,) = receiver.store.streams.values()
    assert b"".join(stream.packets.values()) == Path("same.vae").read_bytes()


def test_lines_with_decimals_take_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("".join(f"{value / 8}\n" for value in SAMPLES))
    assert run([*RUN, "--source", "in.csv", "--step", "0.125"]) == 0
    assert status(capsys)["samples"] == 2000


def test_status_is_for_people_too(capsys: pytest.CaptureFixture[str]) -> None:
    run([*RUN, "--source", "in.raw"])
    capsys.readouterr()
    assert run(["edge", "status", "spool"]) == 0
    assert "packets waiting" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--source", "no.raw"], 7, "no such file"),
        (["--source", "in.raw", "--to", "ftp://x/"], 7, "expected http"),
        (["--source", "in.raw", "--to", "http://x/", "--device", "a/b"], 7, "letters, digits"),
        (["--source", "in.raw", "--packet", "0.1s"], 7, "0.25"),
        (["--source", "in.raw", "--shift", "1"], 2, "--offset"),
        (["--source", "in.raw", "--step", "0.1"], 2, "int16"),
        (["--source", "in.raw", "--max-disk", "many"], 2, "64MB"),
        (["--source", "in.raw", "--max-disk", "10kB"], 7, "at least"),
        (["--source", "in.raw", "-q", "50", "--bitrate", "100"], 7, "one"),
        (["--source", "in.raw", "-m", "photo"], 5, "photo"),
    ],
)
def test_what_cannot_be_is_refused(options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*RUN, *options]) == code
    assert says in capsys.readouterr().err


def test_another_source_needs_another_spool(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.raw").write_bytes(SAMPLES.tobytes())
    assert run([*RUN, "--source", "in.raw"]) == 0
    assert run([*RUN, "--source", "./in.raw"]) == 0
    assert run([*RUN, "--source", "other.raw"]) == 7
    assert "folder of its own" in capsys.readouterr().err


def started(*options: str, **more: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from vaecodec.cli import main; main()", *RUN, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_what_came_is_kept(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    process = started("--source", "-", "--acks", stdin=subprocess.PIPE)
    process.stdin.write(SAMPLES.tobytes())
    process.stdin.flush()
    first = json.loads(process.stdout.readline())
    process.send_signal(number)
    rest, said = process.communicate()
    assert process.returncode == 0, said
    assert 0 < first["samples"] <= json.loads(rest.splitlines()[-1])["samples"] == 2000
    assert b"2000 samples are safe" in said
    assert status(capsys)["samples"] == 2000


def test_a_dead_link_does_not_hold_the_end_up() -> None:
    process = started("--source", "in.raw", "--to", "http://127.0.0.1:1/", "--acks")
    while json.loads(process.stdout.readline())["samples"] < 2000:
        pass
    process.terminate()
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert b"link: 127.0.0.1: " in said


def test_a_fifo_is_a_source(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    process = started("--source", "file:pipe")
    Path("pipe").write_bytes(SAMPLES.tobytes())
    assert process.wait() == 0
    process.communicate()
    assert status(capsys)["samples"] == 2000


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["run"], ["send"], ["status"], ["example"]):
        assert run(["edge", *words, "--help"]) == 0
        assert "vaecodec edge " in capsys.readouterr().out


def test_the_client_in_c_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["edge", "example", "--out", "edge_c"]) == 0
    assert {"Makefile", "main.c", "spool.c", "spool.h"} <= {path.name for path in Path("edge_c").iterdir()}
    assert run(["edge", "example", "--out", "edge_c"]) != 0
    assert run(["edge", "example", "--out", "edge_c", "--force"]) == 0
