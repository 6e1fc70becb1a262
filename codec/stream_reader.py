"""Bytes of a stream to packets: in memory bounded by the longest packet, in time linear in the bytes, whatever they are.

A packet is taken where the one before ends. Where none holds there, bytes are skipped up to the next full packet (compact ones cannot
be told from other bytes) whose check is right, and their number is reported.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from vaecodec.codec import stream_syntax as syntax
from vaecodec.codec.container import SYNC
from vaecodec.codec.errors import FormatError, LimitError
from vaecodec.codec.stream_syntax import Frame, IncompleteError, StreamHeader, StreamPacket

__all__ = ["Skipped", "StreamReader", "SyncPoint"]

# A sync packet's payload is at most so long: fixed fields, 256 offsets, JSON.
LONGEST_SYNC = 2048 + syntax.MAX_FACTS
# Bytes that checks may cover for each byte skipped: hostile bytes may look like packets everywhere.
CREDIT, MOST_CREDIT = 256, 1 << 24
# Headers and numbers that a packet is tried with.
MOST_CHECKS = 9


@dataclass(frozen=True)
class SyncPoint:
    """A sync packet: what holds from data packet `number` on."""

    header: StreamHeader
    number: int


@dataclass(frozen=True)
class Skipped:
    """Bytes that belonged to no packet."""

    count: int


Item = SyncPoint | Skipped | tuple[StreamPacket, StreamHeader]


class StreamReader:
    """Takes bytes in any pieces and gives packets, each with the header of its segment. Before the first `enter` it gives sync packets only."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._headers: list[StreamHeader] = []  # of the current segment and the one before
        self._stranger: SyncPoint | None = None
        self._longest = 0
        self._skipped = 0
        self._aligned = False
        self._credit = LONGEST_SYNC * MOST_CHECKS
        self._dropped = 0  # bytes before the buffer
        self._probed = 0  # no whole packet begins before this byte of the stream, but for
        self._open: list[tuple[int, int]] = []  # those that are not complete: the byte that tells more, and the first one; a heap
        self.top = 0  # one more than the highest number seen: what short numbers are near to
        self.hint = 0  # the number that the last sync packet named: they may be near to that as well

    def allow(self, longest: int) -> None:
        """Sets the payload bytes that a data packet may have."""
        self._longest = longest

    def feed(self, data: bytes) -> Iterator[Item]:
        """The packets that are complete now; whatever is left over waits for more bytes."""
        self._buffer += data
        return self._items(last=False)

    def finish(self) -> Iterator[Item]:
        """The packets that are left, as no more bytes will come."""
        return self._items(last=True)

    def _items(self, last: bool) -> Iterator[Item]:
        while self._at < len(self._buffer):
            try:
                item, place = self._next(), None
            except IncompleteError:
                item, place = None, None if last else self._whole_one_ahead()
                if not last and place is None:
                    break
            if item is None:
                self._skip(self._buffer.find(SYNC, self._at + 1) if place is None else place)
                continue
            yield from self._told_skipped()
            yield item
        self._discard()
        if last:
            yield from self._told_skipped()

    def _told_skipped(self) -> Iterator[Skipped]:
        """The bytes skipped since the last packet, if any."""
        if self._skipped:
            yield Skipped(self._skipped)
        self._skipped = 0

    def _discard(self) -> None:
        del self._buffer[: self._at]
        self._dropped += self._at
        self._at = 0

    def _whole_one_ahead(self) -> int | None:
        """Where a whole packet lies within what seems to be one that is not complete yet: whose length may be damaged, so nobody should wait."""
        places = self._places_ahead()
        for i, place in enumerate(places):
            try:
                if self._item_at(place, expected=False) is not None:
                    for later in places[i:]:
                        heapq.heappush(self._open, (self._dropped + later, self._dropped + later))
                    return place
            except IncompleteError as error:
                heapq.heappush(self._open, (self._dropped + error.needed, self._dropped + place))
        return None

    def _places_ahead(self) -> list[int]:
        """Where packets may begin of which more can be told than at the last call: known ones of which enough has come, and new ones."""
        places, end = [], self._dropped + len(self._buffer)
        while self._open and self._open[0][0] <= end:
            places.append(heapq.heappop(self._open)[1] - self._dropped)
        place = self._buffer.find(SYNC, max(0, self._probed - self._dropped))
        while place >= 0:
            places.append(place)
            place = self._buffer.find(SYNC, place + 1)
        self._probed = end
        return sorted(place for place in places if place > self._at)

    def _skip(self, place: int) -> None:
        """Goes on to a place, or to the end if it is below 0, where a full packet may begin."""
        self._aligned = False
        step = (len(self._buffer) if place < 0 else place) - self._at
        self._at += step
        self._skipped += step
        self._credit = min(self._credit + CREDIT * step, MOST_CREDIT)
        if self._at > 1 << 16:
            self._discard()

    def _next(self) -> Item | None:
        """The packet at the place reached, or None if there is none.

        Raises:
            IncompleteError: more bytes are needed to tell.
        """
        if not self._aligned and self._buffer[self._at] != SYNC:
            return None
        found = self._item_at(self._at, expected=self._aligned)
        if found is None:
            return None
        item, end = found
        self._credit = min(self._credit + CREDIT * (end - self._at), MOST_CREDIT)
        self._at = end
        self._aligned = True
        return item

    def _item_at(self, place: int, expected: bool) -> tuple[Item, int] | None:
        """The packet at a place and where it ends, or None if there is none whose check holds.

        Raises:
            IncompleteError: more bytes are needed to tell.
        """
        found = syntax.frame(self._buffer, place, max(self._longest, LONGEST_SYNC))
        if found is None or not (expected or self._pay((found.end - place) * MOST_CHECKS)):
            return None
        item = self._read(found)
        return None if item is None else (item, found.end)

    def _pay(self, cost: int) -> bool:
        """Whether there is time for checks of so many bytes: as far as the bytes before have paid for."""
        if cost > self._credit:
            return False
        self._credit -= cost
        return True

    def _read(self, found: Frame) -> Item | None:
        try:
            if found.kind == syntax.KIND_SYNC:
                return self._sync(found) if found.holds(self._buffer, None) else None
            if found.check - found.payload > self._longest:
                return None
            return self._packet(found)
        except (FormatError, LimitError):
            return None

    def _packet(self, found: Frame) -> Item | None:
        tries = [(header, number) for number in found.numbers(self.top, self.hint) for header in self._headers]
        if self._stranger is not None:
            tries += [(self._stranger.header, number) for number in found.numbers(self._stranger.number, self._stranger.number)[:1]]
        for header, number in tries:
            if found.holds(self._buffer, header, number):
                return syntax.split(self._buffer, found, number), header
        return None

    def _sync(self, found: Frame) -> SyncPoint:
        header, number = syntax.read_sync(bytes(self._buffer[found.payload : found.check]))
        return SyncPoint(header, number)

    def enter(self, header: StreamHeader) -> None:
        """Takes data packets of this segment from now on, and still those of the one before it."""
        if not self._headers or self._headers[0] != header:
            self._headers = [header, *self._headers[:1]]

    def consider(self, point: SyncPoint | None) -> None:
        """Also takes data packets that follow this sync packet, of another stream; None: no more."""
        self._stranger = point
