"""Files and packets as bytes (docs/format.md, sections 7, 8 and 10). Knows no model and no array.

    read_file(bytes) -> File(header, metadata, packets)      write_file(File) -> bytes

The reader is strict: whatever the page does not allow is a `FormatError`, what is above a limit a `LimitError`, and
nothing is allocated that the bytes at hand do not pay for.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from fractions import Fraction

from vaecodec.codec.arguments import check_kind
from vaecodec.codec.errors import FormatError, InputError, LimitError, UnsupportedError
from vaecodec.codec.native import crc32c

__all__ = [
    "END",
    "MAX_BRIEF",
    "MAX_PIXELS",
    "SAMPLE_TYPES",
    "BoundedHeader",
    "File",
    "Header",
    "ImageHeader",
    "Metadata",
    "Packet",
    "SensedHeader",
    "SignalHeader",
    "fits_brief",
    "read_file",
    "read_header",
    "read_packet",
    "write_file",
    "write_header",
    "write_packet",
]

MAGIC = b"\x8bVAE"
VERSION = 1
SYNC = 0xB5
DATA, METADATA, INDEX, END = range(4)
SHORT_BIT, CRC32_BIT = 0x08, 0x10
SIGNAL, IMAGE, BOUNDED, BRIEF, SENSED = 1, 2, 3, 4, 5
# Bits of a brief signal's form, above the sample type in bits 0..2; bits 5 and 6 are the shift.
OWN_RATE, GAINS, FORM_SHIFT, WITH_JSON = 8, 16, 5, 128
# Of the shift of other signals: gains stand behind the offsets.
SHIFT_GAINS = 128

# Metadata types of section 7.
META_JSON, META_ALPHA, META_EXIF, META_ICC = 1, 2, 3, 4

SAMPLE_TYPES = {1: "int8", 2: "uint8", 3: "int16", 4: "uint16", 5: "int32", 6: "float32", 7: "float64"}
"""Sample type code of a signal header -> NumPy dtype name."""

# Limits of section 10.
MAX_SIDE = 65535
FORMAT_PIXELS = 1 << 28
MAX_PIXELS = 1 << 27
"""Pixels that our decoder takes unless told otherwise."""
MAX_CHANNELS = 256
MAX_ERROR = 65535
MAX_METADATA = 1 << 24
MAX_PAYLOAD = 1 << 28
# The largest body there can be: 256 offsets of five bytes, each with a gain, and the fixed fields.
MAX_BODY = 7 + 5 * (MAX_CHANNELS + 5) + 2 + MAX_CHANNELS
MAX_BRIEF = 2047
"""Bytes of the body of a brief signal, its latents included."""
MAX_BRIEF_SHIFT = 3
# From this payload length on the packet's check is CRC-32C.
LONG_PAYLOAD = 1024


@dataclass(frozen=True)
class ImageHeader:
    """Header of a picture.

    Attributes:
        model_id: 32 bits that name the symbol model.
        synthesis_id: 16 bits that name the decoder weights.
        step_code: quantiser step code t, 0..255.
        width: pixels, 1..65535.
        height: pixels, 1..65535.
        mode: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
        tile_width: in units of 2^L pixels, 0 for the whole picture.
        tile_height: in units of 2^L pixels, 0 for the whole picture.
        order: 0 tile-major, 1 level-major.
    """

    model_id: int
    synthesis_id: int
    step_code: int
    width: int
    height: int
    mode: int
    tile_width: int = 0
    tile_height: int = 0
    order: int = 0


@dataclass(frozen=True)
class SignalHeader:
    """Header of a signal.

    Attributes:
        model_id: 32 bits that name the symbol model.
        synthesis_id: 16 bits that name the decoder weights.
        step_code: quantiser step code t, 0..255.
        rate: samples a second and channel; 0 where it is not known; None, in brief files, where it is the model's own.
        sample_type: a key of `SAMPLE_TYPES`.
        rows: blocks of 2^L samples a packet; 0: a brief file, whose header holds the only packet.
        shift: bits dropped from each sample before the analysis.
        offsets: one for each channel, taken off before the shift.
        gains: by how many sixteenths of an octave each channel is made smaller after the shift, 0..255; empty: none is.
    """

    model_id: int
    synthesis_id: int
    step_code: int
    rate: Fraction | None
    sample_type: int
    rows: int
    shift: int
    offsets: tuple[int, ...]
    gains: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.offsets)

    @property
    def scales(self) -> tuple[float, ...]:
        """What a unit of the analysis' input is worth in each channel, in units of the samples."""
        return tuple(2.0 ** (self.shift + gain / 16) for gain in self.gains or (0,) * self.channels)


