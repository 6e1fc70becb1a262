"""Random programs that use every feature of the prior: for holding implementations together, not for compressing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vaecodec.export.symbols import (
    CONDITION,
    Band,
    Blend,
    Code,
    ColourMix,
    Conv,
    FilterPair,
    Match,
    Matching,
    PlaneKind,
    PlaneTable,
    Shuffle,
    Stage,
    SymbolProgram,
    Term,
    band_count,
    least_lag,
    stage_symbols,
)

CODER_KINDS = (PlaneKind.SIGNED, PlaneKind.MAGNITUDE, PlaneKind.RAW)


def random_program(seed, rank, levels, colours=1):
    """A valid program with random filters and networks."""
    return _Builder(seed, rank, levels, colours).program()


def matching_program(seed, levels):
    """A valid program of rank 1 with a random match section and operations that use it."""
    return _MatchingBuilder(seed, levels).program()


def repeating_latents(seed, shapes, levels, period):
    """Latents of a packet that repeat, with some noise, every `period` blocks."""
    rng = np.random.default_rng(seed)
    bands = []
    for n, channels in shapes:
        repeats = (n << levels) // shapes[0][0] * period >> levels
        one = rng.laplace(0, 2 ** rng.uniform(-1, 4), (repeats, channels))
        z = np.resize(one, (n, channels)) + rng.normal(0, 0.4, (n, channels))
        bands.append(np.round(z).astype(np.int16))
    return bands


def random_latents(seed, shapes):
    """Latents of all sizes: many zeros, a few near the limits."""
    rng = np.random.default_rng(seed)
    bands = []
    for shape in shapes:
        z = rng.laplace(0, 2 ** rng.uniform(-2, 5), shape)
        z = np.where(rng.random(shape) < 0.01, rng.integers(-32767, 32768, shape), np.round(z))
        bands.append(np.clip(z, -32767, 32767).astype(np.int16))
    return bands


class _Builder:
    def __init__(self, seed, rank, levels, colours):
        self.rng = np.random.default_rng(seed)
        self.rank, self.levels, self.colours = rank, levels, colours
        self.n_q = self.pick(2, 5)
        self.table = PlaneTable()
        self.phases = [self.pick(1, 2) if rank == 2 else 1 for _ in range(self.n_stages)]
        self.coded: list[dict[PlaneKind, int]] = []

    @property
    def n_stages(self):
        return 1 if self.rank == 1 else self.levels + 1

    def pick(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def program(self):
        stages = tuple(self.stage(number) for number in range(self.n_stages))
        t_lo, lapped = self.pick(0, 120), self.is_lapped()
        filters = () if lapped else self.filters_of_levels()
        program = SymbolProgram(
            rank=self.rank,
            levels=self.levels,
            t_lo=t_lo,
            t_hi=self.pick(t_lo + 1, 255),
            n_q=self.n_q,
            in_offset=self.pick(-200, 200),
            in_shift=self.pick(-2, 6),
            mix=tuple(self.mix() for _ in range(self.colours)) if self.rank == 2 else (),
            filters=filters,
            bands=tuple(
                Band(self.pick(-300, 100), self.pick(0, 255)) for _ in range(band_count(self.rank, self.levels, self.colours))
            ),
            planes=self.table.freeze(),
            stages=stages,
            matching=self.matching(filters),
            lapped_shift=self.pick(0, 10) if lapped else None,
        )
        program.check()
        return program

    def is_lapped(self):
        return self.rank == 1 and self.levels > 1 and self.pick(0, 2) == 0

    def matching(self, _filters):
        return None

    def filters_of_levels(self):
        return tuple(tuple(tuple(self.filters() for _ in range(self.colours)) for _ in range(self.rank)) for _ in range(self.levels))

    def mix(self):
        return ColourMix(tuple(self.rng.integers(-128, 128, self.colours).tolist()), self.pick(0, 9))

    def filters(self):
        k = 2 * self.pick(1, 15) + 1
        low, high = self.rng.integers(-128, 128, (2, k)).tolist()
        return FilterPair(tuple(low), tuple(high), self.pick(0, 10), self.pick(0, 10))

    def stage(self, number):
        phases = self.phases[number]
        symbols = stage_symbols(self.rank, self.levels, self.colours, number, phases)
        kinds = [kind for kind in CODER_KINDS if self.pick(0, 2)] or [PlaneKind.MAGNITUDE]
        self.coded.append({kind: self.table.add(number, len(symbols), kind) for kind in kinds})
        prelude, context = self.prelude(number)
        rows = self.rows(number, len(symbols), context)
        level = 0 if self.rank == 1 else min(self.levels, self.levels - number + 1)
        return Stage(level, symbols, rows, prelude, phases)

    def prelude(self, number):
        """Operations and the plane they fill on the stage's own grid, or none."""
        if number == 0 or self.phases[number] != self.phases[number - 1]:
            return (), None
        channels = self.pick(1, 5)
        if number == 1:  # LL and the first details share a grid
            out = self.table.add(1, channels)
            return (self.conv(out, self.around(number - 1, channels), relu=True),), out
        packed, out = self.table.add(number - 1, 4 * channels), self.table.add(number, channels)
        return (self.conv(packed, self.around(number - 1, 4 * channels)), Shuffle(packed, out)), out

    def around(self, stage, n):
        """Terms over a whole stage that is known, rows below included, and the condition."""
        terms = [
            self.term(plane, n, self.pick(1, 3), self.pick(1, 4), self.pick(-3, 1), self.pick(-3, 1), dilation=self.pick(1, 3))
            for plane in self.coded[stage].values()
        ]
        return [*terms, self.term(CONDITION, n)]

    def rows(self, number, n_sym, context):
        hidden_channels = self.pick(1, 6)
        hidden = self.table.add(number, hidden_channels)
        terms = [self.above(plane, hidden_channels) for plane in (*self.coded[-1].values(), hidden)]
        if context is not None:
            terms.append(self.term(context, hidden_channels, 3, 3, -1, -1))
        operations = [self.conv(hidden, terms, relu=bool(self.pick(0, 1)))]
        cuts = sorted({0, n_sym, *self.rng.integers(0, n_sym + 1, 2).tolist()})
        for first, last in pairwise(cuts):
            operations += self.group(number, hidden, first, last - first)
        return tuple(operations)

    def group(self, number, hidden, first, count):
        """Parameters of some symbols, from the hidden plane and the symbols before them; then their code."""
        spare = self.pick(0, 2)
        out = self.table.add(number, 3 * count + spare)
        terms = [self.term(hidden, 3 * count, 1, 1), self.term(CONDITION, 3 * count)]
        if first:
            terms += [self.term(plane, 3 * count, 1, 3, 0, -1, n_in=first) for plane in self.coded[-1].values()]
        bias = np.concatenate([self.rng.integers(-600, 600, count) << 5 for _ in range(3)])
        conv = self.conv(out, terms, first=spare, shift=np.full(3 * count, 5), bias=bias)
        return [conv, Code(out, first, count, spare)]

    def above(self, plane, n):
        dilation, kh = self.pick(1, 3), self.pick(1, 3)
        return self.term(plane, n, kh, self.pick(1, 3), -self.pick(1, 2) - (kh - 1) * dilation, self.pick(-2, 0), dilation=dilation)

    def term(self, plane, n, kh=1, kw=1, oy=0, ox=0, *, dilation=1, n_in=None):
        channels = self.n_q if plane == CONDITION else self.table.freeze()[plane].channels
        first = 0
        if n_in is None:
            first = self.pick(0, channels - 1)
            n_in = self.pick(1, channels - first)
        most = 128 if self.pick(0, 5) == 0 else 12
        return Term(plane, self.rng.integers(-most, most, (n, kh, kw, n_in)), first, oy, ox, dilation)

    def conv(self, out, terms, *, relu=False, first=0, shift=None, bias=None):
        n = len(terms[0].array)
        shift = self.rng.integers(0, 16, n) if shift is None else shift
        bias = self.rng.integers(-50000, 50000, n) if bias is None else bias
        return Conv(out, tuple(terms), shift, bias, relu, first)


