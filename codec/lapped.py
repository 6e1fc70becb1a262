"""Latents of a lapped transform to samples (docs/format.md, section 9).

    latents ──► x step ──► blocks of M frequencies ──► network, inverse DCT-IV ("lapped") ──► rotate back around every border ──► samples

The network runs over spans of blocks with `halo` blocks more on both sides; beyond the ends of the signal they are zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import ModelError
from vaecodec.codec.interpreter import Network
from vaecodec.codec.native import SymbolModel

__all__ = ["LappedSynthesis", "unrotated"]

Float = NDArray[np.float32]
Reals = NDArray[np.float64]
Latents = Sequence[NDArray[np.int16] | Float]

SIGNATURE = "lapped"
SPAN = 256
"""Blocks that the network takes at a time."""


class LappedSynthesis:
    """The synthesis transform of one bundle whose analysis is lapped. Not for use by several threads at a time.

    Args:
        network: the bundle's decoder.tflite.
        model: its symbol model; gives levels and steps.
        halo: blocks that the network sees beyond its own on either side.
    """

    def __init__(self, network: Network, model: SymbolModel, halo: int) -> None:
        self._network = network
        self._model = model
        self._halo = halo
        self._size = 1 << model.levels

    @property
    def reach(self) -> int:
        """Blocks to each side that a block of a signal depends on."""
        return self._halo + 1

    def signal(self, bands: Latents, t: int) -> Reals:
        """Synthesises a signal.

        Args:
            bands: latents `[N / 2^l, channels]` of the padded signal, int16; or float32, coefficients in the units of the integer analysis, which
                may be those of latents of several steps.
            t: step code, of float coefficients that of the part that matters.

        Returns:
            float64 `[N, channels]` in units of the stream's samples, after `in_offset` is put back.
        """
        blocks = self._dequantised(bands, t)
        channels = [unrotated(self._folded(blocks[channel], t)).ravel() for channel in range(len(blocks))]
        return np.asarray(np.stack(channels, 1) * 2.0 ** (t / 16) + self._model.in_offset)

    def _dequantised(self, bands: Latents, t: int) -> Float:
        """Coefficients `[channels, blocks, M]` in units of the step and of the input samples."""
        count, channels = bands[0].shape
        own = np.ones(len(bands)) if bands[0].dtype.kind == "f" else self._model.steps(t)
        scales = own * 2.0 ** (-t / 16 - self._model.in_shift)
        parts = [band.reshape(count, -1, channels) * scale for band, scale in zip(bands, scales, strict=True)]
        return np.ascontiguousarray(np.concatenate(parts, axis=1).transpose(2, 0, 1), np.float32)

    def _folded(self, blocks: Float, t: int) -> Reals:
        """What the network makes of one channel's blocks `[n, M]`, in as many."""
        halo, log_step = self._halo, np.full((1, 1, 1, 1), t / 16, np.float32)
        around = np.pad(blocks, ((halo, halo), (0, 0)))
        out = np.empty(blocks.shape)
        for start in range(0, len(blocks), SPAN):
            count = min(SPAN, len(blocks) - start)
            given = around[None, None, start : start + count + 2 * halo]
            folded = self._network.run(SIGNATURE, blocks=given, step=log_step)
            if folded.shape != (wanted := (1, 1, count, self._size)):
                raise ModelError(f"the decoder's {SIGNATURE} gives {folded.shape} where {wanted} is expected: its halo is not {halo}")
            out[start : start + count] = folded[0, 0]
        return out


def unrotated(folded: Reals) -> Reals:
    """Blocks `[n, M]` with the rotation around every border between two of them undone."""
    half = folded.shape[1] // 2
    angle = np.pi / (8 * half) * (2 * np.arange(half) + 1 + 2 * half)
    keep, take = np.sin(angle), np.cos(angle)
    left, right = folded[:-1, half:][:, ::-1], folded[1:, :half]
    out = folded.copy()
    out[:-1, half:] = (keep * left + take * right)[:, ::-1]
    out[1:, :half] = keep * right - take * left
    return out
