"""What the export needs of a trained model, whatever object it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecodec.codec.matching import INVERSE_SHIFT
from vaecodec.export.decoder_tflite import StepRange, corrected
from vaecodec.export.filters import AnalysisFilters, cdf97, quantise_analysis
from vaecodec.export.lapped import LappedAnalysis
from vaecodec.export.prior import export_prior
from vaecodec.export.symbols import Band, FilterPair, Matching, SymbolProgram, band_count
from vaecodec.train.config import LAPPED, ModelConfig
from vaecodec.train.layers.inverse import integer_inverse, reconstruction_decibels
from vaecodec.train.layers.lapped import LappedBlock
from vaecodec.train.layers.matching import match_range
from vaecodec.train.layers.prior import Prior
from vaecodec.train.layers.synthesis import LevelSynthesis
from vaecodec.train.layers.wavelet import on_grid, symmetric
from vaecodec.train.model import CodecModel
from vaecodec.train.topology import Conv, Topology

Array = npt.NDArray[np.float64]

MOST_FRACTIONAL_BITS = 6
_WHOLE = 256  # rounding offsets count 1/256


@dataclass(frozen=True)
class Trained:
    """A model's parts with their weights.

    Attributes:
        config: what it is.
        prior: the prior layer, built.
        taps: analysis filters, taps[level - 1][axis] of shape [9, 2], axes x, y; empty where the transform is lapped.
        levels: synthesis layers of levels 1..L, built; of a lapped transform the one that there is.
        mix: [C planes, C components] colour mix; None where there is none.
        unmix: [C components, C planes] its trained inverse.
        steps: training steps that made the weights.
    """

    config: ModelConfig
    prior: Prior
    taps: list[list[Array]]
    levels: list[LevelSynthesis] | list[LappedBlock]
    mix: Array | None = None
    unmix: Array | None = None
    steps: int = 0

    @property
    def topology(self) -> Topology:
        """Operations of the prior."""
        topology: Topology = self.prior.topology
        return topology


def from_model(model: CodecModel, steps: int = 0) -> Trained:
    """The parts of a Keras model.

    Args:
        model: built, with its trained weights.
        steps: training steps behind them.
    """
    levels = model.synthesis.steps
    if model.config.transform == LAPPED:
        return Trained(model.config, model.prior, [], levels, steps=steps)
    taps = [[_effective(v, levels[i], axis) for v, axis in zip(pair, "xy", strict=False)] for i, pair in enumerate(model.analysis.taps)]
    mix = None if model.colour is None else np.asarray(model.colour.mix, np.float64).T
    unmix = None if model.unmix is None else np.asarray(model.unmix.mix, np.float64).T
    return Trained(model.config, model.prior, taps, levels, mix, unmix, steps)


def _effective(taps: tf.Variable, layer: LevelSynthesis, axis: str) -> Array:
    """Filters as the end of training saw them: exact where they never moved, else symmetric, and on the grid of int8 if that was on by then.

    Weights do not say whether it was; the inverse filters, trained along, do.
    """
    if np.allclose(taps.numpy(), cdf97(), atol=1e-6):
        return cdf97()
    free = symmetric(tf.convert_to_tensor(taps))
    inverse = _separable(layer, axis)
    candidates = [np.asarray(choice, np.float64) for choice in (on_grid(free), free)]
    return min(candidates, key=lambda choice: reconstruction_decibels(choice, inverse))


def _separable(layer: LevelSynthesis, axis: str) -> Array:
    """[sites, 2 bands, 2 phases]: what a layer's dense inverse does along one axis, mean over planes."""
    kernel = layer.inverse[("y", "x").index(axis) if layer.rank == 2 else 0].numpy()
    taps = np.zeros((layer.taps, 2, 2))
    for place in np.ndindex(taps.shape):
        unit = np.zeros(taps.shape)
        unit[place] = 1
        mask = layer.inverse_kernel(axis, unit)
        taps[place] = (kernel * mask).sum() / mask.sum()
    return taps


@dataclass(frozen=True)
class Exported:
    """The parts of a bundle before they become files.

    Attributes:
        program: all that decides symbols.
        filters: the integer analysis with its gains.
        levels: synthesis layers whose inverse filters undo the integer analysis.
        steps: range of step codes.
        unmix: [C components, C planes] from integer colour planes to components; None for signals.
    """

    program: SymbolProgram
    filters: AnalysisFilters | LappedAnalysis
    levels: list[LevelSynthesis] | list[LappedBlock]
    steps: StepRange
    unmix: Array | None


