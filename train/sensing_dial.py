"""What a finished training adds to a compressed sensing model: the integer prior, and the dial from step code to ratio and step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from vaecodec.codec.sensing_model import SUBDIVISIONS, Ratio, SenseModel
from vaecodec.codec.sensing_symbols import sensing_symbols
from vaecodec.train.data.examples import Examples, Windows
from vaecodec.train.sensing import RecoveryModel
from vaecodec.train.sensing_config import SensingConfig
from vaecodec.train.sensing_prior import fit_ratio

CODES = 256
PARTS = 2  # of each recording
PRIOR_WINDOWS, DIAL_WINDOWS = 192, 64
EVERY = 8  # exponents between two points of a ratio's curve

Entry = tuple[int, int, int]
Curve = tuple[np.ndarray, np.ndarray, np.ndarray]


def finish(model: RecoveryModel, examples: Examples) -> None:
    """Fits prior and dial to the training signals and puts symbols.bin into the model."""
    assert isinstance(examples, Windows)
    config = model.config
    signals = excerpts(config, examples, PRIOR_WINDOWS)
    fitted = [fit_ratio(config, ratio, signals) for ratio in range(len(config.measure.ratios))]
    ratios, starts = [f[0] for f in fitted], [f[1] for f in fitted]
    rounding = round(256 * config.measure.rounding)
    parts = excerpts(config, examples, DIAL_WINDOWS)
    curves = [curve(model, ratio, ratios[ratio], starts[ratio], rounding, parts) for ratio in range(len(ratios))]
    model.symbols = sensing_symbols(ratios, dial(curves, starts), rounding)


def excerpts(config: SensingConfig, examples: Windows, windows: int) -> list[np.ndarray]:
    """Parts [N] of every recording's main column, without their mean."""
    length, found = windows * config.window, []
    for recording in examples.recordings:
        column = int(np.argmax(config.data.weights)) if config.data.weights else 0
        x = recording[:, column].astype(np.float64)
        for i in range(PARTS):
            part = x[i * len(x) // PARTS :][:length]
            part = np.pad(part, (0, length - len(part)), mode="edge") if len(part) < length else part
            found.append(part - round(float(part.mean())))
    return [x for x in found if np.any(x != x[0])]


def curve(model: RecoveryModel, ratio: int, coded: Ratio, starts: Sequence[int], rounding: int, parts: Sequence[np.ndarray]) -> Curve:
    """Rate and error of a ratio over its exponents.

    Returns:
        Exponents, mean log bits a sample, mean log PRDN.
    """
    low, high = (round(SUBDIVISIONS * np.log2(step)) for step in model.config.measure.steps[ratio])
    exponents = np.unique(np.append(np.arange(low, high, EVERY), high))
    coder = SenseModel(sensing_symbols([coded], [(int(e), 0, bank_of(starts, e)) for e in exponents], rounding))
    run = tf.function(lambda x, e: _passes(model, ratio, x, e), reduce_retracing=True, autograph=False)
    points = []
    for t, exponent in enumerate(tqdm(exponents, desc=f"ratio {ratio}", leave=False, disable=None)):
        logs = [_point(run, coder, t, float(exponent), x) for x in parts]
        points.append(np.mean(logs, axis=0))
    rates, errors = np.transpose(points)
    return exponents, rates, errors


def dial(curves: Sequence[Curve], starts: Sequence[Sequence[int]]) -> list[Entry]:
    """(exponent, ratio, bank) of every step code: at each error the ratio with the fewest bits, from fine to coarse.

    Args:
        curves: of each ratio, as `curve` returns them.
        starts: exponents at which the banks of each ratio begin.
    """
    lows, highs = [float(np.min(c[2])) for c in curves], [float(np.max(c[2])) for c in curves]
    found: list[tuple[int, int]] = []
    for error in np.linspace(min(lows), max(highs), 8 * CODES):
        costs = [float(np.interp(error, _rising(c[2]), c[1])) if low <= error <= high else np.inf
                 for c, low, high in zip(curves, lows, highs, strict=True)]  # fmt: skip
        ratio = int(np.argmin(costs))
        exponent = round(float(np.interp(error, _rising(curves[ratio][2]), curves[ratio][0])))
        if np.isfinite(costs[ratio]) and (not found or (exponent, ratio) != found[-1]):
            found.append((exponent, ratio))
    places = np.unique(np.rint(np.linspace(0, len(found) - 1, min(CODES, len(found)))).astype(int))
    return [(found[i][0], found[i][1], bank_of(starts[found[i][1]], found[i][0])) for i in places]


def bank_of(starts: Sequence[int], exponent: float) -> int:
    """The bank whose exponents hold this one."""
    return max(0, int(np.searchsorted(starts, exponent, side="right")) - 1)


def _rising(values: np.ndarray) -> np.ndarray:
    """The values, none below the one before."""
    return np.maximum.accumulate(values) + 1e-9 * np.arange(len(values))


def _passes(model: RecoveryModel, ratio: int, x: tf.Tensor, exponent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    z = model.measure(x, ratio, exponent)
    return z, model.consistent(model.recover(z, ratio, exponent), z, ratio) * 2.0 ** (exponent[:, None] / SUBDIVISIONS)


def _point(run, coder: SenseModel, t: int, exponent: float, x: np.ndarray) -> tuple[float, float]:
    """Log bits a sample and log PRDN of one part."""
    z, x_hat = run(tf.constant(x[None], tf.float32), tf.constant([exponent], tf.float32))
    bits = 8 * len(coder.encode(z[0].numpy().astype(np.int16)[:, None], t)) / len(x)
    error = float(np.linalg.norm(x_hat[0].numpy() - x)) / float(np.linalg.norm(x - x.mean()))
    return float(np.log(max(bits, 1e-4))), float(np.log(100 * max(error, 1e-6)))
