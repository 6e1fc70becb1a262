"""Packets on disk until the receiver has them: an append-only queue that power cuts do not hurt (docs/edge.md).

    append ──► newest segment, fsync ──► batch ──► receiver ──► acknowledge ──► cursor; whole segments removed

One process has a spool at a time. Its threads may share it: one appends, one sends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecodec.codec.errors import InputError, LimitError, VaecodecError
from vaecodec.edge_runtime.durable import remove_files, replace_file, sync_folder, write_all
from vaecodec.edge_runtime.records import HEADER_BYTES, RECORD_BYTES, Record, SegmentHeader, record_size, scan, write_record
from vaecodec.edge_runtime.segments import CURSOR, Segment, load, segment_path

__all__ = ["LEAST_BYTES", "Batch", "Spool", "SpoolFullError"]

LEAST_BYTES = 1 << 16
# A spool is removed, and dropped, a segment at a time: a sixteenth of what it may take, within these bounds.
LEAST_SEGMENT, MOST_SEGMENT, SEGMENTS = 1 << 12, 1 << 20, 16
# Names the source whose samples are counted.
SOURCE = "source"
# How long the cursor may lag behind: after a power cut what was delivered since is sent again.
CURSOR_SECONDS = 1.0
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class SpoolFullError(VaecodecError):
    """The spool has all the room that it may take, or the disk has none left. Nothing was appended."""


@dataclass(frozen=True)
class Batch:
    """Packets with consecutive sequence numbers, of one stream.

    Attributes:
        header: of their segment.
        records: one or more.
    """

    header: SegmentHeader
    records: list[Record]

    @property
    def stream(self) -> str:
        """The stream's name: no two streams of a device share it, whatever becomes of the spool's folder."""
        return f"{self.header.spool:016x}-{self.header.epoch}"

    @property
    def sequence(self) -> int:
        """Number of the first packet."""
        return self.records[0].sequence

    @property
    def packets(self) -> list[bytes]:
        """The packets' bytes."""
        return [record.packet for record in self.records]


