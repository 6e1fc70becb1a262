"""Quantised measurements to samples: the learned recovery of the compressed sensing mode (docs/format.md, section 14).

    z ──► decoder.tflite (linear estimate of three windows + residual network) ──► consistency with z ──► samples
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import ModelError
from vaecodec.codec.interpreter import Network
from vaecodec.codec.sensing_model import SUBDIVISIONS, SenseModel

__all__ = ["Recovery"]

# Windows that the network runs over at a time.
SEGMENT = 256


class Recovery:
    """The server's side of one bundle. Not for use by several threads at a time.

    Args:
        network: the bundle's decoder.tflite, with a signature `ratio_0`, `ratio_1` .. for each ratio.
        model: its symbols.
        halo: windows beyond a segment that the network sees on each side.

    Attributes:
        halo: the same.
    """

    def __init__(self, network: Network, model: SenseModel, halo: int) -> None:
        self._network, self._model, self.halo = network, model, halo
        self._inverse = [np.linalg.pinv(ratio.phi.astype(np.float64)) for ratio in model.ratios]

    def signal(self, z: NDArray[np.int16], t: int) -> NDArray[np.float64]:
        """Recovers samples.

        Args:
            z: measurements int16 `[windows, channels, M]`.
            t: step code.

        Returns:
            float64 `[windows * N, channels]` whose measurements lie in the cells of z.
        """
        x = np.empty((z.shape[0] * self._model.window, z.shape[1]))
        for channel in range(z.shape[1]):
            x[:, channel] = self._channel(z[:, channel], t)
        return x

    def _channel(self, z: NDArray[np.int16], t: int) -> NDArray[np.float64]:
        """One channel [windows, M]; where nothing was measured nothing is recovered."""
        if not z.any():
            return np.zeros(len(z) * self._model.window)
        exponent, ratio, _ = self._model.dial[t]
        ideal = 2.0 ** ((exponent + self._model.ratios[ratio].offsets) / SUBDIVISIONS)
        values = (z * (self._model.steps(t) / ideal)).astype(np.float32)
        parts = [self._segment(values[low:high], ratio, exponent)[skip : skip + count] for low, high, skip, count in self._spans(len(z))]
        x = np.concatenate(parts).astype(np.float64) * 2.0 ** (exponent / SUBDIVISIONS)
        return self._consistent(x, z, t).reshape(-1)

    def _segment(self, values: NDArray[np.float32], ratio: int, exponent: int) -> NDArray[np.float32]:
        """Windows [W, N] in units of the step."""
        out = self._network.run(f"ratio_{ratio}", z=values[None], exponent=np.array([exponent], np.float32))
        if out.shape != (1, len(values), self._model.window):
            raise ModelError(f"the decoder gives {out.shape} where {(1, len(values), self._model.window)} is expected")
        return np.asarray(out[0])

    def _consistent(self, x: NDArray[np.float64], z: NDArray[np.int16], t: int) -> NDArray[np.float64]:
        """The nearest windows [W, N] whose measurements lie in the cells of z: x + Φ⁺ (clip(Φx) - Φx)."""
        ratio, steps = self._model.dial[t][1], self._model.steps(t)
        share = self._model.rounding / 256
        low = np.where(z > 0, z - share, z - (1 - share)) * steps
        high = np.where(z < 0, z + share, z + (1 - share)) * steps
        y = x @ self._model.ratios[ratio].phi.T.astype(np.float64)
        return np.asarray(x + (np.clip(y, low, high) - y) @ self._inverse[ratio].T)

    def _spans(self, windows: int) -> Iterator[tuple[int, int, int, int]]:
        """First and last window of what the network is given, how many of it are to be left out first, and how many kept."""
        for start in range(0, windows, SEGMENT):
            stop = min(start + SEGMENT, windows)
            low = max(0, start - self.halo)
            yield low, min(windows, stop + self.halo), start - low, stop - start
