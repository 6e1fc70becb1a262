"""The syntax of streams (docs/format.md, section 13): sync packets, and packets of both framings as bytes. Knows no model and no array.

    full      0xB5  head  number u8  length  payload  crc        sync, data and end packets
    compact         head with length         payload  crc16      delta packets, between two full ones

The checks of data and end packets begin with the constant part of their sync packet and the packet's whole number, of which a full packet has the
lowest bits only and a compact one nothing: so no packet passes for one of another stream, or of another time.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from fractions import Fraction

from vaecodec.codec import container
from vaecodec.codec.container import CRC32_BIT, LONG_PAYLOAD, SHORT_BIT, SYNC, Cursor, limit, require, varint, zigzag
from vaecodec.codec.errors import InputError
from vaecodec.codec.native import crc32c

__all__ = [
    *("DATA", "END", "MAX_FACTS", "MAX_NUMBER", "MODULUS", "StreamHeader", "StreamPacket", "is_stream"),
    *("long_varint", "read_sync", "split", "write_packet", "write_sync"),
]

Data = bytes | bytearray

VERSION = 1
DATA, END, KIND_SYNC = container.DATA, container.END, 4
DELTA_BIT, STEP_BIT = 0x20, 0x40
COMPACT_STEP_BIT = 0x40
MODULUS = 256
# Lengths that fit into a compact head; the next value says that a varint follows.
COMPACT_LENGTHS = 63
# A compact packet is taken for one at most so many before or after the next one.
COMPACT_NEAR = 16
MAX_NUMBER = 1 << 48
# Blocks of a group over all channels, as far as they can be told without the model.
MAX_BLOCKS = 1 << 21
# What may travel along as JSON, repeated in every sync packet.
MAX_FACTS = 1 << 16


@dataclass(frozen=True)
class StreamHeader:
    """What a sync packet says of all packets until another one comes: its constant part.

    Attributes:
        model_id: 32 bits that name the symbol model.
        synthesis_id: 16 bits that name the decoder weights.
        step_code: step code of key packets that carry none of their own, 0..255.
        rate: samples a second and channel; 0 where it is not known.
        sample_type: a key of `container.SAMPLE_TYPES`.
        rows: blocks of 2^L samples a packet.
        group: packets from a key packet to the next one at most; 1 if all packets are key packets.
        shift: bits dropped from each sample before the analysis.
        offsets: one for each channel, taken off before the shift.
        stream_id: tells streams with all else in common apart, 16 bits.
        first: number of the first packet of this segment.
        facts: the JSON metadata, or nothing.
    """

    model_id: int
    synthesis_id: int
    step_code: int
    rate: Fraction
    sample_type: int
    rows: int
    group: int
    shift: int
    offsets: tuple[int, ...]
    stream_id: int = 0
    first: int = 0
    facts: bytes = b""
    body: bytes = field(init=False, repr=False, compare=False)
    seed16: int = field(init=False, repr=False, compare=False)
    seed32: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        body = _write_body(self)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "seed16", container.crc16(body))
        object.__setattr__(self, "seed32", crc32c(body))

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.offsets)

    @property
    def metadata(self) -> tuple[container.Metadata, ...]:
        """The JSON as a file's metadata."""
        return (container.Metadata(container.META_JSON, self.facts),) if self.facts else ()

    def sampling(self) -> tuple[object, ...]:
        """What may not change within a stream."""
        return self.model_id, self.rate, self.sample_type, self.rows, self.group, self.channels, self.stream_id, self.facts


@dataclass(frozen=True)
class StreamPacket:
    """A data or end packet.

    Attributes:
        kind: DATA or END.
        number: from the beginning of the stream; of an end packet, the number of data packets.
        payload: of a data packet the range-coded part; of an end packet its varint.
        delta: whether it goes on from the packet before.
        step_code: its own step code, or None.
        samples: of a short packet, its samples a channel, else None.
    """

    kind: int
    number: int
    payload: bytes
    delta: bool = False
    step_code: int | None = None
    samples: int | None = None


def is_stream(data: bytes) -> bool:
    """Whether bytes begin as a stream does, with a sync packet."""
    return len(data) > 1 and data[0] == SYNC and data[1] & ~CRC32_BIT == KIND_SYNC


def read_sync_at_start(data: bytes) -> tuple[StreamHeader, int]:
    """The sync packet with which a stream begins; errors as `read_sync`, and FormatError where it is damaged."""
    try:
        found = frame(data, 0, 2 * MAX_FACTS)
    except IncompleteError:
        found = None
    require(found is not None and found.kind == KIND_SYNC and found.holds(data, None), "damaged: the stream's first packet is no sync packet")
    assert found is not None
    return read_sync(bytes(data[found.payload : found.check]))


