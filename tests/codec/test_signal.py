"""The signal codec, from samples to streams and back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from common import ROOT, beats, prdn, signal_codec
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import container
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import FormatError, InputError
from vaecodec.codec.signal import SignalCodec

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64"]


def typed(dtype: str, length: int = 500, channels: int = 1) -> np.ndarray:
    """Beats that use a good part of the dtype's range."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return beats(length, channels, 2.0).astype(kind)
    top = min(np.iinfo(kind).max, 2**31 - 1)
    wave = beats(length, channels, top / 4)
    return np.rint(wave + (top / 2 if kind.kind == "u" else 0)).astype(kind)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_dtype_come_back(dtype: str, channels: int) -> None:
    samples = typed(dtype, channels=channels)
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=90))
    assert decoded.shape == samples.shape
    assert decoded.dtype == samples.dtype
    # Eight bits leave a rounding error of some percent.
    assert prdn(samples, decoded) < (10 if samples.itemsize == 1 else 3)


def test_booleans_come_back_as_such() -> None:
    samples = beats(100) > 100
    assert signal_codec().decode(signal_codec().encode(samples, quality=100)).dtype == np.bool_


@pytest.mark.parametrize("shape", [(1,), (1, 1), (100, 1), (15,), (16,), (17,), (512,), (513, 2), (1, 256)])
def test_any_length_comes_back(shape: tuple[int, ...]) -> None:
    samples = np.rint(beats(shape[0], shape[1] if len(shape) == 2 else 1)).astype(np.int16).reshape(shape)
    assert signal_codec().decode(signal_codec().encode(samples)).shape == shape


@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 4), st.integers(0, 100), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_any_integers_decode(length: int, channels: int, quality: int, blocks: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-(2**31), 2**31, (length, channels)).astype(np.int32)
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=quality, packet_blocks=blocks))
    assert decoded.shape == samples.shape


@pytest.mark.parametrize("wanted", [3, 7.5, 12])
@pytest.mark.parametrize("effort", [1, 2, 4])
def test_a_prdn_is_met_closely(wanted: float, effort: int) -> None:
    samples = np.rint(beats(8000)).astype(np.int16)
    stream = signal_codec().encode(samples, prdn=wanted, effort=effort)
    assert 0.95 * wanted < prdn(samples, signal_codec().decode(stream)) <= wanted


def test_a_prdn_holds_for_every_channel_that_varies() -> None:
    samples = np.rint(beats(2000, 4) * [1, 0.2, 0, 3]).astype(np.int16)
    decoded = signal_codec().decode(signal_codec().encode(samples, prdn=10))
    assert all(prdn(samples[:, i], decoded[:, i]) <= 10 for i in (0, 1, 3))


@pytest.mark.parametrize("samples", [np.full(300, 7), np.zeros((40, 2), np.int16), np.array([3.5]), np.ones(20, bool)])
def test_a_constant_signal_keeps_any_prdn(samples: np.ndarray) -> None:
    np.testing.assert_array_equal(signal_codec().decode(signal_codec().encode(samples, prdn=1e-3)), samples)


@pytest.mark.parametrize("options", [{"prdn": 0}, {"prdn": -1}, {"prdn": 101}, {"prdn": "5"}, {"prdn": float("nan")}, {"prdn": 5, "quality": 50}])
def test_a_prdn_that_cannot_be_meant_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        signal_codec().encode(beats(100), **options)


def test_a_prdn_that_cannot_be_reached_says_what_can() -> None:
    with pytest.raises(InputError, match=r"0.0001 % was not reached: the finest quality of this signal has [\d.]+ %"):
        signal_codec().encode(np.random.default_rng(1).integers(-9, 9, 500), prdn=1e-4)


@pytest.mark.parametrize("effort", [1, 2, 4])
def test_every_effort_takes_several_channels_and_packets(effort: int) -> None:
    samples = beats(1000, 3)
    stream = signal_codec().encode(samples, quality=90, effort=effort, packet_blocks=5)
    assert prdn(samples, signal_codec().decode(stream)) < 2
    assert signal_codec().encode_latents(signal_codec().latents(stream)) == stream


def test_quality_buys_fidelity_with_bytes() -> None:
    samples = np.rint(beats(2000)).astype(np.int16)
    streams = [signal_codec().encode(samples, quality=q) for q in (0, 25, 50, 75, 100)]
    errors = [prdn(samples, signal_codec().decode(stream)) for stream in streams]
    assert [len(s) for s in streams] == sorted(len(s) for s in streams)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1


