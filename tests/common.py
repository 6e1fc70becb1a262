"""What tests of the codec and the command line share: models, inputs, figures."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.sensing import SensingCodec
from vaecodec.codec.signal import SignalCodec

ROOT = Path(__file__).parents[1]
RELEASE = ROOT / "conformance" / "0.1"
IMAGE_BUNDLE = RELEASE / "tiny-image.vaemodel"
SIGNAL_BUNDLE = RELEASE / "tiny-signal.vaemodel"
SENSING_BUNDLE = RELEASE / "tiny-sensing.vaemodel"


@cache
def image_codec() -> ImageCodec:
    return ImageCodec(Bundle.open(IMAGE_BUNDLE))


@cache
def signal_codec() -> SignalCodec:
    return SignalCodec(Bundle.open(SIGNAL_BUNDLE))


@cache
def sensing_codec() -> SensingCodec:
    return SensingCodec(Bundle.open(SENSING_BUNDLE))


def picture(height: int, width: int, planes: int = 3, seed: int = 0) -> np.ndarray:
    """A smooth picture with an edge and a little noise; [H, W] for one plane."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    base = 128 + 50 * np.sin(x / 9 + y / 13)[..., None] * (1 - 0.2 * np.arange(planes))
    pixels = base + 40 * (x > y)[..., None] + random.normal(0, 2, (height, width, planes))
    whole = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return whole[..., 0] if planes == 1 else whole


def beats(length: int, channels: int = 1, scale: float = 300.0, seed: int = 0) -> np.ndarray:
    """A quasi-periodic signal with noise, float64 [N, channels], or [N] for one channel."""
    random = np.random.default_rng(seed)
    n = np.arange(length)[:, None] + 31 * np.arange(channels)
    wave = 0.2 * np.sin(n / 50) + np.exp(-(((n % 120) - 60.0) ** 2) / 15) + 0.01 * random.standard_normal((length, channels))
    return scale * (wave[:, 0] if channels == 1 else wave)


def psnr(original: np.ndarray, decoded: np.ndarray) -> float:
    error = float(np.mean((original.astype(np.float64) - decoded) ** 2))
    return 10 * np.log10(255**2 / error) if error else np.inf


def prdn(original: np.ndarray, decoded: np.ndarray) -> float:
    truth = original.astype(np.float64)
    return float(100 * np.sqrt(np.sum((decoded - truth) ** 2) / np.sum((truth - truth.mean(0)) ** 2)))


def flip(data: bytes, bit: int) -> bytes:
    """The data with one bit flipped."""
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def missing(tool: str) -> NoReturn:
    """Skips a test whose tool is not there; in CI, which installs them all and sets the variable, it fails."""
    (pytest.fail if os.environ.get("VAECODEC_NO_SKIPS") else pytest.skip)(f"{tool} is not installed")
    raise AssertionError
