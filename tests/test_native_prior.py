"""The C prior against the plain reference: same bytes, same latents, same cost, whatever the program."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_programs import random_latents, random_program
from reference.prior import encode_stages

from vaecodec.codec._native import lib
from vaecodec.codec.errors import FormatError, InputError, LimitError
from vaecodec.codec.native import Prior, SymbolModel
from vaecodec.export.untrained import untrained_program

SHAPES = {1: [(1, 1), (3, 2), (5, 7), (9, 1)], 2: [(1, 1), (1, 3), (3, 2), (4, 9)]}


def _case(seed, rank=None):
    """A random model, a padded shape for it, a step code and latents."""
    rng = np.random.default_rng(seed)
    program = random_program(seed, rank)
    model = SymbolModel(program.to_bytes())
    a, b = SHAPES[model.rank][seed % 4]
    shape = (a << model.levels, b << model.levels if model.rank == 2 else b)
    return program, model, shape, int(rng.integers(0, 256)), random_latents(rng, model.band_shapes(shape))


def _empty(model, shape):
    return [np.full(s, 7, np.int16) for s in model.band_shapes(shape)]


def _assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("seed", range(24))
def test_payload_is_the_references(seed):
    program, model, shape, t, latents = _case(seed)
    assert Prior(model, shape, t).encode(latents, 0, model.stages - 1) == encode_stages(program, shape, t, latents)


@given(st.integers(0, 2**32))
def test_decoding_gives_the_latents_back(seed):
    _, model, shape, t, latents = _case(seed)
    payload = Prior(model, shape, t).encode(latents, 0, model.stages - 1)
    out = _empty(model, shape)
    Prior(model, shape, t).decode(payload, out, 0, model.stages - 1)
    _assert_same(out, latents)


@pytest.mark.skipif(lib.vc_best_kernel() == lib.VC_KERNEL_PORTABLE, reason="this machine has no fast kernel [manual]")
@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_portable_and_fast_kernels_give_the_same_bytes(seed):
    _, model, shape, t, latents = _case(seed)
    fast, portable = Prior(model, shape, t), Prior(model, shape, t, portable=True)
    assert fast.encode(latents, 0, model.stages - 1) == portable.encode(latents, 0, model.stages - 1)


@pytest.mark.skipif(lib.vc_best_kernel() == lib.VC_KERNEL_PORTABLE, reason="this machine has no fast kernel [manual]")
@pytest.mark.parametrize("columns", [*range(1, 14), 40])
def test_kernels_agree_at_every_width(columns):
    program = random_program(5, rank=2)
    model = SymbolModel(program.to_bytes())
    shape = (3 << model.levels, columns << model.levels)
    latents = random_latents(np.random.default_rng(columns), model.band_shapes(shape))
    fast, portable = Prior(model, shape, 90), Prior(model, shape, 90, portable=True)
    assert fast.encode(latents, 0, model.stages - 1) == portable.encode(latents, 0, model.stages - 1)


@given(st.integers(0, 2**32))
def test_stages_in_groups_decode_one_payload_at_a_time(seed):
    _, model, shape, t, latents = _case(seed, rank=2)
    encoder, decoder, out = Prior(model, shape, t), Prior(model, shape, t), _empty(model, shape)
    for stage in range(model.stages):
        decoder.decode(encoder.encode(latents, stage, stage), out, stage, stage)
    _assert_same(out, latents)


@given(st.integers(0, 2**32))
def test_cost_is_what_coding_takes(seed):
    _, model, shape, t, latents = _case(seed)
    prior = Prior(model, shape, t)
    bits = prior.cost(latents, 0, model.stages - 1)
    size = len(prior.encode(latents, 0, model.stages - 1))
    symbols = sum(band.size for band in latents)
    # The coder floors both ends of an interval: with a range of 2^16 x 2^u, u uniform in 0..16, an interval of width 1 is off by
    # 2^-u, 0.13 bits on average, wider ones by less. Random models code many such symbols.
    rounding = 0.02 * symbols
    assert 8 * size == pytest.approx(bits, abs=20 + 1e-3 * bits + rounding) or not any(band.any() for band in latents)


@given(st.integers(0, 2**32))
def test_a_prior_serves_several_tiles(seed):
    _, model, shape, t, latents = _case(seed)
    prior = Prior(model, shape, t)
    first = prior.encode(latents, 0, model.stages - 1)
    prior.encode([-band for band in latents], 0, model.stages - 1)
    assert prior.encode(latents, 0, model.stages - 1) == first


@given(st.integers(0, 2**32))
def test_zeros_take_no_bytes_and_later_stages_still_agree(seed):
    _, model, shape, t, latents = _case(seed, rank=2)
    zero = [np.zeros_like(b) if i < model.bands - 3 * model.colours else b for i, b in enumerate(latents)]
    encoder, decoder, out = Prior(model, shape, t), Prior(model, shape, t), _empty(model, shape)
    assert encoder.encode(zero, 0, model.stages - 2) == b""
    decoder.decode(b"", out, 0, model.stages - 2)
    last = encoder.encode(zero, model.stages - 1, model.stages - 1)
    decoder.decode(last, out, model.stages - 1, model.stages - 1)
    _assert_same(out, zero)


def test_a_payload_that_is_not_all_zero_has_bytes():
    """Even the lowest value of a window, which leaves the range coder's base at 0."""
    model = SymbolModel(untrained_program(2, 1, colours=1).to_bytes())
    latents = [np.zeros((1, 1), np.int16) for _ in range(model.bands)]
    payloads = []
    for z in range(-40, 0):
        latents[0][0, 0] = z
        prior, out = Prior(model, (2, 2), model.t_hi), _empty(model, (2, 2))
        payloads.append(prior.encode(latents, 0, 0))
        prior.decode(payloads[-1], out, 0, 0)
        assert out[0][0, 0] == z
    assert all(payloads)
    assert any(not any(payload) for payload in payloads)


