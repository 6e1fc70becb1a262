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


def analysis_taps() -> np.ndarray:
    """[9, 2] taps of low- and high-pass, orthonormal scaling (DC gain sqrt 2), the high-pass centred on the odd sample."""
    high = np.zeros(9)
    high[2:] = HIGH
    return np.stack([LOW, high], -1) * np.sqrt(2.0)


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
        trainable_taps: whether the filters move.

    Call arguments:
        x: float tensor, sizes multiples of 2^L (and above 4 * 2^L where reflection needs it).

    Returns:
        Bands in the order of docs/format.md section 1: rank 2 [B, h, w], rank 1 [B, n, channels].
    """

    def __init__(self, rank: int, levels: int, trainable_taps: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.levels = levels
        axes = ("x", "y") if rank == 2 else ("x",)
        init = tf.keras.initializers.Constant(analysis_taps())
        self.taps = [[self.add_weight(f"level{level}_{axis}", shape=[9, 2], initializer=init, trainable=trainable_taps) for axis in axes]
                     for level in range(1, levels + 1)]

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        if self.rank == 1:
            return self._signal(x)
        colours = x.shape[-1]
        shape = tf.shape(x)
        low = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, shape[1], shape[2], 1])
        details = []
        for taps_x, taps_y in self.taps:
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
        for (taps,) in self.taps:
            both = tf.nn.conv2d(_reflect(low, 1), tf.reshape(taps, [9, 1, 1, 2]), [1, 2, 1, 1], "VALID")
            low = both[..., :1]
            bands.append(both[..., 0, 1])
        bands.append(low[..., 0, 0])
        return [tf.transpose(tf.reshape(b, [-1, channels, tf.shape(b)[1]]), [0, 2, 1]) for b in reversed(bands)]
