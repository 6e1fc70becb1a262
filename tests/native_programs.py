"""Random valid symbol programs, which use every feature of docs/format.md section 4, for tests of the C core."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vaecodec.export.symbols import (
    CONDITION,
    Band,
    Code,
    ColourMix,
    Conv,
    FilterPair,
    PlaneKind,
    PlaneTable,
    Shuffle,
    Stage,
    SymbolProgram,
    Term,
    stage_symbols,
)

N_Q = 3


def random_program(seed, rank=None):
    """A valid program with random structure, weights and filters."""
    rng = np.random.default_rng(seed)
    rank = rank or int(rng.integers(1, 3))
    levels = int(rng.integers(1, 5 if rank == 1 else 4))
    colours = int(rng.integers(1, 5)) if rank == 2 else 1
    n_bands = 1 + levels if rank == 1 else colours * (1 + 3 * levels)
    table = PlaneTable()
    stages = _signal_stages(rng, table, levels) if rank == 1 else _picture_stages(rng, table, levels, colours)
    t_lo = int(rng.integers(0, 200))
    lapped = rank == 1 and levels > 1 and rng.random() < 0.3
    return SymbolProgram(
        rank=rank,
        levels=levels,
        t_lo=t_lo,
        t_hi=int(rng.integers(t_lo + 1, 256)),
        n_q=N_Q,
        in_offset=int(rng.integers(-1000, 1000)),
        in_shift=int(rng.integers(-2, 7)),
        mix=tuple(_mix(rng, colours) for _ in range(colours)) if rank == 2 else (),
        filters=tuple(tuple(tuple(_filter(rng) for _ in range(colours)) for _ in range(rank)) for _ in range(0 if lapped else levels)),
        bands=tuple(Band(int(rng.integers(-60, 60)), int(rng.integers(0, 256))) for _ in range(n_bands)),
        planes=table.freeze(),
        stages=stages,
        lapped_shift=int(rng.integers(0, 10)) if lapped else None,
    )


def random_latents(rng, shapes, spread=3.0, zeros=0.7):
    """Mostly small, mostly zero latents with a few of any size; one int16 array a band."""
    out = []
    for shape in shapes:
        z = np.round(rng.laplace(0, spread, shape)) * (rng.random(shape) > zeros)
        wild = rng.random(shape) < 0.01
        z[wild] = rng.integers(-32767, 32768, int(wild.sum()))
        out.append(z.astype(np.int16))
    return out


def _mix(rng, colours):
    return ColourMix(tuple(map(int, rng.integers(-128, 128, colours))), int(rng.integers(0, 10)))


def _filter(rng):
    taps = int(rng.choice([3, 5, 9, 31]))

    def draw():
        return tuple(map(int, rng.integers(-128, 128, taps)))

    return FilterPair(draw(), draw(), int(rng.integers(0, 12)), int(rng.integers(5, 12)))


class _StageBuilder:
    """Collects the planes and operations of one stage."""

    def __init__(self, rng, table, number, n_symbols):
        self.rng, self.table, self.number, self.n = rng, table, number, n_symbols
        kinds = [k for k in (PlaneKind.SIGNED, PlaneKind.MAGNITUDE, PlaneKind.RAW) if rng.random() < 0.8] or [PlaneKind.RAW]
        self.coder = [table.add(number, n_symbols, kind) for kind in kinds]
        self.inputs = []  # (plane, channels) that any row may be read of
        self.prelude, self.rows = [], []

    def weights(self, out, kh, kw, n_in):
        fan_in = kh * kw * n_in
        return self.rng.integers(-128, 128, (out, kh, kw, n_in)) // (1 + fan_in // 100)

    def term(self, out, plane, channels, rows, any_row=False):
        """Reads a random range of channels; `rows` is the last row that may be read."""
        rng = self.rng
        first = int(rng.integers(0, channels)) if rng.random() < 0.5 else 0
        count = int(rng.integers(1, channels - first + 1)) if rng.random() < 0.5 else channels - first
        kh, kw, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 3))
        last = int(rng.integers(-2, 3)) if any_row else rows - int(rng.integers(0, 2))
        oy = last - (kh - 1) * dilation
        return Term(plane, self.weights(out, kh, kw, count), first, oy, int(rng.integers(-2, 2)), dilation)

    def conv(self, plane, terms, count, first=0):
        rng = self.rng
        if rng.random() < 0.5:
            terms = [*terms, Term(CONDITION, self.weights(count, 1, 1, N_Q))]
        bias = rng.integers(-100000, 100000, count)
        return Conv(plane, tuple(terms), rng.integers(4, 13, count), bias, bool(rng.random() < 0.5), first)

    def parameters(self, group, known, memory):
        """Hidden layer and parameters of a group of symbols, from everything that may be read."""
        rng, n = self.rng, len(group)
        hidden_channels, spare = int(rng.integers(1, 40)), int(rng.integers(0, 3))
        hidden = self.table.add(self.number, hidden_channels)
        terms = [self.term(hidden_channels, p, self.n, -1) for p in self.coder]
        if known:
            terms += [Term(p, self.weights(hidden_channels, 1, 3, known), 0, 0, -1) for p in self.coder]
        terms += [self.term(hidden_channels, p, c, -1) for p, c in memory]
        terms += [self.term(hidden_channels, p, c, 0, any_row=True) for p, c in self.inputs]
        self.rows.append(self.conv(hidden, terms, hidden_channels))
        out = self.table.add(self.number, 3 * n + spare)
        for part in range(3):
            self.rows.append(self.conv(out, [self.term(n, hidden, hidden_channels, 0)], n, spare + part * n))
        self.rows.append(Code(out, group[0], n, spare))

    def build(self):
        """Groups of symbols in order, and a recurrent plane that sees only rows above."""
        rng = self.rng
        channels = int(rng.integers(1, 20))
        memory = [(self.table.add(self.number, channels), channels)]
        cuts = [*sorted({0, *rng.integers(0, self.n, 2).tolist()}), self.n]
        for a, b in pairwise(cuts):
            self.parameters(range(a, b), a, memory)
        terms = [self.term(channels, p, self.n, 0) for p in self.coder] + [self.term(channels, *memory[0], -1)]
        self.rows.append(self.conv(memory[0][0], terms, channels))
        self.memory = memory[0]


def _signal_stages(rng, table, levels):
    symbols = stage_symbols(1, levels)
    stage = _StageBuilder(rng, table, 0, len(symbols))
    stage.build()
    return (Stage(0, symbols, tuple(stage.rows)),)


def _picture_stages(rng, table, levels, colours):
    phases = int(rng.integers(1, 3))
    stages, before = [], None
    for number in range(levels + 1):
        symbols = stage_symbols(2, levels, colours, number, phases)
        order = rng.permutation(len(symbols))
        stage = _StageBuilder(rng, table, number, len(symbols))
        if number == 1:
            stage.inputs = [(p, before.n) for p in before.coder]
        elif number > 1:
            _bring_down(rng, table, stage, before)
        stage.build()
        level = levels if number == 0 else levels - number + 1
        shuffled = tuple(symbols[i] for i in order)
        stages.append(Stage(level, shuffled, tuple(stage.rows), tuple(stage.prelude), phases))
        before = stage
    return tuple(stages)


def _bring_down(rng, table, stage, before):
    """A plane of the coarser grid written by this prelude, then shuffled to this grid and filtered there."""
    channels = int(rng.integers(1, 6))
    packed = table.add(before.number, 4 * channels)
    up = table.add(stage.number, channels)
    filtered = table.add(stage.number, channels)
    terms = [stage.term(4 * channels, p, before.n, 0, any_row=True) for p in before.coder]
    terms.append(stage.term(4 * channels, *before.memory, 0, any_row=True))
    stage.prelude = [
        stage.conv(packed, terms, 4 * channels),
        Shuffle(packed, up),
        stage.conv(filtered, [stage.term(channels, up, channels, 0, any_row=True)], channels),
    ]
    stage.inputs = [(up, channels), (filtered, channels)]


def blocks_of(bands, first, end):
    """Views of what a signal's bands have of blocks first..end - 1."""
    scales = [len(band) // len(bands[0]) for band in bands]
    return [band[first * scale : end * scale] for band, scale in zip(bands, scales, strict=True)]
