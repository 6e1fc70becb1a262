"""How far a training is, and the learning rate there."""

from __future__ import annotations

import math

from vaecodec.train.config import Training

FLOOR = 0.01


def progress(training: Training, step: int, seconds: float) -> float:
    """Share of the training that is done, 0..1: by steps where the config names a number of them, by the clock otherwise."""
    if training.steps:
        return min(1.0, step / training.steps)
    return min(1.0, seconds / (60 * training.minutes)) if training.minutes else 1.0


def learning_rate(training: Training, step: int, done: float) -> float:
    """Linear warm-up, then half a cosine down to 1 % (Loshchilov and Hutter, "SGDR", 2017, without restarts).

    Args:
        training: peak and warm-up.
        step: number of the step, from 0.
        done: share of the training that is done.
    """
    warm = min(1.0, (step + 1) / max(1, training.warmup))
    return training.learning_rate * warm * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))
