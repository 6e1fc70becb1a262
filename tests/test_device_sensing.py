"""The device's encoder of compressed sensing against the codec's: the same packets from the same samples."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from common import SENSING_BUNDLE
from device import DeviceError, SensedEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

import vaecodec
from vaecodec.codec._native import ffi, lib
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, LimitError
from vaecodec.export.firmware_model import Packets
from vaecodec.export.firmware_sensing import SensingDevice

WINDOW, RATE = 128, 360
# A quality of each ratio, in tenths.
QUALITIES = {16: 100, 32: 400, 64: 700}


@pytest.fixture(scope="module")
def bundle():
    return Bundle.open("ecg-cs")


def heartbeats(samples, channels=1, seed=0):
    """Something with beats, in 11 bits."""
    rng, n = np.random.default_rng(seed), np.arange(samples)
    beats = np.exp(-0.5 * (((n + rng.integers(300)) % 290 - 145) / 6.0) ** 2)[:, None] * rng.integers(200, 500, channels)
    return np.clip(np.rint(1024 + beats + 60 * np.sin(n / 700)[:, None] + rng.normal(0, 3, (samples, channels))), 0, 2047).astype(np.int16)


def host(bundle, x, *, rows, sync=4, quality=400, offsets=1024, shift=0, stream_id=7):
    """The stream of the Python encoder."""
    packet = rows * WINDOW / RATE
    settings = {"quality": quality / 10, "offset": offsets, "shift": shift, "stream_id": stream_id}
    encoder = vaecodec.Encoder(bundle, rate=RATE, packet=packet, sync=sync * packet, **settings)
    return encoder.feed(x[:, 0] if x.shape[1] == 1 else x) + encoder.flush(), encoder


def device(bundle, x, *, rows, sync=4, measurements=32, offsets=1024, stream_id=7, **more):
    """The stream of the device's encoder."""
    channels = x.shape[1]
    offsets = [offsets] * channels if isinstance(offsets, int) else offsets
    given = {"channels": channels, "rows": rows, "sync": sync, "offsets": offsets, "stream_id": stream_id, "quality": 400}
    encoder = SensedEncoder(bundle, measurements, **given | more)
    return encoder.feed(x) + encoder.flush()


def laid_out(bundle, measurements):
    """The tables of a ratio."""
    return SensingDevice(bundle, Packets(1, 6, 1, 30, Fraction(RATE), 480), measurements, "model")


def stream(packets):
    return b"".join(p if isinstance(p, bytes) else p.data for p in packets)


@pytest.mark.parametrize("samples", [1, 2, 127, 128, 129, 255, 256, 257, 383, 384, 385, 900, 3000])
@pytest.mark.parametrize("rows", [1, 3])
def test_streams_of_any_length_are_the_same(bundle, samples, rows):
    x = heartbeats(samples, seed=samples)
    assert stream(device(bundle, x, rows=rows)) == stream(host(bundle, x, rows=rows)[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2500), st.integers(1, 6), st.sampled_from([1, 2, 3]), st.sampled_from([16, 32, 64]), st.integers(0, 1000), st.integers(0, 3))
def test_any_settings_give_the_same_stream(samples, rows, channels, measurements, quality, shift):
    bundle = Bundle.open("ecg-cs")
    worst, best = laid_out(bundle, measurements).qualities
    chosen = worst + quality * (best - worst) // 1000
    x, offsets = heartbeats(samples, channels, samples), list(range(1000, 1000 + channels))
    ours = device(bundle, x, rows=rows, measurements=measurements, quality=chosen, offsets=offsets, shift=shift)
    assert stream(ours) == stream(host(bundle, x, rows=rows, quality=chosen, offsets=offsets, shift=shift)[0])


def test_ratios_share_the_qualities_out(bundle):
    ranges = [laid_out(bundle, measurements).qualities for measurements in (16, 32, 64)]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 1000
    for (_, best), (worst, _) in pairwise(ranges):
        assert worst == best + 1


@pytest.mark.parametrize("measurements", [16, 32, 64])
@pytest.mark.parametrize("value", [0, 1024, 2047, -32768, 32767])
def test_constant_and_saturated_signals(bundle, value, measurements):
    x, quality = np.full((1000, 1), value, np.int16), QUALITIES[measurements]
    ours, (theirs, reference) = device(bundle, x, rows=3, measurements=measurements, quality=quality), host(bundle, x, rows=3, quality=quality)
    assert stream(ours) == stream(theirs)
    assert ours[-1].saturated == reference.saturated == (1000 if value == -32768 else 0)


