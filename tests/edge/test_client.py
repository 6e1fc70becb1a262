"""The client as a whole: samples in, packets in the spool and at the receiver, and what becomes of them when something is short."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats

from vaecodec.benchmarks.edge_receiver import Mischief, receiving
from vaecodec.codec.errors import InputError
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.edge_runtime.client import DROP_OLDEST, WAIT, EdgeClient
from vaecodec.edge_runtime.sender import Sender
from vaecodec.edge_runtime.sources import FileSource, Format, GapError, Samples, Source
from vaecodec.edge_runtime.spool import LEAST_BYTES, Spool
from vaecodec.edge_runtime.stop import Stop
from vaecodec.edge_runtime.transport import Link, open_transport

SAMPLES = np.rint(beats(3000)).astype("<i2")
SETTINGS = {"rate": 100, "packet": 0.5}


class ListSource(Source):
    """Gives pieces; an exception among them is raised, a function is called."""

    def __init__(self, pieces: Iterable[Samples | Exception | Callable[[], None]], *, live: bool = True) -> None:
        self._pieces, self.live = iter(pieces), live

    def read(self, stop: Stop) -> Samples | None:
        piece = next(self._pieces, None)
        if isinstance(piece, Exception):
            raise piece
        if callable(piece):
            piece()
            return np.empty((0, 1), np.int16)
        return piece


def encoder(stream_id: int) -> Encoder:
    return Encoder(SIGNAL_BUNDLE, stream_id=stream_id, **SETTINGS)  # type: ignore[arg-type]


def encoded(samples: np.ndarray, stream_id: int = 1) -> list[bytes]:
    made = encoder(stream_id)
    return made.feed(samples) + made.flush()


def pieces(samples: np.ndarray) -> list[Samples]:
    return [samples[at : at + 100, None] for at in range(0, len(samples), 100)]


def spooled(spool: Spool) -> list[list[bytes]]:
    """Packets by stream."""
    out: dict[str, list[bytes]] = {}
    while (batch := spool.batch(1000, 1 << 20)) is not None:
        out.setdefault(batch.stream, []).extend(batch.packets)
        spool.acknowledge(batch.sequence + len(batch.records))
    return list(out.values())


def test_the_packets_are_the_encoders(tmp_path: Path) -> None:
    spool, said = Spool(tmp_path), []
    summary = EdgeClient(ListSource(pieces(SAMPLES)), encoder, spool, acknowledged=said.append).run(Stop())
    assert spooled(spool) == [encoded(SAMPLES)]
    assert (summary.samples, said[-1], spool.position, summary.unspooled) == (3000, 3000, 3000, 0)
    assert said == sorted(said)


def test_a_file_goes_on_where_the_last_run_was_stopped(tmp_path: Path) -> None:
    (tmp_path / "in.raw").write_bytes(SAMPLES.tobytes())
    spool, stop = Spool(tmp_path / "spool"), Stop()
    source = FileSource(tmp_path / "in.raw", Format())
    EdgeClient(source, encoder, spool, acknowledged=lambda _: stop.set()).run(stop)
    source.close()
    with closing(FileSource(tmp_path / "in.raw", Format())) as again:
        EdgeClient(again, encoder, spool).run(Stop())
    (packets,) = spooled(spool)  # a piece holds it all: the first run got to its end
    assert packets == encoded(SAMPLES)


def test_a_run_without_new_samples_makes_no_stream(tmp_path: Path) -> None:
    (tmp_path / "in.raw").write_bytes(SAMPLES.tobytes())
    spool = Spool(tmp_path / "spool")
    for _ in range(3):
        with closing(FileSource(tmp_path / "in.raw", Format())) as source:
            EdgeClient(source, encoder, spool).run(Stop())
    assert len(spooled(spool)) == 1
    assert spool.epoch == 1


def test_a_gap_ends_a_stream_and_begins_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    EdgeClient(ListSource([*pieces(SAMPLES[:1000]), GapError("away"), *pieces(SAMPLES[1000:])]), encoder, spool).run(Stop())
    assert spooled(spool) == [encoded(SAMPLES[:1000]), encoded(SAMPLES[1000:], 2)]


def test_a_stop_spools_what_was_read(tmp_path: Path) -> None:
    spool, stop = Spool(tmp_path), Stop()
    summary = EdgeClient(ListSource([*pieces(SAMPLES[:1050]), stop.set, *pieces(SAMPLES[1050:])]), encoder, spool).run(stop)
    assert spooled(spool) == [encoded(SAMPLES[:1050])]
    assert (summary.samples, summary.unspooled) == (1050, 0)


def noise(count: int) -> np.ndarray:
    """Samples that take much room."""
    return np.random.default_rng(1).integers(-8000, 8000, count).astype(np.int16)


def test_a_full_spool_makes_the_source_wait(tmp_path: Path) -> None:
    spool, stop, lines = Spool(tmp_path, LEAST_BYTES), Stop(), []
    samples = noise(40000)
    client = EdgeClient(ListSource(pieces(samples), live=False), encoder, spool, log=lines.append)
    thread = threading.Thread(target=client.run, args=(stop,))
    thread.start()
    packets: list[bytes] = []
    while thread.is_alive() or spool.waiting:
        if any("the source waits" in line for line in lines) and (batch := spool.batch(1000, 1 << 20)):
            packets += batch.packets
            spool.acknowledge(batch.sequence + len(batch.records))
        assert spool.size <= LEAST_BYTES
    thread.join()
    assert packets == encoded(samples)
    assert spool.dropped == 0


def test_a_live_source_drops_the_oldest_and_says_so(tmp_path: Path) -> None:
    spool, lines = Spool(tmp_path, LEAST_BYTES), []
    samples = noise(40000)
    summary = EdgeClient(ListSource(pieces(samples)), encoder, spool, log=lines.append).run(Stop())
    (packets,) = spooled(spool)
    whole = encoded(samples)
    assert packets == whole[len(whole) - len(packets) :]
    assert spool.dropped == len(whole) - len(packets) > 0
    assert any("dropped" in line for line in lines)
    assert (summary.samples, summary.unspooled) == (40000, 0)


def test_a_stop_gives_up_what_finds_no_room_and_counts_it(tmp_path: Path) -> None:
    spool, stop = Spool(tmp_path, LEAST_BYTES), Stop()
    source = ListSource(pieces(noise(40000)))

    def log(line: str) -> None:
        if "waits" in line:
            stop.set()

    summary = EdgeClient(source, encoder, spool, when_full=WAIT, log=log).run(stop)
    assert summary.unspooled > 0
    position = spool.position
    assert sum(map(len, spooled(spool))) > 0
    assert spool.position == position


def test_a_file_can_be_told_to_drop(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LEAST_BYTES)
    EdgeClient(ListSource(pieces(noise(40000)), live=False), encoder, spool, when_full=DROP_OLDEST).run(Stop())
    assert spool.dropped > 0


def test_other_policies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="drop-oldest"):
        EdgeClient(ListSource([]), encoder, Spool(tmp_path), when_full="panic")


def test_all_is_delivered_before_the_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    with receiving(tmp_path, Mischief(refuse=0.3, drop_after=0.3)) as receiver:
        sender = Sender(spool, open_transport(Link(receiver.url, "d")), most_wait=0.01)
        EdgeClient(ListSource(pieces(SAMPLES)), encoder, spool, sender).run(Stop())
        ((_, stream),) = receiver.store.streams.items()
    assert list(stream.packets.values()) == encoded(SAMPLES)
    assert spool.waiting == 0


def test_trouble_of_the_sender_ends_the_run(tmp_path: Path) -> None:
    class Broken(Sender):
        def run(self, stop: Stop) -> None:
            raise OSError("the disk is gone")

    spool = Spool(tmp_path)
    broken = Broken(spool, open_transport(Link("http://127.0.0.1:1/", "d")))
    with pytest.raises(OSError, match="the disk is gone"):
        EdgeClient(ListSource(pieces(SAMPLES)), encoder, spool, broken).run(Stop())
