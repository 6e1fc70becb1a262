"""`vaecodec bench images`: rate-distortion and speed on a folder of pictures."""

from __future__ import annotations

import contextlib
import io
import json
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from vaecodec.benchmarks.distortion import psnr
from vaecodec.benchmarks.image_peers import ImagePeer, image_peers
from vaecodec.benchmarks.image_report import nearest, summarise, text
from vaecodec.benchmarks.msssim import MIN_SIDE, ms_ssim
from vaecodec.benchmarks.plots import plot_curves
from vaecodec.benchmarks.results import Report, environment, find_files, naming, write_report
from vaecodec.benchmarks.timing import one_core, timed
from vaecodec.codec.errors import ModelError, UnsupportedError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.warn import PartialWarning

__all__ = ["OWN", "ImageCodecLike", "bench_images", "load_image_codec"]

Pixels = NDArray[np.uint8]
Point = dict[str, float]

OWN = "vaecodec"
SUFFIXES = (".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg")
QUALITIES = tuple(range(0, 101, 5))

PROTOCOL = (
    "Rate: bytes of the complete file over pixels. PSNR over the pixels of all colours; MS-SSIM after Wang 2003, five scales, "
    "mean over colours. BD-rate: PCHIP of log rate over PSNR, between 0.1 and 2 bpp, per picture, then the mean. Peers in their strong settings, "
    "one thread, their files decoded. Times: processor seconds on one core, at the setting nearest to 0.5 bpp. There too: fast decoding, and "
    "the file cut to half of its bytes and decoded as far as it goes."
)


class ImageCodecLike(Protocol):
    """What the benchmark asks of `vaecodec.load("photo")`."""

    def encode(self, array: Pixels, *, quality: float) -> bytes:
        """uint8 `[H, W, 3]` to a file."""

    def decode(self, data: bytes) -> Pixels:
        """A file to uint8 `[H, W, 3]`."""


def bench_images(
    folder: str | Path,
    model: str | Path | ImageCodecLike = "photo",
    out: str | Path | None = None,
    *,
    limit: int | None = None,
    peers: Sequence[str] | None = None,
    effort: int | None = None,
    with_ms_ssim: bool = True,
    size: tuple[int, int] | None = None,
    tile: tuple[int, int] | None = None,
    as_json: bool = False,
    echo: Callable[[str], None] = print,
) -> Report:
    """Measures a codec and its peers on the same pictures and prints tables.

    Args:
        folder: with PNG or other pictures; read as RGB, or as grey for a model of one colour plane.
        model: name or path of a bundle, or a codec.
        out: folder for `images.json`, `images.txt` and the plots; nothing is written unless given.
        limit: only the first so many pictures.
        peers: names of the peers to run; all that are installed unless given.
        effort: of the encoder; its default unless given.
        with_ms_ssim: measure MS-SSIM, which takes about as long as all the rest.
        size: width and height that pictures are scaled to first, what stands over cut off.
        tile: width and height of the encoder's tiles, coded one after the other as a device does.
        as_json: print the report as JSON in place of the tables.
        echo: takes the text to print.

    Returns:
        The report, as in `images.json`.

    Raises:
        InputError: no pictures in the folder.
        ModelError: no such model.
    """
    codec = load_image_codec(model) if isinstance(model, (str, Path)) else model
    chosen = [peer for peer in image_peers() if peers is None or peer.name in peers]
    files = find_files(Path(folder), SUFFIXES, limit)
    options: dict[str, Any] = {} if effort is None else {"effort": effort}
    options |= {} if tile is None else {"tile": tile, "order": "tile"}
    grey = is_grey(codec)
    points: dict[str, dict[str, list[Point]]] = {OWN: {}, **{peer.name: {} for peer in chosen}}
    with one_core() as pinned:
        for path in tqdm(files, desc="pictures", disable=None):
            with naming(path), Image.open(io.BytesIO(path.read_bytes())) as image:
                pixels = np.asarray(_scaled(image.convert("L" if grey else "RGB"), size))
            points[OWN][path.stem] = _own_points(codec, pixels, with_ms_ssim, options)
            for peer in chosen:
                points[peer.name][path.stem] = _peer_points(peer, pixels, with_ms_ssim)
    chroma = dict.fromkeys(points, "grey") if grey else {OWN: "4:4:4", **{peer.name: peer.chroma for peer in chosen}}
    report: Report = {
        "kind": "images",
        "protocol": PROTOCOL,
        "environment": {**environment(), "one_core": pinned},
        "folder": Path(folder).name + (f" at {size[0]}x{size[1]}" if size else ""),
        "model": {**describe_model(codec), **options},
        "codecs": {name: {"chroma": chroma[name], **summarise(name, points)} for name in points},
        "points": points,
    }
    if out is not None:
        _write(report, Path(out))
    echo(json.dumps(report, default=str) if as_json else text(report))
    return report