class _MatchingBuilder(_Builder):
    """Programs whose groups look at what MATCH finds."""

    KINDS = (PlaneKind.BEST, PlaneKind.MEAN, PlaneKind.RAW_MEAN, PlaneKind.DISTANCE)

    def __init__(self, seed, levels):
        super().__init__(seed, 1, levels, 1)
        self.found = {kind: self.table.add(0, 1 << levels, kind) for kind in self.KINDS}

    def is_lapped(self):
        return False

    def matching(self, filters):
        sites = 2 * self.pick(1, 3) + 1
        nearest = least_lag(filters, sites) + 2 * self.pick(0, 3)
        known = self.pick(1, min(42, 1 << self.levels))
        inverse = self.rng.integers(-2000, 2000, (self.levels, sites, 2, 2)).tolist()
        taps = tuple(tuple((tuple(low), tuple(high)) for low, high in level) for level in inverse)
        return Matching(taps, self.pick(10, 13), self.pick(1, known), known, nearest, nearest + 2 * self.pick(0, 60))

    def filters(self):
        k = 2 * self.pick(1, 4) + 1
        low, high = self.rng.integers(-60, 60, (2, k)).tolist()
        return FilterPair(tuple(low), tuple(high), self.pick(4, 7), self.pick(4, 7))

    def group(self, number, hidden, first, count):
        """As ever, and before it a match that the parameters look at."""
        if not count:
            return []
        out = self.table.add(number, 4 * count)
        terms = [self.term(hidden, 4 * count, 1, 1), self.term(CONDITION, 4 * count)]
        for kind, n in ((PlaneKind.BEST, count), (PlaneKind.MEAN, count), (PlaneKind.DISTANCE, 1)):
            weights = self.rng.integers(-12, 12, (4 * count, 1, 1, n))
            terms.append(Term(self.found[kind], weights, first))
        bias = np.concatenate([self.rng.integers(-600, 600, count) << 5 for _ in range(3)] + [self.rng.integers(0, 300, count) << 5])
        conv = self.conv(out, terms, shift=np.full(4 * count, 5), bias=bias)
        return [Match(first, count), conv, Blend(out, first, count), Code(out, first, count)]
