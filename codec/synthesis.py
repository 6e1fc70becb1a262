"""Latents to samples: dequantisation and the bundle's float synthesis, level by level (docs/format.md, section 9).

    latents ──► x step ──► level L ──► ... ──► level 1 ──► colour mix ──► pixels or samples

A level is run in blocks of equal size, with `halo` sites more on every side; beyond the border of the band the sites are
those of the mirrored signal. So memory does not grow with what the network keeps for one block, and blocks leave no seams. A part of a
picture needs only the parts of each band that its blocks see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import ModelError, UnsupportedError
from vaecodec.codec.grids import Box
from vaecodec.codec.interpreter import Network
from vaecodec.codec.native import SymbolModel

__all__ = ["Piece", "Synthesis", "whole"]

Float = NDArray[np.float32]
Latents = Sequence[NDArray[np.int16]]
Window = slice | NDArray[np.intp]

# Sites a block has in each direction, chosen by measurement: small enough for the second-level cache, large enough
# that the halo costs little.
IMAGE_BLOCK = 128
SIGNAL_BLOCK = 4096
FAST = "fast_1"  # signature of level 1 without its residual network


@dataclass(frozen=True)
class Piece:
    """A rectangle of a band.

    Attributes:
        array: its values, `[rows, columns]` or `[rows, columns, planes]`.
        row: row of the band at which it starts.
        col: the same for columns.
        shape: rows and columns of the whole band.
    """

    array: NDArray[np.int16] | Float
    row: int
    col: int
    shape: tuple[int, int]


def whole(band: NDArray[np.int16] | Float) -> Piece:
    """A band as one piece."""
    return Piece(band, 0, 0, (band.shape[0], band.shape[1]))


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
        self._flat_key: tuple[object, ...] | None = None
        self._flat_block: Float = np.empty(0, np.float32)

    def boxes(self, box: Box, shape: tuple[int, int], level: int = 0) -> list[Box]:
        """What part of the approximations a part of the picture needs.

        Args:
            box: the part wanted, in sites of the approximation of `level`.
            shape: rows and columns of the padded picture.
            level: 0 the picture itself, 1 half its size and so on.

        Returns:
            The box wanted of the approximation of each level from `level` to L; those beyond the first are also wanted of the
            level's details.
        """
        found = [box]
        for number in range(level + 1, self._model.levels + 1):
            found.append(found[-1].halved().grown(self._halo, (shape[0] >> number, shape[1] >> number)))
        return found

    def image(self, bands: Sequence[Piece], t: int, box: Box, level: int = 0, fast: bool = False) -> Iterator[tuple[int, int, Float]]:
        """Synthesises a part of a picture, at its own or a lower resolution, block by block.

        Args:
            bands: latents of every band, at least the parts that `boxes` names; details of `level` and finer are not looked at.
            t: step code.
            box: the part wanted, in sites of the approximation of `level`.
            level: 0 the picture itself, 1 half its size and so on.
            fast: leave out the residual network of level 1.

        Yields:
            (row, column, block): float32 `[h, w, planes]` in 0..255 before rounding, cropped to the box; row and column count from the box.
        """
        if fast and FAST not in self._network.signatures:
            raise UnsupportedError("this bundle has no fast decoder")
        scales = self._scales(t)
        top = bands[0]
        shape = top.shape[0] << self._model.levels, top.shape[1] << self._model.levels
        boxes = self.boxes(box, shape, level)
        approx = self._start(bands, scales, boxes[-1])
        for number in range(self._model.levels, level + 1, -1):
            approx = self._join(self._blocks(number, approx, bands, scales, t, boxes[number - 1 - level]), boxes[number - 1 - level], approx)
        if level == self._model.levels:
            blocks: Iterator[tuple[int, int, Float]] = iter([(box.row, box.col, approx.array[None])])  # type: ignore[list-item]
        else:
            name = FAST if fast and level == 0 else f"level_{level + 1}"
            blocks = self._blocks(level + 1, approx, bands, scales, t, box, name)
        for row, col, block in blocks:
            pixels = self._network.run("colour", approx=block * _step(t))[0]
            above, left = max(0, box.row - row), max(0, box.col - col)
            part = pixels[above : box.row + box.rows - row, left : box.col + box.cols - col]
            if part.size:
                yield row + above - box.row, col + left - box.col, part

    @property
    def reach(self) -> int:
        """Blocks of 2^L samples to each side that a block of a signal depends on."""
        return -(-sum(self._halo << level for level in range(1, self._model.levels + 1)) >> self._model.levels)

    def signal(self, bands: Sequence[NDArray[np.int16] | Float], t: int) -> NDArray[np.float64]:
        """Synthesises a signal.

        Args:
            bands: latents `[N / 2^l, channels]` of the padded signal, int16; or float32, coefficients in the units of the integer analysis, which
                may be those of latents of several steps.
            t: step code, of float coefficients that of the part that matters.

        Returns:
            float64 `[N, channels]` in units of the stream's samples, after `in_offset` is put back.
        """
        out = np.empty((len(bands[-1]) * 2, bands[0].shape[1]))
        for channel in range(out.shape[1]):
            out[:, channel] = self._channel([band[:, channel][None] for band in bands], t)
        return out * float(_step(t)) + self._model.in_offset

    def _channel(self, bands: Sequence[NDArray[np.int16] | Float], t: int) -> Float:
        """One channel whose bands are rows of a picture one site high."""
        scales = self._scales(t)
        if bands[0].dtype.kind == "f":
            scales = np.full_like(scales, 1 / _step(t) / 2.0**self._model.in_shift)
        pieces = [whole(band) for band in bands]
        approx = self._start(pieces, scales, _all_of(pieces[0]))
        for level in range(self._model.levels, 0, -1):
            box = Box(0, 0, 1, 2 * approx.shape[1])
            approx = self._join(self._blocks(level, approx, pieces, scales, t, box), box, approx)
        return np.asarray(approx.array[0, :, 0], np.float32)

    def _scales(self, t: int) -> Float:
        """What a latent of each band is worth in units of the step and of the input samples."""
        scales: Float = (self._model.steps(t) / _step(t) / 2.0**self._model.in_shift).astype(np.float32)
        return scales

    def _start(self, bands: Sequence[Piece], scales: Float, box: Box) -> Piece:
        """The coarsest approximation, dequantised."""
        colours = self._model.colours if self._model.rank == 2 else 1
        out = np.empty((box.rows, box.cols, colours), np.float32)
        for i, piece in enumerate(bands[:colours]):
            row, col = box.row - piece.row, box.col - piece.col
            np.multiply(piece.array[row : row + box.rows, col : col + box.cols], scales[i], out=out[..., i])
        return Piece(out, box.row, box.col, bands[0].shape)

    def _join(self, blocks: Iterator[tuple[int, int, Float]], box: Box, coarser: Piece) -> Piece:
        """The box of a finer approximation from the blocks that cover it."""
        out = np.empty((box.rows, box.cols, coarser.array.shape[2]), np.float32)
        for row, col, block in blocks:
            above, left = max(0, box.row - row), max(0, box.col - col)
            part = block[0, above : box.row + box.rows - row, left : box.col + box.cols - col]
            row, col = row + above - box.row, col + left - box.col
            out[row : row + part.shape[0], col : col + part.shape[1]] = part
        tall = 2 if self._model.rank == 2 else 1
        return Piece(out, box.row, box.col, (tall * coarser.shape[0], 2 * coarser.shape[1]))

    def _blocks(
        self, level: int, approx: Piece, bands: Sequence[Piece], scales: Float, t: int, box: Box, name: str = ""
    ) -> Iterator[tuple[int, int, Float]]:
        """Runs one level on all that the box of the finer approximation needs; yields (row, column, float32 [1, rows, columns, C]) of that."""
        detail = self._detail_bands(level)
        log_step = np.full((1, 1, 1, 1), t / 16, np.float32)
        image = self._model.rank == 2
        halo = self._halo
        sites = box.halved() if image else Box(0, 0, 1, box.cols // 2)
        for row, rows in _spans(sites.row, sites.rows, IMAGE_BLOCK if image else 1):
            for col, cols in _spans(sites.col, sites.cols, IMAGE_BLOCK if image else SIGNAL_BLOCK):
                window = _Window(row, rows, col, cols, halo, halo if image else 0, approx.shape)
                coarse, fine = window.approx(approx), window.details([bands[b] for b in detail], scales[detail], image)
                block = self._run(name or f"level_{level}", coarse, fine, log_step)
                if block.shape != (wanted := (1, rows * (2 if image else 1), 2 * cols, approx.array.shape[2])):
                    raise ModelError(f"the decoder's level_{level} gives {block.shape} where {wanted} is expected: its halo is not {halo}")
                yield row * (2 if image else 1), 2 * col, block

    def _run(self, name: str, approx: Float, detail: Float, log_step: Float) -> Float:
        """One block through the network; flat ones, of which a plain sky or a tiny stream that claims a huge picture has many, only once."""
        flat = not detail.any() and not np.any(approx != approx[:1, :1])
        key = (name, approx.shape, approx[0, 0].tobytes(), log_step.tobytes())
        if flat and key == self._flat_key:
            return self._flat_block
        block = self._network.run(name, approx=approx[None], detail=detail[None], step=log_step)
        if flat:
            self._flat_key, self._flat_block = key, block
        return block

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

    def approx(self, approx: Piece) -> Float:
        return np.ascontiguousarray(self._cut(approx, False, False), np.float32)

    def details(self, bands: Sequence[Piece], scales: Float, image: bool) -> Float:
        """The detail bands side by side; orientations 0, 1, 2 are high-pass along x, y, both."""
        out = np.empty((*self._shape, len(bands)), np.float32)
        for i, (band, scale) in enumerate(zip(bands, scales, strict=True)):
            along_x = not image or i % 3 != 1
            along_y = image and i % 3 != 0
            np.multiply(self._cut(band, along_y, along_x), scale, out=out[..., i])
        return out

    def _cut(self, piece: Piece, high_y: bool, high_x: bool) -> NDArray[np.int16] | Float:
        return piece.array[_within(self._rows[high_y], piece.row)][:, _within(self._cols[high_x], piece.col)]


def _within(window: Window, start: int) -> Window:
    """Indices into a band as indices into a piece of it."""
    return slice(window.start - start, window.stop - start) if isinstance(window, slice) else window - start


def _all_of(piece: Piece) -> Box:
    return Box(0, 0, *piece.shape)


def _step(t: int) -> np.float32:
    return np.float32(2.0 ** (t / 16))


def _spans(start: int, length: int, most: int) -> Iterator[tuple[int, int]]:
    """Cuts start .. start + length into spans of one size, at most `most`; the last is moved back to end at the border.

    One size means that the interpreter plans its memory once.
    """
    count = -(-length // most)
    size = -(-length // count)
    for i in range(count):
        yield start + min(i * size, length - size), size


def _mirror(start: int, stop: int, length: int, high: bool) -> Window:
    """Sites start..stop of a band that continues by mirroring (section 9); a plain slice where none lies outside.

    Both kinds of band repeat after 2 length - 1 sites: a picture of 2 length samples repeats after 4 length - 2.
    """
    if start >= 0 and stop <= length:
        return slice(start, stop)
    period = 2 * length - 1
    index = np.arange(start, stop) % period
    return np.where(index < length, index, period - index - (1 if high else 0))
