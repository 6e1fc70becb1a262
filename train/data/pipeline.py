"""Batches as a tf.data pipeline that can start at any step.

Every example of a training is a function of the seed, the step and its row in the batch, and of nothing else. So a resumed
training sees what an uninterrupted one would have seen, and replicas that share a batch see together what one would have seen alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vaecodec.train.config import ModelConfig
from vaecodec.train.data.examples import Examples

ENDLESS = 2**62


@dataclass(frozen=True)
class Share:
    """The part of each batch that one input pipeline gives, cut into one element a replica.

    Attributes:
        first: first replica of this pipeline, of all replicas.
        replicas: number of this pipeline's replicas.
        rows: rows of the batch a replica.
    """

    first: int
    replicas: int
    rows: int

    def rows_of(self, element: int) -> tuple[int, range]:
        """Step and rows of the batch of the pipeline's element number `element`."""
        step, replica = divmod(element, self.replicas)
        start = (self.first + replica) * self.rows
        return step, range(start, start + self.rows)


def batches(config: ModelConfig, examples: Examples, first_step: int = 0, share: Share | None = None) -> tf.data.Dataset:
    """An endless dataset of (x, position).

    Args:
        config: batch size, seed, positions.
        examples: what to draw from.
        first_step: the step that the first batch belongs to.
        share: the part of each batch; by default all of it.

    Returns:
        Dataset of (uint8 [rows, length, length, C] or float32 [rows, length, channels], float32 [rows]). Where signals are cut short for a
        step, there are more rows, of less length; where only some columns are drawn, fewer channels.
    """
    share = share or Share(0, 1, config.training.batch)
    kind = tf.uint8 if config.rank == 2 else tf.float32
    columns = 1 if not config.data.together else None if config.data.subsets else len(config.data.columns) or None
    fixed = not config.training.short
    rows, length = share.rows if fixed else None, config.data.length if fixed else None
    shape = [rows, length, length, config.colours] if config.rank == 2 else [rows, length, columns]

    def make(element: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        step, rows = share.rows_of(int(element))
        return batch(config, examples, step, rows)

    def shaped(x: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.ensure_shape(x, shape), tf.ensure_shape(position, [rows])

    elements = tf.data.Dataset.range(first_step * share.replicas, ENDLESS)
    made = elements.map(lambda i: shaped(*tf.numpy_function(make, [i], [kind, tf.float32])), num_parallel_calls=2)
    return made.prefetch(4)


def batch(config: ModelConfig, examples: Examples, step: int, rows: range) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the batch of one step: examples and their positions."""
    drawn = [_example(config, examples, np.random.default_rng((config.training.seed, step, row))) for row in rows]
    x, positions = np.stack([x for x, _ in drawn]), np.array([p for _, p in drawn], np.float32)
    rng = np.random.default_rng((config.training.seed, step))
    if config.training.short and rng.random() < config.training.short[0]:
        x, positions = _cut(x, positions, int(config.training.short[1]))
    if config.data.subsets and rng.random() < config.data.subsets:
        first, last = np.sort(rng.choice(x.shape[2] + 1, 2, replace=False))
        x = x[:, :, first:last]
    return x, positions


def _cut(x: np.ndarray, positions: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of signals as shorter ones, each an example of its own."""
    pieces = x.shape[1] // length
    return x.reshape(len(x) * pieces, length, x.shape[2]), np.repeat(positions, pieces)


def _example(config: ModelConfig, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    shares = np.cumsum([share for share, _, _ in config.training.positions])
    row = min(int(np.searchsorted(shares, rng.random())), len(shares) - 1)
    _, low, high = config.training.positions[row]
    position = float(rng.uniform(low, high))
    return examples.draw(rng), position