class Spool:
    """Opens the spool of a folder, or makes one; mends what a power cut left.

    Args:
        folder: for this spool alone.
        most: bytes that it may take on the disk.
        log: takes lines about what was found wrong.

    Attributes:
        position: samples of the source that durable packets hold; where a source that can be read again goes on.

    Raises:
        InputError: another process has it.
    """

    def __init__(self, folder: Path, most: int = 1 << 26, log: Callable[[str], None] = lambda _: None) -> None:
        if most < LEAST_BYTES:
            raise InputError(f"a spool takes at least {LEAST_BYTES} bytes, got {most}")
        self._folder, self._most, self._log = folder, most, log
        self._segment_bytes = min(MOST_SEGMENT, max(LEAST_SEGMENT, most // SEGMENTS))
        _make_folder(folder)
        self._lock_handle = _lock(folder)
        self._changed = threading.Condition()
        self._offsets: dict[tuple[Path, int], int] = {}  # where records begin that are about to be sent
        self._handle: int | None = None  # of the newest segment, while it grows
        self._saved = 0.0
        self._mend()

    def _mend(self) -> None:
        found = load(self._folder)
        self._segments, self._cursor, self.position, self._next = found.segments, found.cursor, found.position, found.next
        for path in found.damaged:
            self._log(f"{path.name}: its header is damaged; set aside as {path.name}.bad")
            path.rename(path.with_name(path.name + ".bad"))
        remove_files(found.torn)
        if self._segments:
            self._cut(self._segments[-1])
            self._cursor.delivered = max(self._cursor.delivered, self._segments[0].header.sequence)
        newest = self._segments[-1].header if self._segments else None
        self._spool = newest.spool if newest else secrets.randbits(64)
        self._header = SegmentHeader(self._spool, found.epoch, self._next, self.position, 0)
        self._remove_delivered()
        sync_folder(self._folder)

    def _cut(self, segment: Segment) -> None:
        """Cuts a torn tail off, for good."""
        size = segment.path.stat().st_size
        handle = os.open(segment.path, os.O_RDWR)
        try:
            if size > segment.size:
                self._log(f"{segment.path.name}: {size - segment.size} bytes of a torn record cut off")
                os.ftruncate(handle, segment.size)
            # A process that was killed may have left records that are not on the disk yet.
            os.fsync(handle)
        finally:
            os.close(handle)

    def belong_to(self, source: str) -> None:
        """Makes the spool that of a source, from whose samples its positions count.

        Raises:
            InputError: it is another one's.
        """
        path = self._folder / SOURCE
        owner = path.read_text("utf-8") if path.exists() else ""
        if owner and owner != source:
            raise InputError(f"{self._folder} is the spool of {owner}, not of {source}: give each source a folder of its own")
        if not owner:
            replace_file(path, source.encode())

    # --- what is in it ----------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Packets not yet delivered."""
        with self._changed:
            return self._next - self._cursor.delivered

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        with self._changed:
            return sum(segment.size for segment in self._segments)

    @property
    def epoch(self) -> int:
        """Number of the running stream; before the first, 0."""
        return self._header.epoch

    @property
    def dropped(self) -> int:
        """Packets given up for want of room, ever."""
        return self._cursor.dropped

    # --- taking packets in ------------------------------------------------------------------------------------------

    def begin_stream(self) -> SegmentHeader:
        """A new stream, whose packets `append` takes from now on; it gets a segment of its own with its first packets."""
        with self._changed:
            self._close_segment()
            now = time.time_ns() // 1_000_000
            self._header = SegmentHeader(self._spool, self._header.epoch + 1, self._next, self.position, max(0, now))
            return self._header

    def append(self, packets: Sequence[tuple[bytes, int]]) -> int:
        """Takes packets of the running stream. Those that it took are on the disk when it returns.

        Args:
            packets: each with the samples of the source that it and those before it hold.

        Returns:
            How many it took: at least one, fewer than all where they are more than a segment.

        Raises:
            SpoolFullError: there is no room for the first of them.
            LimitError: a packet is too large for such a spool.
        """
        with self._changed:
            if record_size(packets[0][0]) > self._most // 4:
                raise LimitError(f"a packet of {len(packets[0][0])} bytes for a spool of {self._most}: give it more room on the disk")
            if self._segments and self._segments[-1].size >= self._segment_bytes:
                self._close_segment()
            data, count = self._records(packets)
            self._write(data, count, packets[count - 1][1])
            self._changed.notify_all()
            return count

    def _records(self, packets: Sequence[tuple[bytes, int]]) -> tuple[bytes, int]:
        """Records of the first packets, about a segment of them, and how many."""
        data = bytearray()
        count = 0
        for packet, position in packets:
            if data and len(data) + record_size(packet) > self._segment_bytes:
                break
            data += write_record(self._next + count, position, packet)
            count += 1
        return bytes(data), count

    def _write(self, data: bytes, count: int, position: int) -> None:
        begins = self._handle is None
        if begins:
            data = self._new_header().write() + data
        if sum(segment.size for segment in self._segments) + len(data) > self._most:
            raise SpoolFullError(f"the spool has its {self._most} bytes")
        if begins:
            self._begin_segment(data, count)
        else:
            self._extend_segment(data, count)
        self._next += count
        self.position = position

    def _new_header(self) -> SegmentHeader:
        h = self._header
        return SegmentHeader(h.spool, h.epoch, self._next, h.start, h.time)

    def _begin_segment(self, data: bytes, count: int) -> None:
        """A new segment counts once its first records and its name are on the disk."""
        path = segment_path(self._folder, self._next)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _write_durably(handle, data, 0)
            sync_folder(self._folder)
        except BaseException:
            os.close(handle)
            path.unlink()
            raise
        self._handle = handle
        self._segments.append(Segment(path, self._new_header(), count, len(data)))
        self._remove_delivered()

    def _extend_segment(self, data: bytes, count: int) -> None:
        assert self._handle is not None
        segment = self._segments[-1]
        _write_durably(self._handle, data, segment.size)
        segment.count += count
        segment.size += len(data)

    def _close_segment(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def wait_for_room(self, seconds: float) -> None:
        """Waits until something was delivered, or the time is over."""
        with self._changed:
            self._changed.wait(seconds)

    def drop_oldest(self) -> int:
        """Gives the oldest segment up, for room.

        Returns:
            Packets that were not yet delivered; 0 also where there is only one segment, which stays.
        """
        with self._changed:
            if len(self._segments) < 2:
                return 0
            oldest = self._segments[0]
            lost = max(0, oldest.end - self._cursor.delivered)
            self._cursor.dropped += lost
            self._cursor.delivered = max(self._cursor.delivered, oldest.end)
            self._save()
            self._remove_delivered()
            return lost

    # --- giving packets out -----------------------------------------------------------------------------------------

    def wait_for_packets(self, seconds: float) -> bool:
        """Waits for packets to send, but not for ever; whether there are any."""
        with self._changed:
            if self._next == self._cursor.delivered:
                self._changed.wait(seconds)
            return self._next > self._cursor.delivered

    def wake(self) -> None:
        """Ends all waiting."""
        with self._changed:
            self._changed.notify_all()

    def batch(self, most_packets: int, most_bytes: int) -> Batch | None:
        """The oldest packets that were not delivered, one at least whatever its size; None if there are none."""
        with self._changed:
            while self._cursor.delivered < self._next:
                segment = next((found for found in self._segments if found.end > self._cursor.delivered), None)
                if segment is None:
                    self._skip(self._next)
                elif segment.header.sequence > self._cursor.delivered:
                    self._skip(segment.header.sequence)
                elif records := self._read(segment, most_packets, most_bytes):
                    return Batch(segment.header, records)
                else:
                    self._skip(segment.end)
            return None

    def _skip(self, sequence: int) -> None:
        """Gives up packets that are not on the disk any more."""
        self._log(f"packets {self._cursor.delivered} .. {sequence - 1} cannot be read back from the disk and are lost")
        self._cursor.damaged += sequence - self._cursor.delivered
        self._cursor.delivered = sequence
        self._save()

    def _read(self, segment: Segment, most_packets: int, most_bytes: int) -> list[Record]:
        sequence = self._cursor.delivered
        with segment.path.open("rb") as file:
            at = self._offsets.get((segment.path, sequence))
            if at is None:
                at = self._find(file.read(segment.size), segment.header.sequence, sequence)
            file.seek(at)
            data = file.read(min(segment.size - at, most_bytes + most_packets * RECORD_BYTES))
            first = next(scan(data, sequence), None)
            if first is None:  # larger than that, or damaged
                data += file.read(segment.size - at - len(data))
        records: list[Record] = []
        size = 0
        for record in scan(data, sequence):
            size += len(record.packet)
            if records and (len(records) == most_packets or size > most_bytes):
                break
            records.append(record)
        ends = {(segment.path, record.sequence + 1): at + record.end for record in records}
        self._offsets = {(segment.path, sequence): at, **ends}
        return records

    def _find(self, data: bytes, first: int, sequence: int) -> int:
        """Where a record begins in its segment; the segment's end if it or one before it is damaged."""
        at = HEADER_BYTES
        for record in scan(data, first, HEADER_BYTES):
            if record.sequence == sequence:
                return at
            at = record.end
        return len(data)

    def acknowledge(self, sequence: int) -> None:
        """All packets before this sequence number are with the receiver; their segments go once they are whole."""
        with self._changed:
            if sequence <= self._cursor.delivered:
                return
            self._cursor.delivered = min(sequence, self._next)
            self._remove_delivered()
            if time.monotonic() - self._saved >= CURSOR_SECONDS:
                self._save()
            self._changed.notify_all()

    def _remove_delivered(self) -> None:
        """Removes delivered segments; the newest one stays, as it holds the numbers to go on with."""
        gone = []
        while len(self._segments) > 1 and self._segments[0].end <= self._cursor.delivered:
            gone.append(self._segments.pop(0).path)
        remove_files(gone)

    def _save(self) -> None:
        try:
            replace_file(self._folder / CURSOR, self._cursor.write())
        except OSError as error:
            # On a full disk the cursor lags behind: at worst packets are sent again.
            if error.errno not in NO_ROOM:
                raise
        self._saved = time.monotonic()

    def close(self) -> None:
        """Saves the cursor and lets other processes in."""
        with self._changed:
            self._close_segment()
            self._save()
            os.close(self._lock_handle)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    sync_folder(folder.parent)


def _lock(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"{folder}: another process has this spool") from None
    return handle


def _write_durably(handle: int, data: bytes, at: int) -> None:
    """Writes at the end of the file, which is at `at`, and waits for the disk. Where there is no room all is as before."""
    try:
        os.lseek(handle, at, os.SEEK_SET)
        write_all(handle, data)
    except OSError as error:
        os.ftruncate(handle, at)
        if error.errno in NO_ROOM:
            raise SpoolFullError("the disk is full") from error
        raise
    # An error here ends the program: what the disk has of the file nobody knows any more, but the next start finds out.
    os.fsync(handle)
