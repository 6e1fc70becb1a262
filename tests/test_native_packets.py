"""The device's packet writer and reader against the codec's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.container import Packet, read_packet, write_packet

ANY = 1 << 28
LONG = bytes(range(256)) * 80
PAYLOADS = st.one_of(st.binary(max_size=200), st.sampled_from([LONG[:n] for n in (1023, 1024, 1025, 20000)]))


def _write(payload, head=0, seq=0, capacity=None):
    out = ffi.new("uint8_t[]", len(payload) + 12 if capacity is None else capacity)
    size = lib.vc_packet_write(out, len(out), head, seq, payload, len(payload))
    return bytes(ffi.buffer(out, size)) if size >= 0 else size


def _read(data):
    p = ffi.new("vc_packet *")
    buffer = ffi.from_buffer("uint8_t[]", data)
    error = lib.vc_packet_read(buffer, len(data), p)
    if error:
        return _text(error)
    return p.kind, bool(p.is_short), p.seq, bytes(ffi.buffer(p.payload, p.n)), p.size


def _text(error):
    return ffi.string(lib.vc_error_text(error)).decode()


def _find(data, start=0, longest=ANY):
    return lib.vc_packet_find(ffi.from_buffer("uint8_t[]", data), len(data), start, longest)


@given(PAYLOADS, st.integers(0, 3), st.booleans(), st.integers(0, 255))
def test_same_bytes_as_the_codecs_writer(payload, kind, short, seq):
    assert _write(payload, kind | short << 3, seq) == write_packet(Packet(kind, seq, payload, short))


@given(PAYLOADS, st.integers(0, 3), st.integers(0, 255))
def test_what_is_written_is_read(payload, kind, seq):
    packet = _write(payload, kind, seq)
    assert _read(packet + b"more") == (kind, False, seq, payload, len(packet))


def test_the_payload_may_lie_in_the_packets_buffer():
    for n in (0, 5, 127, 128, 2000):
        payload = bytes((7 * i) & 255 for i in range(n))
        out = ffi.new("uint8_t[]", n + 20)
        ffi.memmove(out + 8, payload, n)
        size = lib.vc_packet_write(out, len(out), 0, 3, out + 8, n)
        assert bytes(ffi.buffer(out, size)) == _write(payload, 0, 3)


@given(st.binary(max_size=40))
def test_every_truncation_and_bit_flip_is_noticed(payload):
    packet = _write(payload, 0, 9)
    for n in range(len(packet)):
        assert isinstance(_read(packet[:n]), str)
    for bit in range(8 * len(packet)):
        flipped = bytearray(packet)
        flipped[bit // 8] ^= 1 << bit % 8
        assert isinstance(_read(bytes(flipped)), str)


@given(st.binary(max_size=60), st.binary(max_size=30))
def test_the_next_packet_after_damage_is_found(damage, payload):
    packet = _write(payload, 0, 1)
    at = _find(damage + packet)
    assert at <= len(damage)
    assert not isinstance(_read((damage + packet)[at:]), str)
    assert _find(packet[1:]) == len(packet) - 1 or payload  # a payload may hold a packet
    assert _find(packet, longest=len(payload) - 1) != 0 if payload else True


@pytest.mark.parametrize(("head", "seq"), [(4, 0), (16, 0), (255, 0), (0, 256)])
def test_wrong_heads_are_refused(head, seq):
    assert _text(_write(b"x", head, seq)) == "an argument is outside its range"


def test_a_full_buffer_is_reported():
    assert _text(_write(b"hello", capacity=10)) == "the buffer is too small"
    assert len(_write(b"hello", capacity=11)) == 11


def test_the_reader_of_the_codec_takes_them():
    packet, _ = read_packet(_write(b"hello", 0, 4), 0)
    assert (packet.kind, packet.number, packet.payload) == (0, 4, b"hello")
