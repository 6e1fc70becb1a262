"""The edge client in C: the same spool and the same requests as the Python client's, under the sanitizers."""

from __future__ import annotations

import os
import pty
import random
import shutil
import signal
import subprocess
import time
import tty
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from common import ROOT, SIGNAL_BUNDLE

from vaecodec.benchmarks.edge_kills import check_streams, signal_of, wrong_samples
from vaecodec.benchmarks.edge_receiver import Mischief, Store, receiving
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.edge_runtime.spool import Spool
from vaecodec.edge_runtime.status import inspect
from vaecodec.export.firmware import Firmware, export_firmware

EXAMPLE = ROOT / "edge_runtime" / "examples"
STRICT = "-O1 -g -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
SAMPLES = signal_of(4000)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as its Makefile says, and stricter."""
    folder = tmp_path_factory.mktemp("edge")
    export_firmware(Bundle.open(SIGNAL_BUNDLE), folder / "firmware", Firmware(name="tiny", rate=100, packet=0.5))
    shutil.copytree(EXAMPLE, folder / "example")
    words = ["make", "-C", str(folder / "example"), f"FIRMWARE={folder}/firmware", "MODEL=tiny", f"CFLAGS={STRICT}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "example" / "edge"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.raw"
    path.write_bytes(SAMPLES.tobytes())
    return path


def edge(program: Path, *options: object, code: int = 0, data: bytes = b"") -> str:
    """Runs it; what it says."""
    done = subprocess.run([str(program), *map(str, options)], input=data, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stderr.decode()


def encoded(samples: np.ndarray = SAMPLES, stream_id: int = 1) -> list[bytes]:
    encoder = Encoder(SIGNAL_BUNDLE, rate=100, packet=0.5, offset=0, stream_id=stream_id)
    return encoder.feed(samples) + encoder.flush()


def spooled(folder: Path) -> list[bytes]:
    """All packets, as the Python spool reads them."""
    spool, out = Spool(folder), []
    while (batch := spool.batch(1000, 1 << 20)) is not None:
        out += batch.packets
        spool.acknowledge(batch.sequence + len(batch.records))
    spool.close()
    return out


def stored(store: Store) -> list[bytes]:
    (stream,) = store.streams.values()
    return list(stream.packets.values())


@pytest.mark.parametrize("mischief", [Mischief(), Mischief(refuse=0.3, drop_before=0.2, drop_after=0.3, partly=0.5)])
def test_a_file_arrives_as_the_codec_encodes_it(program: Path, source: Path, tmp_path: Path, mischief: Mischief) -> None:
    with receiving(tmp_path, mischief) as receiver:
        said = edge(program, "-s", source, "-d", tmp_path / "spool", "-u", receiver.url, "-n", "d", "-w", "0.02")
        assert stored(receiver.store) == encoded()
        assert receiver.store.conflicts == 0
    assert "0 packets wait, 0 dropped; 4000 samples are safe" in said


def test_the_token_goes_along(program: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    with receiving(tmp_path) as receiver:
        edge(program, "-s", source, "-d", tmp_path / "spool", "-u", receiver.url, "-k", tmp_path / "token")
        assert set(receiver.tokens) == {"Bearer s3cret"}


@pytest.mark.parametrize("answer", [(200, b"", {}), (200, b"{}", {}), (200, b'{"durable": "9"}', {}), (200, b'{"durable": -1}', {}), (500, b"", {})])
def test_other_answers_acknowledge_nothing(program: Path, source: Path, tmp_path: Path, answer: tuple[int, bytes, dict[str, str]]) -> None:
    with receiving(tmp_path) as receiver:
        receiver.answers += [answer] * 2
        said = edge(program, "-s", source, "-d", tmp_path / "spool", "-u", receiver.url, "-w", "0.02")
        assert stored(receiver.store) == encoded()
    assert "link: up" in said


def test_python_reads_its_spool(program: Path, source: Path, tmp_path: Path) -> None:
    edge(program, "-s", source, "-d", tmp_path / "spool")
    facts = inspect(tmp_path / "spool")
    assert (facts["samples"], facts["epoch"], facts["torn_files"], facts["bad_files"]) == (4000, 1, 0, 0)
    assert spooled(tmp_path / "spool") == encoded()


def test_it_goes_on_with_pythons_spool(program: Path, source: Path, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.begin_stream()
    spool.append([(b"python", 1000)])
    spool.close()
    edge(program, "-s", source, "-d", tmp_path / "spool")
    assert spooled(tmp_path / "spool") == [b"python", *encoded(SAMPLES[1000:], 2)]


def test_a_pipe_is_a_source(program: Path, tmp_path: Path) -> None:
    edge(program, "-s", "-", "-d", tmp_path / "spool", data=SAMPLES.tobytes())
    assert spooled(tmp_path / "spool") == encoded()


def test_a_signal_ends_it_and_what_came_over_a_serial_port_is_kept(program: Path, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    command = [str(program), "-s", f"serial:{os.ttyname(slave)}", "-d", str(tmp_path / "spool")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    wait_for(lambda: (tmp_path / "spool" / "lock").exists())
    os.write(master, SAMPLES[:1000].tobytes())
    # What is left after whole packets, and the samples behind them that they wait for, comes with the end.
    wait_for(lambda: inspect(tmp_path / "spool")["samples"] >= 900)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert b"1000 samples are safe" in said
    assert spooled(tmp_path / "spool") == encoded(SAMPLES[:1000])
    os.close(master)
    os.close(slave)


def wait_for(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "usage"),
        (["-s", "-", "-d", "spool", "-u", "https://host/"], "usage"),
        (["-s", "-", "-d", "spool", "-n", "a/b"], "usage"),
        (["-s", "-", "-d", "spool", "-f", "panic"], "usage"),
    ],
)
def test_a_wrong_call_shows_the_usage(program: Path, options: Sequence[str], says: str) -> None:
    assert says in edge(program, *options, code=2)


def test_what_cannot_be_is_an_error(program: Path, source: Path, tmp_path: Path) -> None:
    assert "No such file" in edge(program, "-s", "file:no", "-d", tmp_path / "a", code=1)
    assert "Invalid argument" in edge(program, "-s", "-", "-d", tmp_path / "a", "-m", "100", code=1)
    spool = Spool(tmp_path / "b")
    assert "another process" in edge(program, "-s", "-", "-d", tmp_path / "b", code=1)
    spool.begin_stream()
    spool.append([(b"x", 4001)])
    spool.close()
    assert "spool of its own" in edge(program, "-s", source, "-d", tmp_path / "b", code=1)


def noise() -> bytes:
    return np.random.default_rng(1).integers(-8000, 8000, 40000).astype("<i2").tobytes()


def test_a_full_spool_drops_the_oldest_packets_where_it_is_told_to(program: Path, tmp_path: Path) -> None:
    said = edge(program, "-s", "-", "-d", tmp_path / "spool", "-m", "65536", "-f", "drop-oldest", data=noise())
    facts = inspect(tmp_path / "spool")
    assert facts["dropped"] > 0
    assert facts["bytes"] <= 65536
    assert f"{facts['dropped']} so far" in said
    whole = encoded(np.frombuffer(noise(), "<i2"))
    assert spooled(tmp_path / "spool") == whole[facts["dropped"] :]


def test_a_full_spool_makes_a_pipe_wait(program: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(noise())
    with receiving(tmp_path, Mischief(refuse=1.0)) as receiver, (tmp_path / "noise").open("rb") as samples:
        command = [str(program), "-s", "-", "-d", str(tmp_path / "spool"), "-m", "65536", "-u", receiver.url, "-w", "0.02"]
        process = subprocess.Popen(command, stdin=samples, stderr=subprocess.PIPE)
        assert process.stderr is not None
        while b"the source waits" not in process.stderr.readline():
            pass
        receiver.mischief = Mischief()
        process.communicate()
        assert process.returncode == 0
        assert stored(receiver.store) == encoded(np.frombuffer(noise(), "<i2"))


@pytest.mark.parametrize("lost", [b"", b"\0"])
def test_an_unsynced_tail_is_cut_off_as_python_does(program: Path, tmp_path: Path, lost: bytes) -> None:
    spool = Spool(tmp_path / "whole")
    spool.begin_stream()
    spool.append([(b"abc", 10), (b"defg", 20)])
    spool.begin_stream()
    spool.append([(b"hi", 30), (b"j", 40)])
    spool.close()
    newest = max((tmp_path / "whole").glob("*.seg"))
    data = newest.read_bytes()
    for cut in range(0, len(data), 3):
        for name in ("c", "python"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            shutil.copytree(tmp_path / "whole", tmp_path / name)
            (tmp_path / name / newest.name).write_bytes(data[:cut] + lost * (len(data) - cut))
        edge(program, "-s", "-", "-d", tmp_path / "c")
        Spool(tmp_path / "python").close()
        assert inspect(tmp_path / "c") == inspect(tmp_path / "python"), cut
        assert spooled(tmp_path / "c") == spooled(tmp_path / "python"), cut


def test_damage_within_is_skipped_as_python_does(program: Path, source: Path, tmp_path: Path) -> None:
    edge(program, "-s", source, "-d", tmp_path / "spool", "-m", "65536")
    first = min((tmp_path / "spool").glob("*.seg"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    shutil.copytree(tmp_path / "spool", tmp_path / "again")
    python = spooled(tmp_path / "again")
    with receiving(tmp_path) as receiver:
        said = edge(program, "-s", source, "-d", tmp_path / "spool", "-u", receiver.url)
        assert stored(receiver.store) == python != encoded()
    assert "cannot be read back" in said


def test_kills_lose_and_repeat_nothing(program: Path, tmp_path: Path) -> None:
    chance = random.Random(2)
    samples = signal_of(100_000)
    source = tmp_path / "in.raw"
    source.write_bytes(samples.tobytes())
    positions = [0]
    with receiving(tmp_path, Mischief(refuse=0.1, drop_before=0.1, drop_after=0.1, partly=0.1, slow=0.05)) as receiver:
        command = [str(program), "-s", str(source), "-d", str(tmp_path / "spool"), "-m", "70000", "-u", receiver.url, "-w", "0.05"]
        for _ in range(12):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
            process.wait()
            positions.append(inspect(tmp_path / "spool")["samples"] if (tmp_path / "spool").exists() else 0)
        edge(program, *command[1:])
        assert inspect(tmp_path / "spool")["packets_waiting"] == 0
        pieces = check_streams(samples, receiver.store, SIGNAL_BUNDLE, offset=0)
        assert receiver.store.conflicts == 0
    assert positions == sorted(positions)
    assert wrong_samples(pieces, len(samples)) == 0
