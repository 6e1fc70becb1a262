"""A real photo and a real ECG from packages that ship them (`pip install '.[demo]'`)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import UnsupportedError

__all__ = ["RATE", "ecg", "photo"]

RATE = 360
"""Samples a second of the ECG."""


def photo() -> NDArray[np.uint8]:
    """Astronaut Eileen Collins (NASA, public domain), uint8 [512, 512, 3], as scikit-image ships it.

    Raises:
        UnsupportedError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise UnsupportedError(f"the demo's photo needs {error.name}: pip install '.[demo]'") from error
    astronaut: Any = data.astronaut
    return np.asarray(astronaut(), np.uint8)


def ecg() -> tuple[NDArray[np.int16], str]:
    """Five minutes of lead MLII of MIT-BIH record 208 (SciPy below 1.12 ships it), 11 bits, 200 units a millivolt.

    Returns:
        int16 [N] in the units of the recorder, and a word on where it is from; a synthetic ECG where SciPy has it no more.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from scipy.misc import electrocardiogram

            millivolts = electrocardiogram()
    except ImportError:
        return synthetic_ecg(5 * 60 * RATE), "synthetic ECG (SciPy below 1.12 ships a real one)"
    return np.rint(millivolts * 200 + 1024).astype(np.int16), "ECG, MIT-BIH record 208 (five minutes, 360 Hz, 11 bit)"


def synthetic_ecg(length: int, seed: int = 0) -> NDArray[np.int16]:
    """Beats of five Gaussian waves with a little jitter, baseline wander and noise; int16 [length]."""
    random = np.random.default_rng(seed)
    time = np.arange(length) / RATE
    signal = 0.1 * np.sin(2 * np.pi * 0.3 * time) + 0.01 * random.standard_normal(length)
    # P, Q, R, S, T: height in millivolts, delay and width in seconds.
    waves = ((0.12, -0.2, 0.025), (-0.1, -0.03, 0.01), (1.1, 0.0, 0.011), (-0.2, 0.03, 0.01), (0.25, 0.28, 0.05))
    beat = 0.5
    while beat < length / RATE:
        for height, delay, width in waves:
            first, last = (int((beat + delay + k * 6 * width) * RATE) for k in (-1, 1))
            part = slice(max(0, first), max(0, last))
            signal[part] += height * np.exp(-(((time[part] - beat - delay) / width) ** 2) / 2)
        beat += 0.8 + 0.04 * float(random.standard_normal())
    noisy: NDArray[Any] = np.rint(signal * 200 + 1024)
    return np.asarray(np.clip(noisy, 0, 2047), np.int16)
