"""Everything that decides symbols, as data: the content of a bundle's `symbols.bin` (docs/format.md section 11).

A `SymbolProgram` holds the integer analysis filters, the band steps and the integer networks of the prior. Training
builds one from learned weights, `to_bytes()` checks it and gives the blob whose hash is the model id, and `from_bytes()`
reads it back. Nothing here imports TensorFlow.

    planes = PlaneTable()
    above = planes.add(stage=0, channels=3, kind=PlaneKind.MAGNITUDE)
    params = planes.add(stage=0, channels=9)
    conv = Conv(out=params, terms=(Term(above, weights, oy=-1, ox=-1),), shift=shift, bias=bias)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

CONDITION = 0xFFFF
"""Plane number that stands for the condition, the n_q channels derived from the step code."""

IntArray = npt.NDArray[np.integer[Any]]


class PlaneKind(IntEnum):
    """Who writes a plane: an operation, the coder with one of three views of a known symbol z, or MATCH with one of four of its findings."""

    COMPUTED = 0
    SIGNED = 1
    MAGNITUDE = 2
    RAW = 3
    BEST = 4
    MEAN = 5
    RAW_MEAN = 6
    DISTANCE = 7


@dataclass(frozen=True)
class FilterPair:
    """Analysis filters of one level, axis and colour plane.

    Attributes:
        low: K int8 taps, K odd in 3..31, centred on the even sample.
        high: K int8 taps over the same samples, so that a filter on the odd sample is stored one tap later.
        shift_low: bits of the rounding shift after the low-pass sum, 0..15.
        shift_high: the same for the high-pass.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    shift_low: int
    shift_high: int


@dataclass(frozen=True)
class ColourMix:
    """Row of the colour mix for one output plane: `rshift(sum_j weights[j] * x_j, shift)`, int8 weights."""

    weights: tuple[int, ...]
    shift: int


@dataclass(frozen=True)
class Band:
    """Quantiser of one band: step code offset in sixteenths of an octave (int16), rounding offset in 1/256 (0..255)."""

    offset: int
    rounding: int = 128


@dataclass(frozen=True)
class Matching:
    """How MATCH finds similar places in what was coded before.

    Attributes:
        inverse: for each level 1..L, int16 taps [sites][band: low, high][phase] over an odd number of sites up to 7: the short filters that
            undo the analysis.
        shift: bits of the rounding shift after their sums, 0..15.
        previous: symbols of the block before that are compared, at least 1.
        known: symbols of the running block that are compared once they are known; previous + 2 known is at most 127.
        nearest: least lag in samples, even; at least `least_lag`.
        farthest: largest lag in samples, even.
    """

    inverse: tuple[tuple[tuple[tuple[int, int], tuple[int, int]], ...], ...]
    shift: int
    previous: int
    known: int
    nearest: int
    farthest: int

    @property
    def sites(self) -> int:
        """Sites that an inverse filter spans."""
        return len(self.inverse[0]) if self.inverse else 0


@dataclass(frozen=True)
class Plane:
    """Grid of int16 activations with 8 fractional bits, on the grid of `stage`."""

    stage: int
    channels: int
    kind: PlaneKind = PlaneKind.COMPUTED


@dataclass(frozen=True)
class Symbol:
    """One symbol of a site: latent number `d` (column or time within the site) of band `band`."""

    band: int
    d: int = 0


@dataclass(frozen=True, eq=False)
class Term:
    """One input of a convolution.

    Attributes:
        plane: plane number, or CONDITION.
        weights: int8 values [n_out, kh, kw, n_in]; n_in channels are read from `first` on.
        first: first channel read.
        oy: row offset of the first tap (-1 is the row above).
        ox: column offset of the first tap.
        dilation: rows between vertical taps, at least 1.
    """

    plane: int
    weights: npt.ArrayLike
    first: int = 0
    oy: int = 0
    ox: int = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", np.asarray(self.weights))

    @property
    def array(self) -> IntArray:
        """The weights as an array [n_out, kh, kw, n_in]."""
        return np.asarray(self.weights)

    @property
    def last_row(self) -> int:
        """Row offset of the lowest tap."""
        return self.oy + (int(self.array.shape[1]) - 1) * self.dilation


@dataclass(frozen=True, eq=False)
class Conv:
    """`out[c] = f(sat16(rshift(bias[c] + sum of terms, shift[c])))`, written to channels first .. first + n - 1 of plane `out`.

    Attributes:
        out: plane number.
        terms: at least one Term, all with n output channels.
        shift: n values, 0..15.
        bias: n int32 values, in units of activation times weight.
        relu: f is max(0, .) instead of the identity.
        first: first output channel.
    """

    out: int
    terms: tuple[Term, ...]
    shift: Sequence[int] | IntArray
    bias: Sequence[int] | IntArray
    relu: bool = False
    first: int = 0

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return len(self.shift)


@dataclass(frozen=True)
class Shuffle:
    """Depth to space: plane `source` of a coarser stage, 4K channels, to plane `out` of the next level, K channels."""

    source: int
    out: int


@dataclass(frozen=True)
class Code:
    """Codes `count` symbols from number `first_symbol` on, for each site of the row.

    Plane `parameters` holds from channel `first_parameter` on `count` means, `count` scales, `count` spikes.
    """

    parameters: int
    first_symbol: int
    count: int
    first_parameter: int = 0


@dataclass(frozen=True)
class Match:
    """Predicts `count` symbols from number `first_symbol` on from the most similar places before, for each site of the row.

    Writes their channels of the planes of kinds BEST, MEAN and RAW_MEAN, and channel `first_symbol` of that of kind DISTANCE.
    """

    first_symbol: int
    count: int


