"""An original beside its reconstruction, to look at while a model trains."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 1000, 240
SAMPLES = 1000  # of a signal, from the start
ORIGINAL, RECONSTRUCTION = (160, 160, 160), (200, 40, 40)


def side_by_side(x: np.ndarray, x_hat: np.ndarray) -> np.ndarray:
    """A picture of both.

    Args:
        x: [H, W, C] components 0..255, or [N, 1] samples.
        x_hat: the reconstruction, alike.

    Returns:
        uint8 [height, width, 1 or 3]: two pictures beside each other, or both curves in one plot.
    """
    if x.ndim == 3:
        return np.concatenate([x, x_hat], axis=1).clip(0, 255).astype(np.uint8)
    curves = np.stack([x[:SAMPLES, 0], x_hat[:SAMPLES, 0]])
    low, high = curves.min(), curves.max()
    y = (high - curves) / max(high - low, 1e-9) * (HEIGHT - 1)
    places = np.linspace(0, WIDTH - 1, curves.shape[1])
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    for curve, colour in zip(y, (ORIGINAL, RECONSTRUCTION), strict=True):
        ImageDraw.Draw(image).line(list(zip(places.tolist(), curve.tolist(), strict=True)), fill=colour)
    return np.asarray(image)
