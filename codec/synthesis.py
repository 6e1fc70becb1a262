"""Latents to samples: dequantisation and the bundle's float synthesis, level by level (docs/format.md, section 9).

    latents ──► x step ──► level L ──► ... ──► level 1 ──► colour mix ──► pixels or samples

A level is run in blocks of equal size, with `halo` sites more on every side; beyond the border of the band the sites are
those of the mirrored signal. So memory does not grow with what the network keeps for one block, and blocks leave no seams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.interpreter import Network
from vaecodec.codec.native import SymbolModel

__all__ = ["Synthesis"]

Float = NDArray[np.float32]
Latents = Sequence[NDArray[np.int16]]
Window = slice | NDArray[np.intp]

# Sites a block has in each direction, chosen by measurement: small enough for the second-level cache, large enough
# that the halo costs little.
IMAGE_BLOCK = 128
SIGNAL_BLOCK = 4096


class Synthesis:
    """The synthesis transform of one bundle. Not for use by several threads at a time.

    Args:
        network: the bundle's decoder.tflite.
        model: its symbol model; gives ranks, levels and steps.
        halo: sites that a level sees beyond its own on every side.
    """

    def __init__(self, network: Network, model: SymbolModel, halo: int) -> None:
        self._network = network
        self._model = model
        self._halo = halo

    def image(self, bands: Latents, t: int, height: int, width: int) -> Iterator[tuple[int, int, Float]]:
        """Synthesises a picture block by block.

        Args:
            bands: latents of the padded picture.
            t: step code.
            height: rows wanted.
            width: columns wanted.

        Yields:
            (row, column, block): float32 `[h, w, planes]` in 0..255 before rounding, cropped to the picture.
        """
        scales = self._scales(t)
        approx = _stack([bands[c] for c in range(self._model.colours)], scales)
        for level in range(self._model.levels, 1, -1):
            approx = self._join(self._blocks(level, approx, bands, scales, t), approx)
        for row, col, block in self._blocks(1, approx, bands, scales, t):
            if row < height and col < width:
                pixels = self._network.run("colour", approx=block * _step(t))[0]
                yield row, col, pixels[: height - row, : width - col]

    def signal(self, bands: Latents, t: int) -> NDArray[np.float64]:
        """Synthesises a signal.

        Args:
            bands: latents `[N / 2^l, channels]` of the padded signal.
            t: step code.

        Returns:
            float64 `[N, channels]` in units of the stream's samples, after `in_offset` is put back.
        """
        out = np.empty((len(bands[-1]) * 2, bands[0].shape[1]))
        for channel in range(out.shape[1]):
            out[:, channel] = self._channel([band[:, channel][None] for band in bands], t)
        return out * float(_step(t)) + self._model.in_offset

    def _channel(self, bands: Latents, t: int) -> Float:
        """One channel whose bands are rows of a picture one site high."""
        scales = self._scales(t)
        approx = _stack(bands[:1], scales)
        for level in range(self._model.levels, 0, -1):
            approx = self._join(self._blocks(level, approx, bands, scales, t), approx)
        return approx[0, :, 0]

    def _scales(self, t: int) -> Float:
        """What a latent of each band is worth in units of the step and of the input samples."""
        scales: Float = (self._model.steps(t) / _step(t) / 2.0**self._model.in_shift).astype(np.float32)
        return scales

    def _join(self, blocks: Iterator[tuple[int, int, Float]], approx: Float) -> Float:
        rows = approx.shape[0] * (2 if self._model.rank == 2 else 1)
        out = np.empty((rows, 2 * approx.shape[1], approx.shape[2]), np.float32)
        for row, col, block in blocks:
            out[row : row + block.shape[1], col : col + block.shape[2]] = block[0]
        return out

    def _blocks(self, level: int, approx: Float, bands: Latents, scales: Float, t: int) -> Iterator[tuple[int, int, Float]]:
        """Runs one level; yields (row, column, float32 [1, rows, columns, C]) of the finer approximation."""
        detail = self._detail_bands(level)
        log_step = np.full((1, 1, 1, 1), t / 16, np.float32)
        image = self._model.rank == 2
        halo = self._halo
        for row, rows in _spans(approx.shape[0], IMAGE_BLOCK) if image else [(0, 1)]:
            for col, cols in _spans(approx.shape[1], IMAGE_BLOCK if image else SIGNAL_BLOCK):
                window = _Window(row, rows, col, cols, halo, halo if image else 0, (approx.shape[0], approx.shape[1]))
                block = self._network.run(
                    f"level_{level}",
                    approx=window.approx(approx)[None],
                    detail=window.details([bands[b] for b in detail], scales[detail], image)[None],
                    step=log_step,
                )
                yield row * (2 if image else 1), 2 * col, block

    def _detail_bands(self, level: int) -> list[int]:
        first, kinds = self._model.colours, 2**self._model.rank - 1
        start = first + kinds * first * (self._model.levels - level)
        return list(range(start, start + kinds * first))


class _Window:
    """A block's sites with the halo around them, as indices into the bands of its level."""

    def __init__(self, row: int, rows: int, col: int, cols: int, halo_x: int, halo_y: int, shape: tuple[int, int]) -> None:
        self._rows = [_mirror(row - halo_y, row + rows + halo_y, shape[0], high) for high in (False, True)]
        self._cols = [_mirror(col - halo_x, col + cols + halo_x, shape[1], high) for high in (False, True)]
        self._shape = rows + 2 * halo_y, cols + 2 * halo_x

    def approx(self, approx: Float) -> Float:
        window: Float = np.ascontiguousarray(approx[self._rows[0]][:, self._cols[0]])
        return window

    def details(self, bands: Latents, scales: Float, image: bool) -> Float:
        """The detail bands side by side; orientations 0, 1, 2 are high-pass along x, y, both."""
        out = np.empty((*self._shape, len(bands)), np.float32)
        for i, (band, scale) in enumerate(zip(bands, scales, strict=True)):
            along_x = not image or i % 3 != 1
            along_y = image and i % 3 != 0
            np.multiply(band[self._rows[along_y]][:, self._cols[along_x]], scale, out=out[..., i])
        return out


def _step(t: int) -> np.float32:
    return np.float32(2.0 ** (t / 16))


def _stack(bands: Latents, scales: Float) -> Float:
    out = np.empty((*bands[0].shape, len(bands)), np.float32)
    for i, band in enumerate(bands):
        np.multiply(band, scales[i], out=out[..., i])
    return out


def _spans(length: int, most: int) -> Iterator[tuple[int, int]]:
    """Cuts 0..length into spans of one size, at most `most`; the last is moved back to end at the border.

    One size means that the interpreter plans its memory once.
    """
    count = -(-length // most)
    size = -(-length // count)
    for i in range(count):
        yield min(i * size, length - size), size


def _mirror(start: int, stop: int, length: int, high: bool) -> Window:
    """Sites start..stop of a band that continues by mirroring (section 9); a plain slice where none lies outside.

    Both kinds of band repeat after 2 length - 1 sites: a picture of 2 length samples repeats after 4 length - 2.
    """
    if start >= 0 and stop <= length:
        return slice(start, stop)
    period = 2 * length - 1
    index = np.arange(start, stop) % period
    return np.where(index < length, index, period - index - (1 if high else 0))
