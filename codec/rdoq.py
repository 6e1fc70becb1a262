"""Rate-distortion optimised quantisation: what `effort` buys.

1 is the plain quantiser with the model's dead zone, as devices run it. From 2 on the entropy coder chooses, latent by latent, between the
nearest value and its neighbour nearer zero (`Prior.encode`). From 3 on the encoder then decodes what it has chosen and starts again from

    y' = step z + analysis(x - x_hat),

`effort` - 2 times. Where the synthesis were the inverse of the analysis, y' would be the coefficients y; but it is a network that guesses much
of what the quantiser dropped, and y' leaves to it what it guesses right. This is one step of the descent of |x - x_hat|^2 in the latents
(Campos et al., "Content adaptive optimization for neural image compression", 2019), with the linear analysis in place of the network's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.arguments import whole_number
from vaecodec.codec.grids import Bands
from vaecodec.codec.native import SymbolModel
from vaecodec.codec.rate import NEAREST, SUBSTEPS, rounding_offsets

__all__ = ["DEFAULT_EFFORT", "MAX_EFFORT", "SLOPE", "Effort", "corrected", "plan"]

DEFAULT_EFFORT = 2
MAX_EFFORT = 9
SLOPE = 6.0 / math.log(2.0)
"""Bits that a squared step is worth at high rate, 6 / ln 2 = 8.656: -dR/dD of a uniform quantiser (derived in train/objective.py)."""


@dataclass(frozen=True)
class Effort:
    """What an effort means.

    Attributes:
        refinements: times that the latents are chosen anew after decoding them.
        weight: of a squared step, in units of `SLOPE`, when the coder chooses latents; 0: it does not.
        fall: factor on the weight for each tenth of a step code.
        narrowing: added to rounding offsets below 1/2, up to 1/2, in 1/256: 128 leaves no dead zone but what the coder makes.
    """

    refinements: int = 0
    weight: float = 0.0
    fall: float = 1.0
    narrowing: int = 0

    def offsets(self, setting: int, own: Sequence[int]) -> list[int]:
        """Rounding offset of each band in 1/256 at a setting (see `rate`), of which `own` are the model's."""
        if not self.weight:
            return rounding_offsets(setting, own)
        return [min(NEAREST, r + self.narrowing) if r < NEAREST else r for r in own]

    def bits(self, setting: int) -> float:
        """Bits that a squared step is worth at a setting: the `weight` of `Prior.encode`."""
        return SLOPE * self.weight * self.fall ** (setting % SUBSTEPS)


def plan(effort: int) -> Effort:
    """What an effort of 1..9 means; InputError if it is no such number."""
    whole_number(effort, "effort", 1, MAX_EFFORT)
    if effort == 1:
        return Effort()
    # Weights, falls and narrowing were found on validation photos and ECG; a third more or less weight costs 0.2 % of bytes.
    return Effort(0, 2.0, 2 ** (-1 / 18), 6) if effort == 2 else Effort(effort - 2, 2.0, 2 ** (-1 / 22), NEAREST)


def corrected(model: SymbolModel, latents: Sequence[NDArray[np.int16]], errors: Sequence[NDArray[np.int16]], t: int) -> Bands:
    """Coefficients to quantise next: what the latents stand for, plus the analysis of what the decoder still gets wrong.

    Args:
        model: gives the steps.
        latents: int16, one array a band.
        errors: int16 coefficients of x - x_hat, likewise.
        t: step code.
    """
    steps = model.steps(t)
    return [np.clip(np.rint(z * s) + e, -32767, 32767).astype(np.int16) for z, e, s in zip(latents, errors, steps, strict=True)]