@pytest.mark.parametrize("quality", [0, 100])
def test_a_constant_comes_back_exactly(quality: int) -> None:
    samples = np.full((100, 2), [7, -30000], np.int16)
    assert np.array_equal(signal_codec().decode(signal_codec().encode(samples, quality=quality)), samples)


def test_full_scale_does_not_wrap() -> None:
    samples = np.where(np.arange(1000) // 50 % 2, 32767, -32768).astype(np.int16)
    assert prdn(samples, signal_codec().decode(signal_codec().encode(samples, quality=100))) < 1


@pytest.mark.parametrize("levels", [(0.0, 1000.0), (0.0, 5.0), (-1.0, 0.0, 1.0)])
def test_floats_of_few_levels_keep_their_shape(levels: tuple[float, ...]) -> None:
    samples = np.repeat(np.resize(levels, 12), 50)
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=100))
    assert np.abs(decoded - samples).max() < 0.1 * np.ptp(samples)


def test_a_small_signal_on_a_large_offset_is_kept() -> None:
    samples = 101325 + 1e-3 * np.sin(np.arange(600) / 9)
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=100))
    assert prdn(samples, decoded) < 2


@pytest.mark.parametrize("columns", [5, "a", [1], True])
def test_names_of_channels_are_texts(columns: object) -> None:
    with pytest.raises(InputError, match="columns"):
        signal_codec().encode(beats(50), columns=columns)  # type: ignore[arg-type]


def test_facts_nested_too_deeply_are_refused() -> None:
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(InputError, match="JSON"):
        signal_codec().encode(beats(50), extra={"a": deep})


def test_decimals_come_back_on_their_grid() -> None:
    samples = np.round(beats(500, 2, 1.0), 2)
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=100))
    assert np.allclose(decoded, np.round(decoded, 2), atol=1e-12)


def test_a_step_can_be_given_for_each_channel() -> None:
    samples = beats(500, 2, 1.0) * [1.0, 1000.0]
    stream = signal_codec().encode(samples, quality=100, step=[0.001, 1.0])
    assert signal_codec().info(stream)["metadata"]["step"] == [0.001, 1.0]
    decoded = signal_codec().decode(stream)
    assert max(prdn(samples[:, i], decoded[:, i]) for i in range(2)) < 1


@given(st.floats(1e-300, 1e300), st.integers(0, 1000))
@settings(max_examples=30)
def test_floats_of_any_size_come_back(scale: float, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(64) * scale
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=100))
    assert np.abs(decoded - samples).max() < 0.05 * np.abs(samples).max()


def test_packets_decode_to_the_same_latents_whatever_their_length() -> None:
    samples = np.rint(beats(1000, 2)).astype(np.int16)
    bands = [signal_codec().latents(signal_codec().encode(samples, effort=1, packet_blocks=n)).bands for n in (1, 7, 64)]
    for other in bands[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(bands[0], other, strict=True))


def test_only_the_last_packet_is_short() -> None:
    packets = container.read_file(signal_codec().encode(beats(100), packet_blocks=2, step=1.0)).packets
    assert [p.short for p in packets] == [False, False, False, True]


def test_whole_packets_have_no_short_one() -> None:
    packets = container.read_file(signal_codec().encode(beats(96), packet_blocks=2, step=1.0)).packets
    assert [p.short for p in packets] == [False] * 3


def test_plain_integers_need_no_metadata() -> None:
    assert container.read_file(signal_codec().encode(np.arange(100, dtype=np.int16))).metadata == ()


@pytest.mark.parametrize("rate", [360, 102.4, Fraction(1000, 3), 0.001, 4e9, None])
def test_the_rate_comes_back(rate: float | Fraction | None) -> None:
    stream = signal_codec().encode(beats(10), rate=rate)
    assert signal_codec().info(stream)["rate"] == (None if rate is None else pytest.approx(float(rate), rel=1e-6))


def test_names_and_units_travel_along() -> None:
    stream = signal_codec().encode(beats(10, 2), columns=["x", "µ"], units=["mV", "g"], extra={"device": {"id": 5}})
    facts = signal_codec().info(stream)["metadata"]
    assert (facts["columns"], facts["units"], facts["device"]) == (["x", "µ"], ["mV", "g"], {"id": 5})


