"""MQTT, with a real broker: packets go from the spool once it has acknowledged them."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.broker import Broker, Subscriber

from vaecodec.codec.container import Cursor
from vaecodec.codec.stream_syntax import read_long_varint
from vaecodec.edge_runtime.sender import Sender
from vaecodec.edge_runtime.spool import Spool
from vaecodec.edge_runtime.stop import Stop
from vaecodec.edge_runtime.transport import Link, LinkError, open_transport

PACKETS = [(bytes([i]) * (i + 1), i + 1) for i in range(150)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    out = Broker(tmp_path)
    out.start()
    yield out
    out.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    out = Spool(tmp_path / "spool")
    out.begin_stream()
    assert out.append(PACKETS) == len(PACKETS)
    return out


def sender(spool: Spool, url: str, secret: str | None = None) -> Sender:
    return Sender(spool, open_transport(Link(url, "ward-7", secret, timeout=5.0)), most_wait=0.05)


def parsed(payload: bytes) -> tuple[int, int, bytes]:
    """Sequence, start and packet of a message."""
    cursor = Cursor(payload)
    sequence, start, _ = (read_long_varint(cursor, "a number") for _ in range(3))
    return sequence, start, payload[cursor.position :]


def test_packets_arrive_in_order_under_their_streams_topic(broker: Broker, spool: Spool) -> None:
    listener = Subscriber(broker)
    batch = spool.batch(1, 1)
    assert batch is not None
    sender(spool, f"mqtt://127.0.0.1:{broker.port}").drain(Stop())
    messages = listener.wait(len(PACKETS))
    assert [parsed(payload) for _, payload in messages] == [(number, 0, packet) for number, (packet, _) in enumerate(PACKETS)]
    assert {topic for topic, _ in messages} == {f"vaecodec/ward-7/{batch.stream}"}
    assert spool.waiting == 0
    listener.close()


def test_the_path_is_the_beginning_of_the_topic(broker: Broker, spool: Spool) -> None:
    listener = Subscriber(broker, "hospital/north/ward-7/+")
    sender(spool, f"mqtt://127.0.0.1:{broker.port}/hospital/north").drain(Stop())
    assert len(listener.wait(len(PACKETS))) == len(PACKETS)
    listener.close()


def test_a_broker_that_goes_away_and_comes_back_gets_all(broker: Broker, spool: Spool) -> None:
    listener = Subscriber(broker)
    stop = Stop()
    sending = sender(spool, f"mqtt://127.0.0.1:{broker.port}")
    thread = threading.Thread(target=sending.run, args=(stop,))
    thread.start()
    listener.wait(20)
    broker.stop()
    assert spool.append([(b"while it is away", 151)]) == 1
    broker.start()
    found = {parsed(payload)[0]: parsed(payload)[2] for _, payload in listener.wait(len(PACKETS) + 1)}
    assert [found[number] for number in range(151)] == [packet for packet, _ in PACKETS] + [b"while it is away"]
    while spool.waiting:
        spool.wait_for_room(0.01)
    stop.set()
    spool.wake()
    thread.join()
    listener.close()


def test_without_a_broker_nothing_is_acknowledged(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    batch = spool.batch(9, 999)
    assert batch is not None
    with pytest.raises(LinkError):
        open_transport(Link(f"mqtt://127.0.0.1:{port}", "ward-7")).send(batch)


def test_a_broker_that_never_answers_is_given_up(spool: Spool) -> None:
    batch = spool.batch(9, 999)
    assert batch is not None
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(LinkError):
        open_transport(Link(f"mqtt://127.0.0.1:{deaf.getsockname()[1]}", "ward-7", timeout=0.1)).send(batch)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A broker that wants a password."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "device", "s3cret"], check=True)
    out = Broker(tmp_path, f"allow_anonymous false\npassword_file {passwords}")
    out.start()
    yield out
    out.stop()


def test_the_secret_is_the_password(guarded: Broker, spool: Spool) -> None:
    listener = Subscriber(guarded, login=("device", "s3cret"))
    sender(spool, f"mqtt://device@127.0.0.1:{guarded.port}", "s3cret").drain(Stop())
    assert len(listener.wait(len(PACKETS))) == len(PACKETS)
    listener.close()


def test_a_wrong_password_is_said(guarded: Broker, spool: Spool) -> None:
    batch = spool.batch(9, 999)
    assert batch is not None
    with pytest.raises(LinkError, match=r"(?i)not authori"):
        open_transport(Link(f"mqtt://device@127.0.0.1:{guarded.port}", "ward-7", "wrong", timeout=5.0)).send(batch)