@pytest.mark.parametrize("measurements", [16, 32, 64])
def test_noise_over_the_whole_range(bundle, measurements):
    x, quality = np.random.default_rng(0).integers(-32768, 32768, (2000, 1)).astype(np.int16), QUALITIES[measurements]
    ours = device(bundle, x, rows=3, measurements=measurements, quality=quality, packet_bytes=1 << 14)
    assert stream(ours) == stream(host(bundle, x, rows=3, quality=quality)[0])


def test_another_model_runs_as_well():
    tiny, x = Bundle.open(SENSING_BUNDLE), heartbeats(1500, 2)
    packet = 8 * tiny.sensing.window / RATE
    for measurements in {tiny.sensing.ratios[number].measurements for _, number, _ in tiny.sensing.dial}:
        quality = laid_out(tiny, measurements).qualities[0]
        encoder = vaecodec.Encoder(tiny, rate=RATE, packet=packet, sync=4 * packet, quality=quality / 10, offset=1024, stream_id=7)
        theirs = encoder.feed(x) + encoder.flush()
        assert stream(device(tiny, x, rows=8, measurements=measurements, quality=quality)) == stream(theirs)


def test_facts_travel_along(bundle):
    x = heartbeats(500)
    encoder = vaecodec.Encoder(bundle, rate=RATE, packet=WINDOW / RATE, sync=4 * WINDOW / RATE, quality=40, offset=1024, stream_id=7, units=["ADU"])
    theirs = encoder.feed(x[:, 0]) + encoder.flush()
    facts = encoder._coder.header.facts
    assert facts
    assert stream(device(bundle, x, rows=1, facts=facts)) == stream(theirs)


def test_samples_one_by_one(bundle):
    x = heartbeats(700)
    encoder = SensedEncoder(bundle, 32, rows=3, sync=4, quality=400, offsets=[1024], stream_id=7)
    packets = [packet for sample in x for packet in encoder.feed(sample[None])] + encoder.flush()
    assert stream(packets) == stream(host(bundle, x, rows=3)[0])


def test_a_packet_that_waits_holds_the_samples_back(bundle):
    x = heartbeats(3000)
    encoder = SensedEncoder(bundle, 32, rows=3, sync=4, quality=400, offsets=[1024], stream_id=7)
    taken = encoder.push(x)
    assert 0 < taken < len(x)
    assert encoder.push(x[taken:]) == 0
    packets = [encoder.next()]
    assert packets[0] is not None
    assert encoder.next() is None
    packets += encoder.feed(x[taken:]) + encoder.flush()
    assert stream(packets) == stream(host(bundle, x, rows=3)[0])


def test_the_quality_changes_with_the_next_packet(bundle):
    x, rows = heartbeats(12 * 2 * WINDOW), 2
    encoder = SensedEncoder(bundle, 32, rows=rows, sync=3, quality=500, offsets=[1024])
    packets = encoder.feed(x[: 6 * rows * WINDOW - 50])
    encoder.quality(200)
    packets += encoder.feed(x[6 * rows * WINDOW - 50 :]) + encoder.flush()
    reader = vaecodec.Decoder()
    chunks = [chunk for packet in packets for chunk in reader.feed(packet.data)] + list(reader.flush())
    y = np.concatenate([np.asarray(chunk.samples) for chunk in chunks])
    assert not reader.faults()
    assert len(y) == len(x)
    error = (y.reshape(-1) - x[:, 0].astype(float)) ** 2
    assert error[: 6 * rows * WINDOW].mean() < 0.7 * error[6 * rows * WINDOW :].mean()


def test_packets_tell_what_they_are(bundle):
    packets = device(bundle, heartbeats(2000), rows=4)
    data = [p for p in packets if p.kind == 0]
    assert [p.number for p in data] == list(range(len(data)))
    assert [p.first for p in data] == [p.number * 4 * WINDOW for p in data]
    assert all(p.is_key for p in packets)
    assert packets[0].kind == 4
    assert packets[-1].kind == 3
    for p in data:
        assert abs(p.bits / 16 - 8 * len(p.data)) < 8 * 9


