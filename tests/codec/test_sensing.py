"""Compressed sensing, from samples to streams and back."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from common import RELEASE, SENSING_BUNDLE, beats, flip, prdn, sensing_codec, signal_codec
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import container
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.bundle import Bundle, pack
from vaecodec.codec.container import SensedHeader
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, UnsupportedError
from vaecodec.codec.golden import tolerance
from vaecodec.codec.measurements import additions, measurement_matrix, parse_pattern
from vaecodec.codec.recovery import SEGMENT
from vaecodec.codec.sensing import SensingCodec
from vaecodec.codec.signal import SignalCodec

DAMAGE = (FormatError, LimitError, ModelError, UnsupportedError)
STREAMS = sorted(path.stem for path in (RELEASE / "sensed").glob("*.vae"))


def samples(length: int = 700, channels: int = 1, scale: float = 300.0) -> np.ndarray:
    return np.rint(1000 + beats(length, channels, scale)).astype(np.int16)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64", "bool"])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_dtype_come_back(dtype: str, channels: int) -> None:
    array = (beats(300, channels, 60.0) + 40).astype(dtype)
    decoded = sensing_codec().decode(sensing_codec().encode(array, quality=100))
    assert decoded.shape == array.shape
    assert decoded.dtype == array.dtype


@pytest.mark.parametrize("shape", [(1,), (1, 1), (15,), (16,), (17,), (33, 2), (1, 256)])
def test_any_length_comes_back(shape: tuple[int, ...]) -> None:
    array = samples(shape[0], shape[1] if len(shape) == 2 else 1).reshape(shape)
    assert sensing_codec().decode(sensing_codec().encode(array)).shape == shape


@settings(max_examples=40)
@given(st.integers(1, 200), st.integers(1, 4), st.integers(0, 100), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_any_integers_decode(length: int, channels: int, quality: int, windows: int, seed: int) -> None:
    array = np.random.default_rng(seed).integers(-(2**31), 2**31, (length, channels)).astype(np.int32)
    stream = sensing_codec().encode(array, quality=quality, packet_windows=windows)
    assert sensing_codec().decode(stream).shape == array.shape


def test_what_is_sent_is_never_saturated() -> None:
    array = np.where(np.arange(64) % 32 < 16, -(2**31), 2**31 - 1).astype(np.int32)
    for quality in (0, 100):
        assert np.abs(sensing_codec().latents(sensing_codec().encode(array, quality=quality)).z.astype(int)).max() < 32767


def test_quality_buys_accuracy() -> None:
    array = samples(4000)
    streams = [sensing_codec().encode(array, quality=q) for q in (10, 50, 100)]
    errors = [prdn(array, sensing_codec().decode(stream)) for stream in streams]
    assert len(streams[0]) < len(streams[1]) < len(streams[2])
    assert errors[0] > errors[1] > errors[2]


def test_recovered_samples_have_the_measurements_that_were_sent() -> None:
    codec = sensing_codec()
    latents = codec.latents(codec.encode(samples(640), quality=5))  # where the rows of Φ are independent of each other
    t, model = latents.header.step_code, codec.bundle.sensing
    x = codec._recoverer().signal(latents.z, t)[:, 0].reshape(-1, model.window)
    y, steps, z = x @ model.ratio(t).phi.T.astype(float), model.steps(t), latents.z[:, 0]
    share = model.rounding / 256
    assert np.all(y >= (np.where(z > 0, z - share, z - 1 + share) - 1e-6) * steps)
    assert np.all(y <= (np.where(z < 0, z + share, z + 1 - share) + 1e-6) * steps)


def test_long_signals_are_recovered_in_pieces_without_seams() -> None:
    codec = sensing_codec()
    latents = codec.latents(codec.encode(samples((2 * SEGMENT + 5) * 16), quality=50))
    z, t, recovery = latents.z, latents.header.step_code, codec._recoverer()
    shifted = recovery.signal(z[100:], t)
    assert np.allclose(recovery.signal(z, t)[200 * 16 :], shifted[100 * 16 :], atol=1e-3)


def test_targets_are_kept() -> None:
    array = samples(4000)
    largest = len(sensing_codec().encode(array, quality=100))
    assert largest / 2 < len(sensing_codec().encode(array, target_bytes=largest * 3 // 4)) <= largest * 3 // 4
    assert len(sensing_codec().encode(array, target_bpp=3)) <= 3 * len(array) / 8
    assert 4 < prdn(array, sensing_codec().decode(sensing_codec().encode(array, prdn=5))) <= 5


def test_a_bound_needs_no_model() -> None:
    array = samples()
    stream = sensing_codec().encode(array, max_error=2)
    assert np.abs(BoundedCodec().decode(stream).astype(int) - array).max() <= 2
    assert np.array_equal(sensing_codec().decode(stream), BoundedCodec().decode(stream))


def test_what_travels_along_comes_back() -> None:
    stream = sensing_codec().encode(samples(100, 2), rate=360, columns=["I", "II"], units=["mV", "mV"], extra={"wfdb": {"gain": [200, 200]}})
    facts = sensing_codec().info(stream)
    assert facts["metadata"]["columns"] == ["I", "II"]
    assert (facts["rate"], facts["channels"], facts["samples"], facts["modality"]) == (360.0, 2, 100, "signal")
    assert 0 < facts["measurements_per_sample"] <= 1


def test_latents_are_the_stream() -> None:
    stream = sensing_codec().encode(samples(500, 2), packet_windows=4)
    assert sensing_codec().encode_latents(sensing_codec().latents(stream)) == stream
    assert len(container.read_file(stream).packets) == 8


def test_packets_decode_alone() -> None:
    codec, array = sensing_codec(), samples(160)
    file = container.read_file(codec.encode(array, packet_windows=5))
    alone = container.write_file(replace(file, packets=(replace(file.packets[1], number=0),), total=80))
    assert np.array_equal(codec.latents(alone).z, codec.latents(container.write_file(file)).z[5:])


@pytest.mark.parametrize("options", [
    {"effort": 3}, {"effort": 0}, {"effort": 2.0}, {"quality": 101}, {"quality": 5, "prdn": 9}, {"target_bytes": 3}, {"prdn": 0.001},
    {"packet_windows": 0}, {"packet_windows": 1 << 23}, {"step": 0.1}, {"rate": -1}, {"columns": ["a", "b"]},
])  # fmt: skip
def test_options_that_make_no_sense_are_refused(options: dict) -> None:
    with pytest.raises(InputError):
        sensing_codec().encode(samples(), **options)


@pytest.mark.parametrize("array", [np.zeros(0), np.zeros((2, 2, 2)), np.array([1.0, np.nan]), np.array([1j]), [1, 2]])
def test_arrays_that_are_no_signal_are_refused(array: object) -> None:
    with pytest.raises(InputError):
        sensing_codec().encode(array)  # type: ignore[arg-type]


def test_too_many_samples_are_refused_in_both_directions() -> None:
    small = SensingCodec(Bundle.open(SENSING_BUNDLE), max_samples=100)
    with pytest.raises(LimitError):
        small.encode(samples(101))
    with pytest.raises(LimitError):
        small.decode(sensing_codec().encode(samples(300), packet_windows=4))


def test_truncation_at_every_byte_is_an_error() -> None:
    stream = sensing_codec().encode(samples(200, 2), quality=40, packet_windows=5)
    for length in range(len(stream)):
        with pytest.raises(DAMAGE):
            sensing_codec().decode(stream[:length])


def test_every_single_bit_flip_is_an_error() -> None:
    stream = sensing_codec().encode(samples(60), quality=30, packet_windows=2)
    for bit in range(8 * len(stream)):
        with pytest.raises(DAMAGE):
            sensing_codec().decode(flip(stream, bit))


@given(st.binary(max_size=60), st.integers(0, 255), st.integers(1, 3))
def test_any_payload_decodes_or_is_refused(payload: bytes, t: int, channels: int) -> None:
    codec = sensing_codec()
    header = SensedHeader(codec.bundle.model_id, codec.bundle.synthesis_id, t, container.Fraction(1), 3, 2, 0, (0,) * channels)
    stream = container.write_file(container.File(header, (container.Packet(container.DATA, 0, payload),), (), 32))
    try:
        assert len(codec.decode(stream)) == 32
    except FormatError:
        pass


def test_other_streams_and_bundles_are_refused() -> None:
    sensed, coded = sensing_codec().encode(samples(100)), signal_codec().encode(samples(100))
    with pytest.raises(ModelError, match="no sensed signal"):
        sensing_codec().decode(coded)
    with pytest.raises(ModelError, match="sums of samples"):
        signal_codec().decode(sensed)
    with pytest.raises(ModelError):
        SignalCodec(sensing_codec().bundle)
    with pytest.raises(ModelError):
        SensingCodec(signal_codec().bundle)
    header = replace(sensing_codec().latents(sensed).header, model_id=7)
    with pytest.raises(ModelError, match="needs model"):
        sensing_codec().decode(container.write_file(replace(container.read_file(sensed), header=header)))


def test_a_bundle_with_the_symbols_of_another_modality_is_refused() -> None:
    bundle, other = Bundle.open(SENSING_BUNDLE), signal_codec().bundle
    members = {"symbols.bin": other.member("symbols.bin"), "decoder.tflite": bundle.member("decoder.tflite")}
    with pytest.raises(ModelError, match="VCSS"):
        SensingCodec(Bundle(pack(bundle.manifest, members)))


def test_the_bundle_passes_its_self_test() -> None:
    Bundle.open(SENSING_BUNDLE).verify()


def test_the_public_face_finds_the_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    import vaecodec

    monkeypatch.setenv("VAECODEC_MODELS", str(SENSING_BUNDLE.parent))
    assert isinstance(vaecodec.load("tiny-sensing"), SensingCodec)
    stream = vaecodec.encode(samples(), "tiny-sensing", quality=70)
    assert np.array_equal(vaecodec.decode(stream), sensing_codec().decode(stream))
    assert vaecodec.info(stream)["model"] == "tiny-sensing"


@pytest.mark.parametrize("name", STREAMS)
def test_frozen_streams_decode_to_what_they_always_did(name: str) -> None:
    folder: Path = RELEASE / "sensed"
    stream = (folder / f"{name}.vae").read_bytes()
    latents = sensing_codec().latents(stream)
    assert latents.z.astype("<i2").tobytes() == (folder / f"{name}.z").read_bytes()
    assert sensing_codec().encode_latents(latents) == stream
    with np.load(folder / f"{name}.npz") as stored:
        recon = stored["recon"]
    decoded = sensing_codec().decode_latents(latents)
    assert decoded.dtype == recon.dtype
    assert np.all(np.abs(decoded.astype(np.float64) - recon) <= tolerance(latents, recon))


# --- Φ ---


def test_patterns_tile_the_window() -> None:
    phi, numbers = measurement_matrix([parse_pattern("sum 8"), parse_pattern("diff 4")], 8)
    assert phi.tolist() == [[1] * 8, [1, 1, -1, -1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, -1, -1]]
    assert numbers.tolist() == [0, 1, 1]
    assert additions(phi) == (7 + 3 + 3) / 8


def test_random_patterns_have_as_many_entries_in_every_column() -> None:
    phi, _ = measurement_matrix([parse_pattern("random 8 3")], 32, seed=5)
    assert phi.shape == (8, 32)
    assert np.all(phi.sum(0) == 3)
    assert np.array_equal(phi, measurement_matrix([parse_pattern("random 8 3")], 32, seed=5)[0])


@pytest.mark.parametrize("text", ["", "sum", "sum 0", "sum x", "mean 8", "diff 8 2", "random 4 5 6", "sum -8"])
def test_other_patterns_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="Expected a pattern"):
        parse_pattern(text)


@pytest.mark.parametrize("text", ["sum 3", "sum 512", "diff 1", "random 4 5", "random 17 1", "random 16 1"])
def test_patterns_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        measurement_matrix([parse_pattern(text)], 16)


def test_head_of_the_symbols() -> None:
    assert struct.unpack_from("<4sBBH", sensing_codec().bundle.sensing.blob) == (b"VCSS", 1, 2, 16)
