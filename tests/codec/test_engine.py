"""The analysis by LiteRT in place of the C core: what it gives, and where it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import IMAGE_BUNDLE, SENSING_BUNDLE, SIGNAL_BUNDLE, beats, picture

import vaecodec
from vaecodec.cli import run
from vaecodec.codec import interpreter
from vaecodec.codec.bundle import Bundle, pack
from vaecodec.codec.engine import LitertAnalysis, analysis_of
from vaecodec.codec.errors import InputError, UnsupportedError
from vaecodec.codec.signal import SignalCodec
from vaecodec.codec.stream_decoder import Decoder
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.export.encoder_tflite import encoder_tflite
from vaecodec.export.symbols import SymbolProgram
from vaecodec.export.tflite_graph import Graph

SIGNAL = np.rint(beats(3000, channels=2)).astype(np.int16)
PICTURE = picture(150, 210)
SHIPPED = ("ecg", "imu", "photo", "photo-mcu", "photo-ms")


def with_encoder(path: Path) -> Bundle:
    """A bundle with an encoder.tflite that this release wrote."""
    bundle = Bundle.open(path)
    program = SymbolProgram.from_bytes(bundle.member("symbols.bin"))
    members = {name: bundle.member(name) for name in bundle.manifest["sha256"]}
    members["encoder.tflite"] = encoder_tflite(program, (256, 256) if program.rank == 2 else (16 << program.levels, 1))
    return Bundle(pack(bundle.manifest, members))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_reference_kernels_give_the_coefficients_of_the_c_core(name: str) -> None:
    from vaecodec.benchmarks.engines import compare, noise, ties

    bundle = Bundle.open(name)
    program = SymbolProgram.from_bytes(bundle.member("symbols.bin"))
    row = compare(bundle, program, noise(program, 100_000))
    assert row["outputs"] >= 100_000
    assert row["differing"]["reference"] == 0
    row = compare(bundle, program, ties(program, steps=2, lanes=4))
    assert row["on_tie"] > 0.005 * row["sums"]
    assert row["differing"]["reference"] == 0


@pytest.mark.parametrize("channels", [1, 2])
def test_a_signal_encoded_by_litert_decodes_within_a_step(channels: int) -> None:
    bundle = with_encoder(SIGNAL_BUNDLE)
    codec, samples = SignalCodec(bundle), SIGNAL[:, :channels]
    ours, theirs = (codec.encode(samples, quality=80, effort=1, engine=engine) for engine in ("c", "litert"))
    pairs = zip(codec.latents(ours).bands, codec.latents(theirs).bands, strict=True)
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in pairs)
    assert codec.decode(theirs).shape == samples.shape


@pytest.mark.parametrize("options", [{}, {"tile": 128}, {"effort": 3}, {"target_bytes": 4000}])
def test_a_picture_encoded_by_litert_decodes(options: dict[str, Any]) -> None:
    codec = vaecodec.load("photo")
    big = picture(300, 420)
    decoded = codec.decode(codec.encode(big, engine="litert", **options))
    assert decoded.shape == big.shape
    assert np.abs(decoded.astype(int) - big).mean() < 6


def test_a_stream_encoded_by_litert_decodes_to_the_same_samples_as_one_of_the_c_core() -> None:
    bundle = with_encoder(SIGNAL_BUNDLE)

    def decoded(engine: str) -> np.ndarray:
        encoder = Encoder(bundle, rate=100, packet=2, key=6, stream_id=1, effort=1, engine=engine)
        packets = encoder.feed(SIGNAL) + encoder.flush()
        decoder = Decoder(bundle)
        chunks = decoder.feed(b"".join(packets)) + decoder.flush()
        return np.concatenate([chunk.samples for chunk in chunks])

    assert np.abs(decoded("c").astype(int) - decoded("litert")).max() <= 4


def test_the_public_function_takes_an_engine() -> None:
    assert vaecodec.decode(vaecodec.encode(PICTURE, "photo", engine="litert")).shape == PICTURE.shape


def test_the_command_takes_an_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "in.npy", PICTURE)
    assert run(["encode", str(tmp_path / "in.npy"), str(tmp_path / "out.vae"), "-m", "photo", "--engine", "litert"]) == 0
    assert vaecodec.decode((tmp_path / "out.vae").read_bytes()).shape == PICTURE.shape
    (tmp_path / "in.raw").write_bytes(SIGNAL[:, 0].tobytes())
    stream = ["encode", "--stream", "-m", "ecg", "--engine", "litert", str(tmp_path / "in.raw"), str(tmp_path / "stream.vae")]
    assert run(stream) == 0
    assert vaecodec.decode((tmp_path / "stream.vae").read_bytes()).shape == (len(SIGNAL),)
    assert run(["encode", str(tmp_path / "in.raw"), str(tmp_path / "b.vae"), "--lossless", "--rate", "100", "--engine", "litert"]) == 4
    assert "bounded error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        ("speech8k", {}, "lapped"),
        (str(SENSING_BUNDLE), {}, "compressed sensing"),
        ("ecg", {"max_error": 2}, "bounded error"),
    ],
)
def test_what_has_no_analysis_for_litert_says_so(model: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        vaecodec.encode(SIGNAL[:, 0], model, engine="litert", **options)


@pytest.mark.parametrize(("model", "reason"), [("speech8k", "lapped"), ("ecg-cs", "compressed sensing")])
def test_a_stream_of_a_model_without_says_so_at_once(model: str, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        Encoder(model, engine="litert")


def test_a_bundle_without_the_member_says_so() -> None:
    bundle = Bundle.open(SIGNAL_BUNDLE)
    members = {name: bundle.member(name) for name in bundle.manifest["sha256"] if name != "encoder.tflite"}
    with pytest.raises(UnsupportedError, match="packed without"):
        analysis_of(Bundle(pack(bundle.manifest, members)), "litert")


def test_sizes_too_small_for_the_borders_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="32 x 32 pixels"):
        vaecodec.encode(PICTURE[:20, :20], "photo", engine="litert")
    with pytest.raises(UnsupportedError, match="64 samples"):
        vaecodec.encode(SIGNAL[:50, 0], "ecg", engine="litert")


def test_a_file_for_one_size_only_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As earlier exports were: their slices end where the size that they were written for does."""

    def every(graph: Graph, name: str, x: int, first: int, step: int) -> int:
        shape = graph.shape(x)
        limits = [np.array(v, np.int32) for v in ([0, 0, 0, first], shape, [1, 1, 1, step])]
        inputs = [x, *(graph.constant(f"{name}/{i}", v) for i, v in enumerate(limits))]
        return graph._operator("STRIDED_SLICE", name, inputs, [*shape[:3], len(range(first, shape[3], step))], graph.s.StridedSliceOptionsT())

    monkeypatch.setattr(Graph, "every", every)
    bundle = with_encoder(IMAGE_BUNDLE)
    with pytest.raises(UnsupportedError, match="one size only"):
        LitertAnalysis(bundle)(np.zeros((512, 512, bundle.symbols.colours), np.int16))


def test_unknown_engines_are_refused() -> None:
    for model in ("ecg", str(SENSING_BUNDLE)):
        with pytest.raises(InputError, match="c, litert"):
            vaecodec.encode(SIGNAL[:, 0], model, engine="npu")


def test_an_install_without_an_interpreter_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise UnsupportedError("no .tflite interpreter is installed: pip install ai-edge-litert (or tflite-runtime)")

    monkeypatch.setattr(interpreter, "_interpreter", missing)
    with pytest.raises(UnsupportedError, match="pip install ai-edge-litert"):
        analysis_of(Bundle.open("ecg"), "litert")
