"""`vaecodec demo`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

QUALITIES = (30, 50, 70)
# The one whose pictures are written.
SHOWN = 50
BITS = 11


@click.command()
@click.option("--out", type=click.Path(file_okay=False), default="demo-out", show_default=True, help="Folder for streams and pictures.")
@click.option("--photo-model", default="photo", show_default=True, metavar="NAME|FILE", help="Model for the photo.")
@click.option("--ecg-model", default="ecg", show_default=True, metavar="NAME|FILE", help="Model for the ECG.")
def command(out: str, photo_model: str, ecg_model: str) -> None:
    """Encode and decode a real photo and a real ECG, print figures, and write pictures to look at.

    \b
    vaecodec demo --out demo-out
    """
    from vaecodec.cli.quiet import hush

    hush()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _photo(photo_model, folder)
    _ecg(ecg_model, folder)
    click.echo(f"\nLook at {folder / 'photo.png'} and {folder / 'ecg.png'}: the originals beside what the streams (*.vae) there decode to.")


def _photo(model: str, folder: Path) -> None:
    from vaecodec import demo_data
    from vaecodec.api import load
    from vaecodec.demo_pictures import in_pairs

    pixels = demo_data.photo()
    codec: Any = load(model)
    click.echo(f"Photo, {pixels.shape[1]} x {pixels.shape[0]} pixels, RGB ({pixels.nbytes} bytes)")
    click.echo(f"  {'quality':>8} {'bytes':>8} {'bpp':>7} {'PSNR dB':>8} {'encode s':>9} {'decode s':>9}")
    for quality in QUALITIES:
        stream, encode_s = _timed(codec.encode, pixels, quality=quality)
        decoded, decode_s = _timed(codec.decode, stream)
        bpp = 8 * len(stream) / (pixels.shape[0] * pixels.shape[1])
        click.echo(f"  {quality:8} {len(stream):8} {bpp:7.3f} {_psnr(pixels, decoded):8.2f} {encode_s:9.3f} {decode_s:9.3f}")
        if quality == SHOWN:
            (folder / "photo.vae").write_bytes(stream)
            caption = f"{len(stream)} bytes, {bpp:.2f} bpp, {_psnr(pixels, decoded):.1f} dB"
            in_pairs([(f"original, {pixels.nbytes} bytes", pixels), (caption, decoded)]).save(folder / "photo.png")


def _ecg(model: str, folder: Path) -> None:
    from vaecodec import demo_data
    from vaecodec.api import load
    from vaecodec.demo_pictures import two_traces

    samples, source = demo_data.ecg()
    codec: Any = load(model)
    click.echo(f"\n{source}, {len(samples)} samples")
    click.echo(f"  {'quality':>8} {'bytes':>8} {'CR':>7} {'PRDN %':>8} {'encode s':>9} {'decode s':>9}")
    for quality in QUALITIES:
        stream, encode_s = _timed(codec.encode, samples, rate=demo_data.RATE, quality=quality)
        decoded, decode_s = _timed(codec.decode, stream)
        ratio = BITS * len(samples) / (8 * len(stream))
        click.echo(f"  {quality:8} {len(stream):8} {ratio:7.2f} {_prdn(samples, decoded):8.2f} {encode_s:9.3f} {decode_s:9.3f}")
        if quality == SHOWN:
            (folder / "ecg.vae").write_bytes(stream)
            caption = f"{ratio:.1f} times smaller, PRDN {_prdn(samples, decoded):.2f} %"
            two_traces(samples, decoded, demo_data.RATE, caption).save(folder / "ecg.png")


def _timed(work: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(*arguments, **options), time.perf_counter() - start


def _psnr(original: Any, decoded: Any) -> float:
    import numpy as np

    error = float(np.mean((original.astype(np.float64) - decoded) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def _prdn(original: Any, decoded: Any) -> float:
    """Error over the record with its mean removed, in percent."""
    import numpy as np

    truth = original.astype(np.float64)
    return float(100 * np.sqrt(np.sum((decoded - truth) ** 2) / np.sum((truth - truth.mean()) ** 2)))
