"""Where a picture model's planes lie on a device: few rows of each, and one after the other in the same memory where they are not needed together.

`vc_plan_make` keeps all rows of what a prelude writes, as any prelude may read any of them. Those of our models read their own planes at the row
they write, so that `vc_net_prelude_row` makes two rows at a time as a stage comes to them. What is left in memory is then

    lasting     symbols that finer stages read, all rows; what a prelude hands on, two rows; what it reads to the side, one row and its margins
    local       a stage's own planes that reach beyond a row or column; cleared at its beginning, for their margins
    passing     planes that are written and read again within a row: each begins where no other that is needed then lies

and local and passing ones share their memory with those of other stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.export.symbols import Code, Conv, Operation, PlaneKind, Shuffle, SymbolProgram
from vaecodec.export.symbols_io import read_program

__all__ = ["shrink"]

ALIGN, SLACK = 4, 4  # activations, as in vc_plan.c
ALL_ROWS = 0x7FFFFFFF


@dataclass
class _Use:
    """How a plane is used.

    Attributes:
        stage: where it is written.
        is_prelude: whether by the stage's prelude.
        first, written: the first and the last operation of that list that writes it; -1: the coder does, before all.
        read: the last operation of the same list that reads it.
        deepest: rows above the reader's own that are read.
        own_row: whether the reader's own row is read.
        elsewhere: whether another stage reads what the coder has written.
        handed_on: whether rows of the stage, or another prelude, read what the prelude has written.
        sideways: whether neighbours of the reader's column are read.
    """

    stage: int = -1
    is_prelude: bool = False
    first: int = -1
    written: int = -1
    read: int = -1
    deepest: int = 0
    own_row: bool = False
    elsewhere: bool = False
    handed_on: bool = False
    sideways: bool = False

    @property
    def lasting(self) -> bool:
        """Whether its rows outlive the stage, or are read while a finer stage runs; margins that a prelude reads must stay zero all the time."""
        return self.elsewhere or self.handed_on or (self.is_prelude and self.sideways)

    @property
    def last(self) -> int:
        """The last operation that touches it, though it may only be a write that nobody reads."""
        return max(self.read, self.written)

    @property
    def passing(self) -> bool:
        """Whether nothing of it is needed in the next row, and no margin of it is read."""
        return self.written >= 0 and not self.lasting and self.deepest == 0 and not self.sideways

    @property
    def rows(self) -> int:
        """Rows to keep; 0: all."""
        if self.elsewhere:
            return 0
        if self.handed_on:
            return 2
        # A row of which nothing is written before all have been read may take the place of the farthest.
        return max(1, self.deepest if self.first > self.read and not self.own_row else self.deepest + 1)


def shrink(bundle: Bundle, plan: Any) -> None:
    """Lays a picture model's planes out anew, in place.

    Args:
        bundle: of the plan's model.
        plan: vc_plan of a tile, in memory that may be written.

    Raises:
        InputError: the model's networks reach further than a device keeps.
    """
    program = read_program(bundle.symbols.blob)
    if program.rank != 2:
        raise InputError(f"{bundle.name} is no model of pictures")
    uses, shapes = _Uses(program).found, _shapes(bundle, program, plan)
    stages = range(len(program.stages))
    plan.local = _place_all(plan, shapes, [(i, use) for i, use in enumerate(uses) if use.lasting], 0)
    kept = [_place_all(plan, shapes, _those(uses, stage, passing=False), plan.local) for stage in stages]
    ends = [_place_passing(plan, shapes, _those(uses, stage, passing=True), kept[stage]) for stage in stages]
    # The prelude of a coarser stage runs among a finer one's rows: what passes there lies behind what any stage keeps.
    ends += [_place_passing(plan, shapes, _those(uses, stage, passing=True, is_prelude=True), max(kept)) for stage in stages]
    plan.activations = max(ends) + SLACK


class _Uses:
    """Goes through a model's operations and notes how each plane is used."""

    def __init__(self, program: SymbolProgram) -> None:
        self._planes = program.planes
        self.found = [_Use(plane.stage) for plane in program.planes]
        for number, stage in enumerate(program.stages):
            for at, operation in enumerate(stage.prelude):
                self._note(number, True, at, operation)
            for at, operation in enumerate(stage.rows):
                self._note(number, False, at, operation)

    def _note(self, stage: int, is_prelude: bool, at: int, operation: Operation) -> None:
        if isinstance(operation, (Conv, Shuffle)):
            self._note_write(stage, is_prelude, at, operation)
        if isinstance(operation, Shuffle):
            self._note_read(stage, is_prelude, at, operation.source, 0, 0, False)
        elif isinstance(operation, Code):
            self._note_read(stage, is_prelude, at, operation.parameters, 0, 0, False)
        elif isinstance(operation, Conv):
            for term in operation.terms:
                if 0 <= term.plane < len(self.found):
                    self._note_read(stage, is_prelude, at, term.plane, term.oy, term.last_row, term.ox != 0 or term.array.shape[2] > 1)

    def _note_write(self, stage: int, is_prelude: bool, at: int, operation: Conv | Shuffle) -> None:
        use, grid = self.found[operation.out], self._planes[operation.out].stage
        # The grids of the approximation and the first details have the same rows: no prelude computes between them.
        if is_prelude and (stage < 2 or grid != (stage if isinstance(operation, Shuffle) else stage - 1)):
            raise InputError("a prelude of this model does not compute on the next coarser grid: no device runs it")
        use.stage, use.is_prelude, use.written = stage, is_prelude, at
        use.first = at if use.first < 0 else use.first

    def _note_read(self, stage: int, is_prelude: bool, at: int, plane: int, low: int, high: int, sideways: bool) -> None:
        use = self.found[plane]
        use.sideways |= sideways
        computed = self._planes[plane].kind is PlaneKind.COMPUTED
        if use.stage == stage and use.is_prelude == is_prelude and not (is_prelude and (low or high)):
            use.read = max(use.read, at)
            use.deepest, use.own_row = max(use.deepest, -low), use.own_row or high == 0
        elif not computed:
            use.elsewhere = True
        elif use.is_prelude and low == high == 0 and not sideways:
            use.handed_on = True
        else:
            raise InputError("networks of this model read rows around those that a prelude writes: no device keeps them")


