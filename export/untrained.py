"""A model without training: the wavelet bank with a small prior written by hand.

It is the first thing that runs from end to end, what tests and conformance streams use, and a floor for trained models.
The prior predicts the scale of each symbol from the magnitudes next to it that are known already.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from vaecodec.codec.matching import INVERSE_SHIFT
from vaecodec.export.symbols import (
    CONDITION,
    Band,
    Blend,
    Code,
    Conv,
    Match,
    Matching,
    Operation,
    PlaneKind,
    PlaneTable,
    Shuffle,
    Stage,
    SymbolProgram,
    Term,
    stage_symbols,
)
from vaecodec.export.wavelets import colour_mix, integer_bank, inverse_filters, step_offsets

Weights = npt.NDArray[np.int64]

_SHIFT = 7
_ONE = 1 << _SHIFT
_NO_SPIKE = -32 * 64
# Scale parameter (256 log2 of the scale) where everything around is zero, and what neighbours add, in 1/128 of their
# magnitude: fitted to ten photographs at four rates, for the first and the second phase of a site.
_QUIET = -760
_ABOVE = ((47, 73, 47), (14, 58, 14))
_BESIDE = (67, 67)
_PARENT = (85, 57)
# Half way to what was matched, in 1/256.
_GATE = 128
_KNOWN, _PREVIOUS = 16, 8


def untrained_program(
    rank: int,
    levels: int,
    *,
    colours: int | None = None,
    phases: int = 1,
    t_lo: int | None = None,
    t_hi: int | None = None,
    n_q: int = 2,
    in_offset: int | None = None,
    in_shift: int | None = None,
    rounding: int = 128,
    lags: tuple[int, int] | None = None,
) -> SymbolProgram:
    """Builds the program.

    Args:
        rank: 1 signals, 2 pictures.
        levels: L, 1..8.
        colours: colour planes of pictures, 3 (default) or 1.
        phases: columns a site of a detail stage, 1 or 2 (pictures).
        t_lo: finest step code; by default 112 (2 grey levels) or 64 (1 unit).
        t_hi: coarsest step code; by default 208 (128 grey levels) or 176 (128 units).
        n_q: channels of the condition.
        in_offset: subtracted from samples; by default 128 for pictures, 0 for signals.
        in_shift: fractional bits; by default 6 for 8-bit pictures and 4 for 11-bit signals: no band can saturate.
        rounding: rounding offset of every band, in 1/256.
        lags: signals: nearest and farthest place that means are drawn to; None: they are not.

    Raises:
        ModelError: if the arguments lead to a program that breaks a rule.
    """
    planes_of_colour = (3 if colours is None else colours) if rank == 2 else 1
    table = PlaneTable()
    stages: tuple[Stage, ...]
    if rank == 1:
        stages = (_signal_stage(table, levels, n_q, lags is not None),)
    else:
        stages = _picture_stages(table, levels, planes_of_colour, phases, n_q)
    default = {1: (64, 176, 0, 4), 2: (112, 208, 128, 6)}[rank]
    given = (t_lo, t_hi, in_offset, in_shift)
    t_lo, t_hi, in_offset, in_shift = (d if g is None else g for d, g in zip(default, given, strict=True))
    program = SymbolProgram(
        rank=rank,
        levels=levels,
        t_lo=t_lo,
        t_hi=t_hi,
        n_q=n_q,
        in_offset=in_offset,
        in_shift=in_shift,
        mix=colour_mix(planes_of_colour) if rank == 2 else (),
        filters=(((integer_bank(),) * planes_of_colour,) * rank,) * levels,
        bands=tuple(Band(offset, rounding) for offset in step_offsets(rank, levels, planes_of_colour)),
        planes=table.freeze(),
        stages=stages,
        matching=_matching(levels, *lags) if lags else None,
    )
    program.check()
    return program


def _parameters(
    table: PlaneTable,
    stage: int,
    n: int,
    scale_terms: list[Term],
    n_q: int,
    mean: Term | None = None,
    octaves: float = 0.0,
    gates: bool = False,
) -> tuple[int, list[Operation]]:
    """A plane of n means, n scales, n spikes and, if wanted, n gates, with the operations that fill it.

    `octaves` raises the scale at the finest step, falling to nothing at the coarsest.
    """
    out = table.add(stage, (4 if gates else 3) * n)
    nothing = Term(CONDITION, np.zeros((n, 1, 1, 1), np.int64))
    fall = np.round(np.linspace(octaves * _ONE, 0, n_q)).clip(-128, 127).astype(np.int64)
    condition = Term(CONDITION, np.tile(fall, (n, 1)).reshape(n, 1, 1, n_q))

    def conv(part: int, terms: list[Term], bias: int) -> Conv:
        return Conv(out, tuple(terms), [_SHIFT] * n, [bias * _ONE] * n, first=part * n)

    gate = [conv(3, [nothing], _GATE)] if gates else []
    return out, [
        conv(0, [mean or nothing], 0),
        conv(1, [*scale_terms, condition], _QUIET),
        conv(2, [nothing], _NO_SPIKE),
        *gate,
    ]


def _picture_stages(table: PlaneTable, levels: int, colours: int, phases: int, n_q: int) -> tuple[Stage, ...]:
    stages = [_approximation_stage(table, levels, colours, n_q)]
    parent = None
    for number in range(1, levels + 1):
        magnitude = table.add(number, 3 * colours * phases, PlaneKind.MAGNITUDE)
        prelude, up = _bring_down(table, number, parent, 3 * colours, phases)
        rows = _detail_rows(table, number, magnitude, up, 3 * colours, phases, n_q)
        symbols = stage_symbols(2, levels, colours, number, phases)
        stages.append(Stage(levels - number + 1, symbols, rows, prelude, phases))
        parent = magnitude
    return tuple(stages)


def _approximation_stage(table: PlaneTable, levels: int, colours: int, n_q: int) -> Stage:
    """LL: the mean is the value above, the scale follows the magnitudes above."""
    raw = table.add(0, colours, PlaneKind.RAW)
    magnitude = table.add(0, colours, PlaneKind.MAGNITUDE)
    same = np.eye(colours, dtype=np.int64).reshape(colours, 1, 1, colours)
    mean = Term(raw, (_ONE - 1) * same, oy=-1)
    scale = Term(magnitude, _ONE // 2 * same, oy=-1)
    out, convs = _parameters(table, 0, colours, [scale], n_q, mean, octaves=0.99)
    return Stage(levels, stage_symbols(2, levels, colours, 0), (*convs, Code(out, 0, colours)))


def _bring_down(
    table: PlaneTable, stage: int, parent: int | None, n: int, phases: int
) -> tuple[tuple[Operation, ...], int | None]:
    """Interpolates the coarser level's magnitudes to this stage's grid (none for the first details)."""
    if parent is None:
        return (), None
    packed = table.add(stage - 1, 4 * n * phases)
    up = table.add(stage, n * phases)
    weights = np.zeros((2, 2, phases, n, 3, 3, phases, n), np.int64)
    for i, j, d in np.ndindex(2, 2, phases):
        column = phases * j + d  # within the coarse site, in fine columns
        for dy, wy in ((0, 3), (2 * i - 1, 1)):
            for dx, wx in ((0, 3), (2 * (column % 2) - 1, 1)):
                site, phase = divmod(column // 2 + dx, phases)
                weights[i, j, d, :, dy + 1, site + 1, phase] += 8 * wy * wx * np.eye(n, dtype=np.int64)
    term = Term(parent, weights.reshape(4 * n * phases, 3, 3, phases * n).clip(-128, 127), oy=-1, ox=-1)
    zeros = np.zeros(4 * n * phases, np.int64)
    return (Conv(packed, (term,), zeros + _SHIFT, zeros, relu=True), Shuffle(packed, up)), up


def _detail_rows(
    table: PlaneTable, stage: int, magnitude: int, up: int | None, n: int, phases: int, n_q: int
) -> tuple[Operation, ...]:
    operations: list[Operation] = []
    for d in range(phases):
        terms = [Term(magnitude, _across(n, phases, phases, d, zip((-1, 0, 1), _ABOVE[d], strict=True)), oy=-1, ox=-1)]
        if d == 1:
            terms.append(Term(magnitude, _across(n, 2, 1, d, zip((-1, 1), _BESIDE, strict=True)), ox=-1))
        if up is not None:
            terms.append(Term(up, _PARENT[d] * np.eye(n, dtype=np.int64).reshape(n, 1, 1, n), first=d * n))
        out, convs = _parameters(table, stage, n, terms, n_q)
        operations += [*convs, Code(out, d * n, n)]
    return tuple(operations)


def _across(n: int, phases: int, phases_read: int, d: int, taps: Iterable[tuple[int, int]]) -> Weights:
    """Weights [n, 1, 3, phases_read * n] over the sites to the left, here and to the right, from (column offset, weight) pairs."""
    weights = np.zeros((n, 1, 3, phases_read, n), np.int64)
    for dx, value in taps:
        site, phase = divmod(d + dx, phases)
        weights[:, 0, site + 1, phase] += value * np.eye(n, dtype=np.int64)
    return weights.reshape(n, 1, 3, phases_read * n)


def _matching(levels: int, nearest: int, farthest: int) -> Matching:
    known = min(_KNOWN, 1 << levels)
    return Matching((inverse_filters(),) * levels, INVERSE_SHIFT, min(_PREVIOUS, known), known, nearest, farthest)


def _signal_stage(table: PlaneTable, levels: int, n_q: int, matching: bool) -> Stage:
    """One row a block, coarse to fine: scales from the same level of the block before and from the next coarser level."""
    symbols = stage_symbols(1, levels)
    raw = table.add(0, len(symbols), PlaneKind.RAW)
    magnitude = table.add(0, len(symbols), PlaneKind.MAGNITUDE)
    mean = Term(raw, np.full((1, 1, 1, 1), _ONE - 1), oy=-1)
    before = Term(magnitude, np.full((1, 1, 1, 1), _ONE // 2), oy=-1)
    if matching:
        table.add(0, len(symbols), PlaneKind.RAW_MEAN)
    out, convs = _parameters(table, 0, 1, [before], n_q, mean, octaves=0.99, gates=matching)
    operations: list[Operation] = _coded(convs, out, 0, 1, matching)
    for level in range(levels, 0, -1):
        n = 1 << (levels - level)  # symbols n .. 2n - 1 are this level's; n/2 .. n - 1 those of its parents
        terms = [Term(magnitude, np.full((n, 1, 1, n), max(1, 115 // n)), first=n, oy=-1)]
        if n > 1:
            parents = np.kron(np.eye(n // 2, dtype=np.int64), np.ones((2, 1), np.int64))
            terms.append(Term(magnitude, _PARENT[0] * parents.reshape(n, 1, 1, n // 2), first=n // 2))
        out, convs = _parameters(table, 0, n, terms, n_q, gates=matching)
        operations += _coded(convs, out, n, n, matching)
    return Stage(0, symbols, tuple(operations))


def _coded(convs: list[Operation], out: int, first: int, count: int, matching: bool) -> list[Operation]:
    """Parameters of some symbols and their code, with what it takes to match them first."""
    if not matching:
        return [*convs, Code(out, first, count)]
    return [Match(first, count), *convs, Blend(out, first, count), Code(out, first, count)]
