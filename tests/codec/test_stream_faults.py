"""Streams on bad lines: what is lost, damaged, doubled or out of order is reported, and harms nothing beyond its reach."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats, flip
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import stream_syntax
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, VaecodecError
from vaecodec.codec.stream_decoder import Chunk, Decoder, Fault
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_timeline import CONCEALED, DECODED, EDGE

BUNDLE = Bundle.open(SIGNAL_BUNDLE)
RATE = 100
PACKET = 48
# Blocks of 16 samples on which the synthesis of halo 4 at 4 levels depends, to each side.
REACH = 8 * 16


def encode(length: int = 4800, **options: object) -> list[bytes]:
    encoder = Encoder(BUNDLE, **{"rate": RATE, "packet": 0.5, "sync": 1000, **options})
    return encoder.feed(np.rint(beats(length)).astype(np.int16)) + encoder.flush()


def decode(stream: list[bytes], **options: object) -> tuple[list[Chunk], list[Fault]]:
    decoder = Decoder(BUNDLE, **options)
    chunks = [chunk for packet in stream for chunk in decoder.feed(packet)]
    chunks += decoder.flush()
    return chunks, decoder.faults()


def kinds(faults: list[Fault]) -> Counter[str]:
    return Counter(fault.kind for fault in faults)


def lost(faults: list[Fault]) -> set[int]:
    """Numbers of packets of which nothing was decoded."""
    found = {fault.number + i for fault in faults if fault.kind == "lost" for i in range(fault.count)}
    return found | {fault.number for fault in faults if fault.kind in ("unusable", "undecodable")}


def check(chunks: list[Chunk], truth: np.ndarray, missing: set[int]) -> None:
    """Samples follow each other; they are exact but where packets are missing, and within the reach of these."""
    ends = [chunk.first + len(chunk.samples) for chunk in chunks]
    assert [chunk.first for chunk in chunks[1:]] == ends[:-1]
    assert (chunks[0].first, ends[-1]) == (0, len(truth))
    gaps = np.zeros(len(truth), bool)
    for number in missing:
        gaps[number * PACKET : (number + 1) * PACKET] = True
    near = np.convolve(gaps, np.ones(2 * REACH + 1), "same") > 0
    for chunk in chunks:
        span = slice(chunk.first, chunk.first + len(chunk.samples))
        if chunk.origin == DECODED:
            np.testing.assert_array_equal(chunk.samples, truth[span])
        assert (chunk.origin == CONCEALED) == gaps[span].all() == gaps[span].any()
        assert chunk.origin != EDGE or near[span].any()
        assert chunk.origin != DECODED or not near[span][15:-15].any()


INTACT = encode()
TRUTH = np.concatenate([chunk.samples for chunk in decode(INTACT)[0]])


@pytest.mark.parametrize("missing", [{5}, {5, 6, 7}, {20, 22, 24, 40}, {98}, {99}, {98, 99}, set(range(30, 60))])
def test_lost_packets_are_reported_and_made_up(missing: set[int]) -> None:
    chunks, faults = decode([packet for i, packet in enumerate(INTACT) if i - 1 not in missing])
    assert kinds(faults).keys() == {"lost"}
    assert lost(faults) == missing
    check(chunks, TRUTH, missing)


def test_a_lost_first_packet_is_no_signal() -> None:
    chunks, faults = decode([INTACT[0], *INTACT[2:]])
    assert lost(faults) == {0}
    assert chunks[0].first == PACKET
    assert chunks[0].origin == EDGE


def test_a_doubled_packet_counts_once() -> None:
    chunks, faults = decode([*INTACT[:8], INTACT[7], *INTACT[8:20], INTACT[15], *INTACT[20:]])
    assert faults == [Fault("duplicated", 6), Fault("duplicated", 14)]
    check(chunks, TRUTH, set())


def test_swapped_packets_are_put_right() -> None:
    chunks, faults = decode([*INTACT[:8], INTACT[9], INTACT[8], *INTACT[10:]])
    assert faults == [Fault("reordered", 7)]
    check(chunks, TRUTH, set())


def test_a_packet_that_is_too_late_is_dropped() -> None:
    chunks, faults = decode([*INTACT[:8], *INTACT[9:15], INTACT[8], *INTACT[15:]])
    assert kinds(faults) == {"lost": 1, "late": 1}
    check(chunks, TRUTH, {7})


def test_a_packet_from_long_ago_is_told_from_a_new_one() -> None:
    for age in (10, 40, 70, 90):
        chunks, faults = decode([*INTACT[:96], INTACT[96 - age], *INTACT[96:]])
        assert faults == [Fault("duplicated", 95 - age)]
        check(chunks, TRUTH, set())


@pytest.mark.parametrize("age", [1, 3, 10, 15])
def test_a_delta_packet_from_long_ago_is_told_from_a_new_one(age: int) -> None:
    packets = encode(key=40)
    chunks, faults = decode([*packets[:76], packets[76 - age], *packets[76:]])
    assert faults == [Fault("duplicated", 75 - age)]
    check(chunks, np.concatenate([chunk.samples for chunk in decode(packets)[0]]), set())


def test_a_wider_window_waits_longer() -> None:
    chunks, faults = decode([*INTACT[:8], *INTACT[9:15], INTACT[8], *INTACT[15:]], window=8)
    assert faults == [Fault("reordered", 7)]
    check(chunks, TRUTH, set())


@settings(max_examples=60)
@given(st.integers(1, 98), st.integers(0, 1 << 30))
def test_a_flipped_bit_costs_one_packet(place: int, bit: int) -> None:
    packet = INTACT[place + 1]
    damaged = flip(packet, bit % (8 * len(packet)))
    chunks, faults = decode([*INTACT[: place + 1], damaged, *INTACT[place + 2 :]])
    assert kinds(faults) == {"damaged": 1, "lost": 1}
    assert next(f.count for f in faults if f.kind == "damaged") == len(packet)
    assert lost(faults) == {place}
    check(chunks, TRUTH, {place})


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_every_fault_of_a_bad_line_is_reported(seed: int) -> None:
    line = random.Random(seed)
    sent, missing, expected = [INTACT[0]], set(), Counter()
    number = 0
    while number < 100:
        packet, luck = INTACT[number + 1], line.random()
        if luck < 0.05 and number:
            missing.add(number)
        elif luck < 0.08:
            sent += [packet, packet]
            expected["duplicated"] += 1
        elif luck < 0.11 and 0 < number < 97 and number - 1 not in missing:
            sent += [INTACT[number + 2], packet]
            expected["reordered"] += 1
            number += 1
        elif luck < 0.14 and number:
            sent.append(flip(packet, line.randrange(8 * len(packet))))
            missing.add(number)
            expected["damaged"] += 1
        else:
            sent.append(packet)
        number += 1
    chunks, faults = decode([*sent, INTACT[-1]])
    assert lost(faults) == missing
    found = kinds(faults)
    assert found["duplicated"] == expected["duplicated"]
    assert found["reordered"] == expected["reordered"]
    assert (found["damaged"] > 0) == (expected["damaged"] > 0)
    assert set(found) <= {"lost", "duplicated", "reordered", "damaged"}
    check(chunks, TRUTH, missing)


@pytest.mark.parametrize("options", [{}, {"key": 4}])
def test_nobody_waits_for_a_length_that_is_damaged(options: dict[str, float]) -> None:
    packets = encode(**options)
    where = 3 if packets[17][0] == 0xB5 else 1
    assert packets[17][0] == 0xB5
    bad = packets[17][:where] + bytes([packets[17][where] | 0x80, 0x7F]) + packets[17][where + 2 :]
    decoder = Decoder(BUNDLE)
    for packet in [*packets[:17], bad]:
        decoder.feed(packet)
    assert decoder.faults() == []
    later = [chunk for packet in packets[18:34] for chunk in decoder.feed(packet)]
    assert kinds(decoder.faults())["lost"] >= 1
    assert max(chunk.number for chunk in later) > 25


def test_delta_packets_are_unusable_up_to_the_next_key_packet() -> None:
    packets = encode(key=4)  # a key packet and seven that build on it
    truth = np.concatenate([chunk.samples for chunk in decode(packets)[0]])
    chunks, faults = decode(packets[:12] + packets[13:])
    assert faults == [Fault("lost", 11), *(Fault("unusable", number) for number in range(12, 16))]
    check(chunks, truth, {11, 12, 13, 14, 15})


@pytest.mark.parametrize("place", range(9, 17))
def test_damage_among_delta_packets_ends_at_the_next_key_packet(place: int) -> None:
    packets = encode(key=4)
    truth = np.concatenate([chunk.samples for chunk in decode(packets)[0]])
    bad = packets[place][:1] + bytes([packets[place][1] ^ 0x11]) + packets[place][2:]
    chunks, faults = decode([*packets[:place], bad, *packets[place + 1 :]])
    next_key = -(-place // 8) * 8
    assert lost(faults) == set(range(place - 1, next_key))
    assert kinds(faults)["damaged"] == 1
    check(chunks, truth, lost(faults))


def test_a_long_gap_is_left_out_and_numbers_stay_right() -> None:
    packets = encode(48 * 700, sync=20)
    truth = np.concatenate([chunk.samples for chunk in decode(packets)[0]])
    chunks, faults = decode(packets[:100] + packets[600:], conceal=10)
    assert sum(f.count for f in faults if f.kind == "lost") > 480
    assert kinds(faults).keys() == {"lost", "damaged"}
    assert chunks[-1].first + len(chunks[-1].samples) == len(truth)
    last = [chunk for chunk in chunks if chunk.number > 660 and chunk.origin == DECODED]
    for chunk in last:
        np.testing.assert_array_equal(chunk.samples, truth[chunk.first : chunk.first + len(chunk.samples)])
    assert len(last) > 30
    assert not any(chunk.origin == CONCEALED for chunk in chunks if 110 < chunk.number < 590)


def test_bytes_before_and_between_packets_are_skipped() -> None:
    noise = bytes(random.Random(1).randrange(256) for _ in range(3000))
    chunks, faults = decode([noise, *INTACT[:30], noise, *INTACT[30:]])
    assert faults == [Fault("joined", 0, 3000), Fault("damaged", None, 3000)]
    check(chunks, TRUTH, set())


def test_a_stream_that_stops_is_truncated() -> None:
    chunks, faults = decode([*INTACT[:50], INTACT[50][:5]])
    assert kinds(faults) == {"truncated": 1, "damaged": 1}
    assert chunks[-1].first + len(chunks[-1].samples) == 49 * PACKET
    assert chunks[-1].origin == EDGE


def test_a_sync_packet_of_another_stream_is_left_out() -> None:
    other = encode(1000, rate=50, packet=1)
    chunks, faults = decode([*INTACT[:30], other[0], *INTACT[30:]])
    assert faults == [Fault("foreign", 0)]
    check(chunks, TRUTH, set())


def test_packets_of_another_stream_are_not_merged() -> None:
    other = encode(4800, quality=90)
    _, faults = decode([*INTACT[:30], other[30], *INTACT[31:]])
    assert kinds(faults) == {"damaged": 1, "lost": 1}


def test_another_stream_takes_over_where_the_old_one_is_silent() -> None:
    other = encode(1000, rate=50, packet=1)
    chunks, faults = decode([*INTACT[:30], *other])
    assert kinds(faults)["restarted"] == 1
    assert kinds(faults)["foreign"] == 1
    assert chunks[-1].first + len(chunks[-1].samples) == 1000


def test_a_device_that_begins_anew_is_followed() -> None:
    encoder = Encoder(BUNDLE, rate=RATE, packet=0.5)
    again = encoder.feed(np.rint(beats(2400, seed=5)).astype(np.int16)) + encoder.flush()
    for before in (3, 30, 90):
        chunks, faults = decode([*INTACT[:before], *again])
        assert kinds(faults) == {"foreign": 1, "truncated": 1, "restarted": 1}
        assert [chunk.first for chunk in chunks].count(0) == 2
        assert chunks[-1].first + len(chunks[-1].samples) == 2400


def test_an_old_sync_packet_changes_nothing() -> None:
    chunks, faults = decode([*INTACT[:90], INTACT[0], *INTACT[90:]])
    assert faults == []
    check(chunks, TRUTH, set())


def test_a_segments_sync_packet_may_be_lost() -> None:
    samples = np.rint(beats(4800)).astype(np.int32)
    samples[2000:] += 50_000
    encoder = Encoder(BUNDLE, rate=RATE, packet=0.5, sync=10)
    packets = encoder.feed(samples) + encoder.flush()
    sync = next(i for i, packet in enumerate(packets) if packet[1] & 7 == 4 and stream_syntax.read_sync(packet[4:-2])[0].first)
    truth = np.concatenate([chunk.samples for chunk in decode(packets)[0]])
    chunks, faults = decode(packets[:sync] + packets[sync + 1 :])
    assert {"damaged", "lost"} == set(kinds(faults))
    for chunk in chunks:
        if chunk.origin == DECODED:
            np.testing.assert_array_equal(chunk.samples, truth[chunk.first : chunk.first + len(chunk.samples)])


def test_a_payload_that_no_encoder_wrote_counts_as_lost() -> None:
    header, _ = stream_syntax.read_sync(INTACT[0][4:-2])
    packets = list(INTACT)
    for number, samples in ((20, 500), (30, 0)):
        broken = stream_syntax.StreamPacket(stream_syntax.DATA, number, b"\0\0", samples=samples)
        packets[number + 1] = stream_syntax.write_packet(broken, header)
    chunks, faults = decode(packets)
    assert lost(faults) == {20, 30}
    check(chunks, TRUTH, {20, 30})


def test_made_up_samples_stay_within_what_came_before() -> None:
    chunks, _ = decode([packet for i, packet in enumerate(INTACT) if i % 20 != 10])
    spread = np.ptp(TRUTH)
    for chunk in chunks:
        assert TRUTH.min() - spread / 2 < chunk.samples.min() <= chunk.samples.max() < TRUTH.max() + spread / 2


def test_a_constant_is_made_up_as_it_was() -> None:
    encoder = Encoder(BUNDLE, rate=RATE, packet=0.5)
    packets = encoder.feed(np.full(4800, 1234, np.int16)) + encoder.flush()
    chunks, _ = decode(packets[:30] + packets[60:])
    assert all((chunk.samples == 1234).all() for chunk in chunks)


@pytest.mark.parametrize("pattern", [b"\xb5", b"\xb5\x00\x00\x10", b"\xb5\x04\x00\x7f", b"\xb5\x10\x00\xff\x3f", b"\xb5\x14\x00\x80\x08", b"\x00"])
def test_hostile_bytes_cost_bounded_work(pattern: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    covered = 0
    plain = stream_syntax._check

    def counting(checked: bytes, *rest: object) -> int:
        nonlocal covered
        covered += len(checked)
        return plain(checked, *rest)

    monkeypatch.setattr(stream_syntax, "_check", counting)
    decoder = Decoder(BUNDLE)
    decoder.feed(b"".join(INTACT[:10]))
    covered = 0
    noise = pattern * (400_000 // len(pattern))
    for at in range(0, len(noise), 10_000):
        decoder.feed(noise[at : at + 10_000])
        assert len(decoder._reader._buffer) < 200_000
    decoder.flush()
    assert covered < 300 * len(noise)


@settings(max_examples=150)
@given(st.binary(max_size=300), st.integers(0, 40))
def test_any_bytes_end_well(noise: bytes, place: int) -> None:
    with suppress(VaecodecError):
        decode([*INTACT[:place], noise, *INTACT[place : place + 3]])


@pytest.mark.parametrize("options", [{"window": -1}, {"window": 33}, {"conceal": -1}, {"conceal": 4000}, {"threads": 0}, {"lookahead": -1}])
def test_options_that_cannot_be_meant_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(InputError):
        Decoder(BUNDLE, **options)