def _those(uses: list[_Use], stage: int, *, passing: bool, is_prelude: bool = False) -> list[tuple[int, _Use]]:
    """A stage's own planes, of one kind."""
    return [(i, use) for i, use in enumerate(uses)
            if not use.lasting and (use.passing, use.stage, use.is_prelude) == (passing, stage, is_prelude)]


def _aligned(n: int) -> int:
    return -(-n // ALIGN) * ALIGN


@dataclass(frozen=True)
class _Shape:
    """Of a plane: activations of a row, of the margin before it, and rows of its grid."""

    row: int
    margin: int
    rows: int


def _shapes(bundle: Bundle, program: SymbolProgram, plan: Any) -> list[_Shape]:
    found, model = [], bundle.symbols._c
    for i, plane in enumerate(program.planes):
        grid = lib.vc_plan_grid(model, ffi.addressof(plan, "geometry"), plane.stage)
        found.append(_Shape(plan.planes[i].row_step, plane.channels * model.reach[i].left, grid.rows))
    return found


def _place(plane: Any, shape: _Shape, rows: int, start: int) -> int:
    """Gives a plane so many rows from `start` on, 0 for all, rounded up to a power of two; returns the end."""
    kept = 1 << (rows - 1).bit_length() if rows else shape.rows
    whole = not rows or kept >= shape.rows
    plane.at, plane.mask = start + shape.margin, ALL_ROWS if whole else kept - 1
    return _aligned(start + shape.row * (shape.rows if whole else kept))


def _place_all(plan: Any, shapes: list[_Shape], planes: list[tuple[int, _Use]], start: int) -> int:
    """Places planes one after the other; returns the end."""
    for i, use in planes:
        start = _place(plan.planes[i], shapes[i], use.rows, start)
    return start


def _place_passing(plan: Any, shapes: list[_Shape], planes: list[tuple[int, _Use]], start: int) -> int:
    """Places one row of each plane where no other lies that is needed at the same time, the largest first; returns the end."""
    placed: list[tuple[int, int, _Use]] = []
    for i, use in sorted(planes, key=lambda item: -shapes[item[0]].row):
        at, size = start, shapes[i].row
        for begin, end, other in sorted(placed, key=lambda item: item[0]):
            together = use.first <= other.last and other.first <= use.last
            if together and begin < at + size and at < end:
                at = end
        placed.append((at, _aligned(at + size), use))
        plan.planes[i].at, plan.planes[i].mask = at + shapes[i].margin, 0
    return max((end for _, end, _ in placed), default=start)
