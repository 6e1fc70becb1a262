"""Training and early figures of compressed sensing models; the session around them is that of other models."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from vaecodec.train.data.examples import Examples, Windows
from vaecodec.train.evaluate import Figure, _prdn
from vaecodec.train.sensing import CONTEXT, RecoveryModel, autocovariance
from vaecodec.train.sensing_config import STEPS_AN_OCTAVE, SensingConfig
from vaecodec.train.sensing_dial import finish
from vaecodec.train.trainer import Losses, Trainer, _finite

FLOOR = 1e-3  # squared steps below which an error no longer counts
COVARIANCE_SAMPLES = 1 << 16  # of each recording


class SensingTrainer(Trainer):
    """Trains a `RecoveryModel`; every step takes the next of the ratios (`Measure.order`).

    Args:
        config: model and training.
        examples: to train on.
        strategy: devices that share each batch.
    """

    config: SensingConfig  # type: ignore[assignment]
    model: RecoveryModel

    def finish(self) -> None:
        """Fits the integer prior and the dial of a model that has been trained."""
        finish(self.model, self.examples)

    def _build(self, mixed_precision: bool) -> RecoveryModel:
        self._steps: dict[int, tf.types.experimental.PolymorphicFunction] = {}
        return RecoveryModel(self.config, covariance_of(self.examples, CONTEXT * self.config.window))

    def _function(self, quantised: bool):
        """The step of the ratio whose turn it is, as a graph of its own."""
        order = self.config.measure.order()
        ratio = order[self.step % len(order)]
        if ratio not in self._steps:
            self._steps[ratio] = tf.function(lambda data: self._distributed(data, ratio), autograph=False)
        return self._steps[ratio]

    def _distributed(self, data, ratio: int) -> Losses:
        losses = self.strategy.run(lambda x, position: self._learn(x, position, ratio), data)
        return Losses(*(self.strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None) for value in losses))

    def _learn(self, x: tf.Tensor, position: tf.Tensor, ratio: int) -> Losses:
        (variables,) = self.model.parts().values()
        with tf.GradientTape() as tape:
            z, exponent, x_hat = self.model.reconstruct(x[..., 0], ratio, position)
            error = tf.reduce_mean(tf.square(x[..., 0] - x_hat), axis=1) * 2.0 ** (-2 * exponent / STEPS_AN_OCTAVE)
            loss = tf.reduce_mean(tf.math.log(error + FLOOR))
            scaled = loss / self.strategy.num_replicas_in_sync
        gradients = _finite(tape.gradient(scaled, variables, unconnected_gradients="zero"))
        self.optimizers["synthesis"].apply_gradients(zip(gradients, variables))
        rate = tf.reduce_mean(tf.math.log(1 + tf.abs(z))) * z.shape[-1] / self.config.window
        return Losses(loss / math.log(2.0), rate, tf.reduce_mean(error))


class SensingEvaluator:
    """Measures a `RecoveryModel` on the same examples again and again.

    Args:
        model: as it trains.
        examples: float32 [N, 1] each, N a multiple of the window.
    """

    def __init__(self, model: RecoveryModel, examples: list[np.ndarray]):
        self.model, self.examples = model, examples
        self._passes: dict[int, tf.types.experimental.PolymorphicFunction] = {}

    def figures(self) -> list[Figure]:
        """One figure a ratio and position of the config."""
        positions = self.model.config.validation.positions
        return [self._figure(ratio, position) for ratio in range(len(self.model.linear)) for position in positions]

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """The first example and its reconstruction at the last ratio and the middle one of the positions."""
        positions = self.model.config.validation.positions
        x = self.examples[0]
        return x, np.round(self._pass(len(self.model.linear) - 1, x, positions[len(positions) // 2])[1])[:, None]

    def _figure(self, ratio: int, position: float) -> Figure:
        """Rate: order-0 entropy of every pattern's measurements, which the coder stays below. Objective: rate times PRDN."""
        rates, errors = [], []
        for x in self.examples:
            z, x_hat = self._pass(ratio, x, position)
            rates.append(entropy(z, self.model.config.matrix(ratio)[1]) / self.model.config.window)
            errors.append(_prdn(x[:, 0], np.round(x_hat)))
        rate, error = float(np.mean(rates)), float(np.mean(errors))
        step = 2.0 ** (float(self.model.exponent(ratio, tf.constant(position))) / STEPS_AN_OCTAVE)
        bits = self.model.config.sensor.bits
        return Figure(position, step, rate, rate * error, None, bits / max(rate, 1e-9), error, None, (float(ratio),))

    def _pass(self, ratio: int, x: np.ndarray, position: float) -> tuple[np.ndarray, np.ndarray]:
        """z [W, M] and x_hat [N]."""
        if ratio not in self._passes:
            run = lambda x, position: self.model.reconstruct(x, ratio, position)  # noqa: E731
            self._passes[ratio] = tf.function(run, reduce_retracing=True, autograph=False)
        z, _, x_hat = self._passes[ratio](tf.constant(x[None, :, 0], tf.float32), tf.constant([position], tf.float32))
        return z[0].numpy(), x_hat[0].numpy()


def entropy(z: np.ndarray, patterns: np.ndarray) -> float:
    """Bits of a window under the order-0 distribution of the measurements of each pattern; z [W, M], patterns [M]."""
    total = 0.0
    for pattern in np.unique(patterns):
        _, counts = np.unique(z[:, patterns == pattern], return_counts=True)
        total += float(np.sum(counts * np.log2(counts.sum() / counts)))
    return total / len(z)


def covariance_of(examples: Examples, lags: int) -> np.ndarray:
    """Autocovariance of the training recordings, weighted as they are drawn."""
    assert isinstance(examples, Windows)
    weights = examples.data.weights or None
    signals = []
    for recording in examples.recordings:
        for column in range(recording.shape[1]) if weights is None else [int(np.argmax(weights))]:
            signals.append(recording[:COVARIANCE_SAMPLES, column].astype(np.float64))
    return autocovariance([x for x in signals if len(x) > lags] or [np.pad(x, (0, lags)) for x in signals], lags)
