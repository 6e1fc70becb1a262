"""The edge client: samples in, packets to the disk, and from there to the receiver.

    source ──► encoder ──► spool ──► sender ──► receiver
                             │
                             └─► acknowledged: these samples outlive a power cut
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vaecodec.codec.container import SYNC
from vaecodec.codec.errors import InputError
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_syntax import DATA
from vaecodec.edge_runtime.sender import Sender
from vaecodec.edge_runtime.sources import GapError, Source
from vaecodec.edge_runtime.spool import Spool, SpoolFullError
from vaecodec.edge_runtime.stop import Stop

__all__ = ["AUTO", "DROP_OLDEST", "POLICIES", "WAIT", "EdgeClient", "Summary"]

AUTO, WAIT, DROP_OLDEST = "auto", "wait", "drop-oldest"
POLICIES = (AUTO, WAIT, DROP_OLDEST)
# How often to look whether there is room again, if nobody says so.
ROOM_SECONDS = 0.2
PROGRESS_SECONDS = 60.0
MAKE_ENCODER = Callable[[int], Encoder]
Packets = list[tuple[bytes, int]]


@dataclass
class Summary:
    """What a run did.

    Attributes:
        samples: acknowledged to the source: in packets on the disk.
        packets: spooled.
        unspooled: samples that were read from a source which cannot be read again, and found no room before the end.
    """

    samples: int = 0
    packets: int = 0
    unspooled: int = 0


class EdgeClient:
    """Runs a source into a spool, and the spool to a receiver.

    Args:
        source: of samples.
        encoder: makes the encoder of a new stream, from its stream id.
        spool: where packets wait.
        sender: takes them on; None: they stay in the spool.
        when_full: `wait` stops reading the source, `drop-oldest` gives up the oldest packets, `auto` does the former for sources that can
            wait and the latter for those that cannot.
        acknowledged: called with the samples of the source that are in durable packets, each time it grows.
        log: takes lines for people.
    """

    def __init__(
        self,
        source: Source,
        encoder: MAKE_ENCODER,
        spool: Spool,
        sender: Sender | None = None,
        *,
        when_full: str = AUTO,
        acknowledged: Callable[[int], None] = lambda _: None,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        if when_full not in POLICIES:
            raise InputError(f"when the spool is full: one of {', '.join(POLICIES)}; got {when_full!r}")
        self._source, self._encoder, self._spool, self._sender = source, encoder, spool, sender
        self._drops = when_full == DROP_OLDEST or (when_full == AUTO and source.live)
        self._acknowledged, self._log = acknowledged, log
        self._trouble: BaseException | None = None
        self._is_full = False
        self._given_up = False  # packets found no room before it was time to stop: none may follow them
        self._told = time.monotonic()
        self.summary = Summary()

    def run(self, stop: Stop) -> Summary:
        """Runs until the source ends and all is delivered, or it is asked to stop.

        Raises:
            VaecodecError, OSError: of the source, the encoder or the disk; what is in the spool stays there.
        """
        sending = Stop()
        thread = threading.Thread(target=self._send, args=(sending, stop), name="sender", daemon=True)
        thread.start()
        try:
            self._read(stop)
            while self._sender is not None and self._spool.waiting and not stop.is_set:
                self._spool.wait_for_room(ROOM_SECONDS)
                self._progress()
        finally:
            sending.set()
            self._spool.wake()
            thread.join()
            sending.close()
        if self._trouble is not None:
            raise self._trouble
        return self.summary

    def _send(self, sending: Stop, stop: Stop) -> None:
        try:
            if self._sender is not None:
                self._sender.run(sending)
        except BaseException as error:  # ours to raise, in the thread that somebody waits for
            self._trouble = error
            stop.set()

    # --- from the source to the spool -------------------------------------------------------------------------------

    def _read(self, stop: Stop) -> None:
        """Stream after stream until the source ends."""
        self._source.seek(self._spool.position)
        while not self._read_stream(stop):
            self._log("the source has a gap: a new stream begins")

    def _read_stream(self, stop: Stop) -> bool:
        """One stream; whether it is the last."""
        stream: _Stream | None = None
        try:
            while not stop.is_set:
                samples = self._source.read(stop)
                if samples is None:
                    break
                if stream is None and len(samples):
                    stream = self._begin()
                if stream is not None:
                    self._keep(stream.feed(samples), stop)
                self._progress()
        except GapError:
            self._finish(stream, stop)
            return False
        self._finish(stream, stop)
        return True

    def _begin(self) -> _Stream:
        header = self._spool.begin_stream()
        return _Stream(self._encoder(header.epoch % (1 << 16)), header.start)

    def _finish(self, stream: _Stream | None, stop: Stop) -> None:
        """What the encoder still has."""
        if stream is None:
            return
        self._keep(stream.flush(), stop)
        if not self._source.again:
            self.summary.unspooled += stream.read - self._spool.position

    def _keep(self, packets: Packets, stop: Stop) -> None:
        """Makes packets durable; makes or waits for room."""
        while packets and not self._given_up:
            try:
                count = self._spool.append(packets)
            except SpoolFullError as error:
                self._given_up = not self._make_room(error, stop)
                continue
            self._tell_full(False)
            packets = packets[count:]
            self.summary.packets += count
            self.summary.samples = self._spool.position
            self._acknowledged(self._spool.position)

    def _make_room(self, error: SpoolFullError, stop: Stop) -> bool:
        """Waits for room, or takes it; False if there is none and it is time to stop."""
        if self._drops and (lost := self._spool.drop_oldest()):
            self._log(f"{error}: {lost} packets dropped, {self._spool.dropped} so far")
            return True
        self._tell_full(True, str(error))
        if stop.is_set:
            return False
        self._spool.wait_for_room(ROOM_SECONDS)
        return True

    def _tell_full(self, is_full: bool, why: str = "") -> None:
        if is_full != self._is_full:
            self._log(f"{why}: the source waits" if is_full else "there is room again")
        self._is_full = is_full

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            link = "" if self._sender is None else f", {self._sender.sent} acknowledged, link {'up' if self._sender.is_up else 'down'}"
            self._log(f"{self.summary.packets} packets spooled{link}, {self._spool.waiting} wait, {self._spool.dropped} dropped")


class _Stream:
    """An encoder that tells which samples of the source its packets hold."""

    def __init__(self, encoder: Encoder, start: int) -> None:
        self._encoder, self._start = encoder, start
        self._packets = 0  # data packets so far
        self.read = start

    def feed(self, samples: Any) -> Packets:
        """Packets that are complete now, each with the samples that it and those before it hold."""
        self.read += len(samples)
        flat = samples[:, 0] if samples.shape[1] == 1 else samples
        return [self._placed(packet) for packet in self._encoder.feed(flat)]

    def flush(self) -> Packets:
        """As `feed`, of the packets that are left."""
        return [self._placed(packet) for packet in self._encoder.flush()]

    def _placed(self, packet: bytes) -> tuple[bytes, int]:
        self._packets += packet[0] != SYNC or packet[1] & 7 == DATA
        return packet, min(self.read, self._start + self._packets * self._encoder.packet_samples)
