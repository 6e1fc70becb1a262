"""One training: model, optimisers, the step, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from vaecodec.codec.errors import InputError
from vaecodec.train.config import MS_SSIM, ModelConfig
from vaecodec.train.data.examples import Examples
from vaecodec.train.data.pipeline import batches
from vaecodec.train.model import CodecModel, build
from vaecodec.train.objective import dissimilarity, joint_loss, rate_distortion, separate_loss, similarity_loss
from vaecodec.train.schedule import learning_rate, progress
from vaecodec.train.strategies import check_batch, share_of

# Keeps gradients above float16's smallest numbers; a step whose gradients overflow is left out.
LOSS_SCALE = 2.0**12
KEPT = 2


class Losses(NamedTuple):
    """Means over a batch: log2 of R + lambda D, bits a pixel or sample, squared error in squared steps.

    What no trained part needs is not computed and counts as 0: the rate where the synthesis trains alone, the distortion where the prior does.
    """

    objective: tf.Tensor
    rate: tf.Tensor
    distortion: tf.Tensor


class Trainer:
    """Trains a model step by step.

    Args:
        config: model and training.
        examples: to train on.
        strategy: devices that share each batch.
        mixed_precision: whether prior and residual synthesis compute in float16.

    Attributes:
        model: the model, its weights as of the last step.

    Raises:
        InputError: if the batch does not suit the strategy.
    """

    def __init__(self, config: ModelConfig, examples: Examples, strategy: tf.distribute.Strategy, mixed_precision: bool = False):
        check_batch(config, strategy)
        self.config, self.examples, self.strategy = config, examples, strategy
        self.scale = LOSS_SCALE if mixed_precision else 1.0
        with strategy.scope():
            self.model = self._build(mixed_precision)
            self.optimizers = {part: self._optimizer(part) for part in config.training.parts}
            self._step = tf.Variable(0, trainable=False, dtype=tf.int64)
            self._seconds = tf.Variable(0.0, trainable=False, dtype=tf.float64)
        self.checkpoint = tf.train.Checkpoint(model=self.model, step=self._step, seconds=self._seconds, **self.optimizers)
        self._functions: dict[bool, tf.types.experimental.PolymorphicFunction] = {}
        self._batches: Iterator[Any] | None = None

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self._step.numpy())

    @property
    def seconds(self) -> float:
        """Training time so far, over all its resumptions, without evaluations and reading files."""
        return float(self._seconds.numpy())

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0..1."""
        return progress(self.config.training, self.step, self.seconds)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.progress >= 1

    def advance(self) -> Losses:
        """Does one step."""
        if self._batches is None:
            self._batches = iter(self._dataset())
        began, done, step = time.monotonic(), self.progress, self.step
        self.quantise_at(done)
        rate = learning_rate(self.config.training, step, done)
        for part, optimizer in self.optimizers.items():
            optimizer.learning_rate.assign(rate * getattr(self.config.training, f"{part}_rate"))
        losses = self._function(self.model.quantised)(next(self._batches))
        self._step.assign(step + 1)
        self._seconds.assign_add(time.monotonic() - began)
        return losses

    def quantise_at(self, done: float) -> None:
        """Puts the model on its integer grids, or not, as the config says for this share of the training."""
        start = self.config.training.quantise_from
        self.model.quantised = start < 1 and done >= start

    def manager(self, folder: str) -> tf.train.CheckpointManager:
        """Keeps the last checkpoints in a folder."""
        return tf.train.CheckpointManager(self.checkpoint, folder, max_to_keep=KEPT)

    def restore(self, folder: str) -> None:
        """Goes on from the last checkpoint in a folder.

        Raises:
            InputError: if there is none, or it is damaged or of another model.
        """
        try:
            path = tf.train.latest_checkpoint(folder)
            if path is not None:
                self.checkpoint.restore(path).assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError, LookupError, TypeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"Expected a checkpoint of this config. Received: {folder} ({reason})") from error
        if path is None:
            raise InputError(f"Expected a checkpoint. Received: none in {folder}")
        self.quantise_at(self.progress)

    def _build(self, mixed_precision: bool) -> CodecModel:
        moving = "filters" in self.config.training.parts
        return build(self.config, moving, "mixed_float16" if mixed_precision else "float32")

    def _optimizer(self, part: str) -> tf.keras.optimizers.Optimizer:
        optimizer = tf.keras.optimizers.Adam(self.config.training.learning_rate, global_clipnorm=self.config.training.clip)
        optimizer.build(self.model.parts()[part])
        return optimizer

    def _dataset(self) -> tf.distribute.DistributedDataset | tf.data.Dataset:
        first = self.step
        if self.strategy.num_replicas_in_sync == 1:
            return batches(self.config, self.examples, first)
        share = lambda context: batches(self.config, self.examples, first, share_of(self.config, self.strategy, context))  # noqa: E731
        return self.strategy.distribute_datasets_from_function(share)

    def _function(self, quantised: bool):
        """The step as a graph: one for float, one for integer grids, since a graph keeps what held when it was made."""
        if quantised not in self._functions:
            self._functions[quantised] = tf.function(self._distributed_step, reduce_retracing=True, autograph=False)
        return self._functions[quantised]

    def _distributed_step(self, data) -> Losses:
        losses = self.strategy.run(self._replica_step, data)
        mean = tf.distribute.ReduceOp.MEAN
        return Losses(*(self.strategy.reduce(mean, value, axis=None) for value in losses))

    def _replica_step(self, x: tf.Tensor, position: tf.Tensor) -> Losses:
        parts = self.model.parts()
        variables = [v for part in self.optimizers for v in parts[part]]
        moving, weight = self.model.trainable_filters, self.config.training.lambda_scale
        with tf.GradientTape() as tape:
            outcome = self.model(x, position, moving or "prior" in self.optimizers, moving or "synthesis" in self.optimizers)
            if self.config.training.distortion == MS_SSIM:
                loss = similarity_loss(outcome.rate, dissimilarity(tf.cast(x, tf.float32), outcome.reconstruction))
            else:
                loss = (joint_loss if moving else separate_loss)(outcome.rate, outcome.distortion, weight)
            scaled = loss * (self.scale / self.strategy.num_replicas_in_sync)
        gradients = _finite([g / self.scale for g in tape.gradient(scaled, variables, unconnected_gradients="zero")])
        for part, optimizer in self.optimizers.items():
            n = len(parts[part])
            optimizer.apply_gradients(zip(gradients[:n], parts[part]))
            gradients = gradients[n:]
        objective = tf.math.log(rate_distortion(outcome.rate, outcome.distortion, weight)) / math.log(2.0)
        return Losses(*map(tf.reduce_mean, (objective, outcome.rate, outcome.distortion)))


def _finite(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """The gradients, or zeros if any number in them overflowed."""
    good = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])
    return [tf.where(good, g, tf.zeros_like(g)) for g in gradients]
