"""The trained synthesis as decoder.tflite: one signature a level (docs/architecture.md, "Bundle"), float, any block size.

The codec hands over coefficients in the integer filters' scale; training worked in orthonormal units of the step. The constants
between the two are part of the graph. Inverse filters that never moved in training become the best inverse of the integer taps; those that did
are moved by what the rounding of the taps changes:

    inverse = trained + best_inverse(integer taps) - best_inverse(float taps)
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecodec.export.filters import AnalysisFilters
from vaecodec.train.layers.inverse import bank_inverse, inverse_taps, phase_taps, reconstruction_decibels
from vaecodec.train.layers.synthesis import LevelSynthesis

Array = npt.NDArray[np.float64]
Signature = Any  # a tf.function

REACH = 7
"""Sites that the inverse filters see. CDF 9/7 needs 5; the inverse of rounded taps has no end, but two sites more are worth 20 dB."""


@dataclass(frozen=True)
class StepRange:
    """Step codes of a model, and the fractional bits of its samples: all that the decoder needs to place a step.

    Attributes:
        t_lo: finest step code.
        t_hi: coarsest step code.
        in_shift: fractional bits of samples.
    """

    t_lo: int
    t_hi: int
    in_shift: int


def decoder_tflite(
    levels: Sequence[LevelSynthesis], filters: AnalysisFilters, steps: StepRange, colour_inverse: Array | None, offset: float
) -> bytes:
    """Writes the decoder.

    Args:
        levels: layers of levels 1..L with corrected inverse filters (`corrected`).
        filters: the integer analysis, for the scale of every band.
        steps: range of the step codes.
        colour_inverse: [C components, C planes], integer colour planes to components; None for signals.
        offset: added to components, 128 for pictures.

    Returns:
        A .tflite with signatures level_1 .. level_L and, for pictures, colour and fast_1, which is level 1 without its residual network.
        All blocks are given with `halo(levels)` sites around.
    """
    module = tf.Module()
    module.layers = list(levels)
    widest = halo(levels)
    signatures = {f"level_{number}": _level_function(layer, number, filters, steps, widest - layer.halo) for number, layer in enumerate(levels, 1)}
    if colour_inverse is not None:
        signatures["colour"] = _colour_function(colour_inverse, offset)
        signatures["fast_1"] = _fast_function(levels[0], filters, steps, widest - levels[0].halo)
    return convert_signatures(module, signatures)


def halo(levels: Sequence[LevelSynthesis]) -> int:
    """Sites around a block that the decoder wants: the most that any level needs."""
    return max(layer.halo for layer in levels)


def corrected(layer: LevelSynthesis, filters: AnalysisFilters, analysis: Sequence[npt.ArrayLike], number: int) -> LevelSynthesis:
    """A copy of a level's layer, with wider inverse filters that undo the integer analysis.

    Args:
        layer: the trained layer, built.
        filters: the integer analysis.
        analysis: trained float taps of this level, by axis x, y: [9, 2] each.
        number: the level.
    """
    copy = LevelSynthesis(layer.rank, layer.colours, layer.widths, start=phase_taps(REACH), name=f"level_{number}")
    build_level(copy)
    for mine, theirs in zip(copy.residual_layers(), layer.residual_layers(), strict=True):
        mine.set_weights(theirs.get_weights())
    for kernel, trained, axis in zip(copy.inverse, layer.inverse, _axes(layer), strict=True):
        exact = _best_inverse(filters.pairs[number - 1]["xy".index(axis)].float_taps())
        if _untouched(layer, trained.numpy(), axis):
            kernel.assign(copy.inverse_kernel(axis, exact))
        else:
            change = exact - _best_inverse(np.asarray(analysis["xy".index(axis)], np.float64))
            kernel.assign(_widened(trained.numpy()) + copy.inverse_kernel(axis, change))
    return copy


def _untouched(layer: LevelSynthesis, inverse: npt.NDArray[np.float32], axis: str) -> bool:
    """Whether the inverse filters are one of those that training starts from."""
    starts = (phase_taps(layer.taps), bank_inverse(layer.taps))
    return any(np.allclose(inverse, layer.inverse_kernel(axis, start), atol=1e-6) for start in starts)


def _widened(inverse: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    spare = (REACH - len(inverse)) // 2
    return np.pad(inverse, ((spare, spare), (0, 0), (0, 0)))


def _axes(layer: LevelSynthesis) -> tuple[str, ...]:
    return ("y", "x") if layer.rank == 2 else ("x",)


def _best_inverse(analysis: Array) -> Array:
    return inverse_taps(analysis, phase_taps(REACH))


def inverse_decibels(filters: AnalysisFilters, analysis: Sequence[Sequence[npt.ArrayLike]]) -> dict[str, float]:
    """How well short inverses undo the integer taps, worst level and axis, in dB under the signal's power.

    Args:
        filters: the integer analysis.
        analysis: float taps by level and axis.

    Returns:
        "float taps": the float analysis with its best inverse; "duals": the integer taps with the inverse of the float ones;
        "fitted": the integer taps with their own.
    """
    worst = {"float taps": -np.inf, "duals": -np.inf, "fitted": -np.inf}
    for pairs, level in zip(filters.pairs, analysis, strict=True):
        for pair, taps in zip(pairs, level, strict=True):
            exact = np.asarray(taps, np.float64)
            best, fitted = _best_inverse(exact), _best_inverse(pair.float_taps())
            for name, a, s in (("float taps", exact, best), ("duals", pair.float_taps(), best), ("fitted", pair.float_taps(), fitted)):
                worst[name] = max(worst[name], reconstruction_decibels(a, s))
    return worst


def build_level(layer: LevelSynthesis) -> None:
    """Makes the weights of a fresh layer by running it once on zeros."""
    side = 2 * layer.halo + 1
    high = side if layer.rank == 2 else 1
    details = layer.colours * (2**layer.rank - 1)
    layer(tf.zeros([1, high, side, layer.colours]), tf.zeros([1, high, side, details]), tf.zeros([1]))


def _level_function(layer: LevelSynthesis, number: int, filters: AnalysisFilters, steps: StepRange, spare: int) -> Signature:
    """The signature of one level: crop what other levels need more of, scale, run, scale back."""
    scale_approx, scale_detail, scale_out = _scales(number, filters, steps)
    high = None if layer.rank == 2 else 1
    colours, details = layer.colours, layer.colours * (2**layer.rank - 1)

    def level(approx: tf.Tensor, detail: tf.Tensor, step: tf.Tensor) -> dict[str, tf.Tensor]:
        position = (tf.reshape(step, [1]) * 16.0 - steps.t_lo) / (steps.t_hi - steps.t_lo)
        position = tf.clip_by_value(position, 0.0, 1.0)
        approx, detail = _crop(approx, spare, layer.rank), _crop(detail, spare, layer.rank)
        return {"approx": layer(approx * scale_approx, detail * scale_detail, position) * scale_out}

    signature = [
        tf.TensorSpec([1, high, None, colours], name="approx"),
        tf.TensorSpec([1, high, None, details], name="detail"),
        tf.TensorSpec([1, 1, 1, 1], name="step"),
    ]
    return tf.function(level, input_signature=signature)


def _scales(number: int, filters: AnalysisFilters, steps: StepRange) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """From the integer filters' scale to that of training, for approximation and details of a level, and back for what it gives."""
    unit = 2.0**steps.in_shift
    gains = unit / filters.approximation_gains(number), unit / filters.detail_gains(number), filters.approximation_gains(number - 1) / unit
    approx, detail, out = (tf.constant(gain, tf.float32) for gain in gains)
    return approx, detail, out


