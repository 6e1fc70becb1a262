"""The device's packets of streams against the codec's."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.container import varint
from vaecodec.codec.stream_syntax import DATA, END, StreamHeader, StreamPacket, long_varint, write_packet, write_sync

HEADER = StreamHeader(0x12345678, 0x9ABC, 120, Fraction(1000, 3), 3, 12, 5, 2, (0, -7), 77, 5, b'{"a":1}')
SHORT, DELTA, STEP = 8, 32, 64
LONG = bytes(range(256)) * 80
PAYLOADS = st.one_of(st.binary(max_size=200), st.sampled_from([LONG[:n] for n in (62, 63, 64, 127, 128, 1023, 1024, 1025, 20000)]))


def write(head, number, payload, capacity=None):
    stream = ffi.new("vc_stream *")
    lib.vc_stream_begin(stream, HEADER.body, len(HEADER.body))
    out = ffi.new("uint8_t[]", len(payload) + 12 if capacity is None else capacity)
    size = lib.vc_stream_write(stream, out, len(out), head, number, payload, len(payload))
    return bytes(ffi.buffer(out, size)) if size >= 0 else ffi.string(lib.vc_error_text(size)).decode()


@given(PAYLOADS, st.integers(0, (1 << 48) - 1), st.booleans(), st.none() | st.integers(0, 255), st.none() | st.integers(1, 1 << 20))
def test_data_packets_have_the_codecs_bytes(payload, number, delta, step, samples):
    fields = (b"" if step is None else bytes([step])) + (b"" if samples is None else varint(samples))
    head = DATA | DELTA * delta | STEP * (step is not None) | SHORT * (samples is not None)
    packet = StreamPacket(DATA, number, payload, delta, step, samples)
    assert write(head, number, fields + payload) == write_packet(packet, HEADER)


@pytest.mark.parametrize("number", [0, 5, 300, (1 << 40) + 7])
def test_sync_and_end_packets_have_the_codecs_bytes(number):
    assert write(4, number, long_varint(number) + HEADER.body) == write_sync(HEADER, number)
    assert write(END, number, long_varint(99)) == write_packet(StreamPacket(END, number, long_varint(99)), HEADER)


@pytest.mark.parametrize("head", [DATA, DATA | DELTA, DATA | DELTA | STEP])
@pytest.mark.parametrize("size", [0, 5, 62, 63, 127, 128, 2000])
def test_the_payload_may_lie_in_the_packets_buffer(head, size):
    payload = LONG[:size]
    stream, out = ffi.new("vc_stream *"), ffi.new("uint8_t[]", size + 20)
    lib.vc_stream_begin(stream, HEADER.body, len(HEADER.body))
    ffi.memmove(out + 8, payload, size)
    written = lib.vc_stream_write(stream, out, len(out), head, 3, out + 8, size)
    assert bytes(ffi.buffer(out, written)) == write(head, 3, payload)


@pytest.mark.parametrize("head", [1, 2, 5, END | SHORT, 4 | DELTA, 16, 128])
def test_heads_that_cannot_be_are_refused(head):
    assert write(head, 0, b"x") == "an argument is outside its range"


def test_numbers_and_room_have_limits():
    assert write(DATA, 1 << 48, b"") == "an argument is outside its range"
    assert write(DATA, 0, bytes(10), 15) == "the buffer is too small"
    assert len(write(DATA, 0, bytes(10), 16)) == 16
    assert len(write(DATA | DELTA, 0, bytes(10), 13)) == 13
