"""A numcodecs codec, found through its entry point as `vaecodec`; Zarr 2 arrays take it as their compressor.

    numcodecs.get_codec({"id": "vaecodec", "model": "photo", "quality": 70})
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_contiguous_ndarray_like, ndarray_copy

from vaecodec.chunks import pack, unpack

__all__ = ["VaeCodec"]


class VaeCodec(Codec):  # type: ignore[misc,unused-ignore]
    """Lossy compression of arrays of pictures or signals with a vaecodec model.

    Args:
        model: name or path; decoding finds the model by the id in the data unless it is a path.
        quality: 0..100.
    """

    codec_id = "vaecodec"

    def __init__(self, model: str, quality: float = 60.0) -> None:
        self.model = str(model)
        self.quality = float(quality)

    def encode(self, buf: Any) -> bytes:
        """Compresses an array: shapes as `vaecodec.chunks.pack`."""
        return pack(np.asarray(buf), self.model, self.quality)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The array; where `out` is given, its values."""
        array = unpack(ensure_bytes(buf), self.model)
        return array if out is None else ndarray_copy(ensure_contiguous_ndarray_like(array), out)
