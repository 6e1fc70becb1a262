"""The HTTP contract: what counts as an acknowledgement, and what happens without one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaecodec.benchmarks.edge_receiver import Mischief, Receiver, receiving, split
from vaecodec.codec.errors import InputError
from vaecodec.edge_runtime.sender import Sender
from vaecodec.edge_runtime.spool import Batch, Spool
from vaecodec.edge_runtime.stop import Stop
from vaecodec.edge_runtime.transport import Link, LinkError, open_transport

PACKETS = [(bytes([i]) * (i + 1), i + 1) for i in range(150)]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path) as server:
        yield server


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    out = Spool(tmp_path / "spool")
    out.begin_stream()
    assert out.append(PACKETS) == len(PACKETS)
    return out


def sender(spool: Spool, url: str, lines: list[str] | None = None, **link: object) -> Sender:
    transport = open_transport(Link(url, "ward-7", **link))  # type: ignore[arg-type]
    return Sender(spool, transport, most_wait=0.01, log=(lines if lines is not None else []).append)


def drain(spool: Spool, url: str, **link: object) -> list[str]:
    lines: list[str] = []
    sender(spool, url, lines, **link).drain(Stop())
    return lines


def stored(receiver: Receiver) -> list[bytes]:
    ((device, _),) = receiver.store.streams
    assert device == "ward-7"
    (stream,) = receiver.store.streams.values()
    assert list(stream.packets) == sorted(stream.packets)
    return list(stream.packets.values())


def batch_of(spool: Spool) -> Batch:
    batch = spool.batch(10, 1 << 16)
    assert batch is not None
    return batch


def test_packets_arrive_in_order(receiver: Receiver, spool: Spool) -> None:
    drain(spool, receiver.url)
    assert stored(receiver) == [packet for packet, _ in PACKETS]
    assert (spool.waiting, receiver.store.duplicates) == (0, 0)


@pytest.mark.parametrize("mischief", [Mischief(refuse=0.5), Mischief(drop_before=0.5), Mischief(drop_after=0.5), Mischief(partly=0.9)])
def test_a_bad_receiver_gets_all_packets_once(tmp_path: Path, spool: Spool, mischief: Mischief) -> None:
    with receiving(tmp_path, mischief) as receiver:
        drain(spool, receiver.url)
        assert stored(receiver) == [packet for packet, _ in PACKETS]
        assert receiver.store.conflicts == 0


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"", {}),
        (200, b"thanks", {}),
        (200, b"{}", {}),
        (200, b'{"durable": true}', {}),
        (200, b'{"durable": "9"}', {}),
        (200, b"[" * 60000, {}),
        (200, b" " * (1 << 17), {}),
        (204, b"", {}),
        (301, b"", {"Location": "http://127.0.0.1:1/"}),
        (404, b"no such place", {}),
        (500, b"\xff", {}),
    ],
)
def test_other_answers_acknowledge_nothing(receiver: Receiver, spool: Spool, answer: tuple[int, bytes, dict[str, str]]) -> None:
    receiver.answers.append(answer)
    transport = open_transport(Link(receiver.url, "ward-7"))
    with pytest.raises(LinkError):
        transport.send(batch_of(spool))
    assert transport.send(batch_of(spool)) == 10
    transport.close()


@pytest.mark.parametrize(("durable", "count"), [(-5, 0), (-1, 0), (0, 1), (8, 9), (9, 10), (10, 10), (1 << 70, 10)])
def test_only_packets_that_were_sent_are_acknowledged(receiver: Receiver, spool: Spool, durable: int, count: int) -> None:
    receiver.answers.append((200, b'{"durable": %d}' % durable, {}))
    transport = open_transport(Link(receiver.url, "ward-7"))
    assert transport.send(batch_of(spool)) == count
    transport.close()


def test_a_receiver_may_ask_for_time(receiver: Receiver, spool: Spool) -> None:
    receiver.answers += [(503, b"", {"Retry-After": "7"}), (503, b"", {"Retry-After": "Wed, 21 Oct 2015"}), (429, b"", {"Retry-After": "9" * 9})]
    transport = open_transport(Link(receiver.url, "ward-7"))
    waits = []
    for _ in range(3):
        with pytest.raises(LinkError) as caught:
            transport.send(batch_of(spool))
        waits.append(caught.value.wait)
    assert waits == [7, 0, 300]
    transport.close()


def test_a_receiver_that_finds_requests_too_large_gets_smaller_ones(receiver: Receiver, spool: Spool) -> None:
    receiver.answers += [(413, b"", {})] * 5
    drain(spool, receiver.url)
    assert stored(receiver) == [packet for packet, _ in PACKETS]
    assert receiver.sizes[5] < receiver.sizes[0]


def test_the_secret_is_a_bearer_token(receiver: Receiver, spool: Spool) -> None:
    drain(spool, receiver.url, secret="s3cret")
    assert set(receiver.tokens) == {"Bearer s3cret"}


def test_trouble_is_told_once_and_its_end_too(receiver: Receiver, spool: Spool) -> None:
    receiver.answers += [(503, b"not now", {})] * 4
    lines = drain(spool, receiver.url)
    assert [line.split(";")[0] for line in lines] == ["link: 127.0.0.1 answers 503: not now", "link: up"]


def test_no_receiver_is_no_end(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop = Stop()
    thread = threading.Thread(target=sender(spool, f"http://127.0.0.1:{port}").drain, args=(stop,))
    thread.start()
    stop.set()
    thread.join()
    assert spool.waiting == len(PACKETS)


def test_a_receiver_that_hangs_is_given_up(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        transport = open_transport(Link(f"http://127.0.0.1:{deaf.getsockname()[1]}", "ward-7", timeout=0.05))
        with pytest.raises(LinkError, match="timed out"):
            transport.send(batch_of(spool))


@pytest.mark.parametrize("url", ["ftp://host/", "http:///x", "host:80", "http://host:99999/", "http://u:p@host/", "mqtt:", "http://[::1"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InputError):
        open_transport(Link(url, "ward-7"))


@pytest.mark.parametrize("device", ["", "a/b", "#", "+", "ä", "-x", "x" * 65, "a b"])
def test_names_that_are_no_names_are_refused(device: str) -> None:
    with pytest.raises(InputError):
        Link("http://host/", device)


def test_a_body_is_packets_after_their_lengths() -> None:
    assert list(split(b"\x01a\x02bc\x80\x01" + b"d" * 128)) == [b"a", b"bc", b"d" * 128]
