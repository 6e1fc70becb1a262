"""The model: a compressive variational autoencoder over a perfect-reconstruction filter bank."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from vaecodec.codec.rdoq import SLOPE, plan
from vaecodec.train.config import LAPPED, STEPS_AN_OCTAVE, ModelConfig
from vaecodec.train.layers.colour import Colour
from vaecodec.train.layers.inverse import bank_inverse
from vaecodec.train.layers.lapped import Lapped, LappedSynthesis
from vaecodec.train.layers.matching import Matcher
from vaecodec.train.layers.prior import Prior, bits, gather_symbols, scatter_symbols
from vaecodec.train.layers.synthesis import ResidualWidths, Synthesis
from vaecodec.train.layers.wavelet import Analysis
from vaecodec.train.topology import ImageWidths, SignalWidths, Topology, image_topology, joint_topology, lapped_topology, signal_topology

EFFORT = plan(2)


class Outcome(NamedTuple):
    """What one pass gives for a batch of B examples.

    Attributes:
        rate: [B] bits a pixel or sample under the prior.
        distortion: [B] mean squared error of a component, in units of the squared step, before rounding and clipping.
        reconstruction: x_hat, like the input, float.
        stage_bits: [B, stages] bits a pixel or sample by stage of the prior.
    """

    rate: tf.Tensor
    distortion: tf.Tensor
    reconstruction: tf.Tensor
    stage_bits: tf.Tensor


class CodecModel(tf.keras.Model):
    """Variational autoencoder whose posterior is the uniform noise of rounding (Balle et al. 2017, 2018).

        x ──► - offset ──► colour mix ──► analysis g_a ──► y ──► / step ──► dead zone, round ──► z ──┬──► prior p(z) ──► rate R
                                                                  ▲                                 │        ▲
                                               position ──► step ─┼─────────────────────────────────┼────────┤ (condition)
                                                                  ▼                                 ▼        │
        x_hat ◄── + offset ◄── inverse mix ◄── * step ◄── synthesis g_s (inverse bank + residual) ◄── y_hat = z, in units of the step
          │
          └──► distortion D against x

    The parts and their names in the papers: `colour` and `analysis` are g_a, `synthesis` and `unmix` are g_s, the networks
    inside `prior` take the place of h_a and h_s: side information is the coarser, already coded latents themselves. y are the
    coefficients, z the integers that are coded, y_hat what the synthesis sees. The inference side runs `colour`, `analysis` and
    `prior` in integers (docs/format.md), `synthesis` in float.

    While the filters rest (`trainable_filters` false), z is truly rounded: no gradient needs to pass, and prior and synthesis
    learn on exactly the integers that they will meet. When the filters move, rounding is straight-through on the way to the synthesis,
    and the rate's gradient by y is the expected one under the posterior's uniform noise.

    Args:
        config: sizes and ranges.
        trainable_filters: whether analysis taps and inverse filters move.
        dtype: Keras policy of prior and residual synthesis, such as "mixed_bfloat16"; everything else is float32.

    Attributes:
        config, topology: as built.
        band_weights: step of every band over the common step.
        colour, unmix: the mix and its inverse; None for one plane.
        analysis, prior, synthesis: the layers.

    Call arguments:
        x: [B, H, W, C] components 0..255 or [B, N, channels] samples; sizes are multiples of 2^levels.
        position: [B] in [0, 1]: where the step lies in the config's range, 0 the finest.
        rate: whether the rate is wanted; zeros otherwise, and no prior runs.
        synthesis: whether reconstruction and distortion are wanted; zeros otherwise, and no synthesis runs.

    Returns:
        Outcome.
    """

    def __init__(self, config: ModelConfig, trainable_filters: bool = False, dtype: str = "float32"):
        super().__init__(name="codec")
        self.config = config
        self.trainable_filters = trainable_filters
        self.topology = topology_of(config)
        self.band_weights = [2.0 ** (offset / STEPS_AN_OCTAVE) for offset in config.band_offsets()]
        mixed = config.colours == 3
        self.colour = Colour(name="colour") if mixed else None
        self.unmix = Colour(inverse=True, name="unmix") if mixed else None
        # Filters are float here: the export rounds the taps and corrects the inverse by what the rounding changed. Five-tap inverses
        # of rounded taps would stop at 42 dB, so training on the grid would only learn to live with an error that never comes.
        self.analysis = self._analysis()
        self.prior = Prior(self.topology, matcher=self._matcher(), name="prior", dtype=dtype)
        self.synthesis = self._synthesis(dtype)

    def _analysis(self) -> Analysis | Lapped:
        config = self.config
        if config.transform == LAPPED:
            return Lapped(config.levels, name="analysis")
        return Analysis(config.rank, config.levels, self.trainable_filters, name="analysis")

    def _synthesis(self, dtype: str) -> Synthesis | LappedSynthesis:
        config = self.config
        widths = [ResidualWidths(*config.synthesis.level(level)) for level in range(1, config.levels + 1)]
        if config.transform == LAPPED:
            return LappedSynthesis(config.levels, widths[0], name="synthesis", dtype=dtype)
        start = bank_inverse() if self.trainable_filters else None
        return Synthesis(config.rank, config.colours, widths, self.trainable_filters, start, name="synthesis", dtype=dtype)

    def _matcher(self) -> Matcher | None:
        """Finds matches as the core does. Samples have as many fractional bits as fit, or nearly so: only ratios of steps matter."""
        c = self.config
        if not c.prior.lags:
            return None
        ends = (round(STEPS_AN_OCTAVE * (end + 16 - c.sensor.bits)) for end in (c.step.lo, c.step.hi))
        return Matcher(self.topology, self.analysis, c.prior.lags, c.band_offsets(), *ends)

    @property
    def quantised(self) -> bool:
        """Whether the prior computes on its integer grids; `tf.function`s made before a change keep the old way."""
        return self.prior.quantised

    @quantised.setter
    def quantised(self, value: bool) -> None:
        self.prior.quantised = value

    def step(self, position: tf.Tensor) -> tf.Tensor:
        """[B] quantisation step in units of a sample, in the orthonormal sense."""
        lo, hi = self.config.step.lo, self.config.step.hi
        return tf.pow(2.0, lo + (hi - lo) * position)

    def analyse(self, x: tf.Tensor) -> list[tf.Tensor]:
        """y: coefficient bands in units of a sample, in the order of docs/format.md section 1."""
        x = tf.cast(x, tf.float32) - self.config.sensor.offset
        return self.analysis(x if self.colour is None else self.colour(x))

    def scale(self, y: list[tf.Tensor], position: tf.Tensor) -> list[tf.Tensor]:
        """Coefficients in units of their band's step."""
        inverse = 1.0 / self.step(position)[:, None, None]
        return [band * (inverse / weight) for band, weight in zip(y, self.band_weights)]

    def quantise(self, scaled: list[tf.Tensor], narrowing: float = 0.0) -> list[tf.Tensor]:
        """z: integers as floats, by the quantiser of docs/format.md section 3 with dead zones narrower by `narrowing`; no gradient."""
        r = self.config.rounding
        approximation, detail = (min(0.5, offset + narrowing) for offset in (r.approximation, r.detail))
        offsets = [approximation] * self.config.colours + [detail] * (len(scaled) - self.config.colours)
        return [tf.stop_gradient(tf.sign(s) * tf.floor(tf.abs(s) + o)) for s, o in zip(scaled, offsets)]

    def choose(self, scaled: list[tf.Tensor], position: tf.Tensor) -> list[tf.Tensor]:
        """z as the encoder chooses it at effort 2, but all at once: each latent is judged with its neighbours as the quantiser leaves them.

        Without `[rounding] weight` what `quantise` gives; no gradient either way.
        """
        weight = self.config.rounding.weight * SLOPE
        if not weight:
            return self.quantise(scaled)
        z = self.quantise(scaled, EFFORT.narrowing / 256)
        chosen = list(z)
        for number, parameters in enumerate(self.prior.parameters(z, position)):
            here, wanted = (gather_symbols(self.topology, number, bands) for bands in (z, scaled))
            nearer, excess = here - tf.sign(here), tf.abs(wanted) - tf.abs(here)
            parts = tf.unstack(parameters, axis=-1)
            stay, go = bits(here, *parts) + weight * tf.square(excess), bits(nearer, *parts) + weight * tf.square(excess + 1.0)
            columns = tf.shape(z[self.topology.stages[number].symbols[0][0]])[2]
            for band, value in scatter_symbols(self.topology, number, tf.where(go < stay, nearer, here), columns).items():
                chosen[band] = tf.stop_gradient(value)
        return chosen

    def latents(self, x: tf.Tensor, position: tf.Tensor) -> list[tf.Tensor]:
        """z of samples: `analyse`, `scale` and `quantise`."""
        return self.quantise(self.scale(self.analyse(x), position))

    def synthesise(self, y_hat: list[tf.Tensor], position: tf.Tensor) -> tf.Tensor:
        """Samples in units of the step, offset not yet added, from bands in units of their own steps."""
        x = self.synthesis([band * weight for band, weight in zip(y_hat, self.band_weights)], position)
        return x if self.unmix is None else self.unmix(x)

    def reconstruct(self, z: list[tf.Tensor], position: tf.Tensor) -> tf.Tensor:
        """x_hat: float samples, neither rounded nor clipped."""
        return self._samples(self.synthesise(z, position), position)

    def call(self, x: tf.Tensor, position: tf.Tensor, rate: bool = True, synthesis: bool = True) -> Outcome:
        x = tf.cast(x, tf.float32)
        scaled = self.scale(self.analyse(x), position)
        z = self.choose(scaled, position)
        stage_bits = self._stage_bits(x, z, scaled, position) if rate else tf.zeros([tf.shape(x)[0], len(self.topology.stages)])
        x_hat, distortion = self._decode(x, z, scaled, position) if synthesis else (tf.zeros_like(x), tf.zeros_like(position))
        return Outcome(tf.reduce_sum(stage_bits, -1), distortion, x_hat, stage_bits)

    def _stage_bits(self, x: tf.Tensor, z: list[tf.Tensor], scaled: list[tf.Tensor], position: tf.Tensor) -> tf.Tensor:
        stages = self.prior(z, position, scaled if self.trainable_filters else None)
        pixels = tf.cast(tf.size(x[0]) // (x.shape[-1] if self.config.rank == 2 else 1), tf.float32)
        return tf.stack([tf.reduce_sum(b, [1, 2, 3]) for b in stages], -1) / pixels

    def _decode(self, x: tf.Tensor, z: list[tf.Tensor], scaled: list[tf.Tensor], position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Reconstruction and distortion; rounding is straight through where the filters move."""
        y_hat = [s + tf.stop_gradient(q - s) for s, q in zip(scaled, z)] if self.trainable_filters else z
        x_hat = self.synthesise(y_hat, position)
        target = (x - self.config.sensor.offset) / self._like(self.step(position), x)
        distortion = tf.reduce_mean(tf.reshape(tf.square(x_hat - target), [tf.shape(x)[0], -1]), -1)
        return self._samples(x_hat, position), distortion

    def parts(self) -> dict[str, list[tf.Variable]]:
        """Trainable variables of "prior", "synthesis" and "filters" (empty while these rest)."""
        inverse = [v for step in self.synthesis.steps for v in step.inverse] if self.trainable_filters else []
        names = {id(v) for v in inverse}
        return {
            "prior": self.prior.trainable_variables,
            "synthesis": [v for v in self.synthesis.trainable_variables if id(v) not in names],
            "filters": self.analysis.trainable_variables + inverse,
        }

    def _samples(self, x: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
        return x * self._like(self.step(position), x) + self.config.sensor.offset

    @staticmethod
    def _like(per_example: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(per_example, [-1] + [1] * (x.shape.rank - 1))


def topology_of(config: ModelConfig) -> Topology:
    """The prior's stages and operations."""
    n = config.step.condition
    if config.rank == 1:
        widths = SignalWidths(*config.prior.signal)
        if config.prior.lags:
            return signal_topology(config.levels, n, widths, matched=True)
        make = lapped_topology if config.transform == LAPPED else joint_topology if config.data.together else signal_topology
        return make(config.levels, n, widths)
    coarse, fine = ImageWidths(*config.prior.coarse), ImageWidths(*config.prior.fine)
    return image_topology(config.levels, config.colours, n, coarse, fine)


def build(config: ModelConfig, trainable_filters: bool = False, dtype: str = "float32") -> CodecModel:
    """A model with all its weights made, from the config's seed.

    Args:
        config: sizes, ranges and seed.
        trainable_filters: whether analysis taps and inverse filters move.
        dtype: Keras policy of prior and residual synthesis.
    """
    size = 2**config.levels * 4
    shape = [1, size, size, config.colours] if config.rank == 2 else [1, size, 1]
    with _seeded(config.training.seed):
        model = CodecModel(config, trainable_filters, dtype)
        model(tf.constant(np.zeros(shape, np.float32)), tf.constant([0.5]))
    return model


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Keras draws the seeds of its initialisers from the `random` module, whose state is put back afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
