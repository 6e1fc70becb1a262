"""The C core's matching against the reference, bit for bit, and the programs with it that the core refuses."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from native_programs import blocks_of
from reference.prior import Prior, band_shapes
from reference.programs import matching_program, random_latents, repeating_latents

from vaecodec.codec import native
from vaecodec.codec.errors import ModelError
from vaecodec.export.symbols import Blend, Match, PlaneKind, SymbolProgram
from vaecodec.export.symbols_io import write_program

# levels, blocks, channels
GEOMETRIES = [(1, 40, 1), (2, 40, 2), (3, 36, 3), (4, 24, 1)]


@pytest.fixture(params=GEOMETRIES, ids=lambda g: f"levels{g[0]}-blocks{g[1]}-channels{g[2]}")
def geometry(request):
    return request.param


def latents_of(program, shape, seed):
    """Such as repeat, and some of all sizes."""
    shapes = band_shapes(program, shape)
    repeating = repeating_latents(seed, shapes, program.levels, program.matching.nearest // (1 << program.levels) + 2)
    return [repeating, random_latents(seed, shapes)][seed % 3 == 2]


def copies(bands):
    return [band.copy() for band in bands]


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_payloads_agree_and_decode_both_ways(geometry, seed, portable):
    levels, rows, cols = geometry
    program = matching_program(seed, levels)
    model, shape, t = native.SymbolModel(program.to_bytes()), (rows << levels, cols), 40 * seed
    bands = latents_of(program, shape, seed)
    payload = Prior(program, shape, t).encode(copies(bands), 0, 0)
    coder = native.Prior(model, shape, t, portable=portable)
    assert coder.encode(copies(bands), 0, 0) == payload
    assert coder.encode(copies(bands), 0, 0) == payload  # nothing is left of the first time
    for prior in (Prior(program, shape, t), coder):
        out = [np.zeros_like(band) for band in bands]
        prior.decode(payload, out, 0, 0)
        assert same(bands, out)


@pytest.mark.parametrize("steps", [(90, 90, 90), (90, 60, 130), (200, 255, 0)])
def test_parts_go_on_from_the_history_whatever_their_step(geometry, steps):
    levels, rows, cols = geometry
    program = matching_program(4, levels)
    model, shape = native.SymbolModel(program.to_bytes()), (rows << levels, cols)
    bands = latents_of(program, shape, 1)
    edges = (0, rows // 2, rows - 7, rows)
    coders = Prior(program, shape, steps[0]), native.Prior(model, shape, steps[0])
    decoder, out = native.Prior(model, shape, steps[0]), [np.zeros_like(band) for band in bands]
    for (first, end), t in zip(pairwise(edges), steps, strict=True):
        for coder in (*coders, decoder):
            coder.rows(first, end)
            coder.step(t)
        ours, theirs = (coder.encode(copies(blocks_of(bands, first, end)), 0, 0) for coder in coders)
        assert ours == theirs
        decoder.decode(ours, blocks_of(out, first, end), 0, 0)
    assert same(bands, out)


def test_what_is_matched_changes_the_payload():
    program = matching_program(1, 3)
    deaf = replace(program, matching=replace(program.matching, nearest=65534, farthest=65534))
    shape = (320, 1)
    bands = latents_of(program, shape, 1)
    ours, theirs = (native.Prior(native.SymbolModel(p.to_bytes()), shape, 80).encode(bands, 0, 0) for p in (program, deaf))
    assert ours != theirs


@pytest.mark.parametrize("weight", [1.0, 12.0])
def test_the_same_latents_are_chosen(geometry, weight):
    levels, rows, cols = geometry
    program = matching_program(3, levels)
    model, shape, t = native.SymbolModel(program.to_bytes()), (rows << levels, cols), 90
    y = [np.clip(band.astype(np.int32) * 40, -32768, 32767).astype(np.int16) for band in latents_of(program, shape, 1)]
    z = model.quantise(y, t, [128] * model.bands)
    excess = model.excess(y, z, t)
    ours, theirs = copies(z), copies(z)
    assert native.Prior(model, shape, t).encode(ours, 0, 0, excess, weight) == Prior(program, shape, t).encode(theirs, 0, 0, excess, weight)
    assert same(ours, theirs)


def test_costs_agree(geometry):
    levels, rows, cols = geometry
    program = matching_program(4, levels)
    model, shape = native.SymbolModel(program.to_bytes()), (rows << levels, cols)
    bands = latents_of(program, shape, 0)
    ours = Prior(program, shape, 100).cost(copies(bands), 0, 0)
    assert native.Prior(model, shape, 100).cost(copies(bands), 0, 0) == pytest.approx(ours, rel=1e-4, abs=0.01)


def test_long_packets_forget_what_no_lag_reaches():
    """The history is moved back many times; a packet is as its own beginning until then."""
    program = matching_program(2, 2)
    model, long, short = native.SymbolModel(program.to_bytes()), (4 * 900, 1), (4 * 60, 1)
    bands = latents_of(program, long, 1)
    out = [np.zeros_like(band) for band in bands]
    native.Prior(model, long, 90).decode(native.Prior(model, long, 90).encode(bands, 0, 0), out, 0, 0)
    assert same(bands, out)
    tail = [band[-(short[0] * len(band) // long[0]) :] for band in bands]
    start = [band[: short[0] * len(band) // long[0]] for band in bands]
    for part in (start, tail):
        assert native.Prior(model, short, 90).encode(part, 0, 0) == Prior(program, short, 90).encode(copies(part), 0, 0)


def test_a_program_survives_its_bytes():
    program = matching_program(5, 3)
    again = SymbolProgram.from_bytes(program.to_bytes())
    assert again.matching == program.matching
    assert again.to_bytes() == program.to_bytes()


PROGRAM = matching_program(0, 3)


def refused(program, message, checker):
    with pytest.raises(ModelError, match=message):
        program.check()
    with pytest.raises(ModelError, match=checker):
        native.SymbolModel(write_program(program))


@pytest.mark.parametrize(
    ("changes", "message", "checker"),
    [
        ({"nearest": PROGRAM.matching.nearest - 20}, "nearest lag", "range"),
        ({"nearest": PROGRAM.matching.nearest + 1}, "even", "range"),
        ({"farthest": PROGRAM.matching.nearest - 2}, "farthest lag", "range"),
        ({"previous": 0}, "block before", "range"),
        ({"previous": 8, "known": 7}, "block before", "range"),
        ({"known": 9, "previous": 1}, "running block", "range"),
        ({"shift": 16}, "shift", "range"),
        ({"inverse": (((((32767, 0), (32767, 0)),) * PROGRAM.matching.sites),) * 3}, "32 bits", "32 bits"),
    ],
)
def test_match_sections_that_break_a_rule_are_refused(changes, message, checker):
    refused(replace(PROGRAM, matching=replace(PROGRAM.matching, **changes)), message, checker)


def with_rows(rows):
    return replace(PROGRAM, stages=(replace(PROGRAM.stages[0], rows=tuple(rows)),))


def test_operations_of_matching_out_of_order_are_refused():
    rows = list(PROGRAM.stages[0].rows)
    matches = [i for i, op in enumerate(rows) if isinstance(op, Match)]
    first = rows[matches[0]]
    refused(with_rows([*rows, first]), "matched twice", "twice")
    last = rows[matches[-1]]
    assert PROGRAM.matching.known > 0
    refused(with_rows([last, *(op for op in rows if op is not last)]), "not coded yet", "not yet written")
    blend = next(op for op in rows if isinstance(op, Blend))
    refused(with_rows([blend, *rows]), "not known yet", "not yet written")


def test_matching_without_a_section_is_refused():
    program = replace(PROGRAM, matching=None)
    refused(program, "match section", "range")
    planes = tuple(replace(p, kind=PlaneKind.COMPUTED) if p.kind == PlaneKind.BEST else p for p in PROGRAM.planes)
    refused(replace(program, planes=planes), "match section", "range")


def test_blending_needs_what_was_matched():
    planes = tuple(replace(p, kind=PlaneKind.COMPUTED) if p.kind == PlaneKind.RAW_MEAN else p for p in PROGRAM.planes)
    refused(replace(PROGRAM, planes=planes), "matched", "plane")


def test_damaged_blobs_are_refused_or_run():
    blob = PROGRAM.to_bytes()
    rng = np.random.default_rng(0)
    for at in [*range(24, 220), *rng.integers(0, len(blob), 400).tolist()]:
        damaged = blob[:at] + bytes([int(rng.integers(0, 256))]) + blob[at + 1 :]
        try:
            model = native.SymbolModel(damaged)
        except ModelError:
            continue
        shape = (40 << model.levels, 1)
        bands = random_latents(0, model.band_shapes(shape))
        payload = native.Prior(model, shape, 100).encode(bands, 0, 0)
        out = [np.zeros_like(band) for band in bands]
        native.Prior(model, shape, 100).decode(payload, out, 0, 0)
        assert same(bands, out)
