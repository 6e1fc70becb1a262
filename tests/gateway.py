"""A gateway's decoder (edge_runtime/c/vc_decoder.h) on this machine, for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from device import check

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.native import crc32c


@dataclass(frozen=True)
class Decoded:
    """What the decoder gave; see vc_decoder_packet. `error` is a code's text, or nothing."""

    kind: int
    number: int
    first: int
    lost: int
    skipped: int
    samples: int
    step: int
    bands: list[np.ndarray] | None
    error: str
    is_other: bool


class DeviceDecoder:
    """vc_decoder.

    Args:
        bundle: of a signal model.
        channels: how many.
        rows: blocks a packet.
        group: packets from key packet to key packet.
        more: bytes of workspace beyond the least.
        memory: bytes of workspace.
    """

    def __init__(self, bundle, *, channels=1, rows=11, group=1, packet_bytes=4096, more=0, memory=None, damage=False):
        self._device, self._held = _device_model(bundle, channels, rows, group, packet_bytes, damage)
        self.memory_bytes = lib.vc_decoder_memory(self._device)
        self._memory = np.full(self.memory_bytes + more if memory is None else memory, 0xA5, np.uint8)
        self._bands = bundle.symbols.bands
        self._d = ffi.new("vc_decoder *")
        check(lib.vc_decoder_begin(self._d, self._device, ffi.cast("void *", self._memory.ctypes.data), self._memory.size))

    def feed(self, data):
        """All bytes in, packets out."""
        found = []
        while data:
            taken = check(lib.vc_decoder_push(self._d, ffi.from_buffer(data), len(data)))
            packets = self._fetch()
            assert taken or packets, "neither takes nor gives"
            data, found = data[taken:], found + packets
        return found

    def flush(self):
        """The packets that are left."""
        lib.vc_decoder_finish(self._d)
        return self._fetch()

    def _fetch(self):
        found, p = [], ffi.new("vc_decoder_packet *")
        while code := lib.vc_decoder_next(self._d, p):
            bands = None if p.bands == ffi.NULL else [_array(p.bands[b]) for b in range(self._bands)]
            error = ffi.string(lib.vc_error_text(code)).decode() if code < 0 else ""
            found.append(Decoded(p.kind, p.number, p.first, p.lost, p.skipped, p.samples, p.step, bands, error, bool(p.is_other)))
        return found


def _array(band):
    """A copy of a vc_band."""
    flat = np.frombuffer(ffi.buffer(band.data, 2 * band.rows * band.stride), np.int16)
    return flat.reshape(band.rows, band.stride)[:, : band.cols].copy()


def _device_model(bundle, channels, rows, group, packet_bytes, damage):
    """A vc_device_model, and what must outlive it."""
    model = bundle.symbols
    geometry = ffi.new("vc_geometry *", {"rows": rows * group, "cols": channels})
    memory = np.zeros(lib.vc_plan_memory(model._c, geometry), np.uint8)
    plan = lib.vc_plan_place(model._c, geometry, ffi.cast("void *", memory.ctypes.data))
    device = ffi.new("vc_device_model *", {
        "plan": plan, "model_id": bundle.model_id, "synthesis_id": bundle.synthesis_id, "rows": rows, "group": group,
        "packet_bytes": packet_bytes, "blob_crc": crc32c(model.blob) ^ damage,
    })
    return device, (model, geometry, memory)
