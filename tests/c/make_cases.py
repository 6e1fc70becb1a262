"""Writes what check_cases.c checks: models, samples, latents and payloads, as this machine's build of the core has them.

    python tests/c/make_cases.py OUT      needs vaecodec installed; takes the streams of conformance/ and random programs

A case: "VCAS"; u32 bytes and bytes of symbols.bin; i32 rows, cols (padded), t; u32 samples, int16 samples; int16 latents of all
bands; u32 weight, 0: these are the quantiser's or made up, else those that vc_prior_encode_rdoq chooses from the samples with this
lambda; u32 payloads; for each i32 first stage, last stage, first block, end block (of a part of a signal; 0, 0: all), u32 bytes, bytes.
Little-endian.
"""

from __future__ import annotations

import json
import struct
import sys
from itertools import pairwise
from pathlib import Path
from typing import ClassVar
from unittest import mock

import numpy as np

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from native_programs import blocks_of, random_latents, random_program  # noqa: E402
from reference.programs import matching_program, repeating_latents  # noqa: E402

from vaecodec.codec import image, signal, tiling  # noqa: E402
from vaecodec.codec.bundle import Bundle  # noqa: E402
from vaecodec.codec.native import Prior, SymbolModel  # noqa: E402


def case(model, shape, t, bands, payloads, samples=(), weight=0):
    """The bytes of one case; `payloads` holds (first stage, last stage, bytes), with first and end block where it is of a part."""
    flat = np.ravel(samples).astype("<i2")
    parts = [b"VCAS", struct.pack("<I", len(model.blob)), model.blob, struct.pack("<3iI", *shape, t, flat.size), flat.tobytes()]
    parts += [band.astype("<i2").tobytes() for band in bands]
    parts.append(struct.pack("<2I", weight, len(payloads)))
    for first, last, data, *rows in payloads:
        parts += [struct.pack("<4iI", first, last, *(rows or (0, 0)), len(data)), data]
    return b"".join(parts)


class Recorder(Prior):
    """A Prior that remembers what it decoded."""

    made: ClassVar[list[Recorder]] = []

    def __init__(self, model, shape, t):
        super().__init__(model, shape, t)
        self.facts, self.payloads, self.bands = (model, shape, t), [], None
        Recorder.made.append(self)

    def decode(self, data, bands, first_stage, last_stage):
        super().decode(data, bands, first_stage, last_stage)
        self.payloads.append((first_stage, last_stage, bytes(data)))
        self.bands = [band.copy() for band in bands]


def conformance_cases(root):
    """Every tile and packet of the valid streams."""
    release = sorted(p for p in root.iterdir() if (p / "cases.json").exists())[-1]
    for name, facts in json.loads((release / "cases.json").read_text())["valid"].items():
        bundle = Bundle.open(release / facts["bundle"])
        codec = image.ImageCodec(bundle) if bundle.modality == "image" else signal.SignalCodec(bundle)
        Recorder.made.clear()
        with mock.patch.object(tiling, "Prior", Recorder), mock.patch.object(signal, "Prior", Recorder):
            codec.latents((release / "valid" / f"{name}.vae").read_bytes())
        for prior in Recorder.made:
            yield case(*prior.facts, prior.bands, prior.payloads)


def random_cases(count):
    """Random programs, once from random samples and once with random latents."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        model = SymbolModel(random_program(seed).to_bytes())
        rows, cols = int(rng.integers(1, 4)) << model.levels, int(rng.integers(1, 4))
        shape = (rows, cols << model.levels) if model.rank == 2 else (rows, cols)
        t, last, weight = int(rng.integers(0, 256)), model.stages - 1, int(rng.integers(1, 6000))
        x = rng.integers(-3000, 3000, (*shape, model.colours) if model.rank == 2 else shape).astype(np.int16)
        middle, y = last // 2, model.analyse(x)
        groups = [(0, middle)] + ([(middle + 1, last)] if middle < last else [])
        for samples, bands in ((x, model.quantise(y, t)), ((), random_latents(rng, model.band_shapes(shape)))):
            prior = Prior(model, shape, t)
            yield case(model, shape, t, bands, [(a, b, prior.encode(bands, a, b)) for a, b in groups], samples)
        prior, chosen = Prior(model, shape, t), model.quantise(y, t)
        excess = model.excess(y, chosen, t)
        payloads = [(a, b, prior.encode(chosen, a, b, excess, weight / 256)) for a, b in groups]
        yield case(model, shape, t, chosen, payloads, x, weight)


def matching_cases(count):
    """Random programs that match, on latents that repeat."""
    for seed in range(count):
        program = matching_program(seed, 1 + seed % 4)
        model, rows = SymbolModel(program.to_bytes()), 48
        shape, t = (rows << model.levels, 1 + seed % 2), 40 * (seed % 6)
        bands = repeating_latents(seed, model.band_shapes(shape), model.levels, program.matching.nearest // (1 << model.levels) + 2)
        yield case(model, shape, t, bands, [(0, 0, Prior(model, shape, t).encode(bands, 0, 0))])
        yield case(model, shape, t, bands, parts(Prior(model, shape, t), bands, (0, 20, 33, rows)))


def row_cases(count):
    """Signals coded part by part, once with made up latents and once with those chosen from samples."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        model = SymbolModel(random_program(seed, 1).to_bytes())
        shape, t, weight = (7 << model.levels, int(rng.integers(1, 4))), int(rng.integers(0, 256)), int(rng.integers(1, 6000))
        x = rng.integers(-3000, 3000, shape).astype(np.int16)
        y = model.analyse(x)
        chosen = model.quantise(y, t)
        bands = random_latents(rng, model.band_shapes(shape))
        yield case(model, shape, t, bands, parts(Prior(model, shape, t), bands, (0, 2, 5, 7)))
        payloads = parts(Prior(model, shape, t), chosen, (0, 2, 5, 7), model.excess(y, chosen, t), weight / 256)
        yield case(model, shape, t, chosen, payloads, x, weight)


def parts(prior, bands, cuts, excess=None, weight=0.0):
    """Blocks from cut to cut, each a payload."""
    out = []
    for first, end in pairwise(cuts):
        prior.rows(first, end)
        beside = None if excess is None else blocks_of(excess, first, end)
        out.append((0, 0, prior.encode(blocks_of(bands, first, end), 0, 0, beside, weight), first, end))
    return out


def main():
    out = Path(sys.argv[1])
    out.write_bytes(b"".join([*conformance_cases(TESTS.parent / "conformance"), *random_cases(40), *row_cases(12), *matching_cases(16)]))


if __name__ == "__main__":
    main()
