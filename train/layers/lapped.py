"""A lapped transform in place of the wavelets: M = 2^L frequencies a block of M samples, windows over two blocks.

The modified discrete cosine transform (Princen and Bradley 1986; Malvar 1990, "Lapped transforms for efficient transform/subband coding") as two
orthonormal steps: neighbouring blocks are rotated into each other around their border, then every block goes through a DCT-IV. The first and the last
half block have no neighbour and are not rotated, so that N samples have N coefficients and come back exactly.

    x ──► blocks of M ──► rotate around every border by the sine window ──► DCT-IV ──► octaves of frequencies, in the wavelets' bands

Coefficient 0 of a block is band 0, coefficient 1 band 1, coefficients 2^(j-1) .. 2^j - 1 are band j: shapes are those of L levels of wavelets, and
nothing behind the analysis needs to know which of the two it was.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecodec.train.layers.synthesis import ResidualWidths, squash

Array = npt.NDArray[np.float64]


def cosines(size: int) -> Array:
    """[M, M] orthonormal DCT-IV of M = `size` samples; its own inverse."""
    odd = 2 * np.arange(size) + 1
    return np.asarray(np.sqrt(2 / size) * np.cos(np.pi / (4 * size) * np.outer(odd, odd)))


def window(size: int) -> tuple[Array, Array]:
    """[M/2] each: what the n-th sample beside a border keeps of itself, and what it takes of the n-th on the other side (sine window)."""
    angle = np.pi / (4 * size) * (2 * np.arange(size // 2) + 1 + size)
    return np.sin(angle), np.cos(angle)


def octaves(blocks: tf.Tensor) -> list[tf.Tensor]:
    """Coefficients [B, n, M, channels] as bands [B, n M / 2^l, channels]."""
    size, channels = blocks.shape[2], blocks.shape[3]
    edges = [0, *(1 << j for j in range(size.bit_length()))]
    return [tf.reshape(blocks[:, :, a:b], [tf.shape(blocks)[0], -1, channels]) for a, b in pairwise(edges)]


def blocks_of(bands: list[tf.Tensor]) -> tf.Tensor:
    """The inverse of `octaves`."""
    shape = tf.shape(bands[0])
    return tf.concat([tf.reshape(b, [shape[0], shape[1], 1 << max(0, j - 1), b.shape[2]]) for j, b in enumerate(bands)], 2)


def rotate(blocks: tf.Tensor, inverse: bool = False) -> tf.Tensor:
    """Rotates [B, n, M, channels] around every border between blocks, or back."""
    size = blocks.shape[2]
    half = size // 2
    keep, take = (tf.constant(w[:, None], tf.float32) for w in window(size))
    take = -take if inverse else take
    left, right = blocks[:, :-1, half:][:, :, ::-1], blocks[:, 1:, :half]
    new_left, new_right = keep * left - take * right, keep * right + take * left
    upper = tf.concat([new_left[:, :, ::-1], blocks[:, -1:, half:]], 1)
    lower = tf.concat([blocks[:, :1, :half], new_right], 1)
    return tf.concat([lower, upper], 2)


class Lapped(tf.keras.layers.Layer):
    """g_a of signals with good resolution in frequency.

    Args:
        levels: L; blocks have M = 2^L samples.

    Attributes:
        taps: none, like an `Analysis` without filters.

    Call arguments:
        x: [B, N, channels], N a multiple of M.

    Returns:
        Bands in the order of docs/format.md section 1, [B, n, channels], scaled as by an orthonormal transform.
    """

    def __init__(self, levels: int, **kwargs):
        super().__init__(**kwargs)
        self.size = 1 << levels
        self.taps: list[list[tf.Variable]] = []

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        blocks = tf.reshape(x, [tf.shape(x)[0], -1, self.size, x.shape[-1]])
        y = tf.einsum("bnmc,mk->bnkc", rotate(blocks), tf.constant(cosines(self.size), tf.float32))
        return octaves(y)


class LappedBlock(tf.keras.layers.Layer):
    """The part of the synthesis that blocks share: a residual network over frequencies and neighbouring blocks, then the inverse DCT-IV.

    Args:
        levels: L.
        widths: residual network; channels 0 leaves the transform alone.

    Call arguments:
        y: [B, 1, n, M] coefficients in units of the step, with `halo` blocks more on every side, zeros beyond the ends.
        position: [B], place of the step between t_lo and t_hi.

    Returns:
        [B, 1, n - 2 halo, M] samples before the rotation is undone.
    """

    rank = colours = 1

    def __init__(self, levels: int, widths: ResidualWidths, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.size, self.widths = 1 << levels, widths
        self.halo = widths.blocks + 2 if widths.channels else 0
        self.inverse: list[tf.Variable] = []
        self.taps = 0
        if widths.channels:
            self._build_residual()

    def _build_residual(self) -> None:
        policy, c = self._dtype_policy, self.widths.channels
        conv = lambda n, name, **kw: tf.keras.layers.Conv2D(n, (1, 3), padding="valid", name=name, dtype=policy, **kw)  # noqa: E731
        self.enter = conv(c, "enter")
        self.place = tf.keras.layers.Dense(c, use_bias=False, kernel_initializer="zeros", name="place", dtype=policy)
        self.blocks = [conv(c, f"block{i}", kernel_initializer=tf.keras.initializers.HeNormal()) for i in range(self.widths.blocks)]
        self.leave = conv(self.size, "leave", kernel_initializer="zeros")

    def residual_layers(self) -> list[tf.keras.layers.Layer]:
        """The layers of the residual network in order, none if there is no network."""
        return [self.enter, self.place, *self.blocks, self.leave] if self.widths.channels else []

    def call(self, y: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
        if self.widths.channels:
            y = y[:, :, self.halo : -self.halo] + self._residual(y, position)
        return tf.nn.conv2d(y, tf.constant(cosines(self.size)[None, None], tf.float32), 1, "VALID")

    def _residual(self, y: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
        p = position[:, None]
        h = self.enter(squash(y)) + self.place(tf.concat([p, p * p, p * p * p], -1))[:, None, None, :]
        h = tf.nn.relu(h)
        for block in self.blocks:
            h = h[:, :, 1:-1] + tf.nn.relu(block(h))
        return tf.cast(self.leave(h), tf.float32)


class LappedSynthesis(tf.keras.layers.Layer):
    """g_s of signals: `LappedBlock`, then the rotation back.

    Args:
        levels, widths: of the `LappedBlock`.

    Call arguments:
        bands: [B, n, channels] dequantised, in units of the step.
        position: [B].

    Returns:
        [B, N, channels] in units of the step.
    """

    def __init__(self, levels: int, widths: ResidualWidths, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.steps = [LappedBlock(levels, widths, name="lapped", dtype=self._dtype_policy)]

    def call(self, bands: list[tf.Tensor], position: tf.Tensor) -> tf.Tensor:
        step = self.steps[0]
        y = tf.transpose(blocks_of(bands), [0, 3, 1, 2])
        shape = tf.shape(y)
        flat = tf.reshape(y, [-1, 1, shape[2], step.size])
        flat = tf.pad(flat, [[0, 0], [0, 0], [step.halo, step.halo], [0, 0]])
        u = step(flat, tf.repeat(position, shape[1]))
        u = tf.transpose(tf.reshape(u, shape), [0, 2, 3, 1])
        return tf.reshape(rotate(u, inverse=True), [shape[0], -1, bands[0].shape[2]])
