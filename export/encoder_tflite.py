"""The integer analysis of a model as a .tflite file, for engines other than the C core (docs/format.md section 2).

All activations are int16 of one power-of-two scale, weights are int8 with power-of-two scales for each channel, and
biases are 64 bits wide. Then the rescale of TFLite's reference kernels, `(v * 2^14 + 2^(13 + shift)) >> (14 + shift)`, is the
format's rounding shift, and BUILTIN_REF gives the coefficients of the C core bit for bit.

                                                       ┌─ every 2nd or 4th channel ─► next level / "approx"
    samples ─► [CONV_2D mix] ─► MIRROR_PAD ─► DEPTHWISE_CONV_2D along x ─► (the same along y) ─┤
                                                       └─ the other channels ─► "detail_l"
"""

from __future__ import annotations

import numpy as np

from vaecodec.codec.errors import InputError
from vaecodec.export.symbols import FilterPair, SymbolProgram
from vaecodec.export.tflite_graph import Graph

SIGNATURE = "analyse"


def encoder_tflite(program: SymbolProgram, shape: tuple[int, int]) -> bytes:
    """Writes the analysis for inputs of one size; an interpreter may resize it to any other at which no axis is shorter than a filter.

    Args:
        program: the model's symbols.
        shape: padded (H, W) of pictures, (N, channels) of signals; H, W, N multiples of 2^L.

    Returns:
        A .tflite file with the signature "analyse". Input `samples`, int16 of scale 2^-in_shift: [1, H, W, C] or [1, 1, N, channels].
        Outputs, int16 of the same scale, which `vaecodec.codec.engine` sorts into bands: `approx`, [1, h, w, C], and for each level
        `detail_l`, channel o * C + c for orientation o and plane c (signals: channels in place of planes).

    Raises:
        InputError: if the size is not a multiple of 2^L.
        UnsupportedError: if no LiteRT wheel is installed.
    """
    unit = 1 << program.levels
    if min(shape) < 1 or any(n % unit for n in shape[: program.rank]):
        raise InputError(f"the analysis takes sizes that are multiples of {unit}, not {shape}")
    graph = Graph(SIGNATURE)
    full = (1, *shape, program.colours) if program.rank == 2 else (1, 1, *shape)
    samples = x = graph.activation("samples", full, 2.0**-program.in_shift)
    if program.rank == 2:
        x = _mix(graph, program, x)
    outputs = {}
    for level in range(1, program.levels + 1):
        x, outputs[f"detail_{level}"] = _split(graph, program, x, level)
    return graph.finish({"samples": samples}, {"approx": x, **outputs}, "vaecodec integer analysis")


def _mix(graph: Graph, program: SymbolProgram, x: int) -> int:
    weights = np.array([row.weights for row in program.mix], np.int8)
    return graph.convolution("mix", x, weights, [row.shift for row in program.mix])


def _split(graph: Graph, program: SymbolProgram, x: int, level: int) -> tuple[int, int]:
    """One level: its approximation and its details."""
    axes = (2, 1) if program.rank == 2 else (2,)
    for number, axis in enumerate(axes):
        pairs = program.filters[level - 1][number]
        copies = graph.shape(x)[3] // len(pairs)  # rank 1: channels; along y: both halves of each colour plane
        x = _halve(graph, f"level_{level}/{'xy'[number]}", x, [pair for pair in pairs for _ in range(copies)], axis)
    step = 1 << program.rank
    approx = graph.every(f"approx_{level}", x, 0, step)
    order = (2, 1, 3) if program.rank == 2 else (1,)  # channel 4c + 2 (high along x) + (high along y); orientations 0, 1, 2
    parts = [graph.every(f"level_{level}/orientation_{o}", x, first, step) for o, first in enumerate(order)]
    detail = graph.concatenate(f"detail_{level}", parts)
    return approx, detail


def _halve(graph: Graph, name: str, x: int, pairs: list[FilterPair], axis: int) -> int:
    """Low-pass and high-pass half of each channel along an axis: channel 2i + (0 low, 1 high)."""
    half = max(len(pair.low) for pair in pairs) // 2
    taps = np.zeros((2 * half + 1, 2 * len(pairs)), np.int8)
    for i, pair in enumerate(pairs):
        margin = half - len(pair.low) // 2
        taps[margin : margin + len(pair.low), 2 * i] = pair.low
        taps[margin : margin + len(pair.low), 2 * i + 1] = pair.high
    shifts = [shift for pair in pairs for shift in (pair.shift_low, pair.shift_high)]
    return graph.halve(name, _pad(graph, name, x, half, axis), taps, shifts, axis)


def _pad(graph: Graph, name: str, x: int, half: int, axis: int) -> int:
    """Reflection by `half` before and `half - 1` after; in steps where the axis is shorter than that.

    A step by the whole axis ends on a point of symmetry, so that the next reflection continues the first.
    """
    before, after = half, half - 1
    step = 0
    while before or after:
        most = graph.shape(x)[axis] - 1
        now = (before, after) if before <= most else (most, min(after, most))
        x = graph.mirror_pad(f"{name}/pad_{step}", x, *now, axis=axis)
        before, after, step = before - now[0], after - now[1], step + 1
    return x
