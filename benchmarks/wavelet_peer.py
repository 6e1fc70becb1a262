"""The classical peer for signals: a bior4.4 wavelet transform, dead-zone quantiser, adaptive range coder; real files.

Per file and target, everything a careful engineer would tune is tuned: the step by bisection, the dead zone, where in
its interval a value is reconstructed (one offset, the mean of the intervals' contents), and whether the steps of the
levels follow the norms of the synthesis wavelets. Each band's first guess of a distribution is in its header.

    file: varint samples, f32 step, u8 bit 0: norms, zigzag varint mean, u8 reconstruction offset in 1/256, lists (adaptive.py)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pywt
from numpy.typing import NDArray

from vaecodec.benchmarks.adaptive import decode_lists, encode_lists, ideal_bits
from vaecodec.benchmarks.dead_zone import ROUNDINGS, centre, put_back, quantise
from vaecodec.benchmarks.distortion import prdn
from vaecodec.benchmarks.search import coarsest_step

__all__ = ["WaveletSetting", "decode", "encode", "tune"]

WAVELET, MODE, LEVELS = "bior4.4", "periodization", 7

Samples = NDArray[np.int64]
Reals = NDArray[np.float64]
HEADER = struct.Struct("<IfBhB")


@dataclass(frozen=True)
class WaveletSetting:
    """What was tuned: the step in units of the samples, what is added before truncation (0.5 rounds), and the weighting of levels."""

    step: float
    rounding: float
    weighted: bool


def encode(samples: Samples, setting: WaveletSetting) -> bytes:
    """Compresses integer samples `[N]` to a complete file."""
    mean = round(float(samples.mean()))
    scaled = _scaled(_analyse(samples, mean), setting.step, setting.weighted)
    latents = quantise(scaled, setting.rounding)
    offset = centre(scaled, latents)
    head = HEADER.pack(len(samples), setting.step, setting.weighted, mean, round(256 * offset))
    return head + encode_lists(latents)


def decode(data: bytes) -> Samples:
    """The samples of a file, rounded to integers."""
    count, step, weighted, mean, offset = HEADER.unpack_from(data)
    latents = decode_lists(data[HEADER.size :], _lengths(count))
    return _reconstruct(latents, step, bool(weighted), mean, offset / 256, count)


def tune(samples: Samples, target: float) -> WaveletSetting:
    """The setting with the least order-0 entropy whose PRDN is at most `target` per cent."""
    mean = round(float(samples.mean()))
    coefficients = _analyse(samples, mean)
    guess = target / 100 * float(samples.std()) * 2
    best: tuple[float, WaveletSetting] | None = None
    for weighted in (False, True):
        for rounding in ROUNDINGS:
            guess = _reach(samples, mean, coefficients, target, rounding, weighted, guess)
            bits = sum(ideal_bits(band) for band in quantise(_scaled(coefficients, guess, weighted), rounding))
            if best is None or bits < best[0]:
                best = bits, WaveletSetting(guess, rounding, weighted)
    assert best is not None
    return best[1]


def _reach(samples: Samples, mean: int, coefficients: list[Reals], target: float, rounding: float, weighted: bool, guess: float) -> float:
    """The coarsest step for one dead zone."""

    def error(step: float) -> float:
        step = float(np.float32(step))
        scaled = _scaled(coefficients, step, weighted)
        latents = quantise(scaled, rounding)
        offset = round(256 * centre(scaled, latents)) / 256
        return prdn(samples, _reconstruct(latents, step, weighted, mean, offset, len(samples)))

    return float(np.float32(coarsest_step(error, target, guess)))


def _analyse(samples: Samples, mean: int) -> list[Reals]:
    return list(pywt.wavedec(samples - float(mean), WAVELET, MODE, level=_levels(len(samples))))


def _scaled(coefficients: list[Reals], step: float, weighted: bool) -> list[Reals]:
    """Coefficients in units of their steps."""
    return [band * (norm / step) for band, norm in zip(coefficients, _norms(weighted, len(coefficients) - 1), strict=True)]


def _reconstruct(latents: list[Samples], step: float, weighted: bool, mean: int, offset: float, count: int) -> Samples:
    norms = _norms(weighted, len(latents) - 1)
    bands = [put_back(z, offset) * (step / norm) for z, norm in zip(latents, norms, strict=True)]
    decoded: Samples = np.rint(pywt.waverec(bands, WAVELET, MODE)[:count] + mean).astype(np.int64)
    return decoded


@lru_cache(maxsize=16)
def _norms(weighted: bool, levels: int) -> tuple[float, ...]:
    """Euclidean norm of each band's synthesis wavelet, approximation first; ones if unweighted."""
    if not weighted:
        return (1.0,) * (levels + 1)
    lengths = [64, *(64 << level for level in range(levels))]
    return tuple(_norm(lengths, band) for band in range(levels + 1))


def _norm(lengths: list[int], band: int) -> float:
    impulse = [np.zeros(length) for length in lengths]
    impulse[band][lengths[band] // 2] = 1
    return float(np.linalg.norm(pywt.waverec(impulse, WAVELET, MODE)))


def _levels(count: int) -> int:
    """Fewer levels for signals that are shorter than the widest wavelet."""
    return min(LEVELS, int(pywt.dwt_max_level(count, WAVELET)))


def _lengths(count: int) -> list[int]:
    """Coefficients in each band of `count` samples, approximation first."""
    lengths = []
    for _ in range(_levels(count)):
        count = -(-count // 2)
        lengths.append(count)
    return [count, *reversed(lengths)]