@dataclass(frozen=True)
class SensedHeader(SignalHeader):
    """Header of a signal that was sensed compressively (section 14): fields as of a signal, `rows` in windows a packet."""


@dataclass(frozen=True)
class BoundedHeader:
    """Header of a signal of bounded error (section 12).

    Attributes:
        max_error: the most that a decoded integer may be off, 0..65535.
        channels: number of channels.
        rate: samples a second and channel; 0 where it is not known.
        sample_type: a key of `SAMPLE_TYPES`.
        packet_samples: samples a packet and channel.
    """

    max_error: int
    channels: int
    rate: Fraction
    sample_type: int
    packet_samples: int
    model_id: int = field(default=0, init=False)
    synthesis_id: int = field(default=0, init=False)


Header = ImageHeader | SignalHeader | BoundedHeader


@dataclass(frozen=True)
class Metadata:
    """A metadata packet: its type (1 JSON, 2 alpha, 3 EXIF, 4 ICC, others unknown) and its bytes."""

    kind: int
    data: bytes


@dataclass(frozen=True)
class Packet:
    """One packet: kind (0 data, 1 metadata, 2 index, 3 end), sequence number 0..255, payload."""

    kind: int
    number: int
    payload: bytes
    short: bool = False


@dataclass(frozen=True)
class File:
    """A whole file. `total` is the samples a channel that a signal's end packet states (None for pictures)."""

    header: Header
    packets: tuple[Packet, ...]
    metadata: tuple[Metadata, ...] = field(default=())
    total: int | None = None


# --- integers -------------------------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """LEB128 of a value in 0 .. 2^32 - 1."""
    if not 0 <= value < 1 << 32:
        raise InputError(f"a varint holds 0 .. 2^32 - 1, got {value}")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    """Zigzag varint of a value in -2^31 .. 2^31 - 1."""
    return varint(2 * value if value >= 0 else -2 * value - 1)


class Cursor:
    """Reads fields off bytes and never past `end`; every shortage is a FormatError that says where."""

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes."""
        if count > self.end - self.position:
            raise FormatError(f"truncated at byte {self.position}: {what} needs {count} bytes, {self.end - self.position} are left")
        self.position += count
        return self.data[self.position - count : self.position]

    def uint(self, size: int, what: str) -> int:
        """A little-endian unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size, what), "little")

    def varint(self, what: str) -> int:
        """A varint in its shortest form."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.uint(1, what)
            value |= (byte & 127) << shift
            if byte < 128:
                break
        else:
            raise FormatError(f"{what} is a varint of more than five bytes")
        if value >> 32 or (shift and not byte):
            raise FormatError(f"{what} is not a varint in shortest form below 2^32")
        return value

    def zigzag(self, what: str) -> int:
        """A signed integer from a zigzag varint."""
        value = self.varint(what)
        return value >> 1 ^ -(value & 1)

    def finish(self, what: str) -> None:
        """Checks that nothing is left over."""
        if self.position != self.end:
            raise FormatError(f"{self.end - self.position} bytes too many after {what}")


def require(condition: bool, message: str) -> None:
    """Raises FormatError with `message` unless `condition` holds."""
    if not condition:
        raise FormatError(message)


def limit(value: int, most: int, what: str) -> None:
    """Raises LimitError if `value` is above `most`."""
    if value > most:
        raise LimitError(f"{what}: {value} is above the limit of {most}")


# --- header ---------------------------------------------------------------------------------------------------------


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740, which the standard library calls hqx."""
    return binascii.crc_hqx(data, 0xFFFF)


