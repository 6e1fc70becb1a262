"""A Zarr 3 codec from arrays to bytes, found through its entry point as `vaecodec`.

    zarr.create_array("photos.zarr", shape=(100, 512, 512, 3), chunks=(1, 512, 512, 3), dtype="uint8", serializer=VaeCodec("photo"), compressors=None)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.abc.codec import ArrayBytesCodec

from vaecodec.chunks import pack, unpack

__all__ = ["VaeCodec"]


@dataclass(frozen=True)
class VaeCodec(ArrayBytesCodec):  # type: ignore[misc,unused-ignore]
    """Lossy compression of chunks of pictures or signals with a vaecodec model.

    Attributes:
        model: name or path.
        quality: 0..100.
    """

    model: str
    quality: float = 60.0

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VaeCodec:
        """From an array's metadata."""
        return cls(**data["configuration"])

    def to_dict(self) -> dict[str, Any]:
        """What stands in an array's metadata."""
        return {"name": "vaecodec", "configuration": {"model": self.model, "quality": self.quality}}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """Sizes vary, which Zarr's own codecs say in this way too (`zarr.codecs.GzipCodec`)."""
        raise NotImplementedError

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        data = await asyncio.to_thread(pack, chunk_data.as_numpy_array(), self.model, self.quality)
        return chunk_spec.prototype.buffer.from_bytes(data)

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        array = await asyncio.to_thread(unpack, chunk_data.to_bytes(), self.model)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(np.ascontiguousarray(array.reshape(chunk_spec.shape)))
