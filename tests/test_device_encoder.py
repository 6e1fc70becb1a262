"""The device's encoder against the codec's: the same packets from the same samples."""

from __future__ import annotations

import numpy as np
import pytest
from device import DeviceEncoder, DeviceError
from hypothesis import given, settings
from hypothesis import strategies as st

import vaecodec
from vaecodec.codec.bundle import Bundle

BLOCK = 64
RATE = 360


@pytest.fixture(scope="module")
def ecg():
    return Bundle.open("ecg")


def heartbeats(samples, channels=1, seed=0):
    """Something with beats, in 11 bits."""
    rng, n = np.random.default_rng(seed), np.arange(samples)
    beats = np.exp(-0.5 * (((n + rng.integers(300)) % 290 - 145) / 6.0) ** 2)[:, None] * rng.integers(200, 500, channels)
    drift = 60 * np.sin(n / 700)[:, None]
    return np.clip(np.rint(1024 + beats + drift + rng.normal(0, 3, (samples, channels))), 0, 2047).astype(np.int16)


def host(bundle, x, *, rows, group=1, sync=4, quality=600, effort=2, offsets=1024, shift=0, stream_id=7):
    """The stream of the Python encoder."""
    packet = rows * BLOCK / RATE
    encoder = vaecodec.Encoder(bundle, rate=RATE, packet=packet, key=group * packet if group > 1 else None, sync=sync * packet, quality=quality / 10,
                               effort=effort, offset=offsets, shift=shift, stream_id=stream_id)
    return encoder.feed(x[:, 0] if x.shape[1] == 1 else x) + encoder.flush(), encoder