def test_latents_go_out_and_in() -> None:
    stream = signal_codec().encode(np.rint(beats(700, 2)).astype(np.int16), quality=70)
    latents = signal_codec().latents(stream)
    assert signal_codec().encode_latents(latents) == stream
    assert np.array_equal(signal_codec().decode_latents(latents), signal_codec().decode(stream))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_any_latents_survive(seed: int) -> None:
    random = np.random.default_rng(seed)
    latents = signal_codec().latents(signal_codec().encode(beats(200, 2), step=1.0))
    bands = [(random.standard_cauchy(band.shape) * 3).clip(-32767, 32767).astype(np.int16) for band in latents.bands]
    decoded = signal_codec().latents(signal_codec().encode_latents(replace(latents, bands=bands)))
    assert all(np.array_equal(a, b) for a, b in zip(decoded.bands, bands, strict=True))


def test_latents_of_another_length_are_refused() -> None:
    latents = signal_codec().latents(signal_codec().encode(beats(200), step=1.0))
    with pytest.raises(InputError):
        signal_codec().encode_latents(replace(latents, samples=100))


@pytest.mark.parametrize("target", [500, 1000])
def test_a_byte_target_is_met_and_used(target: int) -> None:
    stream = signal_codec().encode(np.rint(beats(3000)).astype(np.int16), target_bytes=target)
    assert 0.8 * target < len(stream) <= target


def test_an_epoch_of_channels_is_one_of_each() -> None:
    samples = np.rint(beats(300, 3)).astype(np.int16)
    together = signal_codec().decode(signal_codec().encode(samples, quality=60))
    alone = [signal_codec().decode(signal_codec().encode(samples[:, i].copy(), quality=60)) for i in range(3)]
    assert np.array_equal(together, np.stack(alone, axis=1))


def test_threads_may_share_a_codec() -> None:
    streams = [signal_codec().encode(beats(4000, 1, seed=seed), rate=100, quality=60) for seed in range(6)]
    alone = [signal_codec().decode(stream) for stream in streams]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(signal_codec().decode, streams * 4))
    assert all(np.array_equal(a, b) for a, b in zip(together, alone * 4, strict=True))


def test_metadata_that_is_no_text_is_refused() -> None:
    stream = signal_codec().encode(beats(100), rate=100, columns=["a"])
    latents = signal_codec().latents(stream)
    bad = replace(latents, metadata=(container.Metadata(container.META_JSON, b'{"columns":["\\ud800"]}'),))
    with pytest.raises(FormatError, match="not text"):
        signal_codec().decode(signal_codec().encode_latents(bad))


def odd_signals() -> dict[str, np.ndarray]:
    """Signals of sensors that are new, unplugged, stuck or overdriven, alone and among 64 channels."""
    time = np.arange(600)
    square = np.where(time % 200 < 100, -32768, 32767).astype(np.int16)
    many = np.rint(beats(600, 64)).astype(np.int16)
    many[:, 3], many[:, 17], many[:, 40] = 0, 1023, square // 32  # a channel that is 100 times as loud takes the shift for all
    return {"one sample": np.array([5], np.int16), "constant": np.full(600, -7, np.int16), "saturated": square, "64 channels": many}


@pytest.mark.parametrize("name", list(odd_signals()))
@pytest.mark.parametrize("options", [{"quality": 60}, {"prdn": 8}, {"max_error": 1}, {"max_error": 0}, {"target_bytes": 60000}], ids=str)
@pytest.mark.parametrize("bundle", ["tiny-signal", "tiny-matching"])
def test_odd_signals_keep_what_was_asked_for(name: str, options: dict[str, float], bundle: str) -> None:
    samples, codec = odd_signals()[name], SignalCodec(Bundle.open(ROOT / "conformance" / "0.1" / f"{bundle}.vaemodel"))
    stream = codec.encode(samples, **options)
    decoded = codec.decode(stream)
    assert (decoded.shape, decoded.dtype) == (samples.shape, samples.dtype)
    if "max_error" in options:
        assert np.abs(decoded.astype(np.int64) - samples).max() <= options["max_error"]
    elif "target_bytes" in options:
        assert len(stream) <= options["target_bytes"]
    else:
        columns = [(a, b) for a, b in zip(samples.reshape(len(samples), -1).T, decoded.reshape(len(samples), -1).T, strict=True)]
        assert all(np.array_equal(a, b) for a, b in columns if a.min() == a.max())
        assert all(prdn(a, b) <= options.get("prdn", 30) for a, b in columns if a.min() < a.max())