def write_header(header: Header) -> bytes:
    """The bytes of a file's header, magic to CRC; not of a brief one, which is a whole file (`write_file`)."""
    modality = _modality(header)
    body = bytes([modality]) + header.model_id.to_bytes(4, "little") + header.synthesis_id.to_bytes(2, "little")
    if isinstance(header, BoundedHeader):
        body += _bounded_fields(header)
    else:
        body += bytes([header.step_code]) + (_image_fields(header) if isinstance(header, ImageHeader) else _signal_fields(header))
    return _framed(body)


def _framed(body: bytes) -> bytes:
    checked = bytes([VERSION]) + varint(len(body)) + body
    return MAGIC + checked + crc16(checked).to_bytes(2, "little")


def fits_brief(header: SignalHeader, payload: bytes, metadata: tuple[Metadata, ...] = ()) -> bool:
    """Whether a signal of one short packet can be a brief file."""
    if len(metadata) > 1 or any(m.kind != META_JSON for m in metadata) or header.shift > MAX_BRIEF_SHIFT:
        return False
    return 27 + 6 * header.channels + sum(len(m.data) for m in metadata) + len(payload) <= MAX_BRIEF


def _write_brief(h: SignalHeader, packet: Packet, metadata: tuple[Metadata, ...]) -> bytes:
    """A brief signal as a whole; its packet's payload begins with the number of samples, as that of a short packet."""
    form = h.sample_type | OWN_RATE * (h.rate is None) | GAINS * bool(h.gains) | h.shift << FORM_SHIFT | WITH_JSON * bool(metadata)
    body = bytes([BRIEF]) + h.model_id.to_bytes(4, "little") + h.synthesis_id.to_bytes(2, "little") + bytes([h.step_code, form])
    body += b"" if h.rate is None else varint(h.rate.numerator) + varint(h.rate.denominator)
    body += varint(h.channels) + _channel_fields(h) + b"".join(varint(len(m.data)) + m.data for m in metadata) + packet.payload
    if len(body) > MAX_BRIEF or h.shift > MAX_BRIEF_SHIFT or len(metadata) > 1:
        raise InputError(f"a brief signal has at most {MAX_BRIEF} bytes and a shift of {MAX_BRIEF_SHIFT}, got {len(body)} and {h.shift}")
    return _framed(body)


def _modality(header: Header) -> int:
    if isinstance(header, SensedHeader):
        return SENSED
    return IMAGE if isinstance(header, ImageHeader) else SIGNAL if isinstance(header, SignalHeader) else BOUNDED


def _image_fields(h: ImageHeader) -> bytes:
    return varint(h.width) + varint(h.height) + bytes([h.mode]) + varint(h.tile_width) + varint(h.tile_height) + bytes([h.order])


def _signal_fields(h: SignalHeader) -> bytes:
    assert h.rate is not None
    rate = varint(h.channels) + varint(h.rate.numerator) + varint(h.rate.denominator)
    return rate + bytes([h.sample_type]) + varint(h.rows) + bytes([h.shift | SHIFT_GAINS * bool(h.gains)]) + _channel_fields(h)


def _channel_fields(h: SignalHeader) -> bytes:
    """Each channel's offset, with its gain behind it where there are gains."""
    gains = h.gains or (None,) * h.channels
    return b"".join(zigzag(offset) + (b"" if gain is None else bytes([gain])) for offset, gain in zip(h.offsets, gains, strict=True))


def _bounded_fields(h: BoundedHeader) -> bytes:
    rate = varint(h.channels) + varint(h.rate.numerator) + varint(h.rate.denominator)
    return varint(h.max_error) + rate + bytes([h.sample_type]) + varint(h.packet_samples)