def test_an_unusual_packet_scores_high(bundle):
    x, odd = heartbeats(40 * 4 * WINDOW), 30
    x[odd * 4 * WINDOW : (odd + 1) * 4 * WINDOW] += np.random.default_rng(1).integers(-150, 150, (4 * WINDOW, 1)).astype(np.int16)
    packets = device(bundle, x, rows=4)
    scores = {p.number: p.score / 256 for p in packets if p.kind == 0}
    assert scores[odd] > 6
    assert np.percentile([abs(score) for number, score in scores.items() if abs(number - odd) > 1], 95) < 4


def test_a_packet_without_room_is_lost_and_said_so(bundle):
    x = np.concatenate([heartbeats(512), np.random.default_rng(0).integers(0, 2048, (256, 1)).astype(np.int16), heartbeats(1000)])
    encoder = SensedEncoder(bundle, 64, rows=2, sync=1, quality=1000, offsets=[1024], packet_bytes=140)
    packets, lost = encoder.feed_and_lose(x)
    packets += encoder.flush()
    assert lost >= 1
    reader = vaecodec.Decoder()
    for packet in packets:
        reader.feed(packet.data)
    reader.flush()
    assert {fault.kind for fault in reader.faults()} == {"lost"}


def test_bad_arguments_are_refused(bundle):
    settings = ({"quality": 1001}, {"quality": 700}, {"quality": 0}, {"effort": 0}, {"effort": 3}, {"shift": 16}, {"channels": 17})
    for wrong in (*settings, {"offsets": [-(1 << 31)]}):
        with pytest.raises(DeviceError, match="outside its range"):
            SensedEncoder(bundle, 32, **wrong)
    with pytest.raises(DeviceError, match="too small"):
        SensedEncoder(bundle, 32, memory=SensedEncoder(bundle, 32).memory_bytes - 8)
    with pytest.raises(DeviceError, match="too small"):
        SensedEncoder(bundle, 32, packet_bytes=40)
    with pytest.raises(DeviceError, match="damaged"):
        SensedEncoder(bundle, 32, damage=5)
    encoder = SensedEncoder(bundle, 32)
    for quality in (-1, 100, 600, 1001):
        with pytest.raises(DeviceError, match="outside its range"):
            encoder.quality(quality)
    assert encoder.push(heartbeats(10)) == 10


def test_null_is_an_argument_out_of_range(bundle):
    e, packet, sample = SensedEncoder(bundle, 32)._e, ffi.new("vc_encoder_packet *"), ffi.new("int16_t *")
    unbegun = ffi.new("vc_sense_encoder *")
    for code in (
        lib.vc_sense_encoder_begin(ffi.NULL, ffi.NULL, ffi.NULL, ffi.NULL, 0),
        *(lib.vc_sense_encoder_push(*arguments) for arguments in ((ffi.NULL, sample, 1), (e, ffi.NULL, 1), (e, sample, -1), (unbegun, sample, 1))),
        *(lib.vc_sense_encoder_next(*arguments) for arguments in ((ffi.NULL, packet), (e, ffi.NULL), (unbegun, packet))),
        *(lib.vc_sense_encoder_quality(which, 400) for which in (ffi.NULL, unbegun)),
        *(lib.vc_sense_encoder_flush(which) for which in (ffi.NULL, unbegun)),
    ):
        assert "outside its range" in ffi.string(lib.vc_error_text(code)).decode()
    assert lib.vc_sense_encoder_push(e, ffi.NULL, 0) == 0


def test_after_the_end_nothing_is_taken(bundle):
    encoder = SensedEncoder(bundle, 32, offsets=[1024])
    assert encoder.flush() == []
    with pytest.raises(DeviceError, match="has ended"):
        encoder.push(heartbeats(1))


def test_the_workspace_is_as_the_header_file_says(bundle):
    for measurements, channels in ((16, 1), (32, 2), (64, 16)):
        encoder = SensedEncoder(bundle, measurements, channels=channels, quality=QUALITIES[measurements])
        assert encoder.memory_bytes == encoder.planned_memory


def test_what_no_device_takes_is_refused(bundle):
    with pytest.raises(InputError, match="16, 32, 64 of 128"):
        SensedEncoder(bundle, 33)
    with pytest.raises(LimitError, match="at most 4194304"):
        SensedEncoder(bundle, 32, rows=1 << 16)
