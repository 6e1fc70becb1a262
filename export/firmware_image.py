"""A picture model and the plan of its tiles as constant C: what `export firmware` writes beside the sources of the runtime."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.arguments import whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import MAX_SIDE
from vaecodec.codec.errors import InputError
from vaecodec.codec.grids import padded
from vaecodec.codec.native import crc32c
from vaecodec.export.firmware_model import ALIGNED, definition, plan_source, workspace
from vaecodec.export.firmware_planes import shrink

__all__ = ["IMAGE_SOURCES", "DeviceImageModel", "Pictures", "tile_of"]

IMAGE_SOURCES = (
    *("vc_conv", "vc_conv_dsp", "vc_conv_mve", "vc_conv_sparse", "vc_crc", "vc_distribution", "vc_filter", "vc_image_encoder"),
    *("vc_image_pyramid", "vc_latents", "vc_model", "vc_net", "vc_packet_writer", "vc_prior", "vc_prior_encode", "vc_prior_rdoq"),
    *("vc_quantise", "vc_range_encoder", "vc_setting", "vc_split", "vc_tables", "vc_zeros"),
)
"""Sources of the runtime that an encoder of pictures needs, without suffix."""


@dataclass(frozen=True)
class Pictures:
    """What a device's pictures are like.

    Attributes:
        width, height: in pixels.
        tile_width, tile_height: in pixels, multiples of 2^L.
        waiting: bytes for latents that wait for their tile.
        room: bytes that a packet may take.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    waiting: int
    room: int


class DeviceImageModel:
    """The C of a picture model for one size of pictures and tiles.

    Args:
        bundle: of a picture model.
        pictures: what its pictures are like.
        name: C identifier that the device model gets.

    Raises:
        InputError: the model is none that a device's encoder runs.
    """

    def __init__(self, bundle: Bundle, pictures: Pictures, name: str) -> None:
        if bundle.symbols.colours not in (1, 3):
            raise InputError(f"{bundle.name} has {bundle.symbols.colours} colour planes; a device's encoder takes 1 or 3")
        self.name, self.pictures = name, pictures
        self._bundle, self._model = bundle, bundle.symbols
        geometry = ffi.new("vc_geometry *", {"rows": pictures.tile_height, "cols": pictures.tile_width})
        self._memory = np.zeros(lib.vc_plan_memory(self._model._c, geometry), np.uint8)
        self._plan = lib.vc_plan_place(self._model._c, geometry, ffi.cast("void *", self._memory.ctypes.data))
        self._plan.lanes = self._plan.packed = 0  # a device has no room for weights laid out anew
        shrink(bundle, self._plan)

    @property
    def weights(self) -> int:
        """Bytes of the model."""
        return len(self._model.blob)

    @property
    def most_memory(self) -> int:
        """Bytes of workspace where pointers have 64 bits."""
        p = self.pictures
        sizes = {"width": p.width, "height": p.height, "waiting_bytes": p.waiting, "packet_bytes": p.room}
        device = ffi.new("vc_image_model *", {"plan": self._plan, **sizes})
        return int(lib.vc_image_memory(device)) + ALIGNED * len(self._structures())

    def _structures(self) -> dict[str, int]:
        return {"int16_t *": self._plan.most_segments, "vc_cell": self._plan.most_symbols}

    def header(self, facts: str) -> str:
        """The header file; `facts` is what its comment says of the model."""
        upper, p = self.name.upper(), self.pictures
        return f"""/* {facts} */
#ifndef {upper}_H
#define {upper}_H

#include "vc_image_encoder.h"

extern const vc_image_model {self.name};

enum {{
    {upper}_WIDTH = {p.width},
    {upper}_HEIGHT = {p.height},
    {upper}_COLOURS = {self._model.colours}, /* bytes a pixel */
    {upper}_PACKET_BYTES = {p.room} /* room for a packet */
}};

/* Bytes of workspace. */
#define {upper}_MEMORY ({workspace(self.most_memory, self._structures())})

#endif
"""

    def source(self, facts: str) -> str:
        """The source file: weights, model and plan, all constant."""
        return "\n".join([f"/* {facts} */", f'#include "{self.name}.h"', "", *plan_source(self._model, self._plan), *self._device()])

    def _device(self) -> Iterable[str]:
        p, bundle = self.pictures, self._bundle
        yield from definition("vc_image_model", self.name, {
            "plan": "&vc_own_plan", "model_id": f"{bundle.model_id:#x}", "synthesis_id": f"{bundle.synthesis_id:#x}", "width": p.width,
            "height": p.height, "waiting_bytes": p.waiting, "packet_bytes": p.room, "blob_crc": f"{crc32c(self._model.blob):#x}",
        })


def tile_of(bundle: Bundle, width: int, height: int, tile: tuple[int, int] | None) -> tuple[int, int]:
    """Sides of a tile in whole units of 2^L pixels, no larger than the picture; unless given, as wide as the picture and one or two units high.

    Raises:
        InputError: a side is none.
    """
    levels = bundle.symbols.levels
    wide, tall = (whole_number(side, "a tile's side in pixels", 1, MAX_SIDE) for side in tile or (width, max(32, 1 << levels)))
    return min(padded(wide, levels), padded(width, levels)), min(padded(tall, levels), padded(height, levels))