def read_header(data: bytes) -> tuple[Header, int]:
    """Parses the header at the start of `data`.

    Returns:
        The header and the position of the first byte after it.

    Raises:
        InputError: no bytes.
        FormatError: not a vaecodec file, truncated, or damaged.
        UnsupportedError: a later format version.
        LimitError: the header claims more than section 10 allows.
    """
    check_kind(data, bytes)
    cursor = Cursor(data)
    require(data[: len(MAGIC)] == MAGIC[: len(data)] and len(data) > 0, "not a vaecodec file: it does not begin with 8B 56 41 45")
    cursor.take(len(MAGIC), "the magic")
    version = cursor.uint(1, "the format version")
    if version != VERSION:
        raise UnsupportedError(f"format version {version}; this release reads version {VERSION}")
    length = cursor.varint("the header length")
    start = cursor.position
    most = MAX_BRIEF if data[start : start + 1] == bytes([BRIEF]) else MAX_BODY
    require(length <= most, f"header of {length} bytes; at most {most} are possible")
    cursor.take(length, "the header")
    check = cursor.uint(2, "the header's CRC")
    require(check == crc16(data[len(MAGIC) : start + length]), "the header is damaged (CRC mismatch)")
    return _read_body(Cursor(data, start, start + length)), cursor.position


def _read_body(cursor: Cursor) -> Header:
    modality = cursor.uint(1, "the modality")
    known = "1 (signal), 2 (image), 3 (signal of bounded error), 4 (brief signal) or 5 (sensed signal)"
    require(modality in (SIGNAL, IMAGE, BOUNDED, SENSED, BRIEF), f"modality {modality}; expected {known}")
    ids = cursor.uint(4, "the model id"), cursor.uint(2, "the synthesis id")
    if modality == BRIEF:
        return _read_brief(cursor, *ids)
    header = _read_bounded(cursor, *ids) if modality == BOUNDED else _read_modelled(cursor, modality, *ids)
    cursor.finish("the header's last field")
    return header


def _read_modelled(cursor: Cursor, modality: int, model_id: int, synthesis_id: int) -> Header:
    ids = model_id, synthesis_id, cursor.uint(1, "the step code")
    if modality == IMAGE:
        return _read_image(cursor, *ids)
    return _read_signal(cursor, SensedHeader if modality == SENSED else SignalHeader, *ids)


def _read_bounded(cursor: Cursor, model_id: int, synthesis_id: int) -> BoundedHeader:
    require(model_id == synthesis_id == 0, f"a signal of bounded error that names model {model_id:08x}; it needs none")
    max_error = cursor.varint("max error")
    require(max_error <= MAX_ERROR, f"an error of up to {max_error}; at most {MAX_ERROR} is possible")
    channels, rate, sample_type = read_sampling(cursor)
    packet_samples = cursor.varint("samples a packet")
    require(packet_samples > 0, "packets of 0 samples")
    return BoundedHeader(max_error, channels, rate, sample_type, packet_samples)


def read_sampling(cursor: Cursor) -> tuple[int, Fraction, int]:
    """Channels, rate and sample type."""
    channels, rate = _read_channels(cursor), _read_rate(cursor)
    return channels, rate, _sample_type(cursor.uint(1, "sample type"))


def _read_channels(cursor: Cursor) -> int:
    channels = cursor.varint("channels")
    require(channels > 0, "a signal without channels")
    limit(channels, MAX_CHANNELS, "channels")
    return channels


def _read_rate(cursor: Cursor) -> Fraction:
    numerator, denominator = cursor.varint("rate numerator"), cursor.varint("rate denominator")
    require(denominator > 0, "a sampling rate with denominator 0")
    return Fraction(numerator, denominator)


def _sample_type(value: int) -> int:
    require(value in SAMPLE_TYPES, f"sample type {value}; expected 1..7")
    return value


def _read_image(cursor: Cursor, model_id: int, synthesis_id: int, step_code: int) -> ImageHeader:
    width, height = cursor.varint("width"), cursor.varint("height")
    require(width > 0 and height > 0, f"a picture of {width} x {height} pixels")
    limit(max(width, height), MAX_SIDE, "picture side")
    limit(width * height, FORMAT_PIXELS, "pixels")
    mode = cursor.uint(1, "colour mode")
    require(1 <= mode <= 4, f"colour mode {mode}; expected 1..4")
    tile_width, tile_height = cursor.varint("tile width"), cursor.varint("tile height")
    limit(max(tile_width, tile_height), MAX_SIDE, "tile side")
    order = cursor.uint(1, "packet order")
    require(order <= 1, f"packet order {order}; expected 0 or 1")
    return ImageHeader(model_id, synthesis_id, step_code, width, height, mode, tile_width, tile_height, order)


