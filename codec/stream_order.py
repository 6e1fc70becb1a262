"""Packets as they come to packets in their order: duplicates and late ones dropped, gaps found.

A packet that comes before its turn waits until those before it have come or `window` packets wait; then what is missing counts as lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vaecodec.codec.stream_syntax import END, MODULUS, StreamHeader, StreamPacket

__all__ = ["Fault", "Lost", "Order", "Ready"]

# Packets of which it is known for so long whether they came.
REMEMBERED = 2 * MODULUS


@dataclass(frozen=True)
class Fault:
    """Something that was not as the encoder sent it.

    Attributes:
        kind: one of

            lost          `count` packets from `number` on never came
            damaged       `count` bytes belonged to no whole packet; a packet that they were is also lost
            duplicated    the packet came again and was dropped
            reordered     it came late and was put into its place
            late          it came after its place was given up, and was dropped
            unusable      it is whole, but a packet that it builds on is missing
            undecodable   its check is right, its payload is not
            foreign       a sync packet of another stream came; it counts once a packet follows it
            restarted     another stream begins, with packet `number`
            joined        the stream was not seen from its first byte: `count` bytes before a sync packet were left out
            truncated     no end packet came
        number: the packet's number, from the beginning of the stream; None where it is not known.
        count: packets or bytes.
    """

    kind: str
    number: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Ready:
    """A packet whose turn has come."""

    packet: StreamPacket
    header: StreamHeader

    @property
    def number(self) -> int:
        """Its number, from the beginning of the stream."""
        return self.packet.number


@dataclass(frozen=True)
class Lost:
    """Packets whose turn came without them."""

    number: int
    count: int


Event = Ready | Lost | Fault


class Order:
    """The numbers of one stream, from the packet that it is joined at.

    Args:
        next_number: number of the first packet expected.
        window: packets that may wait.
    """

    def __init__(self, next_number: int, window: int) -> None:
        self.expected = next_number
        self._top = next_number  # one more than the highest number seen
        self._window = window
        self._waiting: dict[int, Ready] = {}
        self._given: dict[int, bool] = {}  # of recent numbers, whether they came

    @property
    def top(self) -> int:
        """One more than the highest number seen."""
        return self._top

    def add(self, packet: StreamPacket, header: StreamHeader) -> Iterator[Event]:
        """Takes a data packet, gives what can be told now."""
        number = packet.number
        if number < self.expected or number in self._waiting:
            came = number in self._waiting or self._given.get(number, False)
            yield Fault("duplicated" if came else "late", number)
            return
        if any(waiting > number for waiting in self._waiting):
            yield Fault("reordered", number)
        self._waiting[number] = Ready(packet, header)
        self._top = max(self._top, number + 1)
        yield from self._release(self._window)

    def end(self, packet: StreamPacket, header: StreamHeader) -> Iterator[Event]:
        """Takes an end packet; its number is that of the stream's data packets."""
        number = packet.number
        if number < self.expected or any(ready.packet.kind == END for ready in self._waiting.values()):
            yield Fault("duplicated", None)
            return
        self._waiting[number] = Ready(packet, header)
        self._top = max(self._top, number)
        yield from self._release(self._window)

    def finish(self) -> Iterator[Event]:
        """Gives what waits, as nothing more will come."""
        yield from self._release(0)

    def _release(self, window: int) -> Iterator[Event]:
        while self._waiting:
            if self.expected in self._waiting:
                ready = self._waiting.pop(self.expected)
                if ready.packet.kind != END:
                    self._remember(1, True)
                yield ready
            elif len(self._waiting) > window:
                count = min(self._waiting) - self.expected
                yield Lost(self.expected, count)
                self._remember(count, False)
            else:
                return

    def _remember(self, count: int, came: bool) -> None:
        for number in range(max(self.expected, self.expected + count - REMEMBERED), self.expected + count):
            self._given[number] = came
        self.expected += count
        for old in [number for number in self._given if number < self.expected - REMEMBERED]:
            del self._given[old]


