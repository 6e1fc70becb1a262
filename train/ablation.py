"""What each part of a trained model is worth, on validation data: order-0 tables, learned prior, trained filters, residual synthesis.

    python -m vaecodec.train.ablation weights.npz --data DIR [--filters other.npz]

Rates are estimates of the float prior; the order-0 row is the ideal entropy of each band's own histogram in each file, which no real
coder reaches (it would have to send the tables), so what the prior gains is understated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import tensorflow as tf

from vaecodec.benchmarks.bdrate import bd_rate
from vaecodec.train import weights
from vaecodec.train.config import ModelConfig
from vaecodec.train.data.examples import load_examples
from vaecodec.train.data.files import split
from vaecodec.train.model import CodecModel, build

POSITIONS = tuple(np.linspace(0.0, 1.0, 14))
PRDN_TARGETS = (2.0, 5.0, 9.0)

Point = tuple[float, float]  # bits a pixel or sample, squared error
Measure = Callable[[tf.Tensor, tf.Tensor], Point]


def order_0_bits(z: Iterable[np.ndarray]) -> float:
    """Bits of integer arrays under each one's own histogram.

    Args:
        z: bands of any shape.
    """
    total = 0.0
    for band in z:
        _, counts = np.unique(band, return_counts=True)
        total -= float(np.sum(counts * np.log2(counts / band.size)))
    return total


def without_residual(model: CodecModel) -> CodecModel:
    """The same filters and prior with the inverse filter bank alone as synthesis."""
    bare = replace(model.config, synthesis=replace(model.config.synthesis, channels=(0,)))
    linear = build(bare, trainable_filters=model.trainable_filters)
    linear.prior.set_weights(model.prior.get_weights())
    linear.analysis.set_weights(model.analysis.get_weights())
    levels: list[tuple[Any, Any]] = list(zip(linear.synthesis.steps, model.synthesis.steps))
    for ours, theirs in levels:
        for kernel, source in zip(ours.inverse, theirs.inverse):
            kernel.assign(source)
    return linear


def _under_prior(model: CodecModel) -> Measure:
    run = tf.function(lambda x, p: model(x, p), reduce_retracing=True, autograph=False)

    def measure(x: tf.Tensor, position: tf.Tensor) -> Point:
        outcome = run(x, position)
        return float(outcome.rate[0]), _error(model.config, x, outcome.reconstruction)

    return measure


def _under_tables(model: CodecModel) -> Measure:
    run = tf.function(lambda x, p: model.latents(x, p), reduce_retracing=True, autograph=False)
    rebuild = tf.function(lambda z, p: model.reconstruct(z, p), reduce_retracing=True, autograph=False)

    def measure(x: tf.Tensor, position: tf.Tensor) -> Point:
        z = run(x, position)
        pixels = x.shape[1] * (x.shape[2] if model.config.rank == 2 else 1)
        return order_0_bits(b.numpy() for b in z) / pixels, _error(model.config, x, rebuild(z, position))

    return measure


def _error(config: ModelConfig, x: tf.Tensor, x_hat: tf.Tensor) -> float:
    whole = np.round(x_hat.numpy())
    if config.rank == 2:
        whole = np.clip(whole, 0, 255)
    return max(float(np.mean(np.square(whole - x.numpy()))), 1e-6)


def curve(measure: Measure, example: np.ndarray) -> list[Point]:
    """Rate and squared error of one example over the whole range of steps."""
    x = tf.constant(example[None].astype(np.float32))
    return [measure(x, tf.constant([p], tf.float32)) for p in POSITIONS]


def variants(model: CodecModel, filters: CodecModel | None) -> dict[str, Measure]:
    """The rows of the table, in order."""
    linear = without_residual(model)
    rows = {"frozen wavelet, order-0 tables": _under_tables(linear), "+ learned prior": _under_prior(linear)}
    if filters is not None:
        rows["+ trained filters"] = _under_prior(without_residual(filters))
    rows["+ residual synthesis"] = _under_prior(filters or model)
    return rows


def ratios(curves: list[list[Point]], examples: list[np.ndarray], bits: int) -> list[float]:
    """Compression ratio at each of PRDN_TARGETS, mean over examples."""
    found = []
    for points, x in zip(curves, examples):
        variance = float(np.var(x))
        prdn = np.array([100 * np.sqrt(error / variance) for _, error in points])
        rate = np.array([r for r, _ in points])
        order = np.argsort(prdn)
        found.append([bits / np.exp(np.interp(np.log(t), np.log(prdn[order]), np.log(rate[order]))) for t in PRDN_TARGETS])
    return [float(v) for v in np.mean(found, axis=0)]


def gain(anchors: list[list[Point]], curves: list[list[Point]]) -> float:
    """Mean BD-rate in per cent over examples, as PSNR."""
    quality = [[[(r, 10 * np.log10(255**2 / e)) for r, e in points] for points in side] for side in (anchors, curves)]
    return float(np.mean([bd_rate(a, b) for a, b in zip(*quality)]))


def ablation(path: str | Path, data: str | Path, filters: str | Path | None = None) -> dict[str, list[float]]:
    """Measures every variant.

    Args:
        path: weights file.
        data: folder as for training; its validation files are measured.
        filters: weights of a model of the same config whose filters were trained too.

    Returns:
        Name of the variant -> pictures: BD-rate against the first one in per cent; signals: compression ratio at each of PRDN_TARGETS.

    Raises:
        InputError: a file is missing or damaged, or there are no validation files.
    """
    model, _ = weights.load(path)
    other = weights.load(filters)[0] if filters else None
    _, validation = split(model.config, data)
    wanted = model.config.validation
    examples = load_examples(model.config, validation).fixed(wanted.length, wanted.files)
    measured = {name: [curve(m, x) for x in examples] for name, m in variants(model, other).items()}
    anchors = measured["frozen wavelet, order-0 tables"]
    if model.config.rank == 2:
        return {name: [gain(anchors, curves)] for name, curves in measured.items()}
    return {name: ratios(curves, examples, model.config.sensor.bits) for name, curves in measured.items()}


def row(name: str, values: list[float]) -> str:
    """A row of a Markdown table."""
    return f"| {name} | {f'{values[0]:+.1f} %' if len(values) == 1 else ' / '.join(f'{v:.1f}' for v in values)} |"


@click.command(help=__doc__)
@click.argument("path", type=click.Path(exists=True, dir_okay=False), metavar="WEIGHTS")
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False), help="Folder as for training.")
@click.option("--filters", type=click.Path(exists=True, dir_okay=False), help="Weights whose filters were trained too.")
@click.option("--out", type=click.Path(dir_okay=False), help="Also write the figures as JSON.")
def main(path: str, data: str, filters: str | None, out: str | None) -> None:
    """Prints the table."""
    figures = ablation(path, data, filters)
    for name, values in figures.items():
        click.echo(row(name, values))
    if out is not None:
        measure = "BD-rate, %" if len(next(iter(figures.values()))) == 1 else f"CR at PRDN {PRDN_TARGETS}"
        facts = {"weights": Path(path).name, "filters": filters and Path(filters).name, "measure": measure, "variants": figures}
        Path(out).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
