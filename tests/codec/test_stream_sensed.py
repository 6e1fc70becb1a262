"""Streams of compressed sensing: what comes back, and what bad lines and hostile bytes do."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from common import SENSING_BUNDLE, beats, flip, prdn
from hypothesis import given, settings
from hypothesis import strategies as st

import vaecodec
from vaecodec.codec import stream_syntax
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import Cursor
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, VaecodecError
from vaecodec.codec.rate import SUBSTEPS, setting
from vaecodec.codec.stream_decoder import Chunk, Decoder, Fault
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_file import StreamFile
from vaecodec.codec.stream_syntax import DATA, StreamHeader, StreamPacket
from vaecodec.codec.stream_timeline import CONCEALED, DECODED, EDGE

BUNDLE = Bundle.open(SENSING_BUNDLE)
MODEL = BUNDLE.sensing
RATE = 100
PACKET = 4 * MODEL.window
SECONDS = PACKET / RATE
REACH = BUNDLE.manifest["halo"] * MODEL.window


def wave(length: int, channels: int = 1) -> np.ndarray:
    return np.stack([np.rint(beats(length, seed=i)).astype(np.int16) for i in range(channels)], 1)


def encode(samples: np.ndarray, **options: object) -> list[bytes]:
    encoder = Encoder(BUNDLE, **{"rate": RATE, "packet": SECONDS, "sync": 1000, "stream_id": 3, **options})
    return encoder.feed(samples) + encoder.flush()


def decode(packets: list[bytes], **options: object) -> tuple[list[Chunk], list[Fault]]:
    decoder = Decoder(BUNDLE, **options)
    chunks = [chunk for packet in packets for chunk in decoder.feed(packet)]
    return [*chunks, *decoder.flush()], decoder.faults()


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


def header(packets: list[bytes]) -> StreamHeader:
    """Of the first sync packet."""
    return stream_syntax.read_sync_at_start(packets[0])[0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", [{}, {"offset": 0}, {"offset": 0, "shift": 2}, {"quality": 90}, {"quality": 5}])
def test_an_intact_stream_comes_back_without_a_fault(channels: int, options: dict[str, object]) -> None:
    x = wave(20 * PACKET + 5, channels)
    chunks, faults = decode(encode(x, **options))
    assert not faults
    assert {chunk.origin for chunk in chunks} == {DECODED}
    assert joined(chunks).shape == x.shape
    assert joined(chunks).dtype == x.dtype


def test_a_stream_is_as_good_as_a_file() -> None:
    x = wave(40 * PACKET)
    file = vaecodec.load(SENSING_BUNDLE).encode(x, quality=60)
    best = vaecodec.decode(file, model=SENSING_BUNDLE)
    found = joined(decode(encode(x, quality=60))[0])
    assert prdn(found, x) < 1.05 * prdn(best, x)


@pytest.mark.parametrize("length", [1, 15, 16, 17, PACKET - 1, PACKET, PACKET + 1, 500])
def test_any_length_comes_back(length: int) -> None:
    x = wave(length)
    chunks, faults = decode(encode(x))
    assert not faults
    assert len(joined(chunks)) == length


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 300), max_size=12))
def test_the_pieces_that_samples_come_in_do_not_matter(pieces: list[int]) -> None:
    x = wave(1000)
    encoder, packets, at = Encoder(BUNDLE, rate=RATE, packet=SECONDS, sync=1000, stream_id=3), [], 0
    for piece in [*pieces, len(x)]:
        packets += encoder.feed(x[at : at + piece])
        at += piece
    assert packets + encoder.flush() == encode(x)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=30))
def test_the_pieces_that_bytes_come_in_do_not_matter(sizes: list[int]) -> None:
    stream = b"".join(encode(wave(1000)))
    decoder, chunks, at = Decoder(BUNDLE), [], 0
    for size in [*sizes, len(stream)]:
        chunks += decoder.feed(stream[at : at + size])
        at += size
    np.testing.assert_allclose(joined(chunks + decoder.flush()), joined(decode([stream])[0]), atol=1)


def test_a_packet_leaves_with_its_last_sample() -> None:
    encoder = Encoder(BUNDLE, rate=RATE, packet=SECONDS)
    assert encoder.delay == 0
    assert encoder.feed(wave(PACKET - 1)) == []
    assert len(encoder.feed(wave(1))) == 2


def test_a_scale_that_grows_begins_a_segment() -> None:
    x = wave(12 * PACKET).astype(np.int32)
    x[6 * PACKET :] *= 500
    packets = encode(x)
    assert sum(packet[1] & 7 == stream_syntax.KIND_SYNC for packet in packets) >= 2
    chunks, faults = decode(packets)
    assert not faults
    assert prdn(joined(chunks)[6 * PACKET :], x[6 * PACKET :]) < 25


def test_a_bit_rate_changes_steps_and_ratios() -> None:
    packets = encode(np.concatenate([wave(20 * PACKET), 4 * wave(20 * PACKET)]), bitrate=325)
    assert len({MODEL.dial[t][1] for _, t, _ in StreamFile(BUNDLE).latents(b"".join(packets))}) > 1
    chunks, faults = decode(packets)
    assert not faults
    assert len(joined(chunks)) == 40 * PACKET


def test_the_latents_of_a_stream_are_the_models_measurements() -> None:
    x = wave(3 * PACKET)
    t, part = divmod(setting(60, MODEL.t_lo, MODEL.t_hi), SUBSTEPS)
    for number, step, (z,) in StreamFile(BUNDLE).latents(b"".join(encode(x, offset=0, quality=60))):
        assert step == t
        np.testing.assert_array_equal(z, MODEL.measure(x[number * PACKET : (number + 1) * PACKET], t, MODEL.rounding - part))


def test_info_tells_of_a_stream() -> None:
    found = vaecodec.load(SENSING_BUNDLE).info(b"".join(encode(wave(10 * PACKET))))
    assert (found["packets"], found["samples"], found["delta_packets"]) == (10, 10 * PACKET, 0)
    assert found["packet_seconds"] == SECONDS


# --- bad lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [{5}, {5, 6, 7}, {3, 5, 9}, {19}, set(range(4, 9))])
def test_lost_packets_are_reported_and_cost_their_neighbourhood_only(missing: set[int]) -> None:
    packets = encode(wave(20 * PACKET))
    truth = joined(decode(packets)[0])
    kept = [packet for i, packet in enumerate(packets) if i - 1 not in missing]
    chunks, faults = decode(kept)
    assert {fault.kind for fault in faults} == {"lost"}
    assert sum(fault.count for fault in faults) == len(missing)
    assert len(joined(chunks)) == len(truth)
    for chunk in chunks:
        span = slice(chunk.first, chunk.first + len(chunk.samples))
        assert (chunk.origin == CONCEALED) == (chunk.number in missing)
        if chunk.origin == DECODED:
            np.testing.assert_allclose(chunk.samples, truth[span], atol=1)
        near = any(number * PACKET - REACH - PACKET < chunk.first < (number + 1) * PACKET + REACH for number in missing)
        assert chunk.origin != EDGE or near


def test_what_is_made_up_is_the_baseline() -> None:
    x = wave(20 * PACKET)
    packets = encode(x)
    made_up = [chunk.samples for chunk in decode(packets[:8] + packets[9:])[0] if chunk.origin == CONCEALED]
    assert len(np.unique(np.concatenate(made_up))) == 1
    assert x.min() < made_up[0][0, 0] < x.max()


def test_a_reader_may_join_at_any_sync_packet() -> None:
    packets = encode(wave(20 * PACKET), sync=5 * SECONDS)
    places = [i for i, packet in enumerate(packets) if packet[1] & 7 == stream_syntax.KIND_SYNC]
    assert len(places) == 4
    chunks, faults = decode(packets[places[2] :])
    assert [fault.kind for fault in faults] == ["joined"]
    assert (chunks[0].first, chunks[0].origin, chunks[-1].origin) == (10 * PACKET, EDGE, DECODED)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30))
def test_a_flipped_bit_costs_one_packet(place: int) -> None:
    packets = encode(wave(10 * PACKET), sync=3 * SECONDS)
    stream = b"".join(packets)
    first = 8 * len(packets[0])
    chunks, faults = decode([flip(stream, first + place % (8 * len(stream) - first))])
    counts = Counter(fault.kind for fault in faults)
    assert sum(fault.count for fault in faults if fault.kind == "lost") <= 1
    assert set(counts) <= {"lost", "damaged", "truncated"}
    assert len(joined(chunks)) >= 9 * PACKET


def packet_of(packets: list[bytes], number: int, payload: bytes, **fields: object) -> bytes:
    """Any payload with a right check."""
    return stream_syntax.write_packet(replace(StreamPacket(DATA, number, payload), **fields), header(packets))


@pytest.mark.parametrize("fields", [{"step_code": 255}, {"delta": True}, {"samples": PACKET + 1}, {"delta": True, "step_code": 3}])
def test_a_packet_that_no_encoder_wrote_counts_as_lost(fields: dict[str, object]) -> None:
    packets = encode(wave(10 * PACKET))
    assert MODEL.codes <= 255
    forged = [*packets[:4], packet_of(packets, 3, b"\x12\x34", **fields), *packets[5:]]
    chunks, faults = decode(forged)
    assert [(fault.kind, fault.number) for fault in faults] == [("undecodable", 3)]
    assert len(joined(chunks)) == 10 * PACKET


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([None, 0, 7, 20]), st.sampled_from([None, 1, 17, PACKET]))
def test_any_payload_decodes_or_counts_as_lost(payload: bytes, step_code: int | None, samples: int | None) -> None:
    packets = encode(wave(4 * PACKET))
    chunks, faults = decode([*packets[:3], packet_of(packets, 2, payload, step_code=step_code, samples=samples)])
    assert {fault.kind for fault in faults} <= {"undecodable", "truncated"}
    assert all(np.isfinite(chunk.samples).all() for chunk in chunks)


@pytest.mark.parametrize("seed", range(6))
def test_noise_among_packets_raises_nothing(seed: int) -> None:
    rng = random.Random(seed)
    packets = encode(wave(20 * PACKET), sync=2 * SECONDS)
    mixed = [piece for packet in packets for piece in ((packet, rng.randbytes(rng.randrange(30))) if rng.random() < 0.5 else (packet,))]
    chunks, faults = decode(mixed)
    assert len(joined(chunks)) == 20 * PACKET
    assert {fault.kind for fault in faults} <= {"damaged", "late", "undecodable"}


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"group": 2}, FormatError), ({"rows": 1 << 20}, LimitError), ({"model_id": 1}, ModelError), ({"step_code": 255}, None)],
)
def test_sync_packets_that_no_encoder_wrote(fields: dict[str, int], error: type[VaecodecError] | None) -> None:
    forged = replace(header(encode(wave(PACKET))), **fields)
    decoder = Decoder(BUNDLE)
    packets = stream_syntax.write_sync(forged, 0), stream_syntax.write_packet(StreamPacket(DATA, 0, b"\x01"), forged)
    if error is None:
        for packet in packets:
            assert decoder.feed(packet) == []
        assert decoder.flush() == []
        assert [fault.kind for fault in decoder.faults()] == ["undecodable", "truncated"]
    else:
        with pytest.raises(error):
            decoder.feed(packets[0])


def test_key_packets_are_all_that_there_is() -> None:
    with pytest.raises(InputError, match="decode alone"):
        encode(wave(PACKET), key=4)


def test_packets_are_framed_in_full() -> None:
    packets = encode(wave(4 * PACKET))
    assert all(packet[0] == 0xB5 for packet in packets)
    assert Cursor(packets[1]).uint(1, "sync") == 0xB5
