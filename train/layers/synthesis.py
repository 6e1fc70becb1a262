"""g_s: level by level, a residual network corrects the coefficients, then the inverse filter bank doubles the size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vaecodec.train.layers.inverse import phase_taps


@dataclass(frozen=True)
class ResidualWidths:
    """Size of the residual network of one level: channels of its hidden layers and number of 3-tap residual layers."""

    channels: int
    blocks: int

    @property
    def halo(self) -> int:
        """Sites of context to each side: one a convolution and one for the local mean."""
        return self.blocks + 3 if self.channels else 0


def mirror(x: tf.Tensor, halo: int, axis: int, high: bool) -> tf.Tensor:
    """Extends a band as the reflected signal would (docs/format.md section 9): detail and approximation mirror about different points."""
    n = x.shape[axis] or tf.shape(x)[axis]
    k = tf.range(-halo, n + halo)
    period = 2 * n - 1
    k = tf.math.floormod(k, period)
    far = period - k if not high else period - 1 - k
    inside = k < n
    far = tf.clip_by_value(far, 0, n - 1)
    return tf.gather(x, tf.where(inside, k, far), axis=axis)


class LevelSynthesis(tf.keras.layers.Layer):
    """One level of g_s.

    Args:
        rank: 1 or 2.
        colours: planes C.
        widths: residual network; channels 0 leaves the inverse filter bank alone.
        trainable_taps: whether the inverse filters move.
        start: inverse filters to start from, [sites, 2 bands, 2 phases], an odd number of sites; None: `phase_taps`, for CDF 9/7.

    Under a mixed-precision dtype the residual network runs in the compute type, the inverse filters in float32.

    Call arguments:
        approx: [B, h, w, C] in units of the step (rank 1: h = 1), with `halo` sites more on every side (rank 1: left and right).
        detail: [B, h, w, C * (2^rank - 1)], likewise.
        position: [B] in [0, 1], place of the step between t_lo and t_hi.

    Returns:
        [B, 2(h - 2 halo), 2(w - 2 halo), C] (rank 1: height 1).
    """

    def __init__(self, rank: int, colours: int, widths: ResidualWidths, trainable_taps: bool = False, start: np.ndarray | None = None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.rank, self.colours, self.widths = rank, colours, widths
        start = phase_taps() if start is None else start
        self.taps = len(start)
        self.halo = self.taps // 2 + widths.halo
        self.planes = colours * 2 ** rank
        axes = ("y", "x") if rank == 2 else ("x",)
        self.inverse = [self._add_inverse(axis, start, trainable_taps) for axis in axes]
        if widths.channels:
            self._build_residual()

    def _add_inverse(self, axis: str, taps: np.ndarray, trainable: bool) -> tf.Variable:
        start = tf.keras.initializers.Constant(self.inverse_kernel(axis, taps))
        return self.add_weight(f"inverse_{axis}", shape=[len(taps), self.planes, self.planes], initializer=start, trainable=trainable,
                               experimental_autocast=False)

    def _build_residual(self) -> None:
        kernel = (3, 3) if self.rank == 2 else (1, 3)
        policy = self._dtype_policy
        conv = lambda n, name, **kw: tf.keras.layers.Conv2D(n, kernel, padding="valid", name=name, dtype=policy, **kw)  # noqa: E731
        c = self.widths.channels
        self.enter = conv(c, "enter")
        self.place = tf.keras.layers.Dense(c, use_bias=False, kernel_initializer="zeros", name="place", dtype=policy)
        self.blocks = [conv(c, f"block{i}", kernel_initializer=tf.keras.initializers.HeNormal()) for i in range(self.widths.blocks)]
        self.leave = conv(self.planes, "leave", kernel_initializer="zeros")

    def residual_layers(self) -> list[tf.keras.layers.Layer]:
        """The layers of the residual network in order, none if there is no network."""
        return [self.enter, self.place, *self.blocks, self.leave] if self.widths.channels else []

    def inverse_kernel(self, axis: str, taps: np.ndarray) -> np.ndarray:
        """Dense [sites, planes in, planes out] of one axis of a separable inverse; input order approx (C), details (C x orientations).

        Args:
            axis: "y" (first) or "x"; signals have "x" alone.
            taps: [sites, 2 bands, 2 phases], as `phase_taps` gives them.
        """
        c = self.colours
        w = np.zeros([len(taps), self.planes, self.planes])
        if self.rank == 1:
            for k in range(c):
                for phase in range(2):
                    w[:, k, phase * c + k] = taps[:, 0, phase]
                    w[:, c + k, phase * c + k] = taps[:, 1, phase]
            return w
        for k in range(c):
            for xband in range(2):
                middle = [(yphase * 2 + xband) * c + k for yphase in range(2)]
                if axis == "y":
                    low = k if xband == 0 else c + 3 * k
                    high = c + 3 * k + (1 if xband == 0 else 2)
                    for yphase in range(2):
                        w[:, low, middle[yphase]] = taps[:, 0, yphase]
                        w[:, high, middle[yphase]] = taps[:, 1, yphase]
                else:
                    for yphase in range(2):
                        for xphase in range(2):
                            w[:, (yphase * 2 + xband) * c + k, (yphase * 2 + xphase) * c + k] = taps[:, xband, xphase]
        return w

    def call(self, approx: tf.Tensor, detail: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
        x = self._cropped(approx, detail)
        return self._invert(x + self._residual(approx, detail, position) if self.widths.channels else x)

    def linear(self, approx: tf.Tensor, detail: tf.Tensor) -> tf.Tensor:
        """The inverse filter bank alone; inputs and output as those of a call."""
        return self._invert(self._cropped(approx, detail))

    def _cropped(self, approx: tf.Tensor, detail: tf.Tensor) -> tf.Tensor:
        x = tf.concat([approx, detail], -1)
        return self._crop(x, self.widths.halo) if self.widths.channels else x

    def _invert(self, x: tf.Tensor) -> tf.Tensor:
        for taps, axis in zip(self.inverse, ("y", "x") if self.rank == 2 else ("x",)):
            kernel = taps[:, None] if axis == "y" else taps[None]
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
        if self.rank == 2:
            return tf.nn.depth_to_space(x, 2)
        shape = tf.shape(x)
        return tf.reshape(x, [shape[0], 1, 2 * shape[2], self.colours])

    def _residual(self, approx: tf.Tensor, detail: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
        size = (3, 3) if self.rank == 2 else (1, 3)
        smooth = tf.nn.avg_pool2d(approx, size, 1, "VALID")
        features = squash(tf.concat([self._crop(approx, 1) - smooth, self._crop(detail, 1)], -1))
        p = position[:, None]
        h = self.enter(features) + self.place(tf.concat([p, p * p, p * p * p], -1))[:, None, None, :]
        h = tf.nn.relu(h)
        for block in self.blocks:
            h = self._crop(h, 1) + tf.nn.relu(block(h))
        return tf.cast(self.leave(h), tf.float32)

    def _crop(self, x: tf.Tensor, n: int) -> tf.Tensor:
        return x[:, n:-n, n:-n] if self.rank == 2 else x[:, :, n:-n]


def squash(x: tf.Tensor) -> tf.Tensor:
    """sign(x) log(1 + |x|): keeps large coefficients from drowning small ones."""
    return tf.sign(x) * tf.math.log1p(tf.abs(x))


class Synthesis(tf.keras.layers.Layer):
    """All levels, on whole bands: mirrors each band at its borders, then runs `LevelSynthesis`.

    Args:
        rank, colours: as the bands'.
        widths: residual networks of levels 1..L.
        trainable_taps: whether the inverse filters move.
        start: inverse filters to start from, as for `LevelSynthesis`.

    Call arguments:
        bands: dequantised bands in units of the step, in the order of docs/format.md section 1.
        position: [B], as for `LevelSynthesis`.

    Returns:
        Rank 2: [B, H, W, C]; rank 1: [B, N, channels]; in units of the step.
    """

    def __init__(self, rank: int, colours: int, widths: list[ResidualWidths], trainable_taps: bool = False,
                 start: np.ndarray | None = None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.rank, self.colours = rank, colours
        self.steps = [LevelSynthesis(rank, colours, w, trainable_taps, start, name=f"level_{i + 1}", dtype=self._dtype_policy)
                      for i, w in enumerate(widths)]

    def call(self, bands: list[tf.Tensor], position: tf.Tensor) -> tf.Tensor:
        if self.rank == 1:
            return self._signal(bands, position)
        c = self.colours
        x = tf.stack(bands[:c], -1)
        for i, step in enumerate(reversed(self.steps)):
            first = c + 3 * c * i
            details = bands[first:first + 3 * c]
            x = step(self._extend(x, step.halo, (False, False)), self._extend_details(details, step.halo), position)
        return x

    def _extend(self, x: tf.Tensor, halo: int, high: tuple[bool, bool]) -> tf.Tensor:
        return mirror(mirror(x, halo, 1, high[1]), halo, 2, high[0])

    def _extend_details(self, details: list[tf.Tensor], halo: int) -> tf.Tensor:
        high = ((True, False), (False, True), (True, True))
        by_orientation = [self._extend(tf.stack(details[o::3], -1), halo, high[o]) for o in range(3)]
        x = tf.stack(by_orientation, -1)
        return tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1], tf.shape(x)[2], 3 * self.colours])

    def _signal(self, bands: list[tf.Tensor], position: tf.Tensor) -> tf.Tensor:
        channels = bands[0].shape[-1]
        flat = [tf.reshape(tf.transpose(b, [0, 2, 1]), [-1, 1, tf.shape(b)[1], 1]) for b in bands]
        place = tf.repeat(position, channels)
        x = flat[0]
        for step, detail in zip(reversed(self.steps), flat[1:]):
            x = step(mirror(x, step.halo, 2, False), mirror(detail, step.halo, 2, True), place)
        return tf.transpose(tf.reshape(x, [-1, channels, tf.shape(x)[2]]), [0, 2, 1])