def convert(trained: Trained) -> Exported:
    """Makes integers of all that decides symbols, and fits the synthesis to them.

    Raises:
        ModelError: the weights cannot be represented (not finite, or too large).
    """
    config = trained.config
    if config.transform == LAPPED:
        analysis = LappedAnalysis(config.levels)
        steps = step_range(config, analysis)
        return Exported(_program(trained, analysis, steps), analysis, trained.levels, steps, None)
    mix = None if config.rank == 1 else np.eye(1) if trained.mix is None else trained.mix
    filters = quantise_analysis(trained.taps, mix)
    steps = step_range(config, filters)
    program = _program(trained, filters, steps)
    layers = [layer for layer in trained.levels if isinstance(layer, LevelSynthesis)]
    levels = [corrected(layer, filters, trained.taps[i], i + 1) for i, layer in enumerate(layers)]
    return Exported(program, filters, levels, steps, None if mix is None else _unmix(trained, filters, mix))


def step_range(config: ModelConfig, filters: AnalysisFilters | LappedAnalysis) -> StepRange:
    """Step codes of the finest and coarsest step, and the fractional bits of samples.

    Pictures get as many as no band can ever saturate with. Signals rarely use their whole range, and their streams have a shift of
    their own for those that do: they get what the samples themselves allow. Either get at least what makes the finest step of every
    band 1 or more.
    """
    peak = filters.peak_gain() if isinstance(filters, AnalysisFilters) and config.rank == 2 else 1.0
    headroom = np.floor(np.log2(2.0**15 / (2.0 ** (config.sensor.bits - 1) * peak)))
    needed = np.ceil(-config.step.lo - min(_offsets(config, filters)) / 16)
    in_shift = int(max(needed, min(headroom, MOST_FRACTIONAL_BITS)))
    return StepRange(round(16 * (config.step.lo + in_shift)), round(16 * (config.step.hi + in_shift)), in_shift)


def kernels(prior: Prior) -> tuple[dict[str, list[Array]], dict[str, Array]]:
    """Float weights of every convolution of a prior, by name: kernels a term, and biases."""
    names = [op.name for stage in prior.topology.stages for op in (*stage.prelude, *stage.row) if isinstance(op, Conv)]
    weights = {name: [np.asarray(k.numpy(), np.float64) for k in prior.kernels[name]] for name in names}
    return weights, {name: np.asarray(prior.biases[name].numpy(), np.float64) for name in names}


def _program(trained: Trained, filters: AnalysisFilters | LappedAnalysis, steps: StepRange) -> SymbolProgram:
    config = trained.config
    planes, stages = export_prior(trained.topology, *kernels(trained.prior))
    program = SymbolProgram(
        rank=config.rank,
        levels=config.levels,
        t_lo=steps.t_lo,
        t_hi=steps.t_hi,
        n_q=config.step.condition,
        in_offset=round(config.sensor.offset),
        in_shift=steps.in_shift,
        mix=filters.mix,
        filters=filters.filters(),
        bands=_bands(config, filters),
        planes=planes,
        stages=stages,
        matching=_matching(trained, filters),
        lapped_shift=filters.shift if isinstance(filters, LappedAnalysis) else None,
    )
    program.check()
    return program


def _matching(trained: Trained, filters: AnalysisFilters | LappedAnalysis) -> Matching | None:
    lags = trained.config.prior.lags
    if not lags or isinstance(filters, LappedAnalysis):
        return None
    span = match_range(trained.topology, lags)
    inverse = tuple(_inverse(level[0][0]) for level in filters.filters())
    return Matching(inverse, INVERSE_SHIFT, span.previous, span.known, span.nearest, span.farthest)


def _inverse(pair: FilterPair) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    taps = integer_inverse(pair.low, pair.high, (pair.shift_low, pair.shift_high)).tolist()
    return tuple(((low[0], low[1]), (high[0], high[1])) for low, high in taps)


def _bands(config: ModelConfig, filters: AnalysisFilters | LappedAnalysis) -> tuple[Band, ...]:
    approximations = config.colours if config.rank == 2 else 1
    count = band_count(config.rank, config.levels, config.colours)
    rounding = [config.rounding.approximation] * approximations + [config.rounding.detail] * (count - approximations)
    return tuple(Band(o, round(_WHOLE * r)) for o, r in zip(_offsets(config, filters), rounding, strict=True))


def _offsets(config: ModelConfig, filters: AnalysisFilters | LappedAnalysis) -> list[int]:
    """Step code offset of every band: of the integer filters' gain and of the config's weight."""
    return [gain + weight for gain, weight in zip(filters.step_offsets(), config.band_offsets(), strict=True)]


def _unmix(trained: Trained, filters: AnalysisFilters, mix: Array) -> Array:
    """The trained inverse after what turns the integer mix's planes into those of the float one."""
    inverse = np.linalg.inv(mix) if trained.unmix is None else trained.unmix
    return np.asarray(inverse @ mix @ np.linalg.inv(filters.mix_matrix()))
