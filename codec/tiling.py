"""Pictures tile row by tile row, so that memory grows with a row of tiles and not with the picture.

    planes ──► `Coefficients` ──► quantiser ──► `code` ──► payloads ──► `TileReader` ──► pieces of bands for the synthesis
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.container import ImageHeader
from vaecodec.codec.grids import Bands, Box, Tile, level_groups, padded, tiles
from vaecodec.codec.native import Prior, SymbolModel
from vaecodec.codec.synthesis import Piece

__all__ = ["Coefficients", "TileReader", "code", "place"]

# Coefficients of pictures up to this many pixels are kept for a rate search; larger ones are analysed again.
KEPT_PIXELS = 1 << 24

T = TypeVar("T")


class Coefficients:
    """The analysis of a picture, one row of tiles after the other; may be gone through several times.

    Args:
        model: symbol model of rank 2.
        samples: gives rows start..stop of the padded picture, int16 [rows, padded width, C], as the analysis takes them.
        header: geometry.
        keep: whether small pictures are kept, to be gone through again.
        analyse: what runs the analysis, if not the C core (see `engine`).
    """

    def __init__(
        self,
        model: SymbolModel,
        samples: Callable[[int, int], NDArray[np.int16]],
        header: ImageHeader,
        keep: bool = True,
        analyse: Callable[[NDArray[np.int16]], Bands] | None = None,
    ) -> None:
        self._model = model
        self._analyse = analyse or model.analyse
        self._samples = samples
        self._height = padded(header.height, model.levels)
        self._rows = [next(row) for _, row in groupby(tiles(header, model.levels), lambda tile: tile.row)]
        self._keep = keep and header.width * header.height <= KEPT_PIXELS
        self._kept: list[Bands] = []

    def __iter__(self) -> Iterator[Bands]:
        if self._kept:
            yield from self._kept
            return
        found: list[Bands] = []
        for row in self._rows:
            found.append(self._strip(row.row << self._model.levels, (row.row + row.rows) << self._model.levels))
            yield found[-1]
            if not self._keep:
                found.clear()
        self._kept = found

    def _strip(self, start: int, stop: int) -> Bands:
        """Coefficients of rows start..stop: those of a taller strip, whose own borders do not reach them."""
        above, below = max(0, start - self._model.reach), min(self._height, stop + self._model.reach)
        bands = self._analyse(self._samples(above, below))
        if (above, below) == (start, stop):
            return bands
        scales = [(below - above) // band.shape[0] for band in bands]
        return [np.ascontiguousarray(b[(start - above) // s : (stop - above) // s]) for b, s in zip(bands, scales, strict=True)]


def place(header: ImageHeader, tile: int, group: int, tile_count: int, group_count: int) -> int:
    """Number of the packet of a tile's level group."""
    return group * tile_count + tile if header.order else tile * group_count + group


def code(
    model: SymbolModel, header: ImageHeader, rows: Iterable[tuple[Bands, Bands | None]], threads: int = 1, weight: float = 0.0
) -> list[bytes]:
    """The payloads of a picture's packets, in their order in the file.

    Args:
        model: symbol model.
        header: geometry and step code.
        rows: of each row of tiles the latents, int16 arrays a band, and their excess, or None; see `Prior.encode`. With it the latents chosen
            are written back.
        threads: tiles of a row that are coded at a time.
        weight: see `Prior.encode`.
    """
    groups, places = level_groups(model.levels), list(tiles(header, model.levels))
    payloads = [b""] * (len(groups) * len(places))

    def one(job: tuple[int, Tile, Bands, Bands | None]) -> None:
        number, place_of, bands, excess = job
        tile = Tile(0, place_of.col, place_of.rows, place_of.cols)
        part, beside = tile.cut(bands), excess and tile.cut(excess)
        prior = Prior(model, tile.shape(model.levels), header.step_code)
        for g, (first, last) in enumerate(groups):
            payloads[place(header, number, g, len(places), len(groups))] = prior.encode(part, first, last, beside, weight)
        if excess:
            tile.paste(part, bands)

    number = 0
    for (_, row), (bands, excess) in zip(groupby(places, lambda tile: tile.row), rows, strict=True):
        work = [(number + i, tile, bands, excess) for i, tile in enumerate(row)]
        number += len(work)
        _each(one, work, threads)
    return payloads


