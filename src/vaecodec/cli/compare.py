"""`vaecodec compare`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from vaecodec.cli.files import read_input, refuse_existing, write_outputs

Pixels = NDArray[np.uint8]

# How many times the difference is enlarged around mid-grey.
GAIN = 8


@click.command(no_args_is_help=True)
@click.argument("first", type=click.Path(exists=True, dir_okay=False), metavar="A")
@click.argument("second", type=click.Path(exists=True, dir_okay=False), metavar="B")
@click.option("--out", type=click.Path(dir_okay=False), help="A picture of both and of their difference, enlarged 8 times around grey.")
@click.option("-f", "--force", is_flag=True, help="Replace --out if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(first: str, second: str, out: str | None, force: bool, as_json: bool) -> None:
    """Compare two pictures of one size: PSNR and MS-SSIM; .vae files are decoded.

    MS-SSIM needs SciPy and sides of at least 176 pixels. Transparency is left out.

    \b
    vaecodec compare photo.png photo.vae
    vaecodec compare photo.png photo.jpg --out difference.png
    """
    from vaecodec.cli.quiet import hush
    from vaecodec.codec.errors import InputError

    hush()
    if out is not None:
        refuse_existing(out, force)
    a, b = (_read(name) for name in (first, second))
    if a.shape[:2] != b.shape[:2]:
        raise InputError(f"{first} has {a.shape[1]} x {a.shape[0]} pixels, {second} {b.shape[1]} x {b.shape[0]}")
    if out is not None:
        write_outputs(out, {Path(out).name: _picture(a, b, Path(out).suffix)}, force)
    facts = _figures(a, b) | {"bytes": [Path(name).stat().st_size for name in (first, second)]}
    click.echo(json.dumps(facts) if as_json else _text(facts))


def _read(name: str) -> Pixels:
    """Colours `[H, W, 3]` of a picture or of a stream that holds one."""
    from vaecodec import api
    from vaecodec.codec.errors import InputError, UnsupportedError
    from vaecodec.codec.image import ImageCodec
    from vaecodec.io.files import ReadOptions, read
    from vaecodec.io.recording import Picture

    data = read_input(name)
    if Path(name).suffix.lower() == ".vae":
        codec = api.codec_for(data)
        if not isinstance(codec, ImageCodec):
            raise UnsupportedError(f"{name} holds a signal; only pictures can be compared")
        pixels = codec.decode(data)
    else:
        content = read(data, Path(name).suffix, "image", ReadOptions(), lambda _: b"")
        assert isinstance(content, Picture)
        pixels = content.pixels
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.size == 0 or (pixels.ndim == 3 and not 2 <= pixels.shape[2] <= 4):
        raise InputError(f"{name} is no picture of 8 bits: {pixels.dtype} {pixels.shape}")
    if pixels.ndim == 2 or pixels.shape[2] == 2:
        pixels = np.repeat((pixels if pixels.ndim == 2 else pixels[..., 0])[..., None], 3, axis=2)
    return pixels[..., :3]


def _figures(a: Pixels, b: Pixels) -> dict[str, Any]:
    from vaecodec.benchmarks.distortion import psnr

    decibels = psnr(a, b)
    return {
        "width": a.shape[1],
        "height": a.shape[0],
        "psnr": round(decibels, 3) if math.isfinite(decibels) else None,
        "ms_ssim": _ms_ssim(a, b),
        "largest": int(np.abs(np.subtract(a, b, dtype=np.int16)).max()),
    }


def _ms_ssim(a: Pixels, b: Pixels) -> float | None:
    """None where the pictures are too small or SciPy is missing."""
    from vaecodec.cli.optional import load
    from vaecodec.codec.errors import UnsupportedError

    try:
        return round(float(load("vaecodec.benchmarks.msssim", "ms_ssim", "bench")(a, b)), 5)
    except (UnsupportedError, ValueError):
        return None


def _text(facts: dict[str, Any]) -> str:
    equal = "equal" if facts["psnr"] is None else f"PSNR {facts['psnr']:.2f} dB"
    similarity = "" if facts["ms_ssim"] is None else f", MS-SSIM {facts['ms_ssim']:.4f}"
    sizes = f"{facts['bytes'][0]} and {facts['bytes'][1]} bytes"
    return f"{equal}{similarity}, largest difference {facts['largest']}, {facts['width']} x {facts['height']} pixels, {sizes}"


def _picture(a: Pixels, b: Pixels, suffix: str) -> bytes:
    from vaecodec.codec.errors import UnsupportedError
    from vaecodec.io import images
    from vaecodec.io.recording import Picture

    if suffix.lower() not in images.FORMATS:
        raise UnsupportedError(f"cannot write {suffix or 'a picture without suffix'}; one of {' '.join(images.FORMATS)}")
    difference = np.clip(128 + GAIN * np.subtract(b, a, dtype=np.int32), 0, 255).astype(np.uint8)
    return images.write(Picture(np.concatenate([a, b, difference], axis=1)), suffix.lower())