@settings(max_examples=150)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=400))
def test_garbage_decodes_to_something_or_is_refused(seed, data):
    _, model, shape, t, _ = _case(seed)
    out = _empty(model, shape)
    with suppress(FormatError):
        Prior(model, shape, t).decode(data, out, 0, model.stages - 1)
    assert all((band > -32768).all() for band in out)


@pytest.mark.parametrize("z", [-32767, 32767])
def test_extreme_latents_round_trip(z):
    for seed in range(6):
        _, model, shape, t, latents = _case(seed)
        latents = [np.full_like(band, z) for band in latents]
        out = _empty(model, shape)
        Prior(model, shape, t).decode(Prior(model, shape, t).encode(latents, 0, model.stages - 1), out, 0, model.stages - 1)
        _assert_same(out, latents)


@pytest.mark.parametrize("rank", [1, 2])
def test_bands_may_be_views_of_larger_ones(rank):
    _, model, shape, t, latents = _case(3 if rank == 1 else 2, rank)
    wide = [np.zeros((b.shape[0], b.shape[1] + 5), np.int16) for b in latents]
    views = [w[:, 2 : 2 + b.shape[1]] for w, b in zip(wide, latents, strict=True)]
    payload = Prior(model, shape, t).encode(latents, 0, model.stages - 1)
    Prior(model, shape, t).decode(payload, views, 0, model.stages - 1)
    _assert_same(views, latents)
    assert Prior(model, shape, t).encode(views, 0, model.stages - 1) == payload
    assert all(not w[:, :2].any() and not w[:, -3:].any() for w in wide)


def test_wrong_bands_are_refused():
    _, model, shape, t, latents = _case(2)
    prior, last = Prior(model, shape, t), model.stages - 1
    with pytest.raises(InputError, match="bands"):
        prior.encode(latents[:-1], 0, last)
    with pytest.raises(InputError, match="shape"):
        prior.encode([*latents[:-1], latents[-1][:, :-1]], 0, last)
    with pytest.raises(InputError, match="int16"):
        prior.encode([band.astype(np.int32) for band in latents], 0, last)
    with pytest.raises(InputError, match="contiguous"):
        prior.decode(b"1", [np.zeros(b.shape[::-1], np.int16).T if min(b.shape) > 1 else b for b in latents], 0, last)
    frozen = [band.copy() for band in latents]
    frozen[0].flags.writeable = False
    with pytest.raises(InputError, match="writable"):
        prior.decode(b"1", frozen, 0, last)
    lowest = [np.full_like(band, -32768) for band in latents]
    with pytest.raises(InputError, match="latent"):
        prior.encode(lowest, 0, last)


def test_stages_come_in_order():
    _, model, shape, t, latents = _case(2, rank=2)
    with pytest.raises(InputError, match="before"):
        Prior(model, shape, t).encode(latents, 1, 1)
    for first, last in ((-1, 0), (1, 0), (0, model.stages)):
        with pytest.raises(InputError, match="range"):
            Prior(model, shape, t).encode(latents, first, last)


def test_shapes_and_step_codes_are_checked():
    model = SymbolModel(untrained_program(2, 2).to_bytes())
    for shape in ((0, 4), (4, -4), (6, 4), (4, 6)):
        with pytest.raises(InputError, match="padded"):
            Prior(model, shape, 100)
    for t in (-1, 256):
        with pytest.raises(InputError, match="step code"):
            Prior(model, (4, 4), t)
    with pytest.raises(LimitError, match="too large"):
        Prior(model, (65536, 65536), 100)
    with pytest.raises(LimitError, match="too large"):
        Prior(model, (1 << 20, 4), 100)
