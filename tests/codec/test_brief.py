"""Brief files: one packet, and few bytes around it; gains of channels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec import container as c
from vaecodec.codec.balance import channel_prdn, level_gains, made_smaller
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import FormatError, InputError, ModelError
from vaecodec.codec.signal import SignalCodec

headers = st.integers(1, 5).flatmap(
    lambda n: st.builds(
        c.SignalHeader,
        model_id=st.integers(0, 2**32 - 1),
        synthesis_id=st.integers(0, 2**16 - 1),
        step_code=st.integers(0, 255),
        rate=st.none() | st.fractions(0, 4000, max_denominator=1000),
        sample_type=st.integers(1, 7),
        rows=st.just(0),
        shift=st.integers(0, 3),
        offsets=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=n, max_size=n).map(tuple),
        gains=st.just(()) | st.lists(st.integers(0, 255), min_size=n, max_size=n).map(tuple),
    )
)
HEADER = c.SignalHeader(1, 2, 99, None, 3, 0, 0, (5,))


def codec(**manifest: object) -> SignalCodec:
    bundle = Bundle.open(SIGNAL_BUNDLE)
    bundle.manifest.update(manifest)
    return SignalCodec(bundle)


def brief(header: c.SignalHeader, payload: bytes, samples: int) -> bytes:
    return c.write_file(c.File(header, (c.Packet(c.DATA, 0, c.varint(samples) + payload, True),), (), samples))


@given(headers, st.binary(max_size=1200), st.integers(0, 2**32 - 1), st.none() | st.binary(max_size=500))
def test_a_brief_file_comes_back(header: c.SignalHeader, payload: bytes, samples: int, text: bytes | None) -> None:
    metadata = () if text is None else (c.Metadata(c.META_JSON, text),)
    file = c.File(header, (c.Packet(c.DATA, 0, c.varint(samples) + payload, True),), metadata, samples)
    data = c.write_file(file)
    assert c.read_file(data) == file
    assert c.read_header(data) == (header, len(data))
    assert c.fits_brief(header, payload, metadata)


def test_only_json_fits() -> None:
    assert not c.fits_brief(HEADER, b"", (c.Metadata(9, b""),))
    assert not c.fits_brief(HEADER, b"", (c.Metadata(1, bytes(c.MAX_BRIEF)),))


@given(st.data())
def test_a_changed_bit_is_noticed(data: st.DataObject) -> None:
    stream = bytearray(brief(HEADER, b"latents", 300))
    stream[data.draw(st.integers(5, len(stream) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FormatError):
        c.read_file(bytes(stream))


def test_nothing_follows_a_brief_file() -> None:
    with pytest.raises(FormatError, match="follow"):
        c.read_file(brief(HEADER, b"", 3) + b"x")


def test_a_long_one_is_refused() -> None:
    assert not c.fits_brief(HEADER, bytes(c.MAX_BRIEF))
    with pytest.raises(InputError, match="brief"):
        brief(HEADER, bytes(c.MAX_BRIEF), 3)


def test_framing_takes_twenty_bytes() -> None:
    assert len(brief(HEADER, b"", 100)) == 20
    assert len(brief(HEADER, bytes(300), 4000)) == 300 + 22


def test_gains_of_files_with_packets_come_back() -> None:
    header = c.SignalHeader(1, 2, 99, Fraction(100), 3, 8, 2, (5, -7), (0, 255))
    assert c.read_header(c.write_header(header))[0] == header
    assert header.scales == (4.0, 4 * 2 ** (255 / 16))


def test_short_signals_are_brief_where_the_model_allows() -> None:
    x = beats(100).astype(np.int16)
    plain, short = codec().encode(x), codec(brief=True).encode(x)
    assert len(short) < len(plain) - 12
    np.testing.assert_array_equal(codec().decode(short), codec().decode(plain))
    used = codec(brief=True)
    assert used.encode_latents(used.latents(short)) == short
    assert used.info(short)["samples"] == 100


def test_several_packets_need_the_long_form() -> None:
    assert c.read_header(codec(brief=True).encode(beats(100).astype(np.int16), packet_blocks=1))[0].rows > 0


def test_names_and_steps_travel_in_brief() -> None:
    used, x = codec(brief=True), beats(100).astype(np.float32)
    stream = used.encode(x, columns=["lead"], step=0.5)
    assert c.read_header(stream)[0].rows == 0
    assert used.info(stream)["metadata"]["columns"] == ["lead"]
    decoded = used.decode(stream)
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, codec().decode(codec().encode(x, columns=["lead"], step=0.5)))
    assert used.encode_latents(used.latents(stream)) == stream


def test_a_rate_that_is_not_the_models_is_kept() -> None:
    used = codec(brief=True)
    assert used.latents(used.encode(beats(60).astype(np.int16), rate=123.5)).header.rate == Fraction(247, 2)
    assert used.latents(used.encode(beats(60).astype(np.int16))).header.rate == used.latents(codec().encode(beats(60).astype(np.int16))).header.rate


def test_gains_bring_channels_to_one_deviation() -> None:
    x = np.random.default_rng(0).normal(0, [10, 100, 5000], (4000, 3)).astype(np.int64)
    gains = level_gains(x, 50.0)
    assert gains[0] == 0
    deviations = made_smaller(x, gains).std(0)
    np.testing.assert_allclose(deviations[1:], 50, rtol=0.03)
    np.testing.assert_array_equal(made_smaller(x, (0, 0, 0)), x)


def test_every_channel_keeps_the_target() -> None:
    x = (beats(600, 3) * np.array([0.3, 1.0, 7.0])).astype(np.int16)
    used = codec(brief=True, deviation=40.0)
    stream = used.encode(x, prdn=9.0)
    found = channel_prdn(x, used.decode(stream))
    assert found.max() <= 9.0
    assert found.min() > 7.0
    assert len(used.latents(stream).header.gains) == 3
    assert len(stream) < len(codec(brief=True).encode(x, prdn=9.0))


def test_gains_serve_every_kind_of_target() -> None:
    x = (beats(300, 2) * np.array([0.3, 7.0])).astype(np.int16)
    used = codec(deviation=40.0)
    assert used.decode(used.encode(x, quality=50)).shape == x.shape
    assert len(used.encode(x, target_bytes=400)) <= 400


def test_a_target_out_of_reach_is_an_error() -> None:
    with pytest.raises(InputError, match="not reached"):
        codec(deviation=2.0).encode(beats(300, 2).astype(np.int16), prdn=1e-3)


@pytest.mark.parametrize("manifest", [{"deviation": "much"}, {"deviation": -1.0}, {"deviation": 1e9}, {"brief": "yes"}])
def test_wrong_manifests_are_refused(manifest: dict) -> None:
    from vaecodec.codec.bundle import pack

    bundle = Bundle.open(SIGNAL_BUNDLE)
    members = {name: bundle.member(name) for name in bundle.manifest["sha256"]}
    rest = {key: value for key, value in bundle.manifest.items() if key not in ("sha256", "model_id", "synthesis_id")}
    with pytest.raises(ModelError, match=next(iter(manifest))):
        Bundle(pack(rest | manifest, members)).manifest["name"]
