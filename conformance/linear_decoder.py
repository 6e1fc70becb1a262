"""Builds the decoder.tflite of an untrained bundle: the inverse wavelet transform and nothing else. Needs TensorFlow.

    python conformance/linear_decoder.py      is not a command; make_bundles.py imports this
"""

from __future__ import annotations

import tempfile

import numpy as np
import tensorflow as tf

from vaecodec.export.wavelets import integer_bank, inverse_colour_mix

HALO = 4
TAPS = 2 * HALO + 1


def polyphase() -> np.ndarray:
    """Kernel [tap, (approx, detail), phase] of one axis: sample 2j + p is the sum over k of both bands at j + k.

    It is the inverse of the bank with its integer taps, cut to 2 HALO + 1 sites; the textbook's dual filters would
    leave the error of rounding the taps.
    """
    bank, size = integer_bank(), 32
    analysis = np.zeros((2, size, 2 * size))
    for i in range(size):
        for band, (taps, shift) in enumerate(((bank.low, bank.shift_low), (bank.high, bank.shift_high))):
            for k, tap in enumerate(taps):
                analysis[band, i, (2 * i + k - len(taps) // 2) % (2 * size)] += tap / 2**shift
    inverse = np.linalg.inv(analysis.reshape(2 * size, 2 * size)).reshape(size, 2, 2, size)
    middle = inverse[size // 2, :, :, size // 2 - HALO : size // 2 + HALO + 1]
    return middle.transpose(2, 1, 0)


class Level1D(tf.Module):
    """One level of a signal."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.constant(polyphase()[None], tf.float32)

    def __call__(self, approx: tf.Tensor, detail: tf.Tensor) -> tf.Tensor:
        phases = tf.nn.conv2d(tf.concat([approx, detail], -1), self.kernel, 1, "VALID")
        return tf.reshape(phases, [1, 1, -1, 1])


class Level2D(tf.Module):
    """One level of a picture: both rows of an output pair as channels first, then both columns."""

    def __init__(self, colours: int) -> None:
        super().__init__()
        axis, n = polyphase(), colours
        along_y, along_x = np.zeros((TAPS, 4 * n, 4 * n)), np.zeros((TAPS, 4 * n, 4 * n))
        for c in range(n):
            for x in range(2):  # band along x
                for y in range(2):  # band along y
                    source = c if x == y == 0 else n + 3 * c + (2 if x and y else 0 if x else 1)
                    for p in range(2):  # row phase
                        along_y[:, source, (2 * p + x) * n + c] = axis[:, y, p]
                for p in range(2):
                    for q in range(2):  # column phase
                        along_x[:, (2 * p + x) * n + c, (2 * p + q) * n + c] = axis[:, x, q]
        self.along_y = tf.constant(along_y[:, None], tf.float32)
        self.along_x = tf.constant(along_x[None], tf.float32)

    def __call__(self, approx: tf.Tensor, detail: tf.Tensor) -> tf.Tensor:
        rows = tf.nn.conv2d(tf.concat([approx, detail], -1), self.along_y, 1, "VALID")
        return tf.nn.depth_to_space(tf.nn.conv2d(rows, self.along_x, 1, "VALID"), 2)


def linear_decoder(rank: int, levels: int, colours: int, in_offset: int) -> bytes:
    """The .tflite with signatures level_1 .. level_L and, for pictures, colour."""
    module = tf.Module()
    module.level = Level1D() if rank == 1 else Level2D(colours)
    details = (2**rank - 1) * colours
    size = [1, 1 if rank == 1 else None, None]
    signatures = {
        f"level_{level}": _level(module, tf.TensorSpec([*size, colours], name="approx"), tf.TensorSpec([*size, details], name="detail"))
        for level in range(1, levels + 1)
    }
    if rank == 2:
        signatures["colour"] = _colour(inverse_colour_mix(colours), in_offset, tf.TensorSpec([*size, colours], name="approx"))
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=sorted(signatures))
        return bytes(converter.convert())


def _level(module: tf.Module, approx: tf.TensorSpec, detail: tf.TensorSpec):
    # Every signature gets a function of its own: the converter shares none.
    function = tf.function(lambda approx, detail: {"approx": module.level(approx, detail)})
    return function.get_concrete_function(approx=approx, detail=detail)


def _colour(inverse: np.ndarray, in_offset: int, approx: tf.TensorSpec):
    kernel = tf.constant(inverse.T[None, None], tf.float32)
    function = tf.function(lambda approx: {"image": tf.nn.conv2d(approx, kernel, 1, "VALID") + float(in_offset)})
    return function.get_concrete_function(approx=approx)