def _fast_function(layer: LevelSynthesis, filters: AnalysisFilters, steps: StepRange, spare: int) -> Signature:
    """Level 1 of a picture by the inverse filters alone: two thirds of the arithmetic saved, for who would rather be fast."""
    scale_approx, scale_detail, scale_out = _scales(1, filters, steps)

    def fast(approx: tf.Tensor, detail: tf.Tensor) -> dict[str, tf.Tensor]:
        approx, detail = _crop(approx, spare, layer.rank), _crop(detail, spare, layer.rank)
        return {"approx": layer.linear(approx * scale_approx, detail * scale_detail) * scale_out}

    shapes = (layer.colours, "approx"), (3 * layer.colours, "detail")
    return tf.function(fast, input_signature=[tf.TensorSpec([1, None, None, planes], name=name) for planes, name in shapes])


def _crop(x: tf.Tensor, n: int, rank: int) -> tf.Tensor:
    if n == 0:
        return x
    return x[:, n:-n, n:-n] if rank == 2 else x[:, :, n:-n]


def _colour_function(inverse: Array, offset: float) -> Signature:
    kernel = tf.constant(inverse.T[None, None], tf.float32)
    bias = tf.fill([len(inverse)], float(offset))

    def colour(approx: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": tf.nn.conv2d(approx, kernel, 1, "VALID") + bias}

    return tf.function(colour, input_signature=[tf.TensorSpec([1, None, None, inverse.shape[1]], name="approx")])


def convert_signatures(module: tf.Module, signatures: dict[str, Signature]) -> bytes:
    """A .tflite with these signatures, of a module that holds their layers."""
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=sorted(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return bytes(converter.convert())
