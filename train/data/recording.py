"""What a signal file holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaecodec.codec.errors import InputError


@dataclass(frozen=True, eq=False)
class Recording:
    """Channels sampled together.

    Attributes:
        values: [N, channels], any integer or float type; float values may be NaN where the sensor gave nothing.
        names: of the channels.
        rate: samples a second in Hz, 0 if the file does not say.
        baseline: value of each channel that stands for zero.
    """

    values: np.ndarray
    names: tuple[str, ...]
    rate: float
    baseline: tuple[float, ...]


def plain(values: np.ndarray, names: tuple[str, ...] = (), rate: float = 0.0) -> Recording:
    """A recording of values [N] or [N, channels] with baseline 0 and channels named by number where they have no names."""
    values = values[:, None] if values.ndim == 1 else values
    names = names or tuple(map(str, range(values.shape[1])))
    return Recording(values, names, rate, (0.0,) * len(names))


def without_gaps(values: np.ndarray, path: Path) -> np.ndarray:
    """Values with every NaN or infinity replaced by the last good value of its channel (the first good one at the start).

    Raises:
        InputError: if a channel has no good value.
    """
    if np.issubdtype(values.dtype, np.integer):
        return values
    good = np.isfinite(values)
    if not good.any(axis=0).all():
        raise InputError(f"Expected finite samples in every channel. Received: a channel without any in {path}")
    last = np.where(good, np.arange(len(values))[:, None], -1)
    last = np.maximum.accumulate(last, axis=0)
    last = np.where(last < 0, good.argmax(axis=0), last)
    return np.take_along_axis(values, last, axis=0)