def is_grey(codec: object) -> bool:
    """Whether a codec takes grey pictures only."""
    bundle = getattr(codec, "bundle", None)
    return bundle is not None and bundle.symbols.colours == 1


def _scaled(image: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    return image if size is None else ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def describe_model(codec: object) -> dict[str, Any]:
    """Name, ids and multiplications of a codec's encoder, as far as it has a bundle to tell."""
    bundle = getattr(codec, "bundle", None)
    if bundle is None:
        return {}
    return {
        "name": bundle.name,
        "model_id": f"{bundle.model_id:08x}",
        "synthesis_id": f"{bundle.synthesis_id:04x}",
        "macs": bundle.symbols.macs(),
    }


def load_image_codec(model: str | Path) -> ImageCodecLike:
    """The codec of an image bundle; ModelError for others."""
    import vaecodec

    codec = vaecodec.load(model)
    if not isinstance(codec, ImageCodec):
        raise ModelError(f"{model} codes signals, not pictures")
    return codec


def _own_points(codec: ImageCodecLike, pixels: Pixels, similarity: bool, options: dict[str, Any]) -> list[Point]:
    points = [_own_point(codec, pixels, {"quality": quality, **options}, similarity) for quality in QUALITIES]
    _add_extras(codec, pixels, nearest(points), options)
    return points


def _own_point(codec: ImageCodecLike, pixels: Pixels, options: dict[str, Any], similarity: bool) -> Point:
    kept: list[bytes] = []

    def encode() -> bytes:
        kept[:] = [codec.encode(pixels, **options)]
        return kept[0]

    point = _point(pixels, options["quality"], encode, codec.decode, similarity)
    if isinstance(codec, ImageCodec):
        _, point["entropy_decode_s"] = timed(lambda: codec.latents(kept[0]))
        point["payload_bytes"] = codec.info(kept[0])["payload_bytes"]
    return point


def _add_extras(codec: ImageCodecLike, pixels: Pixels, point: Point, options: dict[str, Any]) -> None:
    """What the codec can do besides, at one setting: fast decoding, and decoding the first half of the file."""
    if not isinstance(codec, ImageCodec):
        return
    stream = codec.encode(pixels, quality=point["setting"], **options)
    with contextlib.suppress(UnsupportedError):
        decoded, point["fast_decode_s"] = timed(lambda: codec.decode(stream, fast=True))
        point["fast_psnr"] = psnr(pixels, decoded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PartialWarning)
        point["half_psnr"] = psnr(pixels, codec.decode(stream[: len(stream) // 2], partial=True))


def _peer_points(peer: ImagePeer, pixels: Pixels, similarity: bool) -> list[Point]:
    decode = partial(peer.decode, grey=pixels.ndim == 2)
    return [_point(pixels, value, partial(peer.encode, pixels, value), decode, similarity) for value in peer.values]


def _point(pixels: Pixels, setting: float, encode: Callable[[], bytes], decode: Callable[[bytes], Pixels], similarity: bool) -> Point:
    data, encode_s = timed(encode)
    decoded, decode_s = timed(lambda: decode(data))
    point = {"setting": setting, "bytes": len(data), "bpp": 8 * len(data) / (pixels.shape[0] * pixels.shape[1])}
    point |= {"psnr": psnr(pixels, decoded), "encode_s": encode_s, "decode_s": decode_s, "pixels": pixels.shape[0] * pixels.shape[1]}
    if similarity and min(pixels.shape[:2]) >= MIN_SIDE:
        point["ms_ssim"] = ms_ssim(pixels, decoded)
    return point


def _write(report: Report, out: Path) -> None:
    write_report(report, out / "images.json")
    (out / "images.txt").write_text(text(report) + "\n", encoding="utf-8")
    curves: dict[str, Iterable[dict[str, float]]] = {name: codec["mean_curve"] for name, codec in report["codecs"].items()}
    for key, label in (("psnr", "PSNR, dB"), ("ms_ssim_db", "MS-SSIM, dB")):
        lines = {name: [(p["bpp"], p[key]) for p in points if math.isfinite(p.get(key, math.nan))] for name, points in curves.items()}
        if any(lines.values()):
            plot_curves(lines, out / f"images_{key}.png", (f"{report['folder']}: mean over pictures", "bits a pixel", label), (0, 2.5))