def _read_signal(cursor: Cursor, kind: type[SignalHeader], model_id: int, synthesis_id: int, step_code: int) -> SignalHeader:
    channels, rate, sample_type = read_sampling(cursor)
    rows = cursor.varint("blocks a packet")
    require(rows > 0, "packets of 0 blocks")
    scale = cursor.uint(1, "shift")
    shift = scale & ~SHIFT_GAINS
    require(shift <= 31, f"shift {shift}; expected 0..31")
    fields = _read_channel_fields(cursor, channels, bool(scale & SHIFT_GAINS))
    return kind(model_id, synthesis_id, step_code, rate, sample_type, rows, shift, *fields)


def _read_channel_fields(cursor: Cursor, channels: int, with_gains: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Offsets and gains."""
    offsets, gains = [], []
    for _ in range(channels):
        offsets.append(cursor.zigzag("channel offset"))
        if with_gains:
            gains.append(cursor.uint(1, "channel gain"))
    return tuple(offsets), tuple(gains)


def _read_brief(cursor: Cursor, model_id: int, synthesis_id: int) -> SignalHeader:
    """Header of a brief signal; its packet follows up to the cursor's end."""
    step_code, form = cursor.uint(1, "the step code"), cursor.uint(1, "the form")
    sample_type = _sample_type(form & 7)
    rate = None if form & OWN_RATE else _read_rate(cursor)
    offsets, gains = _read_channel_fields(cursor, _read_channels(cursor), bool(form & GAINS))
    return SignalHeader(model_id, synthesis_id, step_code, rate, sample_type, 0, form >> FORM_SHIFT & MAX_BRIEF_SHIFT, offsets, gains)


def _brief_file(data: bytes, header: SignalHeader, end: int) -> File:
    """The file whose header has been checked: what is left of its body is its packet."""
    require(end == len(data), f"{len(data) - end} bytes follow a brief signal")
    cursor = Cursor(data, len(MAGIC) + 1, end - 2)
    cursor.varint("the header length")
    cursor.take(1, "the modality")
    ids = cursor.uint(4, "the model id"), cursor.uint(2, "the synthesis id")
    with_json = data[cursor.position + 1] & WITH_JSON
    _read_brief(cursor, *ids)
    metadata = (Metadata(META_JSON, cursor.take(cursor.varint("the metadata's length"), "the metadata")),) if with_json else ()
    payload = cursor.take(cursor.end - cursor.position, "the payload")
    total = Cursor(payload).varint("the number of samples")
    return File(header, (Packet(DATA, 0, payload, True),), metadata, total)


# --- packets --------------------------------------------------------------------------------------------------------


def write_packet(packet: Packet) -> bytes:
    """The bytes of one packet, sync to CRC."""
    limit(len(packet.payload), MAX_PAYLOAD, "payload bytes")
    long = len(packet.payload) >= LONG_PAYLOAD
    head = packet.kind | SHORT_BIT * packet.short | CRC32_BIT * long
    checked = bytes([head, packet.number & 255]) + varint(len(packet.payload)) + packet.payload
    check = crc32c(checked).to_bytes(4, "little") if long else crc16(checked).to_bytes(2, "little")
    return bytes([SYNC]) + checked + check


def read_packet(data: bytes, position: int) -> tuple[Packet, int]:
    """Parses the packet that begins at `position`.

    Returns:
        The packet and the position after it.

    Raises:
        FormatError: truncated or damaged.
        LimitError: it claims more payload than section 10 allows.
    """
    cursor = Cursor(data, position)
    require(cursor.uint(1, "a packet") == SYNC, f"no packet at byte {position}: its sync byte is missing")
    head, number = cursor.uint(1, "a packet's head"), cursor.uint(1, "a packet's number")
    require(head >> 5 == 0 and head & 7 <= END, f"unknown packet kind {head:#04x} at byte {position}")
    length = cursor.varint("a packet's length")
    limit(length, MAX_PAYLOAD, "payload bytes")
    long = bool(head & CRC32_BIT)
    require(long == (length >= LONG_PAYLOAD), f"the packet at byte {position} has the wrong kind of CRC for its length")
    payload = cursor.take(length, "a packet's payload")
    checked = data[position + 1 : cursor.position]
    check = cursor.uint(4 if long else 2, "a packet's CRC")
    require(check == (crc32c(checked) if long else crc16(checked)), f"the packet at byte {position} is damaged (CRC mismatch)")
    return Packet(head & 7, number, payload, bool(head & SHORT_BIT)), cursor.position


# --- whole files ----------------------------------------------------------------------------------------------------


def write_file(file: File) -> bytes:
    """Header, metadata packets, data packets and, for a signal, the end packet."""
    if isinstance(file.header, SignalHeader) and file.header.rows == 0:
        (packet,) = file.packets
        return _write_brief(file.header, packet, file.metadata)
    parts = [write_header(file.header)]
    limit(sum(len(m.data) + 1 for m in file.metadata), MAX_METADATA, "metadata bytes")
    parts += [write_packet(Packet(METADATA, 0, bytes([m.kind]) + m.data)) for m in file.metadata]
    parts += map(write_packet, file.packets)
    if file.total is not None:
        parts.append(write_packet(Packet(END, len(file.packets) & 255, varint(file.total))))
    return b"".join(parts)


def read_file(data: bytes, *, partial: bool = False) -> File:
    """Parses and checks a whole file: every CRC, the order of packets, their numbers, and that nothing follows.

    Args:
        data: the file.
        partial: of a picture, take the packets up to the first that is cut off or damaged.

    Raises:
        FormatError: the bytes break a rule of docs/format.md.
        LimitError: they claim more than its section 10 allows.
        UnsupportedError: a later format version.
    """
    header, position = read_header(data)
    if isinstance(header, SignalHeader) and header.rows == 0:
        return _brief_file(data, header, position)
    packets: list[Packet] = []
    while position < len(data) and (not packets or packets[-1].kind != END):
        try:
            packet, position = read_packet(data, position)
        except FormatError:
            if partial and isinstance(header, ImageHeader) and any(p.kind == DATA for p in packets):
                return _sort(header, packets)
            raise
        packets.append(packet)
    require(position == len(data), f"{len(data) - position} bytes follow the end packet")
    return _sort(header, packets)


def _sort(header: Header, packets: list[Packet]) -> File:
    """Puts packets into their places and refuses any that has none."""
    signal = not isinstance(header, ImageHeader)
    body, end = _split_end(packets, signal)
    first = next((i for i, p in enumerate(body) if p.kind != METADATA), len(body))
    metadata = tuple(map(_metadata, body[:first]))
    limit(sum(len(m.data) + 1 for m in metadata), MAX_METADATA, "metadata bytes")
    for i, packet in enumerate(body[first:]):
        require(packet.kind == DATA, f"a packet of kind {packet.kind} stands among the data packets")
        require(packet.number == i & 255, f"data packet {i} carries number {packet.number}: one is missing or out of place")
        require(not packet.short or (signal and i == len(body) - first - 1), f"data packet {i} is short; only a signal's last one may be")
    return File(header, tuple(body[first:]), metadata, _total(end, len(body) - first) if end else None)


def _split_end(packets: list[Packet], signal: bool) -> tuple[list[Packet], Packet | None]:
    last = packets[-1] if packets else None
    if not signal or last is None:
        require(not signal, "truncated: no packet follows the header")
        require(last is None or last.kind != END, "a picture has no end packet")
        return packets, None
    require(last.kind == END and not last.short, "truncated: the end packet is missing")
    return packets[:-1], last


def _metadata(packet: Packet) -> Metadata:
    require(packet.number == 0 and not packet.short and len(packet.payload) > 0, "a malformed metadata packet")
    return Metadata(packet.payload[0], packet.payload[1:])


def _total(end: Packet, count: int) -> int:
    require(end.number == count & 255, f"the end packet counts {end.number} data packets (modulo 256), {count} came")
    cursor = Cursor(end.payload)
    total = cursor.varint("the number of samples")
    cursor.finish("the end packet's number of samples")
    return total
