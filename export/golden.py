"""Self-test inputs of a bundle, drawn from formulas so that they carry nobody's data; `vaecodec.codec.golden` encodes and checks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecodec.codec import golden
from vaecodec.codec.bundle import Bundle

Array = npt.NDArray[Any]

QUALITIES = (20.0, 60.0, 95.0)


def golden_vectors(bundle: Bundle, bits: int = 8) -> bytes:
    """golden.npz of a bundle that lacks one: three small inputs at a low, a middle and a high quality.

    Args:
        bundle: the bundle so far, in memory.
        bits: resolution of a signal's samples.
    """
    inputs: list[Array]
    if bundle.modality == "image":
        inputs = [picture(48, 64), picture(33, 37), picture(40, 40)[..., 0]]
        if bundle.symbols.colours == 1:
            inputs = [np.ascontiguousarray(x[..., 0]) if x.ndim == 3 else x for x in inputs]
    else:
        block = bundle.sensing.window if bundle.modality == "sensing" else 1 << bundle.symbols.levels
        inputs = [signal(9 * block, 1, bits)[:, 0], signal(5 * block + 7, 2, bits), signal(3 * block, 1, bits)[:, 0]]
    return golden.build(bundle, inputs, QUALITIES)


def picture(height: int, width: int) -> npt.NDArray[np.uint8]:
    """An RGB picture [height, width, 3] with a gradient, an edge and a texture."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    edge = 60.0 * (x + 0.5 * y > 0.7 * width)
    texture = 12.0 * np.sin(0.9 * x) * np.sin(0.7 * y)
    planes = [60 + 1.5 * x + edge, 90 + y - 0.4 * edge + texture, 140 - x + 0.5 * y + texture]
    return np.asarray(np.clip(np.rint(np.stack(planes, -1)), 0, 255), np.uint8)


def signal(samples: int, channels: int, bits: int) -> npt.NDArray[np.int16]:
    """Integer samples [samples, channels]: slow waves with a sharp beat every 300 samples, within `bits` bits."""
    n = np.arange(samples)[:, None] + 40 * np.arange(channels)
    wave = 0.2 * np.sin(n / 70.0) + 0.05 * np.sin(n / 3.1) + 0.7 * np.exp(-(((n % 300) - 150.0) ** 2) / 30.0)
    return np.asarray(np.rint(wave * 2.0 ** (min(bits, 15) - 2)), np.int16)
