"""The lapped transform of the C core against the plain reference and against what it stands for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from common import ROOT
from reference import analysis

from vaecodec.codec.errors import ModelError
from vaecodec.codec.native import SymbolModel
from vaecodec.export.symbols import SymbolProgram
from vaecodec.export.untrained import untrained_program


def lapped(levels, shift):
    return replace(untrained_program(1, levels), filters=(), lapped_shift=shift)


@pytest.mark.parametrize("levels", range(2, 9))
@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_bands_are_the_references(levels, blocks):
    program = lapped(levels, levels - 1)
    x = np.random.default_rng(levels).integers(-32768, 32768, (blocks << levels, 3)).astype(np.int16)
    for ours, theirs in zip(SymbolModel(program.to_bytes()).analyse(x), analysis.analyse(x, program), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_extreme_samples_saturate_as_the_references():
    program = lapped(8, 0)
    x = np.where(np.random.default_rng(0).random((1024, 1)) < 0.5, -32768, 32767).astype(np.int16)
    for ours, theirs in zip(SymbolModel(program.to_bytes()).analyse(x), analysis.analyse(x, program), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_energy_is_kept():
    """2^-3 of the sums of 128 samples is the orthonormal scale."""
    x = np.random.default_rng(1).normal(0, 1000, (1280, 1)).astype(np.int16)
    bands = SymbolModel(lapped(7, 3).to_bytes()).analyse(x)
    energy = sum(np.square(band.astype(np.float64)).sum() for band in bands)
    np.testing.assert_allclose(energy, np.square(x.astype(np.float64)).sum(), rtol=1e-3)


def test_a_tone_has_few_frequencies():
    x = np.rint(8000 * np.sin(2 * np.pi * 0.11 * np.arange(2560)))[:, None].astype(np.int16)
    bands = SymbolModel(lapped(7, 5).to_bytes()).analyse(x)
    sizes = np.sort(np.concatenate([np.square(band.astype(np.float64)).ravel() for band in bands]))
    assert sizes[-5 * 20 :].sum() > 0.97 * sizes.sum()


def test_program_comes_back():
    program = lapped(4, 2)
    again = SymbolProgram.from_bytes(program.to_bytes())
    assert (again.lapped_shift, again.filters, again.levels) == (2, (), 4)


def test_model_says_what_it_is():
    model = SymbolModel(lapped(7, 5).to_bytes())
    assert model.lapped and model.reach == 128 and model.macs()["analysis"] == 130
    assert not SymbolModel(untrained_program(1, 7).to_bytes()).lapped


@pytest.mark.parametrize(("at", "value"), [(21, 2), (21, 255), (22, 16), (23, 1)])
def test_wrong_transforms_are_refused(at, value):
    blob = bytearray(lapped(4, 2).to_bytes())
    blob[at] = value
    with pytest.raises(ModelError):
        SymbolModel(bytes(blob))
    with pytest.raises(ModelError):
        SymbolProgram.from_bytes(bytes(blob))


@pytest.mark.parametrize(("program", "fault"), [(untrained_program(2, 2), "signals"), (untrained_program(1, 1), "two levels")])
def test_only_signals_of_some_levels_are_lapped(program, fault):
    with pytest.raises(ModelError, match=fault):
        replace(program, filters=(), lapped_shift=2).check()


def test_a_shift_needs_the_transform():
    blob = bytearray(untrained_program(1, 3).to_bytes())
    blob[22] = 1
    with pytest.raises(ModelError):
        SymbolModel(bytes(blob))
    with pytest.raises(ModelError):
        SymbolProgram.from_bytes(bytes(blob))


def test_the_table_is_what_its_script_writes():
    folder = ROOT / "edge_runtime" / "c"
    made = subprocess.run([sys.executable, str(folder / "make_lapped_tables.py")], capture_output=True, text=True, check=True).stdout
    assert made == (folder / "vc_lapped_tables.h").read_text()
