"""Chunks of arrays as bytes: what the numcodecs and Zarr codecs share.

A chunk of one picture or one signal is a .vae file. A chunk of several pictures is `VAES`, their number and the length of each (all 32 bits,
little-endian), then their .vae files.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec import api
from vaecodec.codec import container
from vaecodec.codec.arguments import check_kind
from vaecodec.codec.errors import FormatError, InputError, LimitError
from vaecodec.codec.image import ImageCodec

__all__ = ["pack", "unpack"]

MAGIC = b"VAES"
Array = NDArray[Any]


def pack(array: Array, model: str, quality: float | None = None, **options: Any) -> bytes:
    """Compresses a chunk.

    Args:
        array: for a picture model uint8 `[..., H, W]` or `[..., H, W, C]` (2 to 4 as the last of three or more axes are colours); for a signal
            model any numbers, `[N]` or `[N, channels]`.
        model: name or path.
        quality: 0..100.
        options: more for `ImageCodec.encode` or `SignalCodec.encode`.

    Raises:
        InputError: the model does not take such an array.
    """
    if not isinstance(array, np.ndarray) or array.size == 0:
        raise InputError(f"expected an array that holds something, received {getattr(array, 'shape', type(array).__name__)}")
    codec = api.cached(model)
    if not isinstance(codec, ImageCodec):
        return codec.encode(array, quality=quality, **options)
    if array.ndim < 2:
        raise InputError(f"expected pictures [..., H, W] or [..., H, W, C], received shape {array.shape}")
    inner = 3 if array.ndim > 2 and 2 <= array.shape[-1] <= 4 else 2
    pictures = array.reshape(-1, *array.shape[-inner:])
    streams = [codec.encode(picture, quality=quality, **options) for picture in pictures]
    if len(streams) == 1:
        return streams[0]
    return MAGIC + struct.pack(f"<{1 + len(streams)}I", len(streams), *map(len, streams)) + b"".join(streams)


def unpack(data: bytes, model: str | None = None) -> Array:
    """The array of a chunk; several pictures have one more axis in front.

    Raises:
        FormatError: the chunk is damaged.
        LimitError: its pictures have too many pixels in all.
        ModelError: its model is not known.
    """
    check_kind(data, bytes)
    streams = _split(data) if data[:4] == MAGIC else [data]
    if data[:4] == MAGIC:
        _check_pictures(streams)
    codecs = [api.cached(model) if model else api.codec_for(stream) for stream in streams]
    arrays = [codec.decode(stream) for codec, stream in zip(codecs, streams, strict=True)]
    return arrays[0] if data[:4] != MAGIC else np.stack(arrays)


def _check_pictures(streams: list[bytes]) -> None:
    """Refuses pictures that differ or are too many, by their headers, before any is decoded."""
    headers = [container.read_header(stream)[0] for stream in streams]
    kinds = {(h.width, h.height, h.mode) if isinstance(h, container.ImageHeader) else None for h in headers}
    if len(kinds) > 1 or None in kinds:
        raise FormatError("a chunk of several holds pictures of one shape")
    first = headers[0]
    assert isinstance(first, container.ImageHeader)
    if (total := len(streams) * first.width * first.height) > container.MAX_PIXELS:
        raise LimitError(f"{len(streams)} pictures of {total} pixels in all; the limit is {container.MAX_PIXELS} pixels")


def _split(data: bytes) -> list[bytes]:
    count = int.from_bytes(data[4:8], "little")
    start = 8 + 4 * count
    if count == 0 or len(data) < start:
        raise FormatError(f"a damaged chunk: {len(data)} bytes for {count} pictures")
    lengths = struct.unpack_from(f"<{count}I", data, 8)
    if start + sum(lengths) != len(data):
        raise FormatError(f"a damaged chunk: {len(data)} bytes, {start + sum(lengths)} expected")
    ends = np.cumsum([start, *lengths])
    return [data[a:b] for a, b in pairwise(ends)]
