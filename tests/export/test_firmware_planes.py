"""Planes that share memory on a device: whatever a model's networks look like, the bytes are those of the codec, or it is refused."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from common import IMAGE_BUNDLE, picture
from device import DeviceImageEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.bundle import Bundle, pack
from vaecodec.codec.errors import InputError
from vaecodec.codec.image import ImageCodec
from vaecodec.export.firmware_image import tile_of
from vaecodec.export.firmware_planes import ALL_ROWS
from vaecodec.export.prior import export_prior
from vaecodec.export.symbols import Conv, Plane, Shuffle, SymbolProgram, Term
from vaecodec.export.symbols_io import read_program
from vaecodec.export.untrained import untrained_program
from vaecodec.train.topology import CONDITION, ImageWidths, Topology, image_topology
from vaecodec.train.topology import Conv as WideConv

WIDTHS = st.builds(ImageWidths, *[st.integers(1, 12)] * 5)


def bundle_of(program: SymbolProgram) -> Bundle:
    with zipfile.ZipFile(IMAGE_BUNDLE) as archive:
        members = {"symbols.bin": program.to_bytes(), "decoder.tflite": archive.read("decoder.tflite")}
    return Bundle(pack(Bundle.open(IMAGE_BUNDLE).manifest | {"name": "odd", "levels": program.levels}, members))


def program_of(topology: Topology, seed: int) -> SymbolProgram:
    """The topology with weights of no meaning, large enough that each of them tells."""
    rng, weights, biases = np.random.default_rng(seed), {}, {}
    channels = {name: plane.channels for name, plane in topology.planes.items()} | {CONDITION: topology.condition}
    for stage in topology.stages:
        for op in (op for op in [*stage.prelude, *stage.row] if isinstance(op, WideConv)):
            shapes = [(t.kh, t.kw, channels[t.plane] if t.count is None else t.count, op.count) for t in op.terms]
            fan_in = sum(kh * kw * n for kh, kw, n, _ in shapes)
            weights[op.name] = [rng.normal(0, 1.5 / np.sqrt(fan_in), shape) for shape in shapes]
            biases[op.name] = rng.normal({"scale": 1.0, "spike": -3.0}.get(op.role, 0.3), 0.3, op.count)
    planes, stages = export_prior(topology, weights, biases)
    plain = untrained_program(2, topology.levels, colours=topology.colours, n_q=topology.condition)
    return replace(plain, planes=planes, stages=stages)


def rows_of(bundle: Bundle, plan, plane: int) -> int:
    """Rows that a plane keeps."""
    if plan.planes[plane].mask != ALL_ROWS:
        return plan.planes[plane].mask + 1
    return lib.vc_plan_grid(bundle.symbols._c, ffi.addressof(plan, "geometry"), read_program(bundle.symbols.blob).planes[plane].stage).rows


def check_layout(bundle: Bundle, shape: tuple[int, int], tile: tuple[int, int], effort: int = 2, seed: int = 0) -> None:
    """Every plane lies within the memory that is counted, and the bytes are the codec's."""
    height, width = shape
    pixels = picture(height, width, bundle.symbols.colours, seed)
    pixels = np.clip(pixels + np.random.default_rng(seed).integers(-20, 21, pixels.shape), 0, 255).astype(np.uint8)
    tile = tile_of(bundle, width, height, tile)
    encoder = DeviceImageEncoder(bundle, width, height, tile, effort=effort)
    model, plan = bundle.symbols._c, encoder.plan
    for i in range(model.n_planes):
        plane, reach = plan.planes[i], model.reach[i]
        begin = plane.at - plane.channels * reach.left
        assert begin >= 0
        assert begin + rows_of(bundle, plan, i) * plane.row_step <= plan.activations, f"plane {i}"
    assert encoder.encode(pixels) == ImageCodec(bundle).encode(pixels, quality=60, effort=effort, tile=tile, order="tile")


@settings(max_examples=25)
@given(st.integers(1, 6), st.sampled_from([1, 3]), st.integers(2, 5), WIDTHS, WIDTHS, st.tuples(*[st.integers(1, 140)] * 4), st.integers(0, 99))
def test_any_widths_and_tiles(levels, colours, condition, coarse, fine, sides, seed):
    bundle = bundle_of(program_of(image_topology(levels, colours, condition, coarse, fine), seed))
    check_layout(bundle, sides[:2], sides[2:], seed=seed)


