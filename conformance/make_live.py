"""Writes conformance/RELEASE/live and live-sensed: streams of docs/format.md section 13, those of compressed sensing apart, with what they decode to.

    python conformance/make_live.py conformance/0.1

Per stream `NAME.vae`; `NAME.z`, the latents of its packets one after the other, each band by band, row by row, int16 little-endian; `NAME.npz`
with `recon`, int16 or float32 `[N, channels]`, and `steps`, the step code of each packet. Frozen with the release: add cases, change none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_file import StreamFile


def waves(length: int, channels: int = 1) -> np.ndarray:
    """Beats on a slow wave with noise; [length, channels]."""
    random = np.random.default_rng(length)
    n = np.arange(length)[:, None] + 31 * np.arange(channels)
    noise = random.normal(0, 4, (length, channels))
    return 60 * np.sin(n / 50) + 300 * np.exp(-(((n % 120) - 60.0) ** 2) / 15) + noise


def stream(bundle: Bundle, samples: np.ndarray, **options: float) -> bytes:
    encoder = Encoder(bundle, **{"rate": 100, "packet": 0.5, "sync": 5, **options})
    return b"".join(encoder.feed(samples) + encoder.flush())


def streams(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    one = np.rint(waves(1500)).astype(np.int16)
    yield "independent", stream(bundle, one)
    yield "delta", stream(bundle, one, key=3)
    yield "long-packets", stream(bundle, one, packet=60, quality=95)
    yield "long-delta-packets", stream(bundle, np.rint(waves(3000, 4)).astype(np.int16), packet=6, key=12, quality=100)
    yield "bit-rate", stream(bundle, one, bitrate=300, key=3)
    yield "three-channels", stream(bundle, np.rint(waves(700, 3)).astype(np.int16), key=2)
    yield "float32", stream(bundle, (waves(700) / 200).astype(np.float32), step=0.005)
    yield "one-sample", stream(bundle, one[:1])
    yield "whole-packets", stream(bundle, one[:480])
    moved = np.rint(waves(1500)).astype(np.int32)
    moved[500:900] += 5_000_000
    yield "segments", stream(bundle, moved, key=1)


def sensed_streams(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    one = np.rint(waves(1500)).astype(np.int16)
    for name, quality in (("coarse", 5), ("usual", 60), ("fine", 95)):
        yield name, stream(bundle, one, quality=quality, stream_id=1)
    yield "fixed-scale", stream(bundle, 100 * one, offset=50, shift=2, stream_id=2)
    yield "bit-rate", stream(bundle, np.concatenate([one, 4 * one]), bitrate=325, stream_id=3)
    yield "three-channels", stream(bundle, np.rint(waves(700, 3)).astype(np.int16), stream_id=4)
    yield "one-sample", stream(bundle, one[:1], stream_id=5)
    yield "whole-packets", stream(bundle, one[:480], stream_id=6)


def main() -> None:
    release = Path(sys.argv[1])
    write(release / "live", Bundle.open(release / "tiny-signal.vaemodel"), streams)
    write(release / "live-sensed", Bundle.open(release / "tiny-sensing.vaemodel"), sensed_streams)


def write(folder: Path, bundle: Bundle, made: Callable[[Bundle], Iterator[tuple[str, bytes]]]) -> None:
    """Those streams that are not there yet."""
    folder.mkdir(exist_ok=True)
    reader = StreamFile(bundle)
    for name, data in made(bundle):
        path = folder / f"{name}.vae"
        if path.exists():
            continue
        packets = list(reader.latents(data))
        path.write_bytes(data)
        path.with_suffix(".z").write_bytes(b"".join(band.astype("<i2").tobytes() for _, _, bands in packets for band in bands))
        samples = reader.decode(data)
        np.savez_compressed(path.with_suffix(".npz"), recon=samples, steps=np.array([t for _, t, _ in packets], np.uint8))


if __name__ == "__main__":
    main()
