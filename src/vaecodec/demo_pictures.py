"""Pictures that show an original beside its reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["in_pairs", "two_traces"]

CAPTION = 24
SIZE = 14  # of letters, in pixels
GAP = 8
PAPER, INK, BLUE, GRID = (255, 255, 255), (20, 20, 20), (30, 90, 200), (235, 220, 220)


def in_pairs(panels: Sequence[tuple[str, NDArray[np.uint8]]]) -> Image.Image:
    """Pictures of one size, two a row, with a line of text above each."""
    height, width = panels[0][1].shape[:2]
    sheet = Image.new("RGB", (2 * width + GAP, -(-len(panels) // 2) * (height + CAPTION)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (text, pixels) in enumerate(panels):
        left, top = (i % 2) * (width + GAP), (i // 2) * (height + CAPTION)
        draw.text((left + 4, top + 4), text, fill=INK, font=ImageFont.load_default(SIZE))
        sheet.paste(Image.fromarray(pixels), (left, top + CAPTION))
    return sheet


def two_traces(original: NDArray[Any], decoded: NDArray[Any], rate: float, caption: str, seconds: float = 4.0) -> Image.Image:
    """The middle `seconds` of a signal above its reconstruction, on one scale."""
    count = min(len(original), int(seconds * rate))
    start = (len(original) - count) // 2
    parts = [array[start : start + count].astype(np.float64) for array in (original, decoded)]
    low, high = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    width, height = 1040, 200
    sheet = Image.new("RGB", (width, 2 * (height + CAPTION)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, (part, text, ink) in enumerate(zip(parts, (f"original, {seconds:g} s, a line every 0.2 s", caption), (INK, BLUE), strict=True)):
        top = row * (height + CAPTION)
        draw.text((4, top + 4), text, fill=INK, font=ImageFont.load_default(SIZE))
        for x in np.arange(0, width, width / seconds / 5):
            draw.line([(x, top + CAPTION), (x, top + CAPTION + height)], fill=GRID)
        xs = np.linspace(0, width - 1, count)
        ys = top + CAPTION + 6 + (high - part) / max(high - low, 1e-9) * (height - 12)
        draw.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=ink, width=1)
    return sheet
