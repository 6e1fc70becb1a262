"""Which devices and machines share a training (tf.distribute)."""

from __future__ import annotations

import json
import os

import tensorflow as tf

from vaecodec.codec.errors import InputError
from vaecodec.train.config import ModelConfig
from vaecodec.train.data.pipeline import Share

STRATEGIES = ("none", "mirrored", "multiworker")


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of a name.

    Args:
        name: "none": one device; "mirrored": all GPUs of this machine (or all logical CPUs where there is none); "multiworker":
            all machines of the cluster that the environment variable TF_CONFIG describes.

    Raises:
        InputError: for another name, or "multiworker" without a usable TF_CONFIG.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([d.name for d in devices])
    if name == "multiworker":
        _check_cluster(os.environ.get("TF_CONFIG", ""))
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise InputError(f"Expected a strategy among {', '.join(STRATEGIES)}. Received: {name}")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run's files."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_type or (resolver.task_type in ("chief", "worker") and _is_first(resolver))


def check_batch(config: ModelConfig, strategy: tf.distribute.Strategy) -> None:
    """Checks that the batch splits evenly, and that several machines stop at the same step.

    Raises:
        InputError: if they do not.
    """
    n = strategy.num_replicas_in_sync
    if config.training.batch % n:
        raise InputError(f"Expected training.batch to be a multiple of {n}, the number of replicas. Received: {config.training.batch}")
    if not config.training.steps and isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise InputError("Expected a number of steps with several workers, whose clocks differ. Received: minutes")


def share_of(config: ModelConfig, strategy: tf.distribute.Strategy, context: tf.distribute.InputContext) -> Share:
    """What the input pipeline of a context gives of each batch."""
    n = strategy.num_replicas_in_sync
    replicas = n // context.num_input_pipelines
    return Share(context.input_pipeline_id * replicas, replicas, config.training.batch // n)


def _check_cluster(text: str) -> None:
    try:
        cluster = json.loads(text)
        valid = bool(cluster["cluster"]["worker"]) and cluster["task"]["index"] >= 0
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise InputError(f"Expected TF_CONFIG to name the cluster's workers and this task. Received: {text or 'nothing'}")


def _is_first(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> bool:
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" if has_chief else resolver.task_id == 0
