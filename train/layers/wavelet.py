"""Analysis and linear synthesis: a CDF 9/7 filter bank as strided convolutions, optionally trainable.

Filters: Cohen, Daubechies, Feauveau, "Biorthogonal bases of compactly supported wavelets" (1992), the 9/7 pair of JPEG 2000.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

LOW = np.array([0.026748757410810, -0.016864118442875, -0.078223266528990, 0.266864118442875, 0.602949018236360,
                0.266864118442875, -0.078223266528990, -0.016864118442875, 0.026748757410810])
HIGH = np.array([0.091271763114250, -0.057543526228500, -0.591271763114250, 1.115087052457000, -0.591271763114250,
                 -0.057543526228500, 0.091271763114250]) / 2
REACH = 4

# The int8 bank nearest to it, and its rounding shifts; `vaecodec.export.wavelets.integer_bank` found it and a test compares.
INTEGER_LOW = np.array([3, -2, -9, 34, 76, 34, -9, -2, 3])
INTEGER_HIGH = np.array([0, 0, 9, -6, -61, 116, -61, -6, 9])
SHIFT_LOW, SHIFT_HIGH = 7, 8
# Nyquist gain of the integer high-pass; the float one has gain 1 (times sqrt 2 in orthonormal scaling), band steps make up for it.
HIGH_GAIN = float(abs(np.dot(INTEGER_HIGH, (-1) ** np.arange(9)))) / 2 ** SHIFT_HIGH
# Integer taps per unit of orthonormal taps.
GRID = np.array([2.0 ** SHIFT_LOW, 2.0 ** SHIFT_HIGH * HIGH_GAIN]) / np.sqrt(2.0)
CENTRE_LOW, CENTRE_HIGH = 4, 5


def analysis_taps() -> np.ndarray:
    """[9, 2] taps of low- and high-pass, orthonormal scaling (DC gain sqrt 2), the high-pass centred on the odd sample."""
    high = np.zeros(9)
    high[2:] = HIGH
    return np.stack([LOW, high], -1) * np.sqrt(2.0)


def integer_bank_taps() -> np.ndarray:
    """The integer bank as [9, 2] orthonormal taps."""
    return np.stack([INTEGER_LOW, INTEGER_HIGH], -1) / GRID


def symmetric(taps: tf.Tensor) -> tf.Tensor:
    """[9, 2] taps made symmetric about their centres, as reflection at the borders needs; the high-pass keeps 7 taps."""
    low = (taps[:, 0] + taps[::-1, 0]) * 0.5
    high = (taps[2:, 1] + taps[:1:-1, 1]) * 0.5
    return tf.stack([low, tf.pad(high, [[2, 0]])], -1)


def on_grid(taps: tf.Tensor) -> tf.Tensor:
    """[9, 2] taps rounded to int8 over powers of two, straight through for gradients.

    The centre taps make up for the rounding of the others, so that the low-pass has DC gain 1 and the high-pass rejects DC exactly.
    """
    grid = tf.constant(GRID, taps.dtype)
    return taps + tf.stop_gradient(integer_taps(taps) / grid - taps)


def integer_taps(taps: tf.Tensor) -> tf.Tensor:
    """[9, 2] int8 values of `on_grid` as floats."""
    q = tf.round(taps * tf.constant(GRID, taps.dtype))
    centre = tf.one_hot([CENTRE_LOW, CENTRE_HIGH], 9, axis=0, dtype=taps.dtype)
    sums = tf.constant([2.0 ** SHIFT_LOW, 0.0], taps.dtype)
    q += centre * (sums - tf.reduce_sum(q, axis=0))
    return tf.clip_by_value(q, -128.0, 127.0)


def synthesis_taps() -> np.ndarray:
    """[2, 9] dual taps on even (low) and odd (high) positions, centred at index 4 (low) and 4 (high, odd sample)."""
    low = np.zeros(9)
    low[1:8] = HIGH * np.array([1, -1, 1, -1, 1, -1, 1]) * -1
    high = LOW * np.array([1, -1, 1, -1, 1, -1, 1, -1, 1])
    return np.stack([low, high], 0) * np.sqrt(2.0)


def _reflect(x: tf.Tensor, axis: int) -> tf.Tensor:
    pads = [[0, 0]] * 4
    pads[axis] = [REACH, REACH]
    return tf.pad(x, pads, mode="REFLECT")


class Analysis(tf.keras.layers.Layer):
    """g_a: L levels of a separable two-channel filter bank (rank 1 filters along axis 1 only).

    Every band is scaled as by an orthonormal transform, so that equal steps are near-optimal.

    Args:
        rank: 1 for [B, N, channels], 2 for [B, H, W, C].
        levels: L.
        trainable_taps: whether the filters move; they stay symmetric.
        integer: start from the int8 bank instead of the exact one.
        quantised: keep moving filters on the int8 grid; may be changed between calls outside of a `tf.function`.

    Call arguments:
        x: float tensor, sizes multiples of 2^L (and above 4 * 2^L where reflection needs it).

    Returns:
        Bands in the order of docs/format.md section 1: rank 2 [B, h, w], rank 1 [B, n, channels].
    """

    def __init__(self, rank: int, levels: int, trainable_taps: bool = False, integer: bool = False, quantised: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.levels = levels
        self.trainable_taps = trainable_taps
        self.quantised = quantised
        axes = ("x", "y") if rank == 2 else ("x",)
        init = tf.keras.initializers.Constant(integer_bank_taps() if integer else analysis_taps())
        self.taps = [[self.add_weight(f"level{level}_{axis}", shape=[9, 2], initializer=init, trainable=trainable_taps) for axis in axes]
                     for level in range(1, levels + 1)]

    def filters(self) -> list[list[tf.Tensor]]:
        """The [9, 2] taps in effect, by level 1..L and axis (x, then y)."""
        return [[self._effective(taps) for taps in level] for level in self.taps]

    def integer_filters(self) -> list[list[np.ndarray]]:
        """int8 [9, 2] taps of low- and high-pass by level and axis, for shifts SHIFT_LOW and SHIFT_HIGH."""
        return [[integer_taps(symmetric(taps)).numpy().astype(np.int8) for taps in level] for level in self.taps]

    def band_gains(self, colours: int = 1) -> np.ndarray:
        """Units of this layer's coefficients per unit of the integer analysis' coefficients, by band number."""
        approximation, detail = [2.0 ** (self.levels / 2)], []
        for level in range(self.levels, 0, -1):
            low, high = 2.0 ** (level / 2), 2.0 ** (level / 2) / HIGH_GAIN
            detail += [high] if self.rank == 1 else [high * low, low * high, high * high] * colours
        return np.array([a ** self.rank for a in approximation] * colours + detail)

    def _effective(self, taps: tf.Tensor) -> tf.Tensor:
        taps = symmetric(taps) if self.trainable_taps else tf.convert_to_tensor(taps)
        return on_grid(taps) if self.trainable_taps and self.quantised else taps

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        if self.rank == 1:
            return self._signal(x)
        colours = x.shape[-1]
        shape = tf.shape(x)
        low = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, shape[1], shape[2], 1])
        details = []
        for taps_x, taps_y in self.filters():
            horizontal = tf.nn.conv2d(_reflect(low, 2), tf.reshape(taps_x, [1, 9, 1, 2]), [1, 1, 2, 1], "VALID")
            ll_lh = self._vertical(horizontal[..., :1], taps_y)
            hl_hh = self._vertical(horizontal[..., 1:], taps_y)
            low = ll_lh[..., :1]
            details.append([hl_hh[..., 0], ll_lh[..., 1], hl_hh[..., 1]])
        out = [self._plane(low[..., 0], colours, c) for c in range(colours)]
        for level in reversed(details):
            out += [self._plane(band, colours, c) for c in range(colours) for band in level]
        return out

    @staticmethod
    def _vertical(x: tf.Tensor, taps: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(_reflect(x, 1), tf.reshape(taps, [9, 1, 1, 2]), [1, 2, 1, 1], "VALID")

    @staticmethod
    def _plane(band: tf.Tensor, colours: int, c: int) -> tf.Tensor:
        shape = tf.shape(band)
        return tf.reshape(band, [-1, colours, shape[1], shape[2]])[:, c]

    def _signal(self, x: tf.Tensor) -> list[tf.Tensor]:
        channels = x.shape[-1]
        shape = tf.shape(x)
        low = tf.reshape(tf.transpose(x, [0, 2, 1]), [-1, shape[1], 1, 1])
        bands = []
        for (taps,) in self.filters():
            both = tf.nn.conv2d(_reflect(low, 1), tf.reshape(taps, [9, 1, 1, 2]), [1, 2, 1, 1], "VALID")
            low = both[..., :1]
            bands.append(both[..., 0, 1])
        bands.append(low[..., 0, 0])
        return [tf.transpose(tf.reshape(b, [-1, channels, tf.shape(b)[1]]), [0, 2, 1]) for b in reversed(bands)]
