"""The files of a spool as they lie on disk: segments, and the cursor that says what was delivered. Reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from vaecodec.edge_runtime.records import HEADER_BYTES, SegmentHeader, scan

__all__ = ["CURSOR", "Contents", "Cursor", "Segment", "load", "segment_path"]

CURSOR = "cursor"
_NAME = re.compile(r"[0-9]{20}\.seg")


@dataclass
class Segment:
    """A segment file.

    Attributes:
        path: of the file.
        header: what its records have in common.
        count: durable records.
        size: bytes up to the end of the last of them.
    """

    path: Path
    header: SegmentHeader
    count: int
    size: int

    @property
    def end(self) -> int:
        """The sequence number after its last record's."""
        return self.header.sequence + self.count


@dataclass
class Cursor:
    """What became of packets.

    Attributes:
        delivered: the first sequence number that the receiver has not acknowledged.
        dropped: packets given up because the disk's share was used up.
        damaged: packets that could not be read back from the disk.
    """

    delivered: int = 0
    dropped: int = 0
    damaged: int = 0

    def write(self) -> bytes:
        """Lines of a name and a number."""
        return f"delivered {self.delivered}\ndropped {self.dropped}\ndamaged {self.damaged}\n".encode()

    @classmethod
    def read(cls, path: Path) -> Cursor:
        """The cursor of a file. Where there is none that can be read, that of a new spool: then packets are sent again."""
        try:
            text = path.read_text("ascii")
        except (OSError, ValueError):
            return cls()
        found = re.fullmatch(r"delivered ([0-9]{1,19})\ndropped ([0-9]{1,19})\ndamaged ([0-9]{1,19})\n", text)
        return cls(*map(int, found.groups())) if found else cls()


@dataclass
class Contents:
    """What a folder holds.

    Attributes:
        segments: those with records, oldest first; the newest one is scanned, of the others the next one's number tells the count.
        position: samples of the source in durable packets.
        cursor: what was delivered.
        epoch: the highest one that any header names.
        torn: files that a power cut left without a durable record.
        damaged: older files whose header cannot be read.
    """

    segments: list[Segment] = field(default_factory=list)
    position: int = 0
    cursor: Cursor = field(default_factory=Cursor)
    epoch: int = 0
    torn: list[Path] = field(default_factory=list)
    damaged: list[Path] = field(default_factory=list)

    @property
    def next(self) -> int:
        """Sequence number of the next packet."""
        return max(self.cursor.delivered, self.segments[-1].end if self.segments else 0)


def segment_path(folder: Path, sequence: int) -> Path:
    """Where the segment lies that begins with a sequence number."""
    return folder / f"{sequence:020d}.seg"


def load(folder: Path) -> Contents:
    """Reads a spool's folder; changes nothing."""
    out = Contents(cursor=Cursor.read(folder / CURSOR))
    paths = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    while paths and not out.segments:
        newest = _newest(paths.pop(), out)
        out.segments = [newest] if newest else []
    for path in reversed(paths):
        _older(path, out)
    return out


def _newest(path: Path, out: Contents) -> Segment | None:
    """The newest segment up to its last whole record; None if there is no record."""
    data = path.read_bytes()
    header = SegmentHeader.read(data)
    records = [] if header is None else list(scan(data, header.sequence, HEADER_BYTES))
    out.epoch = max(out.epoch, header.epoch if header else 0)
    if header is None or not records:
        out.torn.append(path)
        return None
    out.position = records[-1].position
    return Segment(path, header, len(records), records[-1].end)


def _older(path: Path, out: Contents) -> None:
    try:
        with path.open("rb") as file:
            header = SegmentHeader.read(file.read(HEADER_BYTES))
        size = path.stat().st_size
    except FileNotFoundError:  # delivered while we look
        return
    if header is None:
        out.damaged.append(path)
        return
    count = out.segments[0].header.sequence - header.sequence
    out.segments.insert(0, Segment(path, header, count, size))
