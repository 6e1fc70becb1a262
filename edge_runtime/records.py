"""The bytes of a spool's segment files (docs/edge.md). The C example writes the same.

    segment   header  record  record ..
    header    "VSPL"  version u32  spool u64  epoch u64  sequence u64  start u64  time u64  CRC-32C u32
    record    CRC-32C u32  length u32  sequence u64  position u64  packet

All little-endian. A header's check covers what is before it, a record's check what is behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vaecodec.codec.native import crc32c

__all__ = ["HEADER_BYTES", "MAX_PACKET", "RECORD_BYTES", "Record", "SegmentHeader", "record_size", "scan", "write_record"]

MAGIC, VERSION = b"VSPL", 1
_HEADER = struct.Struct("<4sIQQQQQ")
_CHECK = struct.Struct("<I")
_RECORD = struct.Struct("<IQQ")
HEADER_BYTES = _HEADER.size + _CHECK.size
RECORD_BYTES = _CHECK.size + _RECORD.size
# A length above this is no length.
MAX_PACKET = 1 << 24


@dataclass(frozen=True)
class SegmentHeader:
    """What all records of a segment have in common.

    Attributes:
        spool: random number that tells this spool from others of the same device.
        epoch: count of streams begun in this spool, from 1.
        sequence: of the first record.
        start: sample of the source with which the stream begins.
        time: when it began by the device's clock, milliseconds since 1970.
    """

    spool: int
    epoch: int
    sequence: int
    start: int
    time: int

    def write(self) -> bytes:
        """The header's bytes."""
        head = _HEADER.pack(MAGIC, VERSION, self.spool, self.epoch, self.sequence, self.start, self.time)
        return head + _CHECK.pack(crc32c(head))

    @classmethod
    def read(cls, data: bytes) -> SegmentHeader | None:
        """The header at the start of a segment; None if it is torn."""
        if len(data) < HEADER_BYTES:
            return None
        head, (check,) = data[: _HEADER.size], _CHECK.unpack_from(data, _HEADER.size)
        magic, version, *fields = _HEADER.unpack(head)
        return cls(*fields) if (magic, version, check) == (MAGIC, VERSION, crc32c(head)) else None


@dataclass(frozen=True)
class Record:
    """A packet of the spool.

    Attributes:
        sequence: number among all packets of the spool; no two have the same.
        position: samples of the source that it and all records before it hold.
        packet: bytes of the stream.
        end: where the record ends in the scanned bytes.
    """

    sequence: int
    position: int
    packet: bytes
    end: int


def record_size(packet: bytes) -> int:
    """Bytes of the packet's record."""
    return RECORD_BYTES + len(packet)


def write_record(sequence: int, position: int, packet: bytes) -> bytes:
    """A record's bytes."""
    rest = _RECORD.pack(len(packet), sequence, position) + packet
    return _CHECK.pack(crc32c(rest)) + rest


def scan(data: bytes, sequence: int, at: int = 0) -> Iterator[Record]:
    """Records one after the other, up to the first that is torn, damaged or out of turn.

    Args:
        data: of a segment.
        sequence: of the first record.
        at: where it begins.
    """
    while (record := _read(data, at)) is not None and record.sequence == sequence:
        yield record
        at, sequence = record.end, sequence + 1


def _read(data: bytes, at: int) -> Record | None:
    if len(data) - at < RECORD_BYTES:
        return None
    (check,), (length, sequence, position) = _CHECK.unpack_from(data, at), _RECORD.unpack_from(data, at + _CHECK.size)
    end = at + RECORD_BYTES + length
    if not 0 < length <= MAX_PACKET or end > len(data) or crc32c(data[at + _CHECK.size : end]) != check:
        return None
    return Record(sequence, position, data[at + RECORD_BYTES : end], end)
