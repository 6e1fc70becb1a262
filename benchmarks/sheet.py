"""`vaecodec bench sheet`: one picture, coded by JPEG, AVIF and this codec to equal bytes, side by side."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaecodec.benchmarks.distortion import psnr
from vaecodec.benchmarks.image_peers import ImagePeer, image_peers
from vaecodec.benchmarks.images import load_image_codec
from vaecodec.benchmarks.results import naming
from vaecodec.codec.errors import InputError, UnsupportedError
from vaecodec.demo_pictures import in_pairs

__all__ = ["bench_sheet"]

Pixels = NDArray[np.uint8]
SHOWN = ("JPEG", "AVIF")


def bench_sheet(
    picture: str | Path,
    out: str | Path,
    model: str | Path = "photo",
    *,
    bpp: float = 0.25,
    crop: tuple[int, int, int, int] | None = None,
    echo: Callable[[str], None] = print,
) -> list[tuple[str, int, float]]:
    """Writes the original and three reconstructions, two beside two.

    The others get the highest quality whose file has at most `bpp`, or their smallest file if none fits; this codec at most the bytes of the
    larger of the two, since it alone can hit any number of bytes.

    Args:
        picture: file that Pillow reads.
        out: file to write; its suffix names the format.
        model: name or path of a bundle.
        bpp: bits a pixel.
        crop: (x, y, width, height) of the part that is shown; figures are of the whole picture.
        echo: takes the lines to print.

    Returns:
        Name, bytes and PSNR of each reconstruction.

    Raises:
        InputError: the crop does not lie within the picture, or the rate cannot be reached.
        UnsupportedError: this Pillow has no AVIF.
    """
    with naming(Path(picture)), Image.open(io.BytesIO(Path(picture).read_bytes())) as image:
        pixels = np.asarray(image.convert("RGB"))
    x, y, width, height = crop or (0, 0, pixels.shape[1], pixels.shape[0])
    if min(x, y) < 0 or min(width, height) < 1 or x + width > pixels.shape[1] or y + height > pixels.shape[0]:
        raise InputError(f"the crop {x},{y},{width},{height} does not lie within {pixels.shape[1]} x {pixels.shape[0]} pixels")
    codec: Any = load_image_codec(model)
    rows = [(peer.name, *_coded(peer, pixels, int(bpp * pixels[..., 0].size / 8))) for peer in _peers()]
    own = codec.encode(pixels, target_bytes=max(size for _, size, _ in rows))
    rows.append(("vaecodec", len(own), codec.decode(own)))
    figures = [(name, size, psnr(pixels, decoded)) for name, size, decoded in rows]
    panels = [("original", pixels)] + [
        (f"{name}: {size} bytes, {8 * size / pixels[..., 0].size:.2f} bpp, {db:.1f} dB", decoded)
        for (name, size, db), (_, _, decoded) in zip(figures, rows, strict=True)
    ]
    in_pairs([(caption, shown[y : y + height, x : x + width]) for caption, shown in panels]).save(out, **_options(Path(out)))
    for caption, _ in panels[1:]:
        echo(caption)
    return figures


def _peers() -> list[ImagePeer]:
    found = {peer.name: peer for peer in image_peers()}
    if missing := [name for name in SHOWN if name not in found]:
        raise UnsupportedError(f"this Pillow has no {missing[0]}: pip install 'pillow>=11.3'")
    return [found[name] for name in SHOWN]


def _coded(peer: ImagePeer, pixels: Pixels, most: int) -> tuple[int, Pixels]:
    """Bytes and reconstruction at the highest whole quality that fits, or at 1."""
    low, high = 1, 100
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(peer.encode(pixels, middle)) <= most else (low, middle - 1)
    data = peer.encode(pixels, low)
    return len(data), peer.decode(data)


def _options(out: Path) -> dict[str, Any]:
    return {"quality": 92, "subsampling": 0} if out.suffix.lower() in (".jpg", ".jpeg") else {}
