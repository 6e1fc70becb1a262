"""The bit rate of streams: held over every stretch of time, and used."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats, prdn

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.stream_decoder import Decoder
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_rate import Reservoir

BUNDLE = Bundle.open(SIGNAL_BUNDLE)
RATE = 100
SECONDS = 0.48  # a packet of three blocks


def uneven(length: int) -> np.ndarray:
    """Beats whose size and noise change all the time."""
    random = np.random.default_rng(3)
    loud = 0.1 + np.abs(np.sin(np.arange(length) / 700))
    return np.rint(loud * (beats(length) + 40 * random.standard_normal(length))).astype(np.int16)


def stream(samples: np.ndarray, **options: object) -> list[bytes]:
    encoder = Encoder(BUNDLE, **{"rate": RATE, "packet": 0.5, "sync": 1000, **options})
    return encoder.feed(samples) + encoder.flush()


def worst(sizes: list[int], bitrate: float) -> float:
    """The most bits by which any run of packets exceeds the bit rate."""
    over = np.cumsum([0.0, *(8 * size - bitrate * SECONDS for size in sizes)])
    return float((over - np.minimum.accumulate(over)).max())


@pytest.mark.parametrize("bitrate", [200, 400, 1000])
@pytest.mark.parametrize("reservoir", [1, 10])
@pytest.mark.parametrize("key", [None, 4])
def test_no_stretch_of_time_exceeds_the_rate_by_more_than_the_reservoir(bitrate: float, reservoir: float, key: float | None) -> None:
    packets = stream(uneven(12000), bitrate=bitrate, reservoir=reservoir, key=key)
    capacity = max(bitrate * reservoir, 2 * bitrate * SECONDS)
    data = packets[1:-1]
    assert worst([len(packet) for packet in data], bitrate) <= capacity
    assert 8 * sum(map(len, packets)) <= bitrate * 120 + capacity + 8 * (len(packets[0]) + len(packets[-1]))


@pytest.mark.parametrize("bitrate", [300, 600])
def test_the_rate_is_used(bitrate: float) -> None:
    assert 8 * sum(map(len, stream(uneven(12000), bitrate=bitrate))) > 0.93 * bitrate * 120


def test_more_bits_buy_fidelity() -> None:
    samples, errors = uneven(8000), []
    for bitrate in (200, 400, 800, 1600):
        decoder = Decoder(BUNDLE)
        chunks = decoder.feed(b"".join(stream(samples, bitrate=bitrate))) + decoder.flush()
        assert not decoder.tally
        errors.append(prdn(samples, np.concatenate([chunk.samples for chunk in chunks])[:, 0]))
    assert errors == sorted(errors, reverse=True)


def test_a_quiet_signal_leaves_bits_unused() -> None:
    assert 8 * sum(map(len, stream(np.zeros(12000, np.int16), bitrate=1000))) < 0.3 * 1000 * 120


def test_noise_is_cut_to_the_rate() -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, 6000).astype(np.int16)
    packets = stream(noise, bitrate=150, reservoir=1)
    assert worst([len(packet) for packet in packets[1:-1]], 150) <= 150
    assert {len(packet) for packet in packets[1:-1]} <= set(range(6, 60))


def test_a_metadata_debt_is_paid_back() -> None:
    packets = stream(uneven(12000), bitrate=400, columns=["x" * 500], sync=20)
    assert 8 * sum(map(len, packets)) < 400 * 120 + 4000 + 8 * 600


def test_sync_packets_count_where_a_rate_is_too_low() -> None:
    with pytest.raises(InputError, match="sync packets take"):
        stream(uneven(1200), bitrate=130, columns=["x" * 500], sync=20)


def test_a_rate_below_the_framing_is_refused() -> None:
    with pytest.raises(InputError, match="longer packets"):
        Reservoir(100, 10, Fraction(2))
    Reservoir(112, 10, Fraction(2))
