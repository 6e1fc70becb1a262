"""Which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vaecodec.codec.errors import InputError
from vaecodec.train.data.recording import Recording
from vaecodec.train.data.tables import read_npy, read_table
from vaecodec.train.data.wav import read_wav
from vaecodec.train.data.wfdb import read_wfdb

SIGNAL_READERS: dict[str, Callable[[Path], Recording]] = {
    ".hea": read_wfdb,
    ".wav": read_wav,
    ".csv": read_table,
    ".tsv": read_table,
    ".parquet": read_table,
    ".npy": read_npy,
}


def image_suffixes() -> set[str]:
    """File name endings of the formats that this Pillow opens, AVIF among them from Pillow 11.3 on."""
    return {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def read_signal(path: Path) -> Recording:
    """Reads a recording by the ending of its name.

    Raises:
        InputError: if the file is damaged or of an unknown kind.
    """
    reader = SIGNAL_READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"Expected one of {', '.join(SIGNAL_READERS)}. Received: {path}")
    return reader(path)


def read_image(path: Path, colours: int) -> np.ndarray:
    """Reads a picture as uint8 [H, W, colours]; alpha is dropped.

    Raises:
        InputError: if Pillow cannot read it.
    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB" if colours == 3 else "L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"Expected a picture. Received: {path} ({error})") from error
    return pixels.reshape(*pixels.shape[:2], colours)