class TileReader:
    """Latents of a picture, decoded tile by tile when they are asked for.

    Args:
        model: symbol model.
        header: geometry and step code.
        payloads: of the packets in their order in the file; None for packets that are missing, whose latents count as 0.
        level: resolution wanted: details of this level and finer ones are never decoded. 0: all.
        threads: tiles decoded at a time.
    """

    def __init__(self, model: SymbolModel, header: ImageHeader, payloads: Sequence[bytes | None], level: int = 0, threads: int = 1) -> None:
        self._model, self._header, self._payloads, self._level, self._threads = model, header, payloads, level, threads
        self._places = list(tiles(header, model.levels))
        self._groups = level_groups(model.levels)
        self._shapes = model.band_shapes((padded(header.height, model.levels), padded(header.width, model.levels)))
        self._tiles: dict[int, Bands] = {}

    def pieces(self, boxes: Sequence[Box]) -> list[Piece]:
        """The parts of all bands that a part of the picture needs; FormatError if a payload is damaged.

        Tiles that lie above are forgotten: ask for parts from top to bottom.

        Args:
            boxes: from `Synthesis.boxes`, for the levels from `level` on.
        """
        unit = 1 << self._model.levels
        wanted = [_covering(box, 1 << (self._level + i), unit) for i, box in enumerate(boxes[1:] or boxes, 1 if boxes[1:] else 0)]
        top, left = min(b.row for b in wanted), min(b.col for b in wanted)
        hull = Box(top, left, max(b.row + b.rows for b in wanted) - top, max(b.col + b.cols for b in wanted) - left)
        self._tiles = {i: bands for i, bands in self._tiles.items() if self._places[i].row + self._places[i].rows > hull.row}
        inside = [i for i, tile in enumerate(self._places) if _overlap(tile, hull)]
        _each(self._read, [i for i in inside if i not in self._tiles], self._threads)
        return [self._piece(number, hull, inside) for number in range(self._model.bands)]

    def _read(self, number: int) -> None:
        """Decodes the stages of one tile that the resolution wants, as far as its packets are there."""
        shape = self._places[number].shape(self._model.levels)
        needed = self._model.levels - self._level  # last stage
        bands = [np.zeros(s, np.int16) for s in self._model.band_shapes(shape)]
        prior = Prior(self._model, shape, self._header.step_code)
        for g, (first, last) in enumerate(self._groups):
            payload = self._payloads[place(self._header, number, g, len(self._places), len(self._groups))]
            if payload is None or first > needed:
                break
            prior.decode(payload, bands, first, min(last, needed))
        self._tiles[number] = bands

    def _stage(self, band: int) -> int:
        """Stage that codes a band."""
        planes = self._model.colours
        return 0 if band < planes else 1 + (band - planes) // (3 * planes)

    def _piece(self, band: int, hull: Box, inside: Sequence[int]) -> Piece:
        stage, shape = self._stage(band), self._shapes[band]
        if stage > self._model.levels - self._level:
            return Piece(np.zeros((0, 0), np.int16), 0, 0, shape)
        scale = 1 << max(0, stage - 1)  # sites of the band in a unit of 2^L pixels
        row, col = hull.row * scale, hull.col * scale
        out = np.zeros((hull.rows * scale, hull.cols * scale), np.int16)
        for number in inside:
            tile = self._places[number]
            down, right = tile.row * scale - row, tile.col * scale - col
            part = self._tiles[number][band][max(0, -down) : len(out) - down, max(0, -right) : out.shape[1] - right]
            down, right = max(0, down), max(0, right)
            out[down : down + part.shape[0], right : right + part.shape[1]] = part
        return Piece(out, row, col, (shape[0], shape[1]))


def _covering(box: Box, scale: int, unit: int) -> Box:
    """The units of 2^L pixels that cover a box of sites of `scale` pixels."""
    row, col = box.row * scale // unit, box.col * scale // unit
    return Box(row, col, -(-(box.row + box.rows) * scale // unit) - row, -(-(box.col + box.cols) * scale // unit) - col)


def _overlap(tile: Tile, box: Box) -> bool:
    return tile.row < box.row + box.rows and box.row < tile.row + tile.rows and tile.col < box.col + box.cols and box.col < tile.col + tile.cols


def _each(work: Callable[[T], None], items: Sequence[T], threads: int) -> None:
    """Runs `work` on all items, several at a time; the first error is raised."""
    if threads == 1 or len(items) < 2:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        list(pool.map(work, items))