@dataclass(frozen=True)
class Blend:
    """Draws `count` means to what was matched for the symbols from number `first_symbol` on.

    Plane `parameters` holds from channel `first_parameter` on what a Code reads, and then `count` gates.
    """

    parameters: int
    first_symbol: int
    count: int
    first_parameter: int = 0


Operation = Conv | Shuffle | Code | Match | Blend


@dataclass(frozen=True)
class Stage:
    """One step of the coding order: a grid of sites, their symbols, and the operations that predict and code them."""

    level: int
    symbols: tuple[Symbol, ...]
    rows: tuple[Operation, ...]
    prelude: tuple[Operation, ...] = ()
    phases: int = 1


@dataclass(frozen=True)
class SymbolProgram:
    """A whole model, as far as symbols depend on it.

    Attributes:
        rank: 1 signals, 2 pictures.
        levels: L, 1..8.
        t_lo: finest step code of the quality range; step codes are 0..255.
        t_hi: coarsest step code.
        n_q: channels of the condition, 2..16.
        in_offset: subtracted from samples before the analysis.
        in_shift: fractional bits given to samples (negative: rounded away).
        mix: rank 2: one ColourMix for each of the C colour planes; rank 1: empty.
        filters: filters[level - 1][axis][colour]; axes are x, y for rank 2 and time for rank 1. Empty where the transform is lapped.
        bands: one Band for each band number.
        planes: planes by number.
        stages: rank 2: L + 1, rank 1: one.
        matching: rank 1: for models with Match operations; else None.
        lapped_shift: rank 1: the transform is lapped, without filters, and its sums are shifted by 15 and so many bits; None: wavelets.
    """

    rank: int
    levels: int
    t_lo: int
    t_hi: int
    n_q: int
    in_offset: int
    in_shift: int
    mix: tuple[ColourMix, ...]
    filters: tuple[tuple[tuple[FilterPair, ...], ...], ...]
    bands: tuple[Band, ...]
    planes: tuple[Plane, ...]
    stages: tuple[Stage, ...]
    matching: Matching | None = None
    lapped_shift: int | None = None

    @property
    def colours(self) -> int:
        """Number of colour planes C (1 for signals)."""
        return len(self.mix) if self.rank == 2 else 1

    @property
    def model_id(self) -> int:
        """First four bytes of the SHA-256 of the blob, little-endian (format.md section 8)."""
        return int.from_bytes(hashlib.sha256(self.to_bytes()).digest()[:4], "little")

    def check(self) -> None:
        """Checks every rule of format.md sections 4 and 11.

        Raises:
            ModelError: naming the first rule broken and where.
        """
        from vaecodec.export.symbols_check import check_program

        check_program(self)

    def to_bytes(self) -> bytes:
        """Checks the program and gives the content of symbols.bin.

        Raises:
            ModelError: if the program breaks a rule.
        """
        from vaecodec.export.symbols_io import write_program

        self.check()
        return write_program(self)

    @staticmethod
    def from_bytes(blob: bytes) -> SymbolProgram:
        """Reads and checks symbols.bin.

        Raises:
            ModelError: if the blob is not a valid program.
        """
        from vaecodec.export.symbols_io import read_program

        return read_program(blob)


class PlaneTable:
    """Collects planes while a program is built; numbers are given in order."""

    def __init__(self) -> None:
        self._planes: list[Plane] = []

    def add(self, stage: int, channels: int, kind: PlaneKind = PlaneKind.COMPUTED) -> int:
        """Adds a plane and returns its number."""
        self._planes.append(Plane(stage, channels, kind))
        return len(self._planes) - 1

    def freeze(self) -> tuple[Plane, ...]:
        """All planes, by number."""
        return tuple(self._planes)


def band_count(rank: int, levels: int, colours: int = 1) -> int:
    """Number of bands: 1 + L for signals, C (1 + 3 L) for pictures."""
    return 1 + levels if rank == 1 else colours * (1 + 3 * levels)


def band_level(rank: int, levels: int, colours: int, band: int) -> int:
    """Level of a band; the approximation is at level L."""
    step = 1 if rank == 1 else 3 * colours
    first_detail = 1 if rank == 1 else colours
    return levels if band < first_detail else levels - (band - first_detail) // step


def least_lag(filters: tuple[tuple[tuple[FilterPair, ...], ...], ...], sites: int) -> int:
    """The least lag at which MATCH never looks at what is not coded yet (docs/format.md section 4).

    Args:
        filters: of a program of rank 1.
        sites: that its inverse filters span.
    """
    levels = len(filters)
    late = 0
    for _ in range(levels):
        late = 2 * (late + sites // 2)
    least = 0
    for level in range(1, levels + 1):
        late += (len(filters[level - 1][0][0].low) // 2) << (level - 1)
        late += late % 2
        least = max(least, late + (1 << levels) - (1 << level) + 2)
    return least


def stage_bands(rank: int, levels: int, colours: int, stage: int) -> range:
    """Band numbers that a stage codes: all for signals; LL, then the details of levels L, L-1, .. 1 for pictures."""
    if rank == 1:
        return range(1 + levels)
    if stage == 0:
        return range(colours)
    return range(colours + 3 * colours * (stage - 1), colours + 3 * colours * stage)


def stage_symbols(rank: int, levels: int, colours: int = 1, stage: int = 0, phases: int = 1) -> tuple[Symbol, ...]:
    """All symbols of a stage in the usual order.

    Pictures: phase by phase, bands ascending within. Signals: band by band (coarse to fine), time ascending within.
    """
    bands = stage_bands(rank, levels, colours, stage)
    if rank == 2:
        return tuple(Symbol(band, d) for d in range(phases) for band in bands)
    return tuple(Symbol(band, d) for band in bands for d in range(1 << (levels - band_level(1, levels, 1, band))))