def long_varint(value: int) -> bytes:
    """LEB128 of a value in 0 .. 2^48 - 1."""
    if not 0 <= value < MAX_NUMBER:
        raise InputError(f"a packet number is below 2^48, got {value}")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def read_long_varint(cursor: Cursor, what: str) -> int:
    """A varint of at most seven bytes in its shortest form.

    Raises:
        FormatError: it is none.
    """
    value = 0
    for shift in range(0, 49, 7):
        byte = cursor.uint(1, what)
        value |= (byte & 127) << shift
        if byte < 128:
            break
    require(byte < 128 and value < MAX_NUMBER and not (shift and not byte), f"{what} is not a varint in shortest form below 2^48")
    return value


# --- sync packets ---------------------------------------------------------------------------------------------------


def write_sync(header: StreamHeader, number: int) -> bytes:
    """A sync packet before data packet `number`."""
    limit(len(header.facts), MAX_FACTS, "bytes of JSON in a stream")
    return _frame(KIND_SYNC, number, long_varint(number) + header.body, None)


def read_sync(payload: bytes) -> tuple[StreamHeader, int]:
    """The header and the number of the data packet that follows.

    Raises:
        FormatError: the payload breaks a rule of section 13.
        LimitError: it claims more than sections 10 and 13 allow.
    """
    cursor = Cursor(payload)
    number = read_long_varint(cursor, "the next packet's number")
    version = cursor.uint(1, "the stream's version")
    require(version == VERSION, f"stream version {version}; expected {VERSION}")
    model_id, synthesis_id, stream_id = cursor.uint(4, "model id"), cursor.uint(2, "synthesis id"), cursor.uint(2, "stream id")
    step_code = cursor.uint(1, "step code")
    channels, rate, sample_type = container.read_sampling(cursor)
    rows, group = cursor.varint("blocks a packet"), cursor.varint("packets a group")
    require(rows > 0 and group > 0, f"{rows} blocks a packet, {group} packets a group; expected 1 or more")
    limit(rows * group * channels, MAX_BLOCKS, "blocks between key packets")
    shift = cursor.uint(1, "shift")
    require(shift <= 31, f"shift {shift}; expected 0..31")
    offsets = tuple(cursor.zigzag("channel offset") for _ in range(channels))
    first = read_long_varint(cursor, "the segment's first packet")
    require(first <= number, f"packet {number} of a segment that begins at {first}")
    facts = cursor.take(cursor.end - cursor.position, "JSON")
    limit(len(facts), MAX_FACTS, "bytes of JSON in a stream")
    return StreamHeader(model_id, synthesis_id, step_code, rate, sample_type, rows, group, shift, offsets, stream_id, first, facts), number


def _write_body(h: StreamHeader) -> bytes:
    ids = h.model_id.to_bytes(4, "little") + h.synthesis_id.to_bytes(2, "little") + h.stream_id.to_bytes(2, "little")
    sampling = varint(h.channels) + varint(h.rate.numerator) + varint(h.rate.denominator) + bytes([h.sample_type])
    scaling = bytes([h.shift]) + b"".join(map(zigzag, h.offsets))
    return bytes([VERSION]) + ids + bytes([h.step_code]) + sampling + varint(h.rows) + varint(h.group) + scaling + long_varint(h.first) + h.facts


# --- framing --------------------------------------------------------------------------------------------------------


def write_packet(packet: StreamPacket, header: StreamHeader) -> bytes:
    """The bytes of a data or end packet of a segment; delta packets are framed compactly where they can be."""
    fields = b"" if packet.step_code is None else bytes([packet.step_code])
    fields += b"" if packet.samples is None else varint(packet.samples)
    payload = fields + packet.payload
    if packet.kind == DATA and packet.delta and packet.samples is None and len(payload) < LONG_PAYLOAD:
        short, size = COMPACT_STEP_BIT * bool(fields), len(payload)
        head = bytes([short | size]) if size < COMPACT_LENGTHS else bytes([short | COMPACT_LENGTHS]) + varint(size)
        checked = head + payload
        return checked + _check(checked, False, header, packet.number).to_bytes(2, "little")
    bits = SHORT_BIT * (packet.samples is not None) | DELTA_BIT * packet.delta | STEP_BIT * (packet.step_code is not None)
    return _frame(packet.kind | bits, packet.number, payload, header)


def _frame(head: int, number: int, payload: bytes, header: StreamHeader | None) -> bytes:
    limit(len(payload), container.MAX_PAYLOAD, "payload bytes")
    long = len(payload) >= LONG_PAYLOAD
    checked = bytes([head | CRC32_BIT * long, number % MODULUS]) + varint(len(payload)) + payload
    check = _check(checked, long, header, number)
    return bytes([SYNC]) + checked + check.to_bytes(4 if long else 2, "little")


