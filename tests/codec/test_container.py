"""Headers, packets and files as bytes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec import container as c
from vaecodec.codec.errors import FormatError, InputError, LimitError, UnsupportedError

IDS = {"model_id": 0x12345678, "synthesis_id": 0xABCD, "step_code": 99}
IMAGE = c.ImageHeader(**IDS, width=640, height=480, mode=3)
SIGNAL = c.SignalHeader(**IDS, rate=Fraction(360), sample_type=3, rows=16, shift=0, offsets=(1024, -5))

image_headers = st.builds(
    c.ImageHeader,
    model_id=st.integers(0, 2**32 - 1),
    synthesis_id=st.integers(0, 2**16 - 1),
    step_code=st.integers(0, 255),
    width=st.integers(1, 4096),
    height=st.integers(1, 65535),
    mode=st.integers(1, 4),
    tile_width=st.integers(0, 65535),
    tile_height=st.integers(0, 65535),
    order=st.integers(0, 1),
)
signal_headers = st.builds(
    c.SignalHeader,
    model_id=st.integers(0, 2**32 - 1),
    synthesis_id=st.integers(0, 2**16 - 1),
    step_code=st.integers(0, 255),
    rate=st.fractions(0, 4000, max_denominator=10**6),
    sample_type=st.integers(1, 7),
    rows=st.integers(1, 2**32 - 1),
    shift=st.integers(0, 31),
    offsets=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=256).map(tuple),
)
bounded_headers = st.builds(
    c.BoundedHeader,
    max_error=st.integers(0, 65535),
    channels=st.integers(1, 256),
    rate=st.fractions(0, 4000, max_denominator=10**6),
    sample_type=st.integers(1, 7),
    packet_samples=st.integers(1, 2**32 - 1),
)
metadata = st.builds(c.Metadata, kind=st.integers(0, 255), data=st.binary(max_size=1200))
payloads = st.lists(st.binary(max_size=1500), max_size=5)


@given(st.integers(0, 2**32 - 1))
def test_varint_comes_back(value: int) -> None:
    cursor = c.Cursor(c.varint(value))
    assert cursor.varint("value") == value
    cursor.finish("value")


@given(st.integers(-(2**31), 2**31 - 1))
def test_zigzag_comes_back(value: int) -> None:
    assert c.Cursor(c.zigzag(value)).zigzag("value") == value


def test_varint_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(InputError):
        c.varint(1 << 32)


@pytest.mark.parametrize("data", [b"\x80\x00", b"\xff\xff\xff\xff\x1f", b"\x80\x80\x80\x80\x80\x00", b"\x80", b""])
def test_varint_in_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        c.Cursor(data).varint("value")


@given(st.one_of(image_headers, signal_headers, bounded_headers))
def test_header_comes_back(header: c.Header) -> None:
    data = c.write_header(header)
    assert c.read_header(data + b"more") == (header, len(data))


@given(st.integers(0, 1), st.integers(0, 255), st.binary(max_size=2000), st.booleans())
def test_packet_comes_back(kind: int, number: int, payload: bytes, short: bool) -> None:
    packet = c.Packet(kind, number, payload, short)
    data = c.write_packet(packet)
    assert c.read_packet(b"xy" + data, 2) == (packet, len(data) + 2)


def test_short_packet_costs_six_bytes_of_framing() -> None:
    assert len(c.write_packet(c.Packet(c.DATA, 0, bytes(100)))) == 106


def test_long_payload_has_crc32() -> None:
    assert len(c.write_packet(c.Packet(c.DATA, 0, bytes(1024)))) == 1024 + 3 + 2 + 4


@given(image_headers, st.lists(metadata, max_size=3), payloads)
def test_picture_file_comes_back(header: c.ImageHeader, facts: list[c.Metadata], data: list[bytes]) -> None:
    packets = tuple(c.Packet(c.DATA, i, payload) for i, payload in enumerate(data))
    file = c.File(header, packets, tuple(facts))
    assert c.read_file(c.write_file(file)) == file


@given(st.one_of(signal_headers, bounded_headers), st.lists(metadata, max_size=3), payloads, st.integers(0, 2**32 - 1))
def test_signal_file_comes_back(header: c.SignalHeader | c.BoundedHeader, facts: list[c.Metadata], data: list[bytes], total: int) -> None:
    packets = tuple(c.Packet(c.DATA, i, payload, short=i == len(data) - 1) for i, payload in enumerate(data))
    file = c.File(header, packets, tuple(facts), total)
    assert c.read_file(c.write_file(file)) == file


def test_packet_numbers_wrap_at_256() -> None:
    packets = tuple(c.Packet(c.DATA, i & 255, b"x") for i in range(300))
    assert c.read_file(c.write_file(c.File(SIGNAL, packets, (), 1))).packets == packets


@given(st.binary(max_size=300))
def test_any_bytes_give_a_file_or_an_error_of_ours(data: bytes) -> None:
    with pytest.raises((FormatError, LimitError, UnsupportedError)):
        c.read_file(data)


@given(st.binary(max_size=100))
def test_any_bytes_behind_a_header_give_a_file_or_an_error_of_ours(data: bytes) -> None:
    with pytest.raises((FormatError, LimitError)):
        c.read_file(c.write_header(SIGNAL) + data)


def test_too_much_metadata_is_refused() -> None:
    with pytest.raises(LimitError):
        c.write_file(c.File(IMAGE, (), (c.Metadata(9, bytes(c.MAX_METADATA)),)))
