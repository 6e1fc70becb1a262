"""Ranges of blocks: a signal's geometry coded part by part, each part a payload that goes on from what was coded before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_programs import blocks_of, random_latents, random_program
from reference import prior as reference

from vaecodec.codec.errors import InputError
from vaecodec.codec.native import Prior, SymbolModel

BLOCKS = 9


def case(seed, channels=2):
    """A random signal program, its model, a padded shape of nine blocks, and latents."""
    program = random_program(seed, 1)
    model = SymbolModel(program.to_bytes())
    shape = (BLOCKS << model.levels, channels)
    return program, model, shape, random_latents(np.random.default_rng(seed), model.band_shapes(shape))


def spans(cuts):
    """Pairs of neighbours of 0, the cuts and the number of blocks."""
    edges = [0, *sorted(set(cuts)), BLOCKS]
    return list(pairwise(edges))


def coded(prior, latents, parts, steps=None):
    """A payload for each part."""
    out = []
    for number, (first, end) in enumerate(parts):
        prior.rows(first, end)
        if steps:
            prior.step(steps[number])
        out.append(prior.encode([band.copy() for band in blocks_of(latents, first, end)], 0, 0))
    return out


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("seed", range(8))
def test_parts_have_the_references_bytes(seed):
    program, model, shape, latents = case(seed)
    parts, steps = spans([2, 3, 7]), [40, 90, 90, 200]
    ours = coded(Prior(model, shape, 40), latents, parts, steps)
    assert ours == coded(reference.Prior(program, shape, 40), latents, parts, steps)


@given(st.integers(0, 2**32), st.lists(st.integers(1, BLOCKS - 1), max_size=4))
def test_parts_decode_one_after_the_other(seed, cuts):
    _, model, shape, latents = case(seed)
    payloads = coded(Prior(model, shape, 90), latents, spans(cuts))
    out = [np.full_like(band, 7) for band in latents]
    prior = Prior(model, shape, 90)
    for (first, end), payload in zip(spans(cuts), payloads, strict=True):
        prior.rows(first, end)
        prior.decode(payload, blocks_of(out, first, end), 0, 0)
    assert_same(out, latents)


@given(st.integers(0, 2**32))
def test_one_range_over_all_is_the_plain_call(seed):
    _, model, shape, latents = case(seed)
    assert coded(Prior(model, shape, 90), latents, [(0, BLOCKS)]) == [Prior(model, shape, 90).encode(latents, 0, 0)]


@pytest.mark.parametrize("seed", range(4))
def test_the_cost_of_the_parts_is_that_of_the_whole(seed):
    _, model, shape, latents = case(seed)
    prior, total = Prior(model, shape, 90), 0.0
    for first, end in spans([1, 4]):
        prior.rows(first, end)
        total += prior.cost(blocks_of(latents, first, end), 0, 0)
    assert total == pytest.approx(Prior(model, shape, 90).cost(latents, 0, 0), abs=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_guesses_are_the_references(seed):
    program, model, shape, latents = case(seed)
    out = []
    for prior in (Prior(model, shape, 90), reference.Prior(program, shape, 90)):
        bands = [band.copy() for band in latents]
        prior.rows(0, 4)
        prior.encode(blocks_of(bands, 0, 4), 0, 0)
        prior.rows(4, BLOCKS)
        prior.guess(blocks_of(bands, 4, BLOCKS), 0, 0)
        out.append(bands)
    assert_same(*out)


def test_a_part_can_be_coded_again():
    _, model, shape, latents = case(3)
    prior = Prior(model, shape, 90)
    first = coded(prior, latents, [(0, 4)])
    state = prior.state()
    again = []
    for t in (200, 90):
        prior.restore(state)
        prior.rows(4, BLOCKS)
        prior.step(t)
        again.append(prior.encode(blocks_of(latents, 4, BLOCKS), 0, 0))
    assert [*first, again[1]] == coded(Prior(model, shape, 90), latents, [(0, 4), (4, BLOCKS)])


def test_a_range_continues_the_one_before():
    _, model, shape, latents = case(1)
    prior = Prior(model, shape, 90)
    coded(prior, latents, [(0, 3)])
    prior.rows(4, 5)
    with pytest.raises(InputError, match="blocks that they build on"):
        prior.encode(blocks_of(latents, 4, 5), 0, 0)
    coded(prior, latents, [(3, 5), (0, 2)])


def test_bands_have_the_blocks_of_the_range_alone():
    _, model, shape, latents = case(1)
    prior = Prior(model, shape, 90)
    prior.rows(0, 3)
    with pytest.raises(InputError, match="wrong shape"):
        prior.encode(latents, 0, 0)


@pytest.mark.parametrize("span", [(-1, 2), (2, 2), (3, 2), (0, BLOCKS + 1)])
def test_a_range_lies_in_the_geometry(span):
    _, model, shape, _ = case(1)
    with pytest.raises(InputError):
        Prior(model, shape, 90).rows(*span)


def test_pictures_have_no_ranges():
    model = SymbolModel(random_program(1, 2).to_bytes())
    with pytest.raises(InputError):
        Prior(model, (1 << model.levels, 1 << model.levels), 90).rows(0, 1)
