"""symbols.bin: what is written is read back, and every rule of the page is kept."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.programs import random_program

from vaecodec.codec.errors import ModelError
from vaecodec.codec.native import SymbolModel
from vaecodec.export.symbols import (
    CONDITION,
    Code,
    ColourMix,
    Conv,
    FilterPair,
    Plane,
    PlaneKind,
    Shuffle,
    Stage,
    Symbol,
    SymbolProgram,
    Term,
    band_level,
    stage_bands,
    stage_symbols,
)
from vaecodec.export.symbols_check import plane_depths
from vaecodec.export.symbols_io import write_program
from vaecodec.export.untrained import untrained_program

BLOB = untrained_program(1, 2).to_bytes()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("rank", "levels", "colours"), [(1, 1, 1), (1, 5, 1), (2, 1, 1), (2, 3, 3), (2, 8, 1)])
def test_random_programs_survive_the_round_trip(seed, rank, levels, colours):
    blob = random_program(seed, rank, levels, colours).to_bytes()
    assert SymbolProgram.from_bytes(blob).to_bytes() == blob


def test_the_model_id_is_the_start_of_the_hash():
    program = untrained_program(1, 2)
    assert program.model_id.to_bytes(4, "little") == hashlib.sha256(program.to_bytes()).digest()[:4]


def test_a_blob_cut_anywhere_is_refused():
    for size in range(len(BLOB)):
        with pytest.raises(ModelError):
            SymbolProgram.from_bytes(BLOB[:size])


def test_a_byte_too_many_is_refused():
    with pytest.raises(ModelError, match="after the last operation"):
        SymbolProgram.from_bytes(BLOB + b"\0")


@pytest.mark.parametrize(("position", "value", "message"), [(0, 0, "VSYM"), (4, 3, "version"), (5, 3, "rank"), (21, 1, "reserved")])
def test_a_damaged_header_is_refused(position, value, message):
    blob = bytearray(BLOB)
    blob[position] = value
    with pytest.raises(ModelError, match=message):
        SymbolProgram.from_bytes(bytes(blob))


@settings(max_examples=300)
@given(st.integers(0, len(BLOB) * 8 - 1))
def test_a_flipped_bit_that_we_accept_is_accepted_by_the_c_core(bit):
    blob = bytearray(BLOB)
    blob[bit // 8] ^= 1 << bit % 8
    if accepted(SymbolProgram.from_bytes, bytes(blob)):
        assert accepted(SymbolModel, bytes(blob))


def accepted(reader, blob):
    try:
        reader(blob)
    except ModelError:
        return False
    return True


def picture(**changes):
    return replace(untrained_program(2, 2, colours=1), **changes)


def with_rows(program, stage, rows, **changes):
    stages = list(program.stages)
    stages[stage] = replace(stages[stage], rows=tuple(rows), **changes)
    return replace(program, stages=tuple(stages))


def term(plane, n=3, n_in=1, **place):
    return Term(plane, np.ones((n, 1, 1, n_in), int), **place)


def conv(out, *terms, n=3, **fields):
    return Conv(out, terms, [7] * n, [0] * n, **fields)


GOOD_FILTER = FilterPair((1, 2, 1), (0, 1, -1), 2, 1)

HEADER_FAULTS = [
    (picture(rank=3), "rank"),
    (picture(levels=9), "levels"),
    (picture(t_lo=200, t_hi=200), "step codes"),
    (picture(t_hi=256), "step codes"),
    (picture(n_q=1), "condition"),
    (picture(in_shift=20), "in_shift"),
    (picture(mix=()), "colour mix"),
    (picture(mix=(ColourMix((200,), 0),)), "int8"),
    (picture(mix=(ColourMix((1,), 16),)), "shift"),
    (picture(filters=((),)), "filters"),
    (picture(filters=(((replace(GOOD_FILTER, low=(1, 2)),),) * 2,) * 2), "odd number"),
    (picture(filters=(((replace(GOOD_FILTER, high=(1,) * 5),),) * 2,) * 2), "as many"),
    (picture(filters=(((replace(GOOD_FILTER, low=(1, 128, 1)),),) * 2,) * 2), "int8"),
    (picture(bands=()), "bands"),
    (picture(stages=()), "stages"),
]


@pytest.mark.parametrize(("program", "message"), HEADER_FAULTS)
def test_faults_before_the_stages_are_named(program, message):
    with pytest.raises(ModelError, match=message):
        program.check()


def base():
    """Stage 0: raw plane 0, magnitude 1, parameters 2. Stage 1 and 2: as the untrained model has them."""
    return untrained_program(2, 2, colours=1)


def rows_of(program, stage):
    return program.stages[stage].rows


def test_the_planes_are_where_these_tests_expect_them():
    kinds = [(plane.stage, plane.kind) for plane in base().planes[:3]]
    assert kinds == [(0, PlaneKind.RAW), (0, PlaneKind.MAGNITUDE), (0, PlaneKind.COMPUTED)]


def network_faults():
    p = base()
    code = Code(2, 0, 1)
    shuffle = p.stages[2].prelude[1]
    wide = Term(CONDITION, np.full((3, 1, 1, 2), 127))
    return [
        (with_rows(p, 0, [conv(2, term(1)), code]), "not known yet"),
        (with_rows(p, 0, [conv(2, term(1, oy=1)), code]), "not known yet"),
        (with_rows(p, 0, [conv(2, term(2, oy=-1)), conv(2, term(1, oy=-1)), code]), "twice"),
        (with_rows(p, 0, [code]), "not known yet"),
        (with_rows(p, 0, [conv(2, term(1, oy=-1))]), "code each symbol once"),
        (with_rows(p, 0, [conv(2, term(1, oy=-1)), code, code]), "code each symbol once"),
        (with_rows(p, 0, [conv(2, term(1, oy=-1)), Code(2, 0, 2)]), "beyond"),
        (with_rows(p, 0, [conv(2, term(1, oy=-1)), Code(2, 0, 1, 1)]), "beyond"),
        (with_rows(p, 0, [conv(2, term(3, n_in=3, oy=-1)), code]), "later stage"),
        (with_rows(p, 0, [conv(1, term(0, oy=-1), n=3), code]), "written by the coder|beyond"),
        (with_rows(p, 0, [conv(2, term(1, oy=-1, first=1)), code]), "beyond"),
        (with_rows(p, 0, [conv(2, term(99)), code]), "input plane"),
        (with_rows(p, 0, [conv(2, term(1, oy=-1), n=4), code]), "output channels"),
        (with_rows(p, 0, [conv(2), code]), "terms"),
        (with_rows(p, 0, [conv(2, term(CONDITION, ox=1)), code]), "without offset"),
        (with_rows(p, 0, [conv(2, term(CONDITION, dilation=2)), code]), "dilation"),
        (with_rows(p, 0, [conv(2, *[term(1, oy=-1)] * 17), code]), "terms"),
        (with_rows(p, 0, [conv(2, term(CONDITION, n_in=3)), code]), "condition"),
        (with_rows(p, 0, [Conv(2, (term(1, oy=-1),), [16, 0, 0], [0] * 3), code]), "shifts"),
        (with_rows(p, 0, [Conv(2, (term(1, oy=-1),), [7] * 3, [0] * 2), code]), "biases"),
        (with_rows(p, 0, [Conv(2, (wide,), [7] * 3, [2**31 - 2 * 127 * 32768] * 3), code]), "32 bits"),
        (with_rows(p, 0, [conv(2, replace(term(1, oy=-1), dilation=0)), code]), "dilation"),
        (with_rows(p, 2, [Shuffle(0, 1)]), "belongs to the prelude"),
        (with_rows(p, 2, rows_of(p, 2), prelude=(Code(2, 0, 1),)), "belongs to the row list"),
        (with_rows(p, 2, rows_of(p, 2), prelude=(shuffle,)), "not known yet"),
        (with_rows(p, 2, rows_of(p, 2), prelude=(replace(shuffle, source=1),)), "channels"),
        (with_rows(p, 2, rows_of(p, 2), prelude=(replace(shuffle, out=1),)), "one level finer"),
        (with_rows(p, 2, rows_of(p, 2), phases=3), "phases"),
        (with_rows(p, 2, rows_of(p, 2), level=2), "level"),
        (with_rows(p, 2, rows_of(p, 2), symbols=p.stages[2].symbols[:-1]), "every|channels"),
        (with_rows(p, 0, rows_of(p, 0), symbols=(Symbol(0), Symbol(0))), "more than once|channels"),
        (with_rows(p, 0, rows_of(p, 0), symbols=(Symbol(1),)), "every"),
        (replace(p, planes=(*p.planes, Plane(0, 1, PlaneKind.RAW))), "planes of kind raw"),
        (replace(p, planes=(*p.planes, Plane(9, 1))), "stage of plane"),
        (replace(p, planes=(*p.planes, Plane(0, 0))), "channels of plane"),
    ]


@pytest.mark.parametrize(("program", "message"), network_faults())
def test_faults_of_the_networks_are_named(program, message):
    with pytest.raises(ModelError, match=message):
        program.check()


def test_another_grid_is_not_read():
    p = base()
    stage_1_magnitude = next(i for i, plane in enumerate(p.planes) if plane == Plane(1, 3, PlaneKind.MAGNITUDE))
    first, *others = rows_of(p, 2)
    with pytest.raises(ModelError, match="another grid"):
        with_rows(p, 2, [replace(first, terms=(term(stage_1_magnitude),)), *others]).check()


@pytest.mark.parametrize("weights", [np.full((3, 1, 1, 1), 128), np.ones((3, 1, 1, 1)), np.ones((3, 1), int)])
def test_weights_that_are_no_int8_kernels_are_refused(weights):
    program = with_rows(base(), 0, [conv(2, Term(1, weights, oy=-1)), Code(2, 0, 1)])
    with pytest.raises(ModelError, match="weights"):
        program.check()


def written(program):
    """The bytes of a program that breaks a rule, or None where its fault has no bytes."""
    try:
        return write_program(program)
    except (IndexError, ValueError):
        return None


@pytest.mark.parametrize("blob", [blob for program, _ in network_faults() if (blob := written(program))])
def test_the_c_core_refuses_the_same_networks(blob):
    with pytest.raises(ModelError):
        SymbolModel(blob)


def test_depths_are_the_rows_reached():
    p = base()
    program = with_rows(p, 0, [conv(2, Term(1, np.ones((3, 2, 1, 1), int), oy=-5, dilation=3)), Code(2, 0, 1)])
    assert plane_depths(program)[1:3] == [6, 1]


def test_planes_that_finer_stages_read_are_kept_whole():
    p = base()
    source = p.stages[2].prelude[0].terms[0].plane
    assert plane_depths(p)[source] == 0


def test_levels_and_bands_follow_the_table_of_the_page():
    assert [band_level(2, 2, 3, b) for b in range(21)] == [2] * 12 + [1] * 9
    assert [band_level(1, 3, 1, b) for b in range(4)] == [3, 3, 2, 1]
    assert list(stage_bands(2, 2, 3, 0)) == [0, 1, 2]
    assert list(stage_bands(2, 2, 3, 2)) == list(range(12, 21))


def test_a_block_of_a_signal_has_as_many_symbols_as_samples():
    assert len(stage_symbols(1, 5)) == 32


def test_a_stage_is_a_plain_value():
    assert Stage(1, (Symbol(0),), ()) == Stage(1, (Symbol(0),), ())