def device(bundle, x, *, rows, group=1, sync=4, quality=600, effort=2, offsets=1024, shift=0, stream_id=7, **more):
    """The stream of the device's encoder, and what it says of its packets."""
    channels = x.shape[1]
    offsets = [offsets] * channels if isinstance(offsets, int) else offsets
    encoder = DeviceEncoder(bundle, channels=channels, rows=rows, group=group, sync=-(-sync // group) * group, quality=quality, effort=effort,
                            shift=shift, offsets=offsets, stream_id=stream_id, **more)
    return encoder.feed(x) + encoder.flush(), encoder


def stream(packets):
    return b"".join(p if isinstance(p, bytes) else p.data for p in packets)


@pytest.mark.parametrize("samples", [1, 2, 63, 64, 65, 255, 256, 257, 447, 448, 449, 900, 3000])
@pytest.mark.parametrize("rows", [2, 7])
def test_streams_of_any_length_are_the_same(ecg, samples, rows):
    x = heartbeats(samples, seed=samples)
    assert stream(device(ecg, x, rows=rows)[0]) == stream(host(ecg, x, rows=rows)[0])


@settings(max_examples=25, deadline=None)
@given(
    *(st.integers(1, 2500), st.integers(2, 12), st.integers(1, 4), st.sampled_from([1, 2, 3])),
    *(st.integers(0, 1000), st.sampled_from([1, 2]), st.integers(0, 3)),
)
def test_any_settings_give_the_same_stream(samples, rows, group, channels, quality, effort, shift):
    x = heartbeats(samples, channels, samples)
    given_ = {"rows": rows, "group": group, "quality": quality, "effort": effort, "offsets": list(range(1000, 1000 + channels)), "shift": shift}
    bundle = Bundle.open("ecg")
    assert stream(device(bundle, x, **given_)[0]) == stream(host(bundle, x, **given_)[0])


@pytest.mark.parametrize("quality", range(0, 1001, 25))
def test_qualities_are_the_codecs(ecg, quality):
    x = heartbeats(256)
    assert stream(device(ecg, x, rows=4, quality=quality)[0]) == stream(host(ecg, x, rows=4, quality=quality)[0])


def test_other_models_run_as_well():
    imu, x = Bundle.open("imu"), heartbeats(1500, 6)
    assert stream(device(imu, x, rows=5)[0]) == stream(host(imu, x, rows=5)[0])


def test_facts_travel_along(ecg):
    x = heartbeats(500)
    encoder = vaecodec.Encoder(ecg, rate=RATE, packet=4 * BLOCK / RATE, sync=16 * BLOCK / RATE, offset=1024, stream_id=7, units=["ADU"])
    theirs = encoder.feed(x[:, 0]) + encoder.flush()
    facts = encoder._coder.header.facts
    assert facts
    assert stream(device(ecg, x, rows=4, facts=facts)[0]) == stream(theirs)


@pytest.mark.parametrize("value", [0, 1024, 2047, -32768, 32767])
def test_constant_and_saturated_signals(ecg, value):
    x = np.full((1000, 1), value, np.int16)
    (ours, _), (theirs, reference) = device(ecg, x, rows=5), host(ecg, x, rows=5)
    assert stream(ours) == stream(theirs)
    assert ours[-1].saturated == reference.saturated == (1000 if abs(value) > 3000 else 0)


def test_noise_over_the_whole_range(ecg):
    x = np.random.default_rng(0).integers(-32768, 32768, (1000, 1)).astype(np.int16)
    assert stream(device(ecg, x, rows=5)[0]) == stream(host(ecg, x, rows=5)[0])


def test_samples_one_by_one(ecg):
    x = heartbeats(700)
    encoder = DeviceEncoder(ecg, rows=3, sync=4, offsets=[1024], stream_id=7)
    packets = [packet for sample in x for packet in encoder.feed(sample[None])] + encoder.flush()
    assert stream(packets) == stream(host(ecg, x, rows=3)[0])


def test_a_packet_that_waits_holds_the_samples_back(ecg):
    x = heartbeats(3000)
    encoder = DeviceEncoder(ecg, rows=3, sync=4, offsets=[1024], stream_id=7)
    taken = encoder.push(x)
    assert 0 < taken < len(x)
    assert encoder.push(x[taken:]) == 0
    packets = [encoder.next()]
    assert packets[0] is not None
    assert encoder.next() is None
    packets += encoder.feed(x[taken:]) + encoder.flush()
    assert stream(packets) == stream(host(ecg, x, rows=3)[0])


def test_the_quality_changes_with_the_next_packet(ecg):
    x, rows, group = heartbeats(6 * 4 * BLOCK), 4, 3
    encoder = DeviceEncoder(ecg, rows=rows, group=group, sync=3, offsets=[1024])
    packets = encoder.feed(x[:1100])
    encoder.quality(200)
    packets += encoder.feed(x[1100:]) + encoder.flush()
    reader = vaecodec.Decoder()
    chunks = [chunk for packet in packets for chunk in reader.feed(packet.data)] + list(reader.flush())
    y = np.concatenate([np.asarray(chunk.samples) for chunk in chunks])
    assert not reader.faults()
    assert len(y) == len(x)
    error = (y.reshape(-1) - x[:, 0].astype(float)) ** 2
    assert error[:600].mean() < 0.7 * error[-700:].mean()


def test_packets_tell_what_they_are(ecg):
    x = heartbeats(2000)
    packets, _ = device(ecg, x, rows=4, group=2)
    data = [p for p in packets if p.kind == 0]
    assert [p.number for p in data] == list(range(len(data)))
    assert [p.first for p in data] == [p.number * 4 * BLOCK for p in data]
    assert [p.is_key for p in data] == [p.number % 2 == 0 for p in data]
    assert packets[0].kind == 4
    assert packets[-1].kind == 3
    for p in data:
        assert abs(p.bits / 16 - 8 * len(p.data)) < 8 * 9


def test_an_unusual_packet_scores_high(ecg):
    x = heartbeats(40 * 4 * BLOCK)
    odd = 30
    noise = np.random.default_rng(1).integers(-60, 60, (4 * BLOCK, 1)).astype(np.int16)
    x[odd * 4 * BLOCK : (odd + 1) * 4 * BLOCK] = heartbeats(4 * BLOCK, seed=5)[::-1] + noise
    packets, _ = device(ecg, x, rows=4)
    scores = {p.number: p.score / 256 for p in packets if p.kind == 0}
    assert scores[odd] > 6
    assert np.percentile([abs(score) for number, score in scores.items() if abs(number - odd) > 1], 95) < 4


def test_a_packet_without_room_is_lost_and_said_so(ecg):
    x = np.concatenate([heartbeats(512), np.random.default_rng(0).integers(0, 2048, (256, 1)).astype(np.int16), heartbeats(1000)])
    encoder = DeviceEncoder(ecg, rows=4, sync=1, quality=1000, offsets=[1024], packet_bytes=300)
    packets, lost = encoder.feed_and_lose(x)
    packets += encoder.flush()
    assert lost >= 1
    reader = vaecodec.Decoder()
    for packet in packets:
        reader.feed(packet.data)
    reader.flush()
    assert {fault.kind for fault in reader.faults()} == {"lost"}


def test_bad_arguments_are_refused(ecg):
    for wrong in ({"quality": 1001}, {"effort": 0}, {"effort": 3}, {"shift": 16}, {"channels": 17}):
        with pytest.raises(DeviceError, match="outside its range"):
            DeviceEncoder(ecg, **wrong)
    with pytest.raises(DeviceError, match="too small"):
        DeviceEncoder(ecg, memory=DeviceEncoder(ecg).memory_bytes - 8)
    with pytest.raises(DeviceError, match="too small"):
        DeviceEncoder(ecg, packet_bytes=40)
    with pytest.raises(DeviceError, match="damaged"):
        DeviceEncoder(ecg, damage=True)


def test_after_the_end_nothing_is_taken(ecg):
    encoder = DeviceEncoder(ecg, offsets=[1024])
    assert encoder.flush() == []
    with pytest.raises(DeviceError, match="has ended"):
        encoder.push(heartbeats(1))


def test_a_fixed_scale_is_checked():
    with pytest.raises(vaecodec.InputError, match="offsets for 2 channels"):
        vaecodec.Encoder("ecg", offset=[1, 2, 3]).feed(np.zeros((10, 2), np.int16))
    with pytest.raises(vaecodec.InputError, match="takes an offset"):
        vaecodec.Encoder("ecg", shift=2)
    with pytest.raises(vaecodec.InputError, match="stream_id"):
        vaecodec.Encoder("ecg", stream_id=65536)
