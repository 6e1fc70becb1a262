"""Which latents a picture's packets hold: tiles, and level groups within a tile (docs/format.md, section 7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.container import ImageHeader

__all__ = ["Box", "Tile", "level_groups", "padded", "tile_rows", "tiles"]

Bands = list[NDArray[np.int16]]


def padded(length: int, levels: int) -> int:
    """`length` rounded up to a multiple of 2^levels."""
    return -(-length >> levels) << levels


def level_groups(levels: int) -> list[tuple[int, int]]:
    """First and last stage of each level group that has any, coarse to fine.

    Stage 0 is LL and belongs to group 0; stage s > 0 holds the details of level l = levels + 1 - s, in group max(0, 4 - l).
    """
    group_of = [0, *(max(0, 4 - level) for level in range(levels, 0, -1))]
    return [(group_of.index(g), len(group_of) - 1 - group_of[::-1].index(g)) for g in sorted(set(group_of))]


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture or band."""

    row: int
    col: int
    rows: int
    cols: int

    def halved(self) -> Box:
        """The sites of half the resolution that cover it."""
        row, col = self.row // 2, self.col // 2
        return Box(row, col, -(-(self.row + self.rows) // 2) - row, -(-(self.col + self.cols) // 2) - col)

    def grown(self, margin: int, shape: tuple[int, int]) -> Box:
        """With `margin` more on every side, as far as an array of `shape` goes."""
        row, col = max(0, self.row - margin), max(0, self.col - margin)
        below, right = min(shape[0], self.row + self.rows + margin), min(shape[1], self.col + self.cols + margin)
        return Box(row, col, below - row, right - col)


@dataclass(frozen=True)
class Tile:
    """A rectangle of the padded picture, in units of 2^L pixels."""

    row: int
    col: int
    rows: int
    cols: int

    def shape(self, levels: int) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rows << levels, self.cols << levels

    def cut(self, bands: Bands) -> Bands:
        """The tile's part of each band, contiguous: a view where it can be."""
        return [np.ascontiguousarray(self._view(band, bands[0])) for band in bands]

    def paste(self, part: Bands, bands: Bands) -> None:
        """Writes the tile's part of each band back."""
        for piece, band in zip(part, bands, strict=True):
            self._view(band, bands[0])[:] = piece

    def _view(self, band: NDArray[np.int16], coarsest: NDArray[np.int16]) -> NDArray[np.int16]:
        scale = band.shape[0] // coarsest.shape[0]
        return band[self.row * scale : (self.row + self.rows) * scale, self.col * scale : (self.col + self.cols) * scale]


def tiles(header: ImageHeader, levels: int) -> Iterator[Tile]:
    """The tiles of a picture in raster order; the last of a row or column may be smaller."""
    rows, cols = (padded(side, levels) >> levels for side in (header.height, header.width))
    tall, wide = min(header.tile_height or rows, rows), min(header.tile_width or cols, cols)
    for row in range(0, rows, tall):
        for col in range(0, cols, wide):
            yield Tile(row, col, min(tall, rows - row), min(wide, cols - col))


def tile_rows(bands: Bands, header: ImageHeader, levels: int) -> Iterator[Bands]:
    """The bands of a picture cut into its rows of tiles."""
    for tile in tiles(header, levels):
        if tile.col == 0:
            yield [band[tile.row * (s := len(band) // len(bands[0])) : (tile.row + tile.rows) * s] for band in bands]
