"""Recovery of signals from quantised measurements: the decoder of the compressed sensing mode."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from vaecodec.train.sensing_config import STEPS_AN_OCTAVE, SensingConfig

CONTEXT = 3  # windows that the linear estimate of one window sees
# Of the linear estimate's kernels over what the optimiser moves: they start near their best and are to move by little.
KERNEL_SCALE = 0.05


class RecoveryModel(tf.keras.Model):
    """A variational autoencoder whose analysis is Φ, given, and whose synthesis learns.

        x ──► Φ ──► y ──► / step, dead zone, round ──► z ──► linear estimate of 3 windows ──► + residual CNN ──► consistency ──► x_hat

    z are exactly the integers that a decoder meets, so no gradient needs to pass the quantiser. The linear estimate starts as the
    least mean square one, C Φ' (Φ C Φ' + σ² I)^-1 y, with C the covariance of training signals and σ² the quantiser's noise, and moves with
    the rest. The network's last layer starts at zero.

    Args:
        config: sizes and steps.
        covariance: autocovariance of the training signals, lags 0 .. 3 windows - 1; unit white noise unless given.

    Attributes:
        config: as given.
        symbols: the bytes of symbols.bin, once `vaecodec.train.sensing_prior` has made them.
    """

    def __init__(self, config: SensingConfig, covariance: np.ndarray | None = None):
        super().__init__(name=config.name)
        self.config = config
        self.quantised = False
        self.trainable_filters = False
        self.symbols: bytes = b""
        self.linear = [self._linear(ratio, covariance) for ratio in range(len(config.measure.ratios))]
        self.phi = [config.matrix(ratio)[0].astype(np.float32) for ratio in range(len(config.measure.ratios))]
        self.inverse = [np.linalg.pinv(phi.astype(np.float64)).astype(np.float32) for phi in self.phi]
        self.network = _Network(config, len(self.linear))
        self.network(tf.zeros([1, CONTEXT * config.window // config.recovery.block, config.recovery.block]), tf.zeros([1]), 0)

    # --- the device's side, in float ---

    def exponent(self, ratio: int, position: tf.Tensor) -> tf.Tensor:
        """The step's exponent in 1/32 octave, whole, [B]; position 0 is the finest step of the ratio."""
        low, high = (STEPS_AN_OCTAVE * math.log2(step) for step in self.config.measure.steps[ratio])
        return tf.round(low + (high - low) * position)

    def position(self, ratio: int, exponent: tf.Tensor) -> tf.Tensor:
        """The inverse of `exponent`, limited to 0..1."""
        low, high = (STEPS_AN_OCTAVE * math.log2(step) for step in self.config.measure.steps[ratio])
        return tf.clip_by_value((exponent - low) / (high - low), 0.0, 1.0)

    def steps(self, ratio: int, exponent: tf.Tensor) -> tf.Tensor:
        """Step of each row, [B, 1, M]."""
        offsets = tf.constant(self.config.row_offsets(ratio), tf.float32)
        return 2.0 ** ((exponent[:, None, None] + offsets) / STEPS_AN_OCTAVE)

    def measure(self, x: tf.Tensor, ratio: int, exponent: tf.Tensor) -> tf.Tensor:
        """Quantised measurements [B, W, M] of samples [B, W * window]."""
        windows = tf.reshape(x, [tf.shape(x)[0], -1, self.config.window])
        y = tf.matmul(windows, self.phi[ratio], transpose_b=True) / self.steps(ratio, exponent)
        return tf.sign(y) * tf.floor(tf.abs(y) + self.config.measure.rounding)

    # --- the server's side ---

    def recover(self, z: tf.Tensor, ratio: int, exponent: tf.Tensor) -> tf.Tensor:
        """Samples [B, W * window] from measurements [B, W, M], in units of the step."""
        position = self.position(ratio, exponent)
        estimate = self._estimate(z, ratio, position)
        places = tf.reshape(estimate, [tf.shape(z)[0], -1, self.config.recovery.block])
        refined = places + self.network(places, position, ratio)
        return tf.reshape(refined, [tf.shape(z)[0], -1])

    def consistent(self, x: tf.Tensor, z: tf.Tensor, ratio: int) -> tf.Tensor:
        """Moves samples [B, W * window], in units of the step, the least way to where their measurements fall into the cells of z."""
        windows = tf.reshape(x, [tf.shape(z)[0], -1, self.config.window])
        scale = (2.0 ** (self.config.row_offsets(ratio) / STEPS_AN_OCTAVE)).astype(np.float32)
        y = tf.matmul(windows, self.phi[ratio], transpose_b=True) / scale
        low, high = cells(z, self.config.measure.rounding)
        moved = tf.matmul((tf.clip_by_value(y, low, high) - y) * scale, self.inverse[ratio], transpose_b=True)
        return tf.reshape(windows + moved, tf.shape(x))

    def reconstruct(self, x: tf.Tensor, ratio: int, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """A whole pass: measurements [B, W, M], exponents [B], and what the samples [B, W * window] come back as."""
        exponent = self.exponent(ratio, position)
        z = self.measure(x, ratio, exponent)
        x_hat = self.consistent(self.recover(z, ratio, exponent), z, ratio)
        return z, exponent, x_hat * 2.0 ** (exponent[:, None] / STEPS_AN_OCTAVE)

    def parts(self) -> dict[str, list[tf.Variable]]:
        """What an optimiser moves."""
        return {"synthesis": [*self.linear, *self.network.trainable_variables]}

    def named(self) -> dict[str, tf.Variable]:
        """The weights by name."""
        found = {f"linear/{ratio}": kernel for ratio, kernel in enumerate(self.linear)}
        for layer in self.network.layers_in_order():
            found |= {f"network/{layer.name}/{name}": v for name, v in zip(("kernel", "bias"), layer.weights, strict=False)}
        return found

    def _estimate(self, z: tf.Tensor, ratio: int, position: tf.Tensor) -> tf.Tensor:
        """The linear estimate [B, W, window]: nodes mixed by the hat function of the position."""
        shares = hat(position, self.config.recovery.nodes)
        inputs = tf.concat([z * shares[:, k, None, None] for k in range(self.config.recovery.nodes)], axis=-1)
        return tf.nn.conv1d(inputs * KERNEL_SCALE, self.linear[ratio], 1, "SAME")

    def _linear(self, ratio: int, covariance: np.ndarray | None) -> tf.Variable:
        kernels = [self._kernel(ratio, node / (self.config.recovery.nodes - 1), covariance) for node in range(self.config.recovery.nodes)]
        return tf.Variable(np.concatenate(kernels, axis=1) / KERNEL_SCALE, dtype=tf.float32, name=f"linear_{ratio}")

    def _kernel(self, ratio: int, position: float, covariance: np.ndarray | None) -> np.ndarray:
        """[3, M, window] at a position: window t of the estimate is the sum over k of z[t + k - 1] kernel[k]."""
        n, exponent = self.config.window, float(self.exponent(ratio, tf.constant(position)))
        step = 2.0 ** (exponent / STEPS_AN_OCTAVE)
        if covariance is None:
            covariance = np.eye(1, CONTEXT * n)[0] * step**2 * 100
        lag = np.abs(np.subtract.outer(np.arange(CONTEXT * n), np.arange(CONTEXT * n)))
        scale = 2.0 ** (self.config.row_offsets(ratio) / STEPS_AN_OCTAVE)
        phi = np.kron(np.eye(CONTEXT), self.config.matrix(ratio)[0] / scale[:, None])
        seen = (covariance / step**2)[lag] @ phi.T
        noise = np.eye(len(phi)) / 6  # of a dead zone, in squared steps
        kernel = np.linalg.solve(phi @ seen + noise, seen[n : 2 * n].T)
        return kernel.reshape(CONTEXT, -1, n)


class _Network(tf.keras.layers.Layer):
    """The residual: places of `block` samples in, what to add to them out."""

    def __init__(self, config: SensingConfig, ratios: int):
        super().__init__(name="network")
        self.config, self.ratios = config, ratios
        channels, dilations = config.recovery.channels, config.recovery.dilations
        self.enter = tf.keras.layers.Conv1D(channels, 3, padding="same", activation="relu", name="enter")
        self.wide = [
            tf.keras.layers.Conv1D(channels, 3, padding="same", dilation_rate=d, activation="relu", name=f"wide{i}")
            for i, d in enumerate(dilations)
        ]
        self.back = [tf.keras.layers.Conv1D(channels, 1, name=f"back{i}") for i in range(len(dilations))]
        self.leave = tf.keras.layers.Conv1D(config.recovery.block, 1, kernel_initializer="zeros", name="leave")

    def call(self, places: tf.Tensor, position: tf.Tensor, ratio: int) -> tf.Tensor:
        shares = tf.concat([hat(position, self.config.recovery.nodes), tf.one_hot([ratio] * 1, self.ratios) + 0 * position[:, None]], axis=-1)
        condition = tf.broadcast_to(shares[:, None], [tf.shape(places)[0], tf.shape(places)[1], shares.shape[-1]])
        h = self.enter(tf.concat([places * 0.25, condition], axis=-1))
        for wide, back in zip(self.wide, self.back, strict=True):
            h += back(wide(h))
        return self.leave(h)

    def layers_in_order(self) -> list[tf.keras.layers.Layer]:
        """All layers, inputs first."""
        pairs = [layer for pair in zip(self.wide, self.back, strict=True) for layer in pair]
        return [self.enter, *pairs, self.leave]


def hat(position: tf.Tensor, nodes: int) -> tf.Tensor:
    """Shares [B, nodes] of evenly spaced nodes at positions [B] in 0..1: linear interpolation."""
    return tf.nn.relu(1 - tf.abs(position[:, None] * (nodes - 1) - tf.range(nodes, dtype=tf.float32)))


def cells(z: tf.Tensor, rounding: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The ends of the quantiser's cells, in steps: zero's reaches to 1 - rounding on both sides."""
    low = tf.where(z > 0, z - rounding, z - (1 - rounding))
    high = tf.where(z < 0, z + rounding, z + (1 - rounding))
    return low, high


def autocovariance(signals: list[np.ndarray], lags: int) -> np.ndarray:
    """Mean autocovariance of zero-mean signals [N], lags 0 .. lags - 1, by the Fourier transform."""
    total = np.zeros(lags)
    for x in signals:
        x = x - x.mean()
        spectrum = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
        total += np.fft.irfft(spectrum)[:lags] / len(x)
    return total / max(1, len(signals))
