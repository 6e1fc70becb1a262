"""`python -m vaecodec.benchmarks.edge_kills`: kills the edge client again and again, and looks for what was lost or came twice.

The source is a file that grows, as a sensor's log does. What the receiver has at the end is compared with what the encoder makes of the
samples from each stream's start: byte for byte, every sample of the file in exactly one stream.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from vaecodec.benchmarks.edge_receiver import Mischief, Received, Store, receiving
from vaecodec.benchmarks.results import Report, environment, write_report
from vaecodec.codec.errors import VaecodecError
from vaecodec.codec.stream_decoder import Decoder
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.edge_runtime.status import inspect

Samples = NDArray[np.int16]
RATE, PACKET = 100, 0.5
DEVICE = "device"
MISCHIEF = Mischief(refuse=0.1, drop_before=0.05, drop_after=0.1, partly=0.1, slow=0.03)
# How often the killed client is looked at, to kill it once it has begun.
GLANCE = 0.002
LONGEST = 0.25
A_KILL, FIRST = 800, 2000  # samples that come before each kill, and before all
PROTOCOL = (
    "The client reads a file that grows, spools and sends to a receiver on loopback that refuses, stores a part, takes its time, and closes "
    "connections before or after it has stored. It is killed with SIGKILL up to 0.25 s after its first acknowledgement, or, one time in five, "
    "after its start; then started again. After the last kill it ends by itself. What the receiver has, duplicates of a sequence number counted "
    "once, is compared byte for byte with what the encoder makes of the file, and decoded: every sample of the file must be in exactly one "
    "stream. After each kill the samples that the client had called safe must be in the spool."
)


@dataclass
class Outcome:
    """What happened.

    Attributes:
        kills: of running clients.
        positions: samples acknowledged, as the spool said after each kill.
        announced: the highest number of samples that the client called safe before each kill.
        pieces: streams at the receiver, by their start: samples that they decode to.
    """

    kills: int = 0
    positions: list[int] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, int]:
        """What must not be: all are 0 where the client keeps its word."""
        status = self.facts["status"]
        return {
            "samples lost or repeated": wrong_samples(self.pieces, self.facts["samples"]),
            "acknowledged and not found after a kill": sum(said > found for said, found in zip(self.announced, self.positions, strict=True)),
            "acknowledged and taken back": sum(after < before for before, after in pairwise(self.positions)),
            "packets that never came": status["next_sequence"] - self.facts["packets"],
            "packets left, dropped or damaged": status["packets_waiting"] + status["dropped"] + status["damaged"],
            "numbers with two meanings": self.facts["conflicts"],
            "exit code of the last run": self.facts["exit_code"],
        }


def signal_of(samples: int) -> Samples:
    """Something with beats."""
    n, rng = np.arange(samples), np.random.default_rng(3)
    wave = 0.2 * np.sin(n / 50) + np.exp(-(((n % 120) - 60.0) ** 2) / 15) + 0.02 * rng.standard_normal(samples)
    samples: Samples = np.rint(300 * wave).astype("<i2")
    return samples


def client(model: Path, source: Path, spool: Path, url: str, *more: str) -> list[str]:
    """The command under test."""
    fixed = ["-m", str(model), "--source", f"file:{source}", "--spool", str(spool), "--to", url, "--device", DEVICE, "--acks"]
    fast = ["--rate", str(RATE), "--packet", f"{PACKET}s", "--max-disk", "256kB", "--most-wait", "50ms", "--timeout", "5s"]
    return [sys.executable, "-c", "from vaecodec.cli import main; main()", "edge", "run", *fixed, *fast, *more]


def run_kills(folder: Path, model: Path, kills: int, seed: int = 1, tell: Callable[[int], None] = lambda _: None) -> Outcome:
    """Runs the client and kills it so often; then lets it end, and collects what arrived."""
    chance = random.Random(seed)
    samples = signal_of(kills * A_KILL + FIRST)
    source, spool, log = folder / "source.raw", folder / "spool", folder / "log"
    source.write_bytes(samples[:FIRST].tobytes())
    outcome = Outcome()
    with receiving(folder, MISCHIEF, seed) as receiver, log.open("wb") as errors:
        for number in range(kills):
            with source.open("ab") as file:
                file.write(samples[FIRST + A_KILL * number :][:A_KILL].tobytes())
            command = client(model, source, spool, receiver.url, "--follow")
            announced = _kill_at_random(command, chance, folder / "acks", errors)
            outcome.kills += 1
            outcome.announced.append(announced)
            outcome.positions.append(inspect(spool)["samples"] if spool.exists() else 0)
            tell(number + 1)
        done = subprocess.run(client(model, source, spool, receiver.url), stdout=subprocess.DEVNULL, stderr=errors, check=False)
        outcome.facts = _facts(receiver.store, inspect(spool), done.returncode, log) | {"samples": len(samples)}
    outcome.pieces = check_streams(samples, receiver.store, model)
    return outcome


def _kill_at_random(command: list[str], chance: random.Random, acks: Path, errors: Any) -> int:
    """Starts a client and kills it some time after its start; samples that it called safe."""
    with acks.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        if chance.random() < 0.8:  # of the others most die while they start
            while not acks.stat().st_size and process.poll() is None:
                time.sleep(GLANCE)
        time.sleep(chance.uniform(0, LONGEST))
        if process.poll() is not None:
            raise VaecodecError(f"the client ended by itself: {process.returncode}")
        process.send_signal(signal.SIGKILL)
        process.wait()
    lines = acks.read_bytes().split(b"\n")[:-1]
    return int(json.loads(lines[-1])["samples"]) if lines else 0


def _facts(store: Store, status: dict[str, Any], code: int, log: Path) -> dict[str, Any]:
    return {
        "exit_code": code,
        "status": status,
        "packets": store.count(),
        "duplicates": store.duplicates,
        "conflicts": store.conflicts,
        "streams": len(store.streams),
        "torn_tails": log.read_bytes().count(b"torn record"),
    }


def check_streams(samples: Samples, store: Store, model: Path, offset: int | None = None) -> list[tuple[int, int]]:
    """Start and samples of each stream, in the order in which they begin.

    Args:
        samples: what all streams are of.
        store: where they arrived.
        model: of the encoder.
        offset: of the encoder, if its scale is fixed, as a device's is.

    Raises:
        VaecodecError: a stream's numbers have holes, or its packets are not those that the encoder makes of the file from its start on.
    """
    pieces = []
    numbers: list[int] = []
    for (_, name), stream in store.streams.items():
        numbers += stream.packets
        packets = [stream.packets[number] for number in sorted(stream.packets)]
        pieces.append((stream.start, _decoded(samples, packets, stream, int(name.rpartition("-")[2]), model, offset)))
    _require(sorted(numbers) == list(range(len(numbers))), "a sequence number is missing or there twice")
    return sorted(pieces)


def _decoded(samples: Samples, packets: list[bytes], stream: Received, epoch: int, model: Path, offset: int | None) -> int:
    """Samples that a stream decodes to, none of them made up; checks its bytes."""
    decoder = Decoder(model)
    chunks = decoder.feed(b"".join(packets)) + decoder.flush()
    count = sum(len(chunk.samples) for chunk in chunks)
    _require(set(decoder.tally) <= {"truncated"}, f"faults: {decoder.tally}")  # a killed client's streams have no end packet
    encoder = Encoder(model, rate=RATE, packet=PACKET, offset=offset, stream_id=epoch % (1 << 16))
    # A packet is made once some samples behind it have come; these are enough for those that came.
    again = encoder.feed(samples[stream.start : stream.start + count + 64 * encoder.packet_samples])
    again += encoder.flush() if stream.start + count == len(samples) else []
    _require(packets == again[: len(packets)], f"stream {epoch} has other packets than the encoder makes")
    return count


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise VaecodecError(what)


def wrong_samples(pieces: list[tuple[int, int]], samples: int) -> int:
    """Samples that are not in exactly one piece."""
    times = np.zeros(samples + 1, np.int64)
    for start, count in pieces:
        times[start] += 1
        times[start + count] -= 1
    return int((np.cumsum(times)[:-1] != 1).sum())


def report(outcome: Outcome, seed: int, seconds: float) -> Report:
    """The figures, as they are kept."""
    facts = outcome.facts
    return {
        "kind": "edge kills",
        "protocol": PROTOCOL,
        "environment": environment(),
        "seed": seed,
        "seconds": seconds,
        "kills": outcome.kills,
        "receiver": vars(MISCHIEF),
        "samples": facts["samples"],
        "packets": facts["packets"],
        "streams": facts["streams"],
        "duplicates": facts["duplicates"],
        "torn_tails": facts["torn_tails"],
        "faults": outcome.faults,
    }


@click.command()
@click.option("--kills", type=click.IntRange(1), default=200, show_default=True, help="How often the client is killed.")
@click.option("--model", type=click.Path(exists=True, dir_okay=False), default="conformance/0.1/tiny-signal.vaemodel", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of when it is killed, and of what the receiver does.")
@click.option("--out", type=click.Path(dir_okay=False), help="JSON file for the figures.")
def main(kills: int, model: str, seed: int, out: str | None) -> None:
    """Kill the edge client, and count what it lost."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, click.progressbar(length=kills, label="kills") as bar:
        outcome = run_kills(Path(folder), Path(model), kills, seed, lambda _: bar.update(1))
    figures = report(outcome, seed, time.monotonic() - began)
    if out is not None:
        write_report(figures, Path(out))
    click.echo(json.dumps(figures, indent=1))
    sys.exit(any(outcome.faults.values()))


if __name__ == "__main__":
    main()
