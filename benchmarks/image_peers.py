"""Picture codecs that Pillow brings, each in its strong setting, one thread.

JPEG starts at quality 10 and JPEG XL at 20: below, one falls apart and the other halves the picture, and the comparison
would only flatter the others.
JPEG 2000 needs care: without the irreversible colour transform, or with several quality layers, it costs up to twice.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

__all__ = ["ImagePeer", "image_peers"]

Pixels = NDArray[np.uint8]

OF_COLOURS = ("subsampling", "mct")  # options that mean nothing where there is one plane


@dataclass(frozen=True)
class ImagePeer:
    """One codec of Pillow and the settings that make its curve.

    Attributes:
        name: as in tables.
        chroma: the chroma format, stated beside every figure.
        format: Pillow's name of the format.
        setting: the option that steps through the rates.
        values: its values, coarse to fine.
        options: everything else that goes to `Image.save`.
    """

    name: str
    chroma: str
    format: str
    setting: str
    values: Sequence[float]
    options: dict[str, Any] = field(default_factory=dict)

    def encode(self, pixels: Pixels, value: float) -> bytes:
        """Compresses uint8 `[H, W, 3]` RGB, or `[H, W]` grey, to a complete file."""
        out = io.BytesIO()
        option: Any = [value] if self.format == "JPEG2000" else value
        options = {key: value for key, value in self.options.items() if pixels.ndim == 3 or key not in OF_COLOURS}
        Image.fromarray(pixels).save(out, self.format, **{self.setting: option}, **options)
        return out.getvalue()

    def decode(self, data: bytes, grey: bool = False) -> Pixels:
        """Reads a file back as uint8 `[H, W, 3]`, or `[H, W]`."""
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("L" if grey else "RGB"))


def image_peers() -> list[ImagePeer]:
    """The peers that this machine's Pillow can run; JPEG, the anchor, is always the first."""
    peers = [
        ImagePeer("JPEG", "4:2:0", "JPEG", "quality", (10, 14, 20, 30, 40, 50, 62, 75, 83, 90, 94), {"optimize": True, "subsampling": 2}),
        ImagePeer("WebP", "4:2:0", "WEBP", "quality", (0, 5, 10, 20, 35, 50, 65, 75, 82, 88, 93, 97), {"method": 6}),
    ]
    if features.check("jpg_2000"):
        ratios = (240, 150, 96, 64, 40, 24, 16, 12, 9, 7)
        peers.append(ImagePeer("JPEG 2000", "4:4:4", "JPEG2000", "quality_layers", ratios, {"irreversible": True, "mct": 1, "quality_mode": "rates"}))
    if features.check("avif"):
        options = {"subsampling": "4:4:4", "speed": 6, "max_threads": 1}
        peers.append(ImagePeer("AVIF", "4:4:4", "AVIF", "quality", (10, 20, 30, 40, 50, 60, 70, 78, 85, 90), options))
    if _has_jpeg_xl():
        peers.append(ImagePeer("JPEG XL", "4:4:4", "JXL", "quality", (20, 30, 42, 55, 64, 72, 80, 86, 91, 95), {"effort": 7, "num_threads": 0}))
    return peers


def _has_jpeg_xl() -> bool:
    """Loads the plug-in, which then registers with Pillow."""
    try:
        from pillow_jxl import JpegXLImagePlugin
    except ImportError:
        return False
    JpegXLImagePlugin.DECODE_THREADS = 0
    return True
