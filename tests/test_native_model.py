"""Only valid symbols.bin load; whatever else comes is a ModelError, and what loads is safe to run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_programs import random_latents, random_program

from vaecodec.codec.errors import FormatError, ModelError
from vaecodec.codec.native import Prior, SymbolModel
from vaecodec.export.symbols import Code, Conv, PlaneKind, Shuffle, Symbol, Term
from vaecodec.export.symbols_io import write_program
from vaecodec.export.untrained import untrained_program


def _run(model):
    """A small tile through everything."""
    unit = 1 << model.levels
    shape = (unit, unit) if model.rank == 2 else (2 * unit, 1)
    latents = random_latents(np.random.default_rng(0), model.band_shapes(shape))
    payload = Prior(model, shape, 100).encode(latents, 0, model.stages - 1)
    out = [np.zeros_like(band) for band in latents]
    Prior(model, shape, 100).decode(payload, out, 0, model.stages - 1)
    for a, b in zip(latents, out, strict=True):
        np.testing.assert_array_equal(a, b)


def _load_mutant(blob):
    try:
        model = SymbolModel(blob)
    except ModelError:
        return
    _run(model)


@pytest.mark.parametrize("seed", range(4))
def test_every_truncation_is_refused(seed):
    blob = random_program(seed).to_bytes()
    for n in range(0, len(blob), max(1, len(blob) // 3000)):
        with pytest.raises(ModelError):
            SymbolModel(blob[:n])


def test_trailing_bytes_are_refused():
    with pytest.raises(ModelError, match="follow"):
        SymbolModel(untrained_program(1, 2).to_bytes() + b"\0")


@settings(max_examples=100)
@given(st.integers(0, 9), st.data())
def test_damaged_blobs_are_refused_or_run(seed, data):
    blob = bytearray(random_program(seed).to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    _load_mutant(bytes(blob))


@pytest.mark.parametrize("rank", [1, 2])
def test_every_byte_may_be_damaged(rank):
    blob = untrained_program(rank, 1, phases=rank, colours=1).to_bytes()
    for i in range(len(blob)):
        for value in (255, blob[i] ^ 1):
            _load_mutant(blob[:i] + bytes([value]) + blob[i + 1 :])


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    for blob in (data, b"VSYM\1" + data):
        with pytest.raises(ModelError):
            SymbolModel(blob)


def _stage(program, number=0):
    return program.stages[number]


def _with_stage(program, number, **changes):
    stages = list(program.stages)
    stages[number] = replace(stages[number], **changes)
    return replace(program, stages=tuple(stages))


def _with_row(program, number, index, operation):
    rows = list(program.stages[number].rows)
    rows[index] = operation
    return _with_stage(program, number, rows=tuple(rows))


def _refused(program, message):
    with pytest.raises(ModelError, match=message):
        SymbolModel(write_program(program))


PICTURE = untrained_program(2, 2, colours=1, phases=2)
SIGNAL = untrained_program(1, 2)


def test_the_unchanged_programs_load():
    for program in (PICTURE, SIGNAL):
        _run(SymbolModel(write_program(program)))


def _first(program, number, kind):
    return next((i, op) for i, op in enumerate(program.stages[number].rows) if isinstance(op, kind))


def test_sums_that_may_exceed_32_bits_are_refused():
    i, conv = _first(PICTURE, 0, Conv)
    limit = 2**31 - 32768 * int(sum(np.abs(t.array.astype(np.int64)).sum() for t in conv.terms))
    for sign in (1, -1):
        assert SymbolModel(write_program(_with_row(PICTURE, 0, i, replace(conv, bias=[sign * (limit - 1)]))))
    _refused(_with_row(PICTURE, 0, i, replace(conv, bias=[-limit])), "32 bits")


def test_reading_the_row_below_is_refused():
    i, conv = _first(PICTURE, 0, Conv)
    term = replace(conv.terms[0], oy=0)
    _refused(_with_row(PICTURE, 0, i, replace(conv, terms=(term, *conv.terms[1:]))), "not yet written")


def test_a_dilated_kernel_that_ends_in_the_current_row_is_refused():
    i, conv = _first(PICTURE, 0, Conv)
    term = Term(conv.terms[0].plane, np.zeros((1, 2, 1, 1), int), oy=-3, dilation=3)
    _refused(_with_row(PICTURE, 0, i, replace(conv, terms=(term,))), "not yet written")


def test_reading_symbols_of_a_later_group_is_refused():
    stage = _stage(SIGNAL)
    code = [i for i, op in enumerate(stage.rows) if isinstance(op, Code)]
    conv = stage.rows[code[0] + 2]
    term = replace(conv.terms[0], first=1, oy=0, weights=np.zeros((conv.channels, 1, 1, 1), int))
    _refused(_with_row(SIGNAL, 0, code[0] + 2, replace(conv, terms=(term,))), "not yet written")


def test_code_before_its_parameters_is_refused():
    stage = _stage(PICTURE)
    _refused(_with_stage(PICTURE, 0, rows=stage.rows[::-1]), "not yet written")


def test_writing_a_channel_twice_is_refused():
    stage = _stage(PICTURE)
    _refused(_with_stage(PICTURE, 0, rows=(stage.rows[0], *stage.rows)), "twice")


def test_coding_a_symbol_twice_or_never_is_refused():
    stage = _stage(SIGNAL)
    code = [i for i, op in enumerate(stage.rows) if isinstance(op, Code)]
    _refused(_with_stage(SIGNAL, 0, rows=(*stage.rows, stage.rows[code[0]])), "symbol")
    _refused(_with_stage(SIGNAL, 0, rows=stage.rows[: code[-1]]), "symbol")


def test_listing_a_symbol_twice_is_refused():
    stage = _stage(SIGNAL)
    _refused(_with_stage(SIGNAL, 0, symbols=(*stage.symbols[:-1], stage.symbols[0])), "symbol")
    _refused(_with_stage(SIGNAL, 0, symbols=(*stage.symbols[:-1], Symbol(2, 7))), "symbol")


def test_a_coder_plane_cannot_be_written():
    i, conv = _first(PICTURE, 0, Conv)
    coder = next(n for n, p in enumerate(PICTURE.planes) if p.kind != PlaneKind.COMPUTED)
    _refused(_with_row(PICTURE, 0, i, replace(conv, out=coder)), "plane")


def test_another_stages_plane_cannot_be_written_in_a_row_list():
    i, conv = _first(PICTURE, 1, Conv)
    other = next(n for n, p in enumerate(PICTURE.planes) if p.stage == 0 and p.kind == PlaneKind.COMPUTED)
    _refused(_with_row(PICTURE, 1, i, replace(conv, out=other)), "plane")


def test_a_shuffle_must_quarter_the_channels():
    stage = _stage(PICTURE, 2)
    shuffle = next(op for op in stage.prelude if isinstance(op, Shuffle))
    prelude = tuple(Shuffle(shuffle.out, shuffle.source) if op is shuffle else op for op in stage.prelude)
    _refused(_with_stage(PICTURE, 2, prelude=prelude), "plane")


def test_grids_must_match():
    i, conv = _first(PICTURE, 2, Conv)
    coarse = next(n for n, p in enumerate(PICTURE.planes) if p.stage == 1 and p.kind == PlaneKind.MAGNITUDE)
    term = replace(conv.terms[0], plane=coarse)
    _refused(_with_row(PICTURE, 2, i, replace(conv, terms=(term,))), "plane")


def test_terms_stay_within_planes():
    i, conv = _first(PICTURE, 0, Conv)
    term = replace(conv.terms[0], first=200)
    _refused(_with_row(PICTURE, 0, i, replace(conv, terms=(term, *conv.terms[1:]))), "range")


def test_too_few_rows_of_history_are_refused():
    program = random_program(1, rank=1)
    blob = bytearray(program.to_bytes())
    start = _plane_table(program)
    depths = [blob[start + 6 * i + 4] for i in range(len(program.planes))]
    i = next(i for i, depth in enumerate(depths) if depth > 1)
    blob[start + 6 * i + 4] = depths[i] - 1
    with pytest.raises(ModelError, match="rows"):
        SymbolModel(bytes(blob))


def _plane_table(program):
    """Offset of the plane table: the head, filters and bands are before it."""
    filters = sum(2 * len(f.low) + 3 for level in program.filters for axis in level for f in axis)
    mix = len(program.mix) * (len(program.mix) + 1)
    return 24 + mix + filters + 4 * len(program.bands)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=300))
def test_garbage_payloads_of_any_program_end(seed, data):
    model = SymbolModel(random_program(seed).to_bytes())
    unit = 1 << model.levels
    shape = (unit, unit) if model.rank == 2 else (unit, 1)
    with suppress(FormatError):
        Prior(model, shape, 7).decode(data, [np.zeros(s, np.int16) for s in model.band_shapes(shape)], 0, model.stages - 1)
