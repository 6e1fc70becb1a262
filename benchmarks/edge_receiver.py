"""A receiver to try the edge client on: stores durably, takes every packet once, and is as unreliable as it is told to be."""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from vaecodec.codec.errors import InputError

__all__ = ["Mischief", "Received", "Receiver", "Store", "receiving", "split"]

PATH = re.compile(r"/v1/streams/([^/]+)/([^/]+)/packets")


@dataclass(frozen=True)
class Mischief:
    """Shares of requests that go wrong, and seconds that one may take."""

    refuse: float = 0.0
    drop_before: float = 0.0
    drop_after: float = 0.0
    partly: float = 0.0
    slow: float = 0.0


@dataclass
class Received:
    """A stream as it was stored: packets by sequence number."""

    start: int
    packets: dict[int, bytes] = field(default_factory=dict)


class Store:
    """Packets by device and stream, on disk before `add` returns.

    Attributes:
        streams: by device and stream.
        duplicates: packets that came again.
        conflicts: of these, with other bytes: must stay 0.
    """

    def __init__(self, path: Path) -> None:
        self.streams: dict[tuple[str, str], Received] = {}
        self.duplicates = 0
        self.conflicts = 0
        self._lock = threading.Lock()
        self._file = path.open("ab")

    def add(self, device: str, stream: str, start: int, sequence: int, packets: list[bytes]) -> None:
        """Takes packets with numbers from `sequence` on, those that it has not."""
        with self._lock:
            kept = self.streams.setdefault((device, stream), Received(start))
            self.conflicts += kept.start != start
            for number, packet in enumerate(packets, sequence):
                self._take(kept.packets, number, packet)
                self._file.write(f"{device} {stream} {start} {number} {packet.hex()}\n".encode())
            self._file.flush()
            os.fsync(self._file.fileno())

    def _take(self, packets: dict[int, bytes], number: int, packet: bytes) -> None:
        if number in packets:
            self.duplicates += 1
            self.conflicts += packets[number] != packet
        packets.setdefault(number, packet)

    def count(self) -> int:
        """Packets of all streams."""
        with self._lock:
            return sum(len(stream.packets) for stream in self.streams.values())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def split(body: bytes) -> Iterator[bytes]:
    """Packets of a request: each after its length, a varint."""
    at = 0
    while at < len(body):
        size = shift = 0
        while True:
            byte = body[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield body[at : at + size]
        at += size


class Receiver(ThreadingHTTPServer):
    """Listens on a loopback port of its own.

    Attributes:
        answers: status, body and headers to be given first, in place of acknowledgements.
        tokens: the Authorization of each request.
        sizes: bytes of each request.
    """

    daemon_threads = True

    def __init__(self, store: Store, mischief: Mischief, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store, self.mischief, self.chance = store, mischief, random.Random(seed)
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.tokens: list[str | None] = []
        self.sizes: list[int] = []

    @property
    def url(self) -> str:
        """Where clients send to."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that were killed are no news."""


class Handler(BaseHTTPRequestHandler):
    """Requests of one connection."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        """Takes packets, or has another idea."""
        server, chance, mischief = self.server, self.server.chance, self.server.mischief
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.tokens.append(self.headers.get("Authorization"))
        server.sizes.append(len(body))
        time.sleep(chance.uniform(0, mischief.slow))
        if server.answers:
            self._answer(*server.answers.pop(0))
        elif chance.random() < mischief.refuse:
            self._answer(503, b"not now", {})
        elif chance.random() < mischief.drop_before:
            self.close_connection = True
        else:
            self._store(body, chance.random() < mischief.partly)
            if chance.random() < mischief.drop_after:
                self.close_connection = True
            else:
                self._answer(200, json.dumps({"durable": self._durable}).encode(), {})

    def _store(self, body: bytes, partly: bool) -> None:
        url = urlsplit(self.path)
        found = PATH.fullmatch(url.path)
        if found is None:
            raise InputError(f"no place for packets: {self.path}")
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        packets = list(split(body))
        packets = packets[: max(1, len(packets) // 2)] if partly else packets
        self.server.store.add(found[1], found[2], query["start"], query["sequence"], packets)
        self._durable = query["sequence"] + len(packets) - 1

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def receiving(folder: Path, mischief: Mischief | None = None, seed: int = 1) -> Iterator[Receiver]:
    """Runs a receiver that stores in the folder."""
    store = Store(folder / "received")
    with Receiver(store, mischief or Mischief(), seed) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            store.close()
