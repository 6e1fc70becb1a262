"""Streams from samples to packets and back, whatever the pieces that they come in."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE, beats, prdn, signal_codec
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import stream_syntax
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, ModelError
from vaecodec.codec.stream_decoder import Chunk, Decoder
from vaecodec.codec.stream_encoder import Encoder

BUNDLE = Bundle.open(SIGNAL_BUNDLE)
RATE = 100
MODES = [{}, {"key": 4}, {"key": 4, "effort": 1}, {"bitrate": 300}, {"bitrate": 300, "key": 4}]


def wave(length: int, channels: int = 1) -> np.ndarray:
    return np.rint(beats(length, channels)).astype(np.int16)


def encode(samples: np.ndarray, **options: object) -> list[bytes]:
    encoder = Encoder(BUNDLE, **{"rate": RATE, "packet": 0.5, **options})
    return encoder.feed(samples) + encoder.flush()


def decode(packets: list[bytes], **options: object) -> tuple[list[Chunk], Decoder]:
    decoder = Decoder(BUNDLE, **options)
    return decoder.feed(b"".join(packets)) + decoder.flush(), decoder


def joined(chunks: list[Chunk]) -> np.ndarray:
    """The samples, which must follow each other without a gap."""
    ends = [chunk.first + len(chunk.samples) for chunk in chunks]
    assert [chunk.first for chunk in chunks[1:]] == ends[:-1]
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_intact_stream_comes_back_without_a_fault(mode: dict[str, object], channels: int) -> None:
    samples = wave(1500, channels).reshape(1500, channels)
    chunks, decoder = decode(encode(samples, **mode))
    assert not decoder.tally
    assert {chunk.origin for chunk in chunks} == {"decoded"}
    again = joined(chunks)
    assert (again.shape, again.dtype) == (samples.shape, samples.dtype)
    assert prdn(samples, again) < (60 if "bitrate" in mode else 12)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 200), max_size=12), st.sampled_from(MODES))
def test_the_pieces_that_samples_come_in_do_not_matter(pieces: list[int], mode: dict[str, object]) -> None:
    samples = wave(900)
    encoder = Encoder(BUNDLE, rate=RATE, packet=0.5, stream_id=1, **mode)
    packets = [packet for part in np.split(samples, np.cumsum(pieces).clip(1, 900)) for packet in encoder.feed(part)]
    assert packets + encoder.flush() == encode(samples, stream_id=1, **mode)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_the_pieces_that_bytes_come_in_do_not_matter(sizes: list[int]) -> None:
    stream = b"".join(encode(wave(900), key=2))
    decoder, chunks, at = Decoder(BUNDLE), [], 0
    while at < len(stream):
        size = sizes[at % len(sizes)]
        chunks += decoder.feed(stream[at : at + size])
        at += size
    np.testing.assert_array_equal(joined(chunks + decoder.flush()), joined(decode([stream])[0]))


@pytest.mark.parametrize("length", [1, 15, 16, 17, 47, 48, 49, 96, 97, 500])
@pytest.mark.parametrize("mode", [{}, {"key": 2}])
def test_any_length_comes_back(length: int, mode: dict[str, object]) -> None:
    chunks, decoder = decode(encode(wave(length), **mode))
    assert not decoder.tally
    assert joined(chunks).shape == (length, 1)


def test_packets_leave_no_seams() -> None:
    samples = wave(3000)
    decoded = joined(decode(encode(samples, packet=0.25, quality=95, effort=1))[0])[:, 0]
    whole = signal_codec().decode(signal_codec().encode(samples, quality=95, effort=1))
    # The offsets differ by the mean of the first packet; otherwise coefficients are the same.
    assert np.abs(decoded.astype(int) - whole).max() <= 12
    assert prdn(samples, decoded) == pytest.approx(prdn(samples, whole), rel=0.05)


def test_delta_packets_take_fewer_bytes() -> None:
    samples = wave(4000)
    assert sum(map(len, encode(samples, key=10))) < 0.93 * sum(map(len, encode(samples)))


def test_framing_is_lean() -> None:
    header = stream_syntax.StreamHeader(1, 2, 3, Fraction(RATE), 3, 3, 4, 0, (0,))
    for delta, size, most in ((False, 45, 6), (False, 200, 7), (True, 62, 3), (True, 63, 4), (True, 200, 5)):
        packet = stream_syntax.StreamPacket(stream_syntax.DATA, 7, bytes(size), delta)
        assert len(stream_syntax.write_packet(packet, header)) - size == most


def test_samples_tell_where_they_belong() -> None:
    chunks, _ = decode(encode(wave(1000)))
    for chunk in chunks:
        assert chunk.time == pytest.approx(chunk.first / RATE)
        assert chunk.number == chunk.first // 48


def test_a_packet_leaves_as_soon_as_what_it_depends_on_is_there() -> None:
    encoder = Encoder(BUNDLE, rate=RATE, packet=0.5)
    need = encoder.packet_samples + round(encoder.delay * RATE)
    assert encoder.feed(wave(need - 1)) == []
    assert len(encoder.feed(wave(1))) == 2  # the first sync packet, and the packet


def test_samples_leave_as_soon_as_what_they_depend_on_is_there() -> None:
    packets = encode(wave(2000), packet=0.25)
    decoder = Decoder(BUNDLE)
    given = [sum(len(chunk.samples) for chunk in decoder.feed(packet)) for packet in packets]
    reach = 120  # of a synthesis of halo 4 at 4 levels: 4 (2 + 4 + 8 + 16)
    assert np.cumsum(given)[20] >= 32 * 20 - reach - 16


@pytest.mark.parametrize("lookahead", [0, 0.2, 0.5, 100])
def test_little_lookahead_gives_samples_earlier_and_hardly_worse(lookahead: float) -> None:
    samples = wave(2000)
    packets = encode(samples, packet=0.25)
    whole = joined(decode(packets)[0])
    decoder = Decoder(BUNDLE, lookahead=lookahead)
    pieces = [decoder.feed(packet) for packet in packets]
    chunks = [chunk for piece in pieces for chunk in piece] + decoder.flush()
    assert not decoder.tally
    assert {chunk.origin for chunk in chunks} == {"decoded"}
    assert sum(len(chunk.samples) for piece in pieces[:41] for chunk in piece) >= 40 * 32 - min(max(100 * lookahead, 16), 128) - 16
    if lookahead >= 0.5:
        np.testing.assert_allclose(joined(chunks), whole, atol=6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64", "bool"])
def test_dtypes_come_back(dtype: str) -> None:
    kind = np.dtype(dtype)
    values = beats(400, 2, 50) + (60 if kind.kind == "u" else 0)
    samples = (values > 20) if kind.kind == "b" else values.astype(kind)
    chunks, _ = decode(encode(samples, quality=95, **({"step": 0.5} if kind.kind == "f" else {})))
    assert joined(chunks).dtype == kind
    assert kind.kind == "b" or prdn(samples, joined(chunks)) < 15


def test_a_signal_that_outgrows_its_scale_begins_a_new_segment() -> None:
    samples = np.rint(beats(2000)).astype(np.int32)
    samples[700:1100] += 40_000_000
    samples[1500:] -= 9_000
    packets = encode(samples, quality=95)
    syncs = [p for p in packets if p[1] & 7 == 4]
    chunks, decoder = decode(packets)
    assert not decoder.tally
    assert len(syncs) > 3
    error = np.abs(joined(chunks)[:, 0].astype(np.int64) - samples)
    assert error[:550].max() < 40  # of packets that see nothing of what is loud
    assert error[550:600].max() < 400  # of one that sees it, and so has its scale; before, what it saw was cut off
    assert error[1800:].max() < 40
    assert error[750:1050].max() < 4_000_000
    assert decoder.header is not None
    assert decoder.header.shift == 0


def test_small_steps_of_the_baseline_need_no_new_segment() -> None:
    packets = encode((beats(3000) + np.arange(3000) / 30).astype(np.int16))
    assert sum(p[1] & 7 == 4 for p in packets if p[0] == 0xB5) == 1


@pytest.mark.parametrize("key", [None, 4])
def test_a_reader_may_join_at_any_sync_packet(key: float | None) -> None:
    samples = wave(4000)
    packets = encode(samples, sync=8, key=key)
    whole = joined(decode(packets)[0])
    start = [i for i, p in enumerate(packets) if p[0] == 0xB5 and p[1] & 7 == 4][2]
    chunks, decoder = decode(packets[start - 3 :])
    assert dict(decoder.tally) == {"joined": 1}
    assert chunks[0].origin == "edge"
    assert chunks[0].first % 48 == 0
    for chunk in chunks:
        if chunk.origin == "decoded":
            np.testing.assert_array_equal(chunk.samples, whole[chunk.first : chunk.first + len(chunk.samples)])
    assert sum(len(c.samples) for c in chunks if c.origin == "decoded") >= 4000 - chunks[0].first - 128


def test_two_streams_may_follow_each_other() -> None:
    first, second = encode(wave(500)), encode(wave(700))
    chunks, decoder = decode(first + second)
    assert dict(decoder.tally) == {"restarted": 1}
    assert sum(len(chunk.samples) for chunk in chunks) == 1200


def test_nothing_in_nothing_out() -> None:
    encoder, decoder = Encoder(BUNDLE, rate=RATE), Decoder(BUNDLE)
    assert encoder.feed(np.empty(0, np.int16)) == encoder.flush() == []
    assert decoder.feed(b"") == decoder.flush() == decoder.faults() == []


def test_what_travels_along_comes_back() -> None:
    _, decoder = decode(encode(wave(100, 2), columns=["a", "b"], units=["mV", "mV"]))
    assert decoder.header is not None
    assert b'"columns":["a","b"]' in decoder.header.facts


@pytest.mark.parametrize(
    "options",
    [
        *({"packet": value} for value in (0.2, 61, "2", float("nan"))),
        *({"key": value} for value in (0, -1, 61, "x")),
        {"bitrate": 300, "quality": 50},
        *({"bitrate": value} for value in (0, -5, 20, "x", float("inf"))),
        *({"effort": value} for value in (0, 3, "2")),
        {"quality": 101},
        {"rate": -1},
        {"sync": 0},
        {"reservoir": 0, "bitrate": 300},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Encoder(BUNDLE, **{"rate": RATE, "packet": 0.5, **options})


def test_a_model_without_a_rate_needs_one() -> None:
    with pytest.raises(InputError, match="give the samples a second"):
        Encoder(BUNDLE)


@pytest.mark.parametrize("samples", [np.zeros((10, 2), np.int16), np.zeros(10, np.int32), np.zeros(10), np.zeros((1, 1, 1)), [1, 2]])
def test_samples_unlike_the_first_are_refused(samples: np.ndarray) -> None:
    encoder = Encoder(BUNDLE, rate=RATE)
    encoder.feed(wave(10))
    with pytest.raises(InputError):
        encoder.feed(samples)


def test_float_samples_need_a_step() -> None:
    with pytest.raises(InputError, match="step"):
        Encoder(BUNDLE, rate=RATE).feed(beats(10))


def test_samples_after_the_end_are_refused() -> None:
    encoder = Encoder(BUNDLE, rate=RATE)
    encoder.feed(wave(10))
    assert len(encoder.flush()) == 3
    assert encoder.flush() == []
    with pytest.raises(InputError, match="flushed"):
        encoder.feed(wave(10))


def test_the_model_must_be_the_streams() -> None:
    packets = encode(wave(100))
    with pytest.raises(ModelError, match="not among the known ones"):
        Decoder().feed(b"".join(packets))
    header, number = stream_syntax.read_sync(packets[0][4:-2])
    foreign = stream_syntax.StreamHeader(1, *[getattr(header, name) for name in list(header.__dataclass_fields__)[1:12]])
    with pytest.raises(ModelError, match="00000001"):
        Decoder(BUNDLE).feed(stream_syntax.write_sync(foreign, number))


def test_pictures_have_no_streams() -> None:
    for kind in (Encoder, Decoder):
        with pytest.raises(ModelError):
            kind(IMAGE_BUNDLE)
