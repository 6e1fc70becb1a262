"""Streams that lie, or come from elsewhere: what was found to break readers."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import vaecodec
from vaecodec import Decoder, Encoder, InputError, ModelError
from vaecodec.codec.balance import channel_prdn
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.stream_syntax import DATA, StreamHeader, StreamPacket, read_sync_at_start, write_packet, write_sync

ECG = Bundle.open("ecg")
RATE = 360


def beats(seconds: float, height: float = 300.0, seed: int = 0) -> np.ndarray:
    t = np.arange(int(RATE * seconds)) / RATE
    return (1000 + height * np.exp(-(((t * 1.2 % 1 - 0.5) / 0.03) ** 2)) + np.random.default_rng(seed).normal(0, 3, t.size)).astype(np.int16)


def packets_of(samples: np.ndarray, **options: object) -> list[bytes]:
    encoder = Encoder(ECG, **options)
    return encoder.feed(samples) + encoder.flush()


def read(stream: bytes, piece: int = 1 << 16, **options: object) -> tuple[np.ndarray, Decoder]:
    decoder = Decoder(**options)
    chunks = [chunk for at in range(0, len(stream), piece) for chunk in decoder.feed(stream[at : at + piece])] + decoder.flush()
    return np.concatenate([np.asarray(c.samples).reshape(len(c.samples), -1) for c in chunks]) if chunks else np.empty((0, 1)), decoder


@pytest.mark.parametrize("piece", [1024, 1 << 20])
@pytest.mark.parametrize("size", [9_000, 20_000, 60_000])
def test_long_metadata_lose_nothing(size: int, piece: int) -> None:
    samples = beats(20)
    got, decoder = read(b"".join(packets_of(samples, extra={"note": "a" * size})), piece)
    assert len(got) == len(samples)
    assert not decoder.tally


@pytest.mark.parametrize("far", [300, 1000, 1 << 40])
def test_one_sync_packet_with_a_far_number_does_not_deafen(far: int) -> None:
    samples = beats(100)
    packets = packets_of(samples, sync=10)
    header, _ = read_sync_at_start(packets[0])
    got, decoder = read(b"".join([*packets[:20], write_sync(header, far), *packets[20:]]))
    assert len(got) == len(samples)
    assert not decoder.tally


def test_a_restart_that_begins_like_the_first_stream_is_seen() -> None:
    first, second = beats(20, seed=1), beats(30, -300, seed=2)
    first[: 4 * RATE] = second[: 4 * RATE] = 0
    got, decoder = read(b"".join([*packets_of(first)[:-1], *packets_of(second)]))
    assert decoder.tally["restarted"] == 1
    assert decoder.tally["duplicated"] == 0
    assert len(got) > len(first) - 1000 + len(second)


def test_what_is_quiet_beside_something_loud_stays_right() -> None:
    samples = np.concatenate([beats(10), beats(10) + 20_000]).astype(np.int16)
    got, decoder = read(b"".join(packets_of(samples, quality=100)))
    assert not decoder.tally
    assert np.abs(got[:, 0].astype(int) - samples)[: 10 * RATE].max() < 200


def test_a_lapped_model_codes_streams() -> None:
    t = np.arange(16000) / 8000
    samples = (6000 * np.sin(2 * np.pi * 300 * t) * np.exp(-(((t % 0.5) - 0.2) ** 2) * 40)).astype(np.int16)
    for options in ({}, {"key": 2.0}, {"packet": 0.25}):
        encoder = Encoder("speech8k", rate=8000, quality=80, **options)
        got, decoder = read(b"".join(encoder.feed(samples) + encoder.flush()))
        assert not decoder.tally
        error = got[:, 0].astype(float) - samples
        assert np.sqrt((error**2).mean()) < 0.1 * samples.std()


def test_a_lapped_model_follows_a_change_of_scale() -> None:
    t = np.arange(24000) / 8000
    samples = np.rint(3000 * np.sin(2 * np.pi * 200 * t) + np.where(t > 1.5, 60_000, 0) + 500).astype(np.int32)
    encoder = Encoder("speech8k", rate=8000, quality=90, packet=0.25)
    got, decoder = read(b"".join(encoder.feed(samples) + encoder.flush()))
    assert not decoder.tally
    error = np.abs(got[:, 0].astype(float) - samples)
    assert error[:9000].max() < 1500
    assert error[16000:].max() < 1500


def test_incomplete_packets_everywhere_take_linear_time() -> None:
    header = StreamHeader(ECG.model_id, ECG.synthesis_id, 100, Fraction(RATE), 3, 1 << 14, 1, 0, (0,), 5)
    start = write_sync(header, 0) + write_packet(StreamPacket(DATA, 0, b""), header)
    junk = bytes.fromhex("b51000ffff03") * 3000
    decoder, began = Decoder(), time.process_time()
    decoder.feed(start)
    for at in range(len(junk)):
        decoder.feed(junk[at : at + 1])
    assert time.process_time() - began < 5


def test_a_gap_at_a_huge_rate_is_not_made_up_for_ever() -> None:
    header = StreamHeader(ECG.model_id, ECG.synthesis_id, 100, Fraction(1_000_000), 3, 1, 1, 0, (0,), 5)
    far = 60 * 1_000_000 // 64 - 8
    packet = [write_packet(StreamPacket(DATA, number, b""), header) for number in (0, far, far + 1, far + 2, far + 3)]
    began = time.process_time()
    _, decoder = read(b"".join([write_sync(header, 0), packet[0], write_sync(header, far), *packet[1:]]))
    assert decoder.tally["lost"] == 1
    assert time.process_time() - began < 20


def test_no_bytes_are_refused() -> None:
    for wrong in ("text", 3, [1, 2], None, np.zeros(3, np.uint8)):
        with pytest.raises(InputError, match="comes as bytes"):
            Decoder().feed(wrong)  # type: ignore[arg-type]


def test_models_without_streams_say_so() -> None:
    for make in (Encoder, Decoder):
        with pytest.raises(ModelError, match="pictures; streams take"):
            make("photo")


def test_masked_samples_are_refused() -> None:
    with pytest.raises(InputError, match="masked"):
        Encoder(ECG).feed(np.ma.masked_equal(beats(1), 1000))


def test_segments_are_of_one_stream_id() -> None:
    header, _ = read_sync_at_start(packets_of(beats(3), stream_id=77)[0])
    assert header.stream_id == 77
    other, _ = read_sync_at_start(packets_of(beats(3))[0])
    assert replace(other, stream_id=77) == header


def test_the_models_codec_decodes_streams_and_says_their_rate() -> None:
    samples = beats(5)
    stream = b"".join(packets_of(samples))
    np.testing.assert_array_equal(vaecodec.load("ecg").decode(stream), read(stream)[0][:, 0])


def test_a_brief_files_rate_is_the_models() -> None:
    codec = vaecodec.load("speech8k")
    brief = codec.encode((3000 * np.sin(np.arange(4000) / 9)).astype(np.int16), rate=8000)
    assert vaecodec.info(brief)["rate"] == 8000


def test_quiet_channels_beside_very_loud_ones_are_balanced() -> None:
    rng = np.random.default_rng(3)
    samples = np.rint(np.cumsum(rng.normal(0, 1, (600, 3)), 0) * [1, 3000, 1e6]).astype(np.int32)
    codec = vaecodec.load("imu")
    stream = codec.encode(samples, rate=100, prdn=20)
    assert (channel_prdn(samples, codec.decode(stream)) <= 20).all()


def test_key_packets_are_at_least_a_packet_apart() -> None:
    with pytest.raises(InputError, match="at least a packet apart"):
        Encoder(ECG, packet=2, key=1)
