"""Pictures in the formats that Pillow reads and writes."""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vaecodec.codec.container import MAX_PIXELS
from vaecodec.codec.errors import FormatError, InputError, LimitError, UnsupportedError
from vaecodec.io.recording import Picture

__all__ = ["FORMATS", "pixels_of", "read", "upright", "write"]

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
# What loses nothing more, or nearly nothing, in each format.
SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_deflate"},
}
# Pillow logs what it then raises; one line is enough.
logging.getLogger("PIL.TiffImagePlugin").addHandler(logging.NullHandler())
ORIENTATION = 0x0112  # the EXIF tag
# Pillow's errors on damaged files; SyntaxError comes from its PNG and TIFF parsers.
DAMAGE = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error, EOFError),
    *(IndexError, KeyError, TypeError, AttributeError, RuntimeError, ArithmeticError),
)


def read(data: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Reads a picture; its EXIF orientation is applied, and 16 bits a component are reduced to 8.

    Raises:
        FormatError: damaged, or no picture.
        UnsupportedError: more than 16 bits a component.
        LimitError: more than `max_pixels`.
    """
    try:
        with warnings.catch_warnings():
            # Of size, where the limit that counts is ours, below; of damage that it could read past.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=sorted(set(FORMATS.values()))) as image:
                if image.width * image.height > max_pixels:
                    raise LimitError(f"a picture of {image.width} x {image.height} pixels; the limit is {max_pixels} pixels")
                return _picture(image)
    except Image.DecompressionBombError as error:
        raise LimitError(str(error)) from error
    except DAMAGE as error:
        if isinstance(error, InputError):
            raise
        raise FormatError(f"cannot read the picture: {_line(error)}") from error


def _picture(image: Image.Image) -> Picture:
    deep = _bits(image) > 8
    ImageOps.exif_transpose(image, in_place=True)  # a large picture must not be there twice
    pixels = pixels_of(image)
    icc = _block(image.info.get("icc_profile"))
    notes = ["16 bits a component are reduced to 8"] if deep else []
    if icc and len(icc) >= 20 and icc[16:20] != (b"GRAY" if pixels.ndim == 2 or pixels.shape[2] == 2 else b"RGB "):
        icc = None
        notes.append(f"the colour profile is for {image.mode} and is left out: the pixels are not")
    return Picture(pixels, icc, _block(image.info.get("exif")), tuple(notes))


def _bits(image: Image.Image) -> int:
    """Bits a component; Pillow itself reads the upper half of a 16-bit component in colour."""
    if image.mode in ("I", "F") and image.format != "PNG":
        raise UnsupportedError("the picture has 32 bits a component; convert it to 16 or 8 bits first")
    raw = [str(tile[3]) for tile in getattr(image, "tile", [])]  # (decoder, box, offset, arguments)
    return 16 if image.mode == "I" or image.mode.startswith("I;16") or any(";16" in arguments for arguments in raw) else 8


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels in one of the four modes that the codec takes; 16-bit grey is reduced.

    Raises:
        UnsupportedError: 32 bits a component.
    """
    if image.mode == "F":
        raise UnsupportedError("the picture has 32 bits a component; convert it to 16 or 8 bits first")
    return _reduced(image) if image.mode.startswith("I") else np.asarray(_eight_bit(image))


def _reduced(image: Image.Image) -> NDArray[np.uint8]:
    """16-bit grey in 8 bits, white staying white."""
    return np.asarray(np.rint(np.clip(np.array(image, np.float64), 0, 65535) / 257), np.uint8)


def _block(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and value else None


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture in one of the four modes that the codec takes."""
    transparent = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
    if image.mode in ("L", "LA", "RGB", "RGBA") and not (transparent and image.mode in ("L", "RGB")):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("L", "La"):
        return image.convert("LA")
    return image.convert("RGBA" if transparent else "RGB")


def write(picture: Picture, suffix: str) -> bytes:
    """Writes a picture in the format of a suffix such as ".png"; JPEG at quality 95, the others without loss.

    Raises:
        InputError: the format cannot hold this picture.
    """
    name = FORMATS[suffix]
    image = Image.fromarray(picture.pixels)
    if name == "JPEG" and image.mode in ("LA", "RGBA"):
        raise InputError("JPEG cannot hold transparency; write a .png or .webp")
    if name in ("WEBP", "BMP") and image.mode == "LA":
        image = image.convert("RGBA")
    out = io.BytesIO()
    # Pillow cannot write all EXIF blocks into a TIFF's own directory, and reading does not look for them there.
    kept = {"BMP": (), "TIFF": ("icc_profile",)}.get(name, ("icc_profile", "exif"))
    extra: dict[str, Any] = {key: value for key, value in (("icc_profile", picture.icc), ("exif", upright(picture.exif))) if key in kept}
    try:
        image.save(out, name, **SAVE_OPTIONS.get(name, {}), **{key: value for key, value in extra.items() if value})
    except (OSError, ValueError) as error:
        raise InputError(f"{name} cannot hold this picture: {_line(error)}") from error
    return out.getvalue()


def upright(exif: bytes | None) -> bytes | None:
    """An EXIF block without orientation, for pixels that are upright already; None of one that cannot be read."""
    if not exif:
        return None
    parsed = Image.Exif()
    try:
        parsed.load(exif)
        if ORIENTATION not in parsed:
            return exif
        del parsed[ORIENTATION]
        return parsed.tobytes()
    except DAMAGE:
        return None


def _line(error: BaseException) -> str:
    return re.sub("<_io.BytesIO object at 0x[0-9a-f]+>", "the file", (str(error) or type(error).__name__).splitlines()[0])
