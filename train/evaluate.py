"""Early figures: rate and distortion of a model on the validation files, without files or packets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import tensorflow as tf

from vaecodec.train.config import MS_SSIM
from vaecodec.train.model import CodecModel
from vaecodec.train.objective import dissimilarity, rate_distortion


@dataclass(frozen=True)
class Figure:
    """Means over the validation files at one position of the step.

    Attributes:
        position: of the step, 0 the finest.
        step: quantisation step in units of a sample.
        rate: bits a pixel or sample as the prior estimates them; what packets add is not in it.
        objective: R + lambda D of docs/training.md, bits a pixel or sample.
        psnr: pictures: dB over all components after rounding and clipping, mean over files; None for signals.
        ratio: signals: the sensor's bits over `rate`; None for pictures.
        ms_ssim: models trained for it: -10 log10 of the mean of 1 - MS-SSIM, in dB; None for others.
        prdn: signals: root mean square error over the deviation of each file's signal, in percent, mean over files; None for pictures.
        stages: bits a pixel or sample by stage of the prior.
    """

    position: float
    step: float
    rate: float
    objective: float
    psnr: float | None
    ratio: float | None
    prdn: float | None
    ms_ssim: float | None
    stages: tuple[float, ...]

    def text(self) -> str:
        """Rate and distortion in a few words."""
        if self.ms_ssim is not None:
            return f"{self.rate:.4f} bpp {self.psnr:.2f} dB, MS-SSIM {self.ms_ssim:.2f} dB"
        if self.psnr is not None:
            return f"{self.rate:.4f} bpp {self.psnr:.2f} dB"
        return f"CR {self.ratio:.2f} PRDN {self.prdn:.2f} %"

    def as_json(self) -> dict[str, object]:
        """Fields that are not None."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def score(figures: list[Figure]) -> float:
    """One number to compare runs of one config by, lower is better: mean over positions of log2 of the objective.

    Where MS-SSIM is trained for: of rate times 1 - MS-SSIM, since doubling the rate about halves the latter.
    """
    return float(np.mean([math.log2(max(f.objective if f.ms_ssim is None else f.rate * 10 ** (-f.ms_ssim / 10), 1e-6)) for f in figures]))


class Evaluator:
    """Measures a model again and again on the same examples.

    Args:
        model: as it trains.
        examples: uint8 [H, W, C] or float32 [N, 1] each, sides multiples of 2^levels.
    """

    def __init__(self, model: CodecModel, examples: list[np.ndarray]):
        self.model = model
        self.examples = examples
        self._passes: dict[bool, tf.types.experimental.PolymorphicFunction] = {}

    def figures(self) -> list[Figure]:
        """One figure a position of the config."""
        return [self._figure(position) for position in self.model.config.validation.positions]

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """The first example and its reconstruction at the middle one of the positions, both rounded floats."""
        positions = self.model.config.validation.positions
        return self._reconstruct(self.examples[0], positions[len(positions) // 2])[:2]

    def _figure(self, position: float) -> Figure:
        rates, objectives, errors, stages, similar = [], [], [], [], []
        measured = self.model.config.training.distortion == MS_SSIM
        for example in self.examples:
            x, x_hat, outcome = self._reconstruct(example, position)
            rates.append(float(outcome.rate[0]))
            objectives.append(float(rate_distortion(outcome.rate, outcome.distortion)[0]))
            if measured:
                similar.append(float(dissimilarity(tf.constant(x[None]), tf.constant(x_hat[None]))[0]))
            stages.append(outcome.stage_bits[0].numpy())
            errors.append(_psnr(x, x_hat) if self.model.config.rank == 2 else _prdn(x, x_hat))
        picture = self.model.config.rank == 2
        rate, error = float(np.mean(rates)), float(np.mean(errors))
        return Figure(
            position=position,
            step=float(self.model.step(tf.constant(position))),
            rate=rate,
            objective=float(np.mean(objectives)),
            psnr=error if picture else None,
            ratio=None if picture else self.model.config.sensor.bits / max(rate, 1e-9),
            prdn=None if picture else error,
            ms_ssim=-10 * math.log10(max(float(np.mean(similar)), 1e-9)) if measured else None,
            stages=tuple(float(s) for s in np.mean(stages, axis=0)),
        )

    def _reconstruct(self, example: np.ndarray, position: float):
        x = example.astype(np.float32)
        outcome = self._pass()(tf.constant(x[None]), tf.constant([position], tf.float32))
        x_hat = np.round(outcome.reconstruction[0].numpy())
        return x, np.clip(x_hat, 0, 255) if self.model.config.rank == 2 else x_hat, outcome

    def _pass(self):
        """The model as a graph, one for each state of its grids."""
        quantised = self.model.quantised
        if quantised not in self._passes:
            self._passes[quantised] = tf.function(lambda x, position: self.model(x, position), reduce_retracing=True, autograph=False)
        return self._passes[quantised]


def _psnr(x: np.ndarray, x_hat: np.ndarray) -> float:
    return 10 * math.log10(255**2 / max(float(np.mean(np.square(x - x_hat))), 1e-3))


def _prdn(x: np.ndarray, x_hat: np.ndarray) -> float:
    return 100 * math.sqrt(float(np.sum(np.square(x - x_hat))) / max(float(np.sum(np.square(x - x.mean()))), 1e-9))