def _check(checked: Data, long: bool, header: StreamHeader | None, number: int) -> int:
    """The CRC of head .. payload; of data and end packets after the header's constant part and the number."""
    if header is None:
        return crc32c(checked) if long else container.crc16(bytes(checked))
    whole = number.to_bytes(6, "little")
    if long:
        return crc32c(checked, crc32c(whole, header.seed32))
    return binascii.crc_hqx(checked, binascii.crc_hqx(whole, header.seed16))


@dataclass(frozen=True)
class Frame:
    """A packet's place in bytes, found but not yet checked: offsets of its payload, its check and its end."""

    head: int
    seq: int
    compact: bool
    start: int
    payload: int
    check: int
    end: int

    @property
    def kind(self) -> int:
        """DATA, END or KIND_SYNC."""
        return DATA if self.compact else self.head & 7

    def numbers(self, top: int, hint: int) -> list[int]:
        """What its number may be, likeliest first.

        Args:
            top: one more than the highest number seen.
            hint: the number that the last sync packet named, which nothing vouches for.
        """
        near = self._near(top)
        return near if hint == top else [*near, *(number for number in self._near(hint)[:1] if number not in near)]

    def _near(self, top: int) -> list[int]:
        lowest = top - MODULUS // 4
        nearest = lowest + (self.seq - lowest) % MODULUS
        near = [top, *(top + sign * i for i in range(1, COMPACT_NEAR + 1) for sign in (-1, 1))]
        return [number for number in (near if self.compact else (nearest, nearest - MODULUS, nearest + MODULUS)) if 0 <= number < MAX_NUMBER]

    def holds(self, data: Data, header: StreamHeader | None, number: int = 0) -> bool:
        """Whether the check is right for a packet of a segment with this number, or of a sync packet for none."""
        long = self.end - self.check == 4
        found = int.from_bytes(data[self.check : self.end], "little")
        return found == _check(data[self.start + (not self.compact) : self.check], long, header, number)


class IncompleteError(Exception):
    """The bytes end before the packet does.

    Attributes:
        needed: bytes, from the first one on, that there must be before anything more can be told.
    """

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


def frame(data: Data, position: int, longest: int) -> Frame | None:
    """The packet that seems to begin at a position; None if none does, or one of a payload above `longest`.

    Raises:
        IncompleteError: more bytes are needed to tell.
    """
    compact = data[position] < 128
    if not compact and data[position] != SYNC:
        return None
    at = position + (1 if compact else 3)
    if len(data) <= at:
        raise IncompleteError(at + 1)
    head = data[position if compact else position + 1]
    if not compact and not _is_head(head):
        return None
    length = (head & 63, at) if compact and head & 63 < COMPACT_LENGTHS else _length(data, at)
    if length is None or length[0] > longest:
        return None
    long = length[0] >= LONG_PAYLOAD
    fits = head & 63 <= length[0] < LONG_PAYLOAD if compact else long == bool(head & CRC32_BIT)
    if not fits:
        return None
    check = length[1] + length[0]
    end = check + (4 if long else 2)
    if len(data) < end:
        raise IncompleteError(end)
    return Frame(head, 0 if compact else data[position + 2], compact, position, length[1], check, end)


def _is_head(head: int) -> bool:
    kind = head & 7
    return head < 128 and (kind == DATA or (kind in (END, KIND_SYNC) and head & ~(7 | CRC32_BIT) == 0))


def _length(data: Data, at: int) -> tuple[int, int] | None:
    """A varint's value and where it ends; None if it is none.

    Raises:
        IncompleteError: it may go on.
    """
    value = 0
    for i in range(5):
        if at + i >= len(data):
            raise IncompleteError(at + i + 1)
        byte = data[at + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return (value, at + i + 1) if byte or not i else None
    return None


def split(data: Data, found: Frame, number: int) -> StreamPacket:
    """The packet of a frame whose check holds for this number.

    Raises:
        FormatError: its payload is too short for its head, or a short packet has no samples.
    """
    cursor = Cursor(bytes(data[found.payload : found.check]))
    has_step = bool(found.head & (COMPACT_STEP_BIT if found.compact else STEP_BIT)) and found.kind == DATA
    step_code = cursor.uint(1, "a packet's step code") if has_step else None
    samples = cursor.varint("a short packet's number of samples") if not found.compact and found.head & SHORT_BIT else None
    require(samples is None or samples > 0, "a short packet of 0 samples")
    delta = found.compact or bool(found.head & DELTA_BIT)
    return StreamPacket(found.kind, number, cursor.data[cursor.position :], delta, step_code, samples)