@pytest.mark.parametrize("phases", [1, 2])
@pytest.mark.parametrize("levels", [1, 2, 4, 6])
@pytest.mark.parametrize("colours", [1, 3])
def test_priors_written_by_hand(levels, colours, phases):
    check_layout(bundle_of(untrained_program(2, levels, colours=colours, phases=phases)), (90, 70), (64, 32))


class Odd:
    """The model written by hand, with one more network in a stage."""

    def __init__(self, stage: int, phases: int = 1) -> None:
        self.program = untrained_program(2, 3, colours=1, phases=phases)
        self.number, self.planes = stage, list(self.program.planes)
        self.stage = self.program.stages[stage]
        self.magnitude = next(i for i, plane in enumerate(self.planes) if plane.stage == stage and plane.kind == 2)

    def plane(self, channels: int, grid: int | None = None) -> int:
        self.planes.append(Plane(self.number if grid is None else grid, channels))
        return len(self.planes) - 1

    def conv(self, out: int, *terms: Term, first: int = 0) -> Conv:
        n = terms[0].array.shape[0]
        return Conv(out, terms, [0] * n, [40] * n, first=first)

    def telling(self, plane: int, channels: int, **where: int) -> tuple[Conv, ...]:
        """The stage's rows, where scales also depend on a plane."""
        at = [i for i, op in enumerate(self.stage.rows) if isinstance(op, Conv)][1]
        scale = self.stage.rows[at]
        more = Term(plane, np.ones((scale.channels, 1, 1, channels), np.int64) * 100, **where)
        return (*self.stage.rows[:at], replace(scale, terms=(*scale.terms, more)), *self.stage.rows[at + 1 :])

    def bundle(self, rows=None, prelude=None) -> Bundle:
        stage = replace(self.stage, rows=self.stage.rows if rows is None else rows, prelude=self.stage.prelude if prelude is None else prelude)
        stages = (*self.program.stages[: self.number], stage, *self.program.stages[self.number + 1 :])
        return bundle_of(replace(self.program, planes=tuple(self.planes), stages=stages))


def ones(n_out: int, kw: int, n_in: int) -> np.ndarray:
    return np.ones((n_out, 1, kw, n_in), np.int64)


def test_a_plane_written_before_and_after_its_rows_above_are_read():
    odd = Odd(2)
    parts, seen = odd.plane(2), odd.plane(1)
    above = Term(odd.magnitude, ones(1, 1, 3), oy=-1)
    more = odd.conv(parts, above), odd.conv(seen, Term(parts, ones(1, 1, 2), oy=-1)), odd.conv(parts, above, first=1)
    check_layout(odd.bundle((*more, *odd.telling(seen, 1))), (70, 60), (64, 32))


def test_a_plane_that_nothing_reads():
    odd = Odd(3)
    lost = odd.plane(9)
    above = Term(odd.magnitude, ones(9, 1, 3) * 50, oy=-1)
    check_layout(odd.bundle((*odd.stage.rows[:-1], odd.conv(lost, above), odd.stage.rows[-1])), (70, 60), (64, 32))


def test_neighbours_within_a_prelude():
    odd = Odd(3)
    coarse = next(i for i, plane in enumerate(odd.planes) if plane.stage == 2 and plane.kind == 2)
    wide = odd.plane(2, 2)
    first, shuffle = odd.stage.prelude
    assert isinstance(shuffle, Shuffle)
    between = odd.conv(wide, Term(coarse, ones(2, 1, 3)))
    more = Term(wide, np.ones((first.channels, 1, 3, 2), np.int64) * 20, ox=-1)
    prelude = between, replace(first, terms=(*first.terms, more)), shuffle
    check_layout(odd.bundle(prelude=prelude), (70, 60), (64, 32))
    check_layout(odd.bundle(prelude=prelude), (70, 60), (32, 64))


def test_a_prelude_over_the_approximation_is_refused():
    odd = Odd(1)
    raw = next(i for i, plane in enumerate(odd.planes) if plane.stage == 0 and plane.kind == 2)
    between = odd.plane(1, 0)
    bundle = odd.bundle(odd.telling(between, 1), (odd.conv(between, Term(raw, ones(1, 1, 1))),))
    with pytest.raises(InputError, match="no device runs it"):
        check_layout(bundle, (70, 60), (64, 32))
