"""The analysis as .tflite, run by the reference kernels of LiteRT, against the C core and the plain reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from reference.analysis import analyse

from vaecodec.codec.engine import bands_of_outputs
from vaecodec.codec.errors import InputError
from vaecodec.codec.native import SymbolModel
from vaecodec.export.encoder_tflite import encoder_tflite
from vaecodec.export.symbols import FilterPair
from vaecodec.export.untrained import untrained_program


def run(model, samples):
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    return interpreter.get_signature_runner("analyse")(samples=samples)


def differences(program, shape, limit=32768):
    """Number of outputs, and of those that differ from the C core's or the reference's, on random input within +-limit."""
    full = (*shape, program.colours) if program.rank == 2 else shape
    x = np.random.default_rng(5).integers(-limit, limit, full).astype(np.int16)
    outputs = run(encoder_tflite(program, shape), x.reshape((1, *full) if program.rank == 2 else (1, 1, *full)))
    symbols = SymbolModel(program.to_bytes())
    theirs = bands_of_outputs(symbols, outputs)
    wrong = 0
    for ours in (symbols.analyse(x), analyse(x, program)):
        assert [band.shape for band in ours] == [band.shape for band in theirs]
        wrong += sum(int((a != b).sum()) for a, b in zip(ours, theirs, strict=True))
    return sum(band.size for band in theirs), wrong


def test_a_million_coefficients_of_pictures_are_exact():
    count, wrong = differences(untrained_program(2, 5), (512, 672), limit=8192)
    assert count >= 10**6
    assert wrong == 0


def test_a_million_coefficients_of_signals_are_exact():
    count, wrong = differences(untrained_program(1, 6), (1 << 19, 2), limit=16384)
    assert count >= 10**6
    assert wrong == 0


@pytest.mark.parametrize("colours", [1, 3])
def test_saturation_is_exact(colours):
    assert differences(untrained_program(2, 3, colours=colours), (64, 48))[1] == 0


@pytest.mark.parametrize("shape", [(8, 8), (8, 16), (16, 40)])
def test_axes_shorter_than_the_filter_reflect_repeatedly(shape):
    assert differences(untrained_program(2, 3), shape)[1] == 0


def test_one_block_of_a_signal_is_exact():
    assert differences(untrained_program(1, 6), (64, 3))[1] == 0


def test_filters_may_differ_by_level_axis_and_plane():
    assert differences(odd_filters(2, 2, 3), (16, 24))[1] == 0


def odd_filters(rank, levels, colours):
    """A program with random filters, all different, of three to thirteen taps and shifts of 0..9."""
    rng = np.random.default_rng(2)

    def pair():
        k = 2 * int(rng.integers(1, 7)) + 1
        taps = rng.integers(-128, 128, (2, k)).tolist()
        return FilterPair(tuple(taps[0]), tuple(taps[1]), *rng.integers(0, 10, 2).tolist())

    program = untrained_program(rank, levels, colours=colours)
    filters = tuple(tuple(tuple(pair() for _ in range(colours)) for _ in range(rank)) for _ in range(levels))
    return replace(program, filters=filters)


def test_sizes_that_are_no_multiple_of_the_block_are_refused():
    with pytest.raises(InputError, match="multiples of 8"):
        encoder_tflite(untrained_program(2, 3), (16, 20))


def test_it_uses_only_operators_of_the_device_kernels():
    model = encoder_tflite(untrained_program(2, 2), (16, 16))
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    used = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert used == {"CONV_2D", "DEPTHWISE_CONV_2D", "MIRROR_PAD", "STRIDED_SLICE", "CONCATENATION"}
