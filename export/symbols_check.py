"""The rules a `SymbolProgram` must keep (docs/format.md sections 4 and 11), and what follows from it for memory.

The order of the checks is the order of the bytes. Every failure is a ModelError with the place and the rule.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import ModelError
from vaecodec.export.symbols import (
    CONDITION,
    Blend,
    Code,
    Conv,
    FilterPair,
    Match,
    Matching,
    Operation,
    PlaneKind,
    Shuffle,
    Stage,
    SymbolProgram,
    Term,
    band_count,
    band_level,
    least_lag,
    stage_bands,
)

MAX_PLANES = 128
MAX_CHANNELS = 1024
MAX_OPERATIONS = 255
MAX_TERMS = 16
MAX_KERNEL = 16
MAX_SITES = 7
MAX_LAG = 2**16 - 2
MAX_COMPARED = 127


def check_program(program: SymbolProgram) -> None:
    """Checks a whole program.

    Raises:
        ModelError: naming the first rule broken.
    """
    _check_header(program)
    _check_analysis(program)
    _check_matching(program)
    _check_planes(program)
    for number, stage in enumerate(program.stages):
        _check_symbols(program, number, stage)
    _Dataflow(program).check()


def plane_depths(program: SymbolProgram) -> list[int]:
    """Rows of each plane that row-list operations of its own stage reach (the current one included), 0 for all rows."""
    depths = [1] * len(program.planes)

    def whole(plane: int) -> None:
        depths[plane] = 0

    def reach(plane: int, rows: int) -> None:
        if depths[plane]:
            depths[plane] = max(depths[plane], rows) if rows <= 255 else 0

    for number, stage in enumerate(program.stages):
        for operation in stage.prelude:
            for plane in (*_sources(operation), operation.out if isinstance(operation, Conv | Shuffle) else 0):
                whole(plane)
        for conv in (operation for operation in stage.rows if isinstance(operation, Conv)):
            for term in (term for term in conv.terms if term.plane != CONDITION):
                if program.planes[term.plane].stage == number:
                    reach(term.plane, 1 - min(0, term.oy))
                else:
                    whole(term.plane)
    return depths


def _sources(operation: Operation) -> list[int]:
    if isinstance(operation, Conv):
        return [term.plane for term in operation.terms if term.plane != CONDITION]
    if isinstance(operation, Match):
        return []
    return [operation.source] if isinstance(operation, Shuffle) else [operation.parameters]


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ModelError(message)


def _in_range(value: int, low: int, high: int, name: str) -> None:
    _need(low <= value <= high, f"{name} must be {low}..{high}, not {value}")


def _check_header(p: SymbolProgram) -> None:
    _in_range(p.rank, 1, 2, "rank")
    _in_range(p.levels, 1, 8, "levels")
    _in_range(len(p.mix), 1 if p.rank == 2 else 0, 4 if p.rank == 2 else 0, "rows of the colour mix")
    _need(0 <= p.t_lo < p.t_hi <= 255, f"step codes must rise within 0..255, not {p.t_lo}..{p.t_hi}")
    _in_range(p.n_q, 2, 16, "channels of the condition")
    _in_range(p.in_offset, -(2**31), 2**31 - 1, "in_offset")
    _in_range(p.in_shift, -15, 15, "in_shift")
    expected = 1 if p.rank == 1 else p.levels + 1
    _need(len(p.stages) == expected, f"{expected} stages expected, not {len(p.stages)}")
    _in_range(len(p.planes), 0, MAX_PLANES, "number of planes")


def _check_analysis(p: SymbolProgram) -> None:
    for row in p.mix:
        _need(len(row.weights) == p.colours, f"a row of the colour mix has {p.colours} weights, not {len(row.weights)}")
        _need(all(-128 <= w <= 127 for w in row.weights), "weights of the colour mix must fit int8")
        _in_range(row.shift, 0, 15, "shift of the colour mix")
    shape = [[len(axis) for axis in level] for level in p.filters]
    if p.lapped_shift is None:
        _need(shape == [[p.colours] * p.rank] * p.levels, "filters must be given for every level, axis and colour plane")
    else:
        _need(p.rank == 1 and p.levels > 1 and not shape, "a lapped transform is for signals of two levels or more, and has no filters")
        _in_range(p.lapped_shift, 0, 15, "shift of the lapped transform")
    for level in p.filters:
        for axis in level:
            for pair in axis:
                _check_filter(pair)
    count = band_count(p.rank, p.levels, p.colours)
    _need(len(p.bands) == count, f"{count} bands expected, not {len(p.bands)}")
    for band in p.bands:
        _in_range(band.offset, -(2**15), 2**15 - 1, "step offset of a band")
        _in_range(band.rounding, 0, 255, "rounding offset of a band")


def _check_filter(pair: FilterPair) -> None:
    k = len(pair.low)
    _need(k % 2 == 1 and 3 <= k <= 31, f"a filter has an odd number of taps, 3..31, not {k}")
    _need(len(pair.high) == k, f"both filters of a pair have as many taps, not {k} and {len(pair.high)}")
    _need(all(-128 <= tap <= 127 for tap in (*pair.low, *pair.high)), "taps must fit int8")
    _in_range(pair.shift_low, 0, 15, "shift of a low-pass filter")
    _in_range(pair.shift_high, 0, 15, "shift of a high-pass filter")


def _check_matching(p: SymbolProgram) -> None:
    m = p.matching
    if m is None:
        views = any(plane.kind >= PlaneKind.BEST for plane in p.planes)
        operations = any(isinstance(o, Match | Blend) for stage in p.stages for o in (*stage.prelude, *stage.rows))
        _need(not views and not operations, "planes and operations of matching need a match section")
        return
    _need(p.rank == 1 and p.lapped_shift is None, "matching is for signals of wavelets")
    _check_inverse(m, p.levels)
    _in_range(m.nearest, least_lag(p.filters, m.sites), MAX_LAG, "nearest lag")
    _in_range(m.farthest, m.nearest, MAX_LAG, "farthest lag")
    _need(m.nearest % 2 == m.farthest % 2 == 0, f"lags must be even, not {m.nearest} and {m.farthest}")
    _in_range(m.previous, 1, m.known, "symbols compared of the block before")
    _in_range(m.known, 1, min(len(p.stages[0].symbols), (MAX_COMPARED - m.previous) // 2), "symbols compared of the running block")


def _check_inverse(m: Matching, levels: int) -> None:
    _need(len(m.inverse) == levels, f"inverse filters must be given for {levels} levels, not {len(m.inverse)}")
    _need(m.sites % 2 == 1 and m.sites <= MAX_SITES, f"an inverse filter spans an odd number of sites up to {MAX_SITES}, not {m.sites}")
    taps = np.asarray(m.inverse, np.int64)
    _need(taps.shape == (levels, m.sites, 2, 2), f"inverse filters have the shape {(levels, m.sites, 2, 2)}, not {taps.shape}")
    _need(bool((np.abs(taps + 0.5) < 2**15).all()), "taps of inverse filters must fit int16")
    _need(bool((np.abs(taps).sum((1, 2)) < 2**16).all()), "the sum of an inverse filter may pass 32 bits; use smaller taps")
    _in_range(m.shift, 0, 15, "shift of the inverse filters")


def _check_planes(p: SymbolProgram) -> None:
    kinds: Counter[tuple[int, PlaneKind]] = Counter()
    for number, plane in enumerate(p.planes):
        _in_range(plane.stage, 0, len(p.stages) - 1, f"stage of plane {number}")
        _in_range(plane.channels, 1, MAX_CHANNELS, f"channels of plane {number}")
        if plane.kind == PlaneKind.COMPUTED:
            continue
        n_sym = len(p.stages[plane.stage].symbols)
        _need(plane.channels == n_sym, f"plane {number} has a channel for each symbol: {n_sym} channels, not {plane.channels}")
        kinds[plane.stage, plane.kind] += 1
    for (stage, kind), count in kinds.items():
        _need(count == 1, f"stage {stage} has {count} planes of kind {kind.name.lower()}; one is enough")


def _check_symbols(p: SymbolProgram, number: int, stage: Stage) -> None:
    level = 0 if p.rank == 1 else min(p.levels, p.levels - number + 1)
    _need(stage.level == level, f"stage {number} has level {level}, not {stage.level}")
    _in_range(stage.phases, 1, p.rank, f"phases of stage {number}")
    _in_range(len(stage.symbols), 1, MAX_CHANNELS, f"symbols of stage {number}")
    _in_range(len(stage.prelude) + len(stage.rows), 1, MAX_OPERATIONS, f"operations of stage {number}")
    expected = {
        (band, d)
        for band in stage_bands(p.rank, p.levels, p.colours, number)
        for d in range(stage.phases if p.rank == 2 else 1 << (p.levels - band_level(1, p.levels, 1, band)))
    }
    given = Counter((symbol.band, symbol.d) for symbol in stage.symbols)
    twice = [symbol for symbol, count in given.items() if count > 1]
    _need(not twice, f"stage {number} lists symbol {twice[:1]} more than once")
    odd = sorted(expected ^ set(given))
    _need(not odd, f"stage {number} must list every (band, d) of its bands and no other; look at {odd[:1]}")


class _Dataflow:
    """Follows the operations in order and checks that each reads only what is known by then."""

    def __init__(self, program: SymbolProgram) -> None:
        self.program = program
        self.planes = program.planes
        # Per plane and channel: written by an operation already passed, and whether that covers the whole grid.
        self.written = [np.zeros(plane.channels, bool) for plane in self.planes]
        self.complete = [np.zeros(plane.channels, bool) for plane in self.planes]
        self.read_above: list[tuple[str, Term]] = []
        self.coded = np.zeros(0, bool)  # symbols of the running stage

    def check(self) -> None:
        for number, stage in enumerate(self.program.stages):
            self.coded = np.zeros(len(stage.symbols), bool)
            for index, operation in enumerate(stage.prelude):
                self._prelude(f"stage {number}, prelude operation {index}", number, operation)
            for index, operation in enumerate(stage.rows):
                self._row(f"stage {number}, row operation {index}", number, operation)
            self._end_stage(number, stage)

    def _end_stage(self, number: int, stage: Stage) -> None:
        coded = np.zeros(len(stage.symbols), int)
        for code in (operation for operation in stage.rows if isinstance(operation, Code)):
            coded[code.first_symbol : code.first_symbol + code.count] += 1
        _need(bool((coded == 1).all()), f"stage {number} must code each symbol once; look at number {np.argmax(coded != 1)}")
        for plane, description in enumerate(self.planes):
            if description.stage == number:
                self.complete[plane] |= self.written[plane]
        for where, term in self.read_above:
            self._need_channels(self.written, where, term.plane, term.first, term.array.shape[3])
        self.read_above.clear()

    def _prelude(self, where: str, number: int, operation: Operation) -> None:
        _need(isinstance(operation, Conv | Shuffle), f"{where}: {type(operation).__name__.upper()} belongs to the row list")
        if isinstance(operation, Shuffle):
            self._shuffle(where, number, operation)
        elif isinstance(operation, Conv):
            self._conv_shape(where, operation)
            _need(self.planes[operation.out].stage <= number, f"{where}: writes a plane of a later stage")
            for term in operation.terms:
                if term.plane != CONDITION:
                    self._need_channels(self.complete, where, term.plane, term.first, term.array.shape[3])
            self._write(where, operation.out, operation.first, operation.channels, whole=True)

    def _row(self, where: str, number: int, operation: Operation) -> None:
        _need(not isinstance(operation, Shuffle), f"{where}: SHUFFLE belongs to the prelude")
        if isinstance(operation, Code):
            self._code(where, number, operation)
        elif isinstance(operation, Match):
            self._match(where, number, operation)
        elif isinstance(operation, Blend):
            self._blend(where, number, operation)
        elif isinstance(operation, Conv):
            self._conv_shape(where, operation)
            _need(self.planes[operation.out].stage == number, f"{where}: writes a plane of another stage")
            for term in operation.terms:
                self._row_term(where, number, term)
            self._write(where, operation.out, operation.first, operation.channels, whole=False)

    def _row_term(self, where: str, number: int, term: Term) -> None:
        if term.plane == CONDITION:
            return
        channels = slice(term.first, term.first + term.array.shape[3])
        _need(self.planes[term.plane].stage <= number, f"{where}: reads plane {term.plane} of a later stage")
        if self.complete[term.plane][channels].all():
            return
        _need(term.last_row <= 0, f"{where}: reads row {term.last_row:+d} of plane {term.plane}, which is not known yet")
        if term.last_row == 0:
            self._need_channels(self.written, where, term.plane, term.first, term.array.shape[3])
        else:
            self.read_above.append((where, term))

    def _shuffle(self, where: str, number: int, operation: Shuffle) -> None:
        _need(self.program.rank == 2, f"{where}: SHUFFLE is for pictures")
        for plane in (operation.source, operation.out):
            _in_range(plane, 0, len(self.planes) - 1, f"{where}: plane")
        source, out = self.planes[operation.source], self.planes[operation.out]
        _need(out.stage <= number, f"{where}: writes a plane of a later stage")
        (coarse, phases), (fine, phases_out) = self._grid(operation.source), self._grid(operation.out)
        _need(
            fine == coarse - 1 and phases == phases_out,
            f"{where}: SHUFFLE goes one level finer with equal phases, not from level {coarse} to {fine}",
        )
        _need(source.channels == 4 * out.channels, f"{where}: {source.channels} channels cannot become {out.channels}")
        self._need_channels(self.complete, where, operation.source, 0, source.channels)
        self._write(where, operation.out, 0, out.channels, whole=True)

    def _match(self, where: str, number: int, match: Match) -> None:
        n_sym, matching = len(self.program.stages[number].symbols), self.program.matching
        assert matching is not None
        _need(match.count >= 1 and match.first_symbol >= 0, f"{where}: matches no symbol")
        _need(match.first_symbol + match.count <= n_sym, f"{where}: matches symbols beyond the {n_sym} of its stage")
        compared = self.coded[: min(match.first_symbol, matching.known)]
        _need(bool(compared.all()), f"{where}: compares symbol {int(np.argmin(compared)) if compared.size else 0}, which is not coded yet")
        for plane, description in enumerate(self.planes):
            if description.kind >= PlaneKind.BEST:
                count = 1 if description.kind == PlaneKind.DISTANCE else match.count
                taken = self.written[plane][match.first_symbol : match.first_symbol + count]
                _need(not taken.any(), f"{where}: symbol {match.first_symbol + int(np.argmax(taken))} is matched twice")
                taken[:] = True

    def _blend(self, where: str, number: int, blend: Blend) -> None:
        self._parameters(where, number, blend)
        self._need_channels(self.written, where, blend.parameters, blend.first_parameter, blend.count)
        self._need_channels(self.written, where, blend.parameters, blend.first_parameter + 3 * blend.count, blend.count)
        raw = [i for i, plane in enumerate(self.planes) if plane.kind == PlaneKind.RAW_MEAN]
        _need(bool(raw), f"{where}: no plane holds what was matched")
        self._need_channels(self.written, where, raw[0], blend.first_symbol, blend.count)

    def _parameters(self, where: str, number: int, operation: Code | Blend) -> None:
        """What CODE and BLEND have in common."""
        _in_range(operation.parameters, 0, len(self.planes) - 1, f"{where}: plane")
        plane = self.planes[operation.parameters]
        _need(plane.stage == number, f"{where}: parameters on the grid of another stage")
        _need(plane.kind == PlaneKind.COMPUTED, f"{where}: parameters in a plane that no operation writes")
        n_sym = len(self.program.stages[number].symbols)
        _need(operation.count >= 1 and operation.first_symbol >= 0, f"{where}: no symbol")
        _need(operation.first_symbol + operation.count <= n_sym, f"{where}: symbols beyond the {n_sym} of its stage")

    def _code(self, where: str, number: int, code: Code) -> None:
        self._parameters(where, number, code)
        self.coded[code.first_symbol : code.first_symbol + code.count] = True
        self._need_channels(self.written, where, code.parameters, code.first_parameter, 3 * code.count)
        for plane, description in enumerate(self.planes):
            if description.stage == number and PlaneKind.SIGNED <= description.kind <= PlaneKind.RAW:
                self.written[plane][code.first_symbol : code.first_symbol + code.count] = True

    def _grid(self, plane: int) -> tuple[int, int]:
        stage = self.program.stages[self.planes[plane].stage]
        return stage.level, stage.phases

    def _need_channels(self, known: list[NDArray[np.bool_]], where: str, plane: int, first: int, n: int) -> None:
        channels = self.planes[plane].channels
        _need(first >= 0 and first + n <= channels, f"{where}: reads beyond the {channels} channels of plane {plane}")
        ok = known[plane][first : first + n]
        _need(bool(ok.all()), f"{where}: reads channel {first + int(np.argmin(ok))} of plane {plane}, which is not known yet")

    def _write(self, where: str, plane: int, first: int, n: int, whole: bool) -> None:
        description = self.planes[plane]
        _need(description.kind == PlaneKind.COMPUTED, f"{where}: plane {plane} is written by the coder")
        _need(
            first >= 0 and first + n <= description.channels,
            f"{where}: writes beyond the {description.channels} channels of plane {plane}",
        )
        taken = self.written[plane][first : first + n]
        _need(not taken.any(), f"{where}: channel {first + int(np.argmax(taken))} of plane {plane} is written twice")
        taken[:] = True
        if whole:
            self.complete[plane][first : first + n] = True

    def _conv_shape(self, where: str, conv: Conv) -> None:
        n = conv.channels
        _in_range(conv.out, 0, len(self.planes) - 1, f"{where}: output plane")
        _in_range(n, 1, MAX_CHANNELS, f"{where}: output channels")
        _in_range(len(conv.terms), 1, MAX_TERMS, f"{where}: terms")
        _need(len(conv.bias) == n, f"{where}: {n} shifts but {len(conv.bias)} biases")
        _need(all(0 <= s <= 15 for s in conv.shift), f"{where}: shifts must be 0..15")
        load = np.abs(np.asarray(conv.bias, np.int64))
        for term in conv.terms:
            self._term_shape(where, conv, term)
            load = load + 32768 * np.abs(term.array.astype(np.int64)).reshape(n, -1).sum(1)
        worst = int(np.argmax(load))
        _need(int(load[worst]) < 2**31, f"{where}: the sum of output channel {worst} may pass 32 bits; use smaller weights")

    def _term_shape(self, where: str, conv: Conv, term: Term) -> None:
        weights = term.array
        _need(weights.ndim == 4, f"{where}: weights are [n_out, kh, kw, n_in], not of shape {weights.shape}")
        n, kh, kw, n_in = weights.shape
        _need(n == conv.channels, f"{where}: weights for {n} output channels, {conv.channels} expected")
        _need(np.issubdtype(weights.dtype, np.integer), f"{where}: weights must be integers, not {weights.dtype}")
        _in_range(kh, 1, MAX_KERNEL, f"{where}: kernel rows")
        _in_range(kw, 1, MAX_KERNEL, f"{where}: kernel columns")
        _in_range(n_in, 1, MAX_CHANNELS, f"{where}: input channels")
        _need(int(weights.min()) >= -128 and int(weights.max()) <= 127, f"{where}: weights must fit int8")
        for name, value in (("row", term.oy), ("column", term.ox)):
            _in_range(value, -128, 127, f"{where}: {name} offset")
        _in_range(term.dilation, 1, 255, f"{where}: dilation")
        if term.plane == CONDITION:
            plain = (kh, kw, term.oy, term.ox, term.dilation) == (1, 1, 0, 0, 1)
            _need(plain, f"{where}: the condition is read by a 1x1 kernel without offset or dilation")
            _need(term.first >= 0 and term.first + n_in <= self.program.n_q, f"{where}: reads beyond the condition's channels")
            return
        _in_range(term.plane, 0, len(self.planes) - 1, f"{where}: input plane")
        channels = self.planes[term.plane].channels
        _need(term.first >= 0 and term.first + n_in <= channels, f"{where}: reads beyond the {channels} channels of plane {term.plane}")
        _need(self._grid(term.plane) == self._grid(conv.out), f"{where}: plane {term.plane} has another grid than the output")
