"""The other classical peer for signals: DCT-II of blocks, dead-zone quantiser, adaptive range coder; real files.

Per file and target, block size, dead zone, step and reconstruction offset are tuned as for the DWT peer (wavelet_peer.py). Frequencies are coded an
octave at a time, blocks in order of time, so that each octave has its own adaptive distribution.

    file: u32 samples, f32 step, u8 log2 of the block size, i16 mean, u8 reconstruction offset in 1/256, lists (adaptive.py)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vaecodec.benchmarks.adaptive import decode_lists, encode_lists, ideal_bits
from vaecodec.benchmarks.dead_zone import ROUNDINGS, centre, put_back, quantise
from vaecodec.benchmarks.distortion import prdn
from vaecodec.benchmarks.search import coarsest_step

__all__ = ["CosineSetting", "decode", "encode", "tune"]

LOG_SIZES = (4, 5, 6, 7, 8, 9)

Samples = NDArray[np.int64]
Reals = NDArray[np.float64]
HEADER = struct.Struct("<IfBhB")


@dataclass(frozen=True)
class CosineSetting:
    """What was tuned: the step in units of the samples, what is added before truncation (0.5 rounds), and log2 of the block size."""

    step: float
    rounding: float
    log_size: int


def encode(samples: Samples, setting: CosineSetting) -> bytes:
    """Compresses integer samples `[N]` to a complete file."""
    mean = round(float(samples.mean()))
    scaled = [band / setting.step for band in _analyse(samples, mean, setting.log_size)]
    latents = quantise(scaled, setting.rounding)
    head = HEADER.pack(len(samples), setting.step, setting.log_size, mean, round(256 * centre(scaled, latents)))
    return head + encode_lists(latents)


def decode(data: bytes) -> Samples:
    """The samples of a file, rounded to integers."""
    count, step, log_size, mean, offset = HEADER.unpack_from(data)
    latents = decode_lists(data[HEADER.size :], _lengths(count, log_size))
    return _reconstruct(latents, step, log_size, mean, offset / 256, count)


def tune(samples: Samples, target: float) -> CosineSetting:
    """The setting with the least order-0 entropy whose PRDN is at most `target` per cent."""
    mean = round(float(samples.mean()))
    guess = target / 100 * float(samples.std()) * 2
    best: tuple[float, CosineSetting] | None = None
    for log_size in LOG_SIZES:
        coefficients = _analyse(samples, mean, log_size)
        for rounding in ROUNDINGS:
            guess = _reach(samples, mean, coefficients, target, CosineSetting(guess, rounding, log_size))
            bits = sum(ideal_bits(band) for band in quantise([band / guess for band in coefficients], rounding))
            if best is None or bits < best[0]:
                best = bits, CosineSetting(guess, rounding, log_size)
    assert best is not None
    return best[1]


def _reach(samples: Samples, mean: int, coefficients: list[Reals], target: float, start: CosineSetting) -> float:
    """The coarsest step for one dead zone and block size."""
    error = partial(_error, samples, mean, coefficients, start)
    return float(np.float32(coarsest_step(error, target, start.step)))


def _error(samples: Samples, mean: int, coefficients: list[Reals], setting: CosineSetting, step: float) -> float:
    step = float(np.float32(step))
    scaled = [band / step for band in coefficients]
    latents = quantise(scaled, setting.rounding)
    offset = round(256 * centre(scaled, latents)) / 256
    return prdn(samples, _reconstruct(latents, step, setting.log_size, mean, offset, len(samples)))


def _analyse(samples: Samples, mean: int, log_size: int) -> list[Reals]:
    """Octaves of frequencies: 0, 1, 2..3, 4..7 and so on, blocks in order within each."""
    blocks = np.pad(samples - float(mean), (0, -len(samples) % (1 << log_size)), mode="edge").reshape(-1, 1 << log_size)
    y = blocks @ _cosines(log_size).T
    return [y[:, a:b].ravel() for a, b in _octaves(log_size)]


def _reconstruct(latents: list[Samples], step: float, log_size: int, mean: int, offset: float, count: int) -> Samples:
    bands = [put_back(z, offset).reshape(-1, b - a) for z, (a, b) in zip(latents, _octaves(log_size), strict=True)]
    x = step * np.concatenate(bands, axis=1) @ _cosines(log_size)
    decoded: Samples = np.rint(x.ravel()[:count] + mean).astype(np.int64)
    return decoded


@lru_cache(maxsize=16)
def _cosines(log_size: int) -> Reals:
    """The orthonormal DCT-II, `[frequency, sample]` (Ahmed, Natarajan and Rao 1974)."""
    size = 1 << log_size
    rows = np.sqrt(2 / size) * np.cos(np.pi / size * np.outer(np.arange(size), np.arange(size) + 0.5))
    rows[0] *= 0.5**0.5
    return np.asarray(rows)


def _octaves(log_size: int) -> list[tuple[int, int]]:
    edges = [0, *(1 << j for j in range(log_size + 1))]
    return list(pairwise(edges))


def _lengths(count: int, log_size: int) -> list[int]:
    blocks = -(-count >> log_size)
    return [blocks * (b - a) for a, b in _octaves(log_size)]
