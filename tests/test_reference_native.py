"""The C core against the reference, bit for bit, on programs that use every feature of the format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import crc
from reference.analysis import analyse, enter, pad
from reference.distribution import Distribution
from reference.prior import Prior, band_shapes
from reference.programs import random_latents, random_program
from reference.quantiser import band_step_code, excess, quantise_all
from reference.range_coder import Encoder

from vaecodec.codec import native
from vaecodec.codec.errors import InputError
from vaecodec.export.untrained import untrained_program

# rank, levels, colour planes, padded shape
GEOMETRIES = [
    (1, 1, 1, (2, 1)),
    (1, 3, 1, (40, 3)),
    (1, 6, 1, (320, 2)),
    (2, 1, 1, (2, 2)),
    (2, 2, 3, (12, 20)),
    (2, 3, 2, (40, 24)),
    (2, 4, 3, (16, 48)),
    (2, 5, 4, (32, 32)),
]


@pytest.fixture(params=GEOMETRIES, ids=lambda g: f"rank{g[0]}-levels{g[1]}-planes{g[2]}")
def geometry(request):
    return request.param


def copies(bands):
    return [band.copy() for band in bands]


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_analysis_and_quantiser_agree(geometry, seed):
    rank, levels, colours, shape = geometry
    program = random_program(seed, rank, levels, colours)
    model = native.SymbolModel(program.to_bytes())
    full = (*shape, colours) if rank == 2 else shape
    x = np.random.default_rng(seed).integers(-32768, 32768, full).astype(np.int16)
    bands = analyse(x, program)
    assert same(bands, model.analyse(x))
    for t in (0, 77, 150, 255):
        assert same(quantise_all(bands, program, t), model.quantise(bands, t))


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_payloads_agree_and_decode_both_ways(geometry, seed, portable):
    rank, levels, colours, shape = geometry
    program = random_program(seed, rank, levels, colours)
    model = native.SymbolModel(program.to_bytes())
    bands = random_latents(seed, band_shapes(program, shape))
    last = len(program.stages) - 1
    t = 37 * seed
    payload = Prior(program, shape, t).encode(copies(bands), 0, last)
    assert native.Prior(model, shape, t, portable=portable).encode(copies(bands), 0, last) == payload
    for prior in (Prior(program, shape, t), native.Prior(model, shape, t, portable=portable)):
        out = [np.zeros_like(band) for band in bands]
        prior.decode(payload, out, 0, last)
        assert same(bands, out)


@pytest.mark.parametrize("weight", [0.0, 1.0, 12.0, 255.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_same_latents_are_chosen(geometry, seed, weight):
    rank, levels, colours, shape = geometry
    program = random_program(seed, rank, levels, colours)
    model = native.SymbolModel(program.to_bytes())
    t, last = 60 + 40 * seed, len(program.stages) - 1
    rng = np.random.default_rng(seed)
    y = [np.clip(rng.laplace(0, 3 * model.steps(t)[b], s), -32768, 32767).astype(np.int16) for b, s in enumerate(band_shapes(program, shape))]
    z = model.quantise(y, t, [128] * model.bands)
    more = [excess(band, latents, band_step_code(program, b, t)) for b, (band, latents) in enumerate(zip(y, z, strict=True))]
    assert same(more, model.excess(y, z, t))
    ours, theirs = copies(z), copies(z)
    payload = Prior(program, shape, t).encode(theirs, 0, last, more, weight)
    assert native.Prior(model, shape, t).encode(ours, 0, last, more, weight) == payload
    assert same(ours, theirs)
    assert weight not in (1.0, 12.0) or shape in ((2, 1), (2, 2)) or not same(ours, z)
    assert native.Prior(model, shape, t).encode(ours, 0, last) == payload


def test_what_the_coder_leaves_out_entirely_takes_no_bytes():
    model = native.SymbolModel(untrained_program(2, 1, colours=1).to_bytes())
    latents = [np.ones((1, 1), np.int16) if b == 0 else np.zeros((1, 1), np.int16) for b in range(model.bands)]
    excess = [np.full_like(band, -256) for band in latents]
    assert native.Prior(model, (2, 2), 150).encode(latents, 0, model.stages - 1, excess, 200.0) == b""
    assert not any(band.any() for band in latents)


def test_latents_of_other_bands_have_no_excess():
    model = native.SymbolModel(untrained_program(2, 1, colours=1).to_bytes())
    latents = [np.ones((2, 2), np.int16) for _ in range(model.bands)]
    with pytest.raises(InputError, match="bands"):
        model.excess(latents, latents[1:], 150)
    with pytest.raises(InputError, match="shape"):
        model.excess(latents, [band[:1] for band in latents], 150)


@pytest.mark.parametrize(
    ("excess", "weight", "message"),
    [
        (np.ones((2, 4), np.int16)[:, :2], 1.0, "wrong shape"),
        (np.ones((2, 3), np.int16), 1.0, "wrong shape"),
        (np.ones((1, 2), np.int16), 1.0, "wrong shape"),
        (np.ones((2, 2), np.int16), 256.0, "weight"),
        (np.ones((2, 2), np.int16), -1.0, "weight"),
        (np.ones((2, 2), np.int16), float("nan"), "weight"),
    ],
)
def test_excess_and_weights_that_do_not_fit_are_refused(excess, weight, message):
    model = native.SymbolModel(untrained_program(2, 1, colours=1).to_bytes())
    latents = [np.ones((2, 2), np.int16) for _ in range(model.bands)]
    with pytest.raises(InputError, match=message):
        native.Prior(model, (4, 4), 150).encode(latents, 0, 1, [excess] * model.bands, weight)


def test_payloads_of_single_stages_agree():
    program = random_program(3, 2, 3, 3)
    model = native.SymbolModel(program.to_bytes())
    shape = (24, 40)
    bands = random_latents(1, band_shapes(program, shape))
    bands[4][:] = 0
    ours, theirs = Prior(program, shape, 90), native.Prior(model, shape, 90)
    for stage in range(4):
        assert ours.encode(copies(bands), stage, stage) == theirs.encode(copies(bands), stage, stage)


@pytest.mark.parametrize("zero_stage", range(4))
def test_a_stage_of_zeros_is_empty_and_later_stages_still_agree(zero_stage):
    program = random_program(5, 2, 3, 2)
    model = native.SymbolModel(program.to_bytes())
    shape = (16, 16)
    bands = random_latents(2, band_shapes(program, shape))
    for symbol in program.stages[zero_stage].symbols:
        bands[symbol.band][:] = 0
    out = [np.full_like(band, 7) for band in bands]
    ours, theirs, decoder = Prior(program, shape, 90), native.Prior(model, shape, 90), native.Prior(model, shape, 90)
    for stage in range(4):
        payload = ours.encode(copies(bands), stage, stage)
        assert (payload == b"") == (stage == zero_stage)
        assert theirs.encode(copies(bands), stage, stage) == payload
        decoder.decode(payload, out, stage, stage)
    assert same(bands, out)


def test_the_lowest_values_do_not_pass_for_an_empty_payload():
    """Row value 0 of every symbol keeps the coder's base at 0; an empty payload would mean latents of 0."""
    program = untrained_program(1, 1)
    model = native.SymbolModel(program.to_bytes())
    z = Distribution(0, -760, -2048).first
    bands = [np.array([[z]], np.int16), np.array([[z]], np.int16)]
    for prior in (Prior(program, (2, 1), 176), native.Prior(model, (2, 1), 176)):
        payload = prior.encode(copies(bands), 0, 0)
        assert payload
        out = [np.zeros_like(band) for band in bands]
        native.Prior(model, (2, 1), 176).decode(payload, out, 0, 0)
        assert same(bands, out)


