"""One picture at any setting: quantisation, entropy coding and, at higher efforts, decoding what was chosen to choose again.

    planes ──► coefficients ──► quantiser ──► entropy coder, which may choose ──► payloads
                    ▲                                     │ latents
                    └── analysis of the error ◄── synthesis ◄──┘     `effort` - 2 times
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import rate, rdoq
from vaecodec.codec.container import ImageHeader
from vaecodec.codec.engine import Analysis
from vaecodec.codec.grids import Bands, Box, padded, tile_rows
from vaecodec.codec.native import SymbolModel
from vaecodec.codec.tiling import Coefficients, code

__all__ = ["Blocks", "Coded", "ImageEncoder"]

Blocks = Iterator[tuple[int, int, NDArray[np.float32]]]
Synthesise = Callable[[ImageHeader, Bands, Box], Blocks]


@dataclass(frozen=True)
class Coded:
    """A picture at one setting.

    Attributes:
        header: with its step code.
        payloads: of the packets, in their order in the file.
        latents: of the whole picture, or an empty list where nobody asked for them.
    """

    header: ImageHeader
    payloads: list[bytes]
    latents: Bands


class ImageEncoder:
    """Encodes one picture, any number of times.

    Args:
        model: symbol model of rank 2.
        planes: uint8 `[H, W, C]`, C as the model has.
        header: geometry; its step code counts for nothing.
        effort: from `rdoq.plan`.
        synthesise: gives what latents decode to within a box, block by block: (row, column, float32 `[h, w, C or 1]` in 0..255).
        threads: tiles of a row that are coded at a time.
        analyse: what runs the analysis; see `engine`.
    """

    def __init__(
        self,
        model: SymbolModel,
        planes: NDArray[np.uint8],
        header: ImageHeader,
        effort: rdoq.Effort,
        synthesise: Synthesise,
        threads: int,
        analyse: Analysis,
    ) -> None:
        self._model, self._planes, self._header, self._effort = model, planes, header, effort
        self._synthesise, self._threads, self._analyse = synthesise, threads, analyse
        # Not a method: coefficients that refer to their encoder would outlive it until the cyclic collector runs.
        self._coefficients = Coefficients(model, partial(_samples, model, planes), header, analyse=analyse)

    def code(self, setting: int, keep: bool = False) -> Coded:
        """The picture at a setting (see `rate`); with its latents if `keep`."""
        header = replace(self._header, step_code=rate.step_code(setting))
        coded = self._choose(header, setting, self._coefficients, keep or self._effort.refinements > 0)
        for left in range(self._effort.refinements, 0, -1):
            coded = self._choose(header, setting, self._corrected(coded), keep or left > 1)
        return coded

    def psnr(self, coded: Coded) -> float:
        """dB over all colours of what the latents decode to."""
        error = 0.0
        for _, _, part, block in self._decoded(coded, 0, self._header.height):
            error += float(np.square(part - np.rint(block), dtype=np.float64).sum())
        return 10 * math.log10(255**2 * self._planes.size / error) if error else math.inf

    def _choose(self, header: ImageHeader, setting: int, coefficients: Iterator[Bands] | Coefficients, keep: bool) -> Coded:
        kept: list[Bands] = []
        offsets = self._effort.offsets(setting, self._model.rounding)

        def quantised() -> Iterator[tuple[Bands, Bands | None]]:
            for bands in coefficients:
                latents = self._model.quantise(bands, header.step_code, offsets)
                if keep:
                    kept.append(latents)
                yield latents, self._model.excess(bands, latents, header.step_code) if self._effort.weight else None

        payloads = code(self._model, header, quantised(), self._threads, self._effort.bits(setting))
        return Coded(header, payloads, [np.concatenate(rows) if len(rows) > 1 else rows[0] for rows in zip(*kept, strict=True)] if keep else [])

    def _corrected(self, coded: Coded) -> Iterator[Bands]:
        """What to quantise next, by rows of tiles."""
        errors = Coefficients(self._model, lambda first, last: self._error(coded, first, last), self._header, False, self._analyse)
        for latents, error in zip(tile_rows(coded.latents, self._header, self._model.levels), errors, strict=True):
            yield rdoq.corrected(self._model, latents, error, coded.header.step_code)

    def _error(self, coded: Coded, first: int, last: int) -> NDArray[np.int16]:
        """Rows first..last of the padded error, as the analysis takes it; 0 where nobody sees it."""
        out = np.zeros((last - first, self._width(), self._planes.shape[2]), np.int16)
        inside = min(last, self._header.height) - first
        for row, col, part, block in self._decoded(coded, first, inside):
            error = np.rint((part - block) * 2.0**self._model.in_shift)
            out[row : row + len(part), col : col + part.shape[1]] = np.clip(error, -32768, 32767)
        return out

    def _decoded(self, coded: Coded, first: int, rows: int) -> Iterator[tuple[int, int, NDArray[np.uint8], NDArray[np.float32]]]:
        """Blocks of `rows` rows from `first` on, with what they should be: (row from `first`, column, original, decoded)."""
        for row, col, block in self._synthesise(coded.header, coded.latents, Box(first, 0, rows, self._header.width)):
            yield row, col, self._planes[first + row : first + row + len(block), col : col + block.shape[1]], block

    def _width(self) -> int:
        return padded(self._header.width, self._model.levels)


def _samples(model: SymbolModel, planes: NDArray[np.uint8], first: int, last: int) -> NDArray[np.int16]:
    """Rows first..last of the padded input of the analysis, by a table of what each of the 256 values becomes."""
    values = np.arange(256, dtype=np.float64) - model.in_offset
    table = np.clip(np.floor(values * 2.0**model.in_shift + 0.5), -32768, 32767).astype(np.int16)
    below = max(0, last - planes.shape[0])
    right = padded(planes.shape[1], model.levels) - planes.shape[1]
    return np.asarray(table[np.pad(planes[first : last - below], ((0, below), (0, right), (0, 0)), mode="edge")])
