"""Writes the frozen bundle of compressed sensing and its streams: a linear recovery, fitted to sums of sines. Needs TensorFlow.

    python conformance/make_sensing.py conformance/0.1
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.sensing import SensingCodec
from vaecodec.export.facts import Facts
from vaecodec.export.sensing_bundle import sensing_bundle
from vaecodec.train.config_io import load_config
from vaecodec.train.data.examples import Windows
from vaecodec.train.sensing import CONTEXT, RecoveryModel
from vaecodec.train.sensing_dial import finish
from vaecodec.train.sensing_trainer import covariance_of

NAME = "tiny-sensing"


def wave(length: int, channels: int, seed: int) -> np.ndarray:
    """Integers [length, channels] around 1000."""
    random = np.random.default_rng(seed)
    n = np.arange(length)[:, None] + 17 * np.arange(channels)
    peaks = 300 * np.exp(-(((n % 90) - 45.0) ** 2) / 30)
    return np.rint(1000 + 60 * np.sin(n / 21) + peaks + random.normal(0, 3, (length, channels))).astype(np.int32)


def bundle() -> bytes:
    """A model that was not trained beyond its linear estimate."""
    config = replace(load_config(NAME))
    examples = Windows(config, [wave(4000, 1, seed) - 1000 for seed in range(4)])
    model = RecoveryModel(config, covariance_of(examples, CONTEXT * config.window))
    finish(model, examples)
    return sensing_bundle(model, 0, Facts(NAME, "0", description="Compressed sensing of sums of sines, for tests."))


def streams(codec: SensingCodec) -> Iterator[tuple[str, bytes]]:
    """Names and streams."""
    yield "one-channel", codec.encode(wave(500, 1, 7)[:, 0].astype(np.int16), rate=100, quality=60)
    yield "three-channels-short-packets", codec.encode(wave(333, 3, 8).astype(np.int16), rate=100, quality=30, packet_windows=3)
    yield "finest", codec.encode(wave(64, 1, 9), quality=100)
    yield "coarsest", codec.encode(wave(640, 2, 10), quality=0)
    yield "large-samples", codec.encode(wave(100, 1, 11) * 100000, quality=70)
    yield "floats", codec.encode(wave(100, 2, 12) / 200.0, quality=70, step=0.005, units=["mV", "mV"])
    yield "constant", codec.encode(np.full(300, 12, np.int16))
    yield "one-sample", codec.encode(np.array([[5]], np.int8))


def main(folder: str) -> None:
    path = Path(folder, f"{NAME}.vaemodel")
    path.write_bytes(bundle())
    codec = SensingCodec(Bundle.open(path))
    codec.bundle.verify()
    out = Path(folder, "sensed")
    out.mkdir(exist_ok=True)
    for name, stream in streams(codec):
        latents = codec.latents(stream)
        (out / f"{name}.vae").write_bytes(stream)
        (out / f"{name}.z").write_bytes(latents.z.astype("<i2").tobytes())
        np.savez_compressed(out / f"{name}.npz", recon=codec.decode_latents(latents))
    print(path, path.stat().st_size, "bytes;", len(list(out.iterdir())), "files")


if __name__ == "__main__":
    main(sys.argv[1])
