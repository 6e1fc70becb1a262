"""Writes conformance/RELEASE/bounded: signals of bounded error (docs/format.md, section 12), with the samples they must decode to.

    python conformance/make_bounded.py conformance/0.1
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from vaecodec.codec.bounded import BoundedCodec


def waves(length: int, channels: int) -> np.ndarray:
    """Beats on a slow wave with noise; [length, channels]."""
    random = np.random.default_rng(length)
    n = np.arange(length)[:, None] + 31 * np.arange(channels)
    return 60 * np.sin(n / 50) + 300 * np.exp(-(((n % 120) - 60.0) ** 2) / 15) + random.normal(0, 3, (length, channels))


def cases() -> dict[str, tuple[np.ndarray, dict]]:
    """Name -> array and options."""
    random = np.random.default_rng(1)
    beats = np.rint(waves(1500, 2)).astype(np.int16)
    whole = np.iinfo(np.int32)
    return {
        "lossless": (beats, {"rate": Fraction(360), "columns": ["I", "II"]}),
        "max-error-1": (beats, {"max_error": 1}),
        "max-error-65535": (random.integers(whole.min, whole.max, 300, endpoint=True).astype(np.int32), {"max_error": 65535}),
        "packets": (beats[:, 0], {"max_error": 3, "packet_samples": 400}),
        "whole-packets": (beats[:800], {"packet_samples": 400}),
        "one-sample": (np.array([-5], np.int8), {}),
        "constant": (np.full((900, 1), 7, np.uint16), {}),
        "int32": (random.integers(whole.min, whole.max, 300, endpoint=True).astype(np.int32), {}),
        "jumps": (np.where(random.random(600) < 0.02, whole.min, random.integers(-5, 5, 600)), {}),
        "float32": ((waves(500, 1) / 256).astype(np.float32), {"step": 1 / 256, "max_error": 2}),
        "channels": (np.rint(waves(40, 64)).astype(np.int16), {}),
    }


def main() -> None:
    """Writes all cases."""
    folder = Path(sys.argv[1]) / "bounded"
    folder.mkdir(exist_ok=True)
    codec = BoundedCodec()
    for name, (array, options) in cases().items():
        stream = codec.encode(array, **options)
        (folder / f"{name}.vae").write_bytes(stream)
        np.savez_compressed(folder / f"{name}.npz", recon=codec.decode(stream))


if __name__ == "__main__":
    main()
