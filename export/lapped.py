"""The lapped transform of a trained model: nothing is trained in it, so that only scales are left to say.

Integer coefficients are sums over 2^(15 + shift) (docs/format.md section 2); the orthonormal ones of training are sums times sqrt(2 / M). With
M = 2^L every band has the gain 2^((L-1)/2 - shift), whose step code offset is a whole number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecodec.export.decoder_tflite import Signature, StepRange, convert_signatures
from vaecodec.export.symbols import ColourMix
from vaecodec.train.layers.lapped import LappedBlock

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LappedAnalysis:
    """What the export needs to know of a lapped transform; in the place of `AnalysisFilters`.

    Attributes:
        levels: L.
        mix: empty, as for all signals.
        colour_gains: likewise.
    """

    levels: int
    mix: tuple[ColourMix, ...] = ()
    colour_gains: tuple[float, ...] = (1.0,)

    @property
    def shift(self) -> int:
        """Coefficients grow by 3/2 bits less than in the orthonormal scale for 128 frequencies: loud tones fit, and rounding does not show."""
        return self.levels - 2

    def filters(self) -> tuple[()]:
        """None."""
        return ()

    def band_gains(self) -> Array:
        """Gain of every band over the orthonormal scale, in the order of docs/format.md section 1."""
        return np.full(1 + self.levels, 2.0 ** ((self.levels - 1) / 2 - self.shift))

    def step_offsets(self) -> list[int]:
        """Step code offset o_b of every band."""
        return [8 * (self.levels - 1) - 16 * self.shift] * (1 + self.levels)


def lapped_decoder(layer: LappedBlock, analysis: LappedAnalysis, steps: StepRange) -> bytes:
    """Writes the decoder: one signature, "lapped", from dequantised blocks with `layer.halo` around to blocks before the rotation is undone.

    Args:
        layer: trained, built.
        analysis: for the scale of coefficients.
        steps: range of the step codes.
    """
    unit = 2.0**steps.in_shift
    scale = unit / float(analysis.band_gains()[0])

    def lapped(blocks: tf.Tensor, step: tf.Tensor) -> dict[str, tf.Tensor]:
        position = (tf.reshape(step, [1]) * 16.0 - steps.t_lo) / (steps.t_hi - steps.t_lo)
        return {"folded": layer(blocks * scale, tf.clip_by_value(position, 0.0, 1.0)) / unit}

    signature = [tf.TensorSpec([1, 1, None, layer.size], name="blocks"), tf.TensorSpec([1, 1, 1, 1], name="step")]
    function: Signature = tf.function(lapped, input_signature=signature)
    module = tf.Module()
    module.layer = layer
    return convert_signatures(module, {"lapped": function})