def test_costs_agree_with_the_integer_tables(geometry):
    rank, levels, colours, shape = geometry
    program = random_program(9, rank, levels, colours)
    bands = random_latents(4, band_shapes(program, shape))
    last = len(program.stages) - 1
    ours = Prior(program, shape, 100).cost(copies(bands), 0, last)
    theirs = native.Prior(native.SymbolModel(program.to_bytes()), shape, 100).cost(copies(bands), 0, last)
    assert theirs == pytest.approx(ours, rel=1e-4, abs=0.01)


@given(st.binary(max_size=300))
def test_checksums_agree(data):
    assert native.crc16(data) == crc.crc16(data)
    assert native.crc32c(data) == crc.crc32c(data)


def test_checksums_have_the_published_check_values():
    assert crc.crc16(b"123456789") == 0x29B1
    assert crc.crc32c(b"123456789") == 0xE3069283


int16s = st.integers(-32768, 32767)


@given(st.lists(st.tuples(int16s, int16s, int16s, st.integers(-40000, 40000)), min_size=1, max_size=30))
def test_plain_range_coding_of_section_5_rows_agrees(symbols):
    rows = [Distribution(mean, scale, spike).row() for mean, scale, spike, _ in symbols]
    values = [value for *_, value in symbols]
    encoder = Encoder()
    for row, value in zip(rows, values, strict=True):
        encoder.value(row, value)
    data = encoder.finalise()
    index = list(range(len(rows)))
    assert native.encode_rows(rows, index, values) == data
    assert native.decode_rows(rows, index, data, len(rows)).tolist() == values


def test_a_photograph_agrees_end_to_end(photo):
    program = untrained_program(2, 4, phases=2)
    model = native.SymbolModel(program.to_bytes())
    x = enter(pad(photo, program), program)
    bands = model.analyse(x)
    assert same(analyse(x, program), bands)
    for t in (120, 170):
        latents = model.quantise(bands, t)
        payload = native.Prior(model, x.shape[:2], t).encode(copies(latents), 0, 4)
        assert Prior(program, x.shape[:2], t).encode(copies(latents), 0, 4) == payload


@pytest.fixture
def photo():
    """A smooth scene with edges and noise, 61 x 90."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:61, :90]
    scene = 110 + 60 * np.sin(x / 17) * np.cos(y / 11) + 50 * ((x - 40) ** 2 + (y - 30) ** 2 < 300)
    colours = scene[:, :, None] * [1.0, 0.9, 0.7] + rng.normal(0, 4, (61, 90, 3))
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
