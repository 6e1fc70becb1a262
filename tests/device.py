"""The encoders for devices (edge_runtime/c/vc_encoder.h, vc_sense_encoder.h) on this machine, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.native import crc32c
from vaecodec.export.firmware_model import Packets
from vaecodec.export.firmware_planes import shrink
from vaecodec.export.firmware_sensing import SensingDevice


@dataclass(frozen=True)
class Packet:
    """What the encoder handed out; see vc_encoder_packet."""

    data: bytes
    kind: int
    number: int
    first: int
    is_key: bool
    bits: int
    score: int
    saturated: int


class DeviceError(Exception):
    """An error code; `args[0]` is its text."""


def check(code):
    """The code of a call that has not failed."""
    if code < 0:
        raise DeviceError(ffi.string(lib.vc_error_text(code)).decode())
    return code


class DeviceEncoder:
    """vc_encoder with the interface of `vaecodec.Encoder`.

    Args:
        bundle: of a signal model.
        channels: how many.
        rows: blocks a packet.
        group: packets from key packet to key packet.
        sync: packets from sync packet to sync packet.
        quality: 0..1000.
        effort: 1 or 2.
        offsets: of each channel.
        facts: JSON that sync packets carry.
    """

    functions = "vc_encoder"

    def __init__(self, bundle, *, channels=1, rows=11, group=1, sync=30, quality=600, effort=2, shift=0, offsets=None, stream_id=0, rate=(360, 1),
                 packet_bytes=4096, memory=None, damage=False, facts=b""):
        model = bundle.symbols
        geometry = ffi.new("vc_geometry *", {"rows": rows * group, "cols": channels})
        self._plan_memory = np.zeros(lib.vc_plan_memory(model._c, geometry), np.uint8)
        plan = lib.vc_plan_place(model._c, geometry, ffi.cast("void *", self._plan_memory.ctypes.data))
        self._held = model, geometry, ffi.new("char[]", facts)
        self.device = ffi.new("vc_device_model *", {
            "plan": plan, "model_id": bundle.model_id, "synthesis_id": bundle.synthesis_id, "rows": rows, "group": group, "sync": sync,
            "rate": rate[0], "rate_divisor": rate[1], "packet_bytes": packet_bytes, "blob_crc": crc32c(model.blob) ^ damage, "facts": self._held[2],
        })
        self._begin({"quality": quality, "effort": effort, "shift": shift, "stream_id": stream_id}, offsets or [0] * channels, memory)

    def _begin(self, given, offsets, memory):
        """Begins with a device that is laid out."""
        settings = ffi.new("vc_encoder_settings *", given | {"offset": offsets[: lib.VC_MAX_DEVICE_CHANNELS]})
        self._channels, self._e = len(offsets), ffi.new(f"{self.functions} *")
        self.memory_bytes = self._function("memory")(self.device)
        self._memory = np.full(self.memory_bytes if memory is None else memory, 0xA5, np.uint8)
        check(self._function("begin")(self._e, self.device, settings, ffi.cast("void *", self._memory.ctypes.data), self._memory.size))

    def _function(self, name):
        return getattr(lib, f"{self.functions}_{name}")

    def push(self, samples):
        """Offers samples; how many were taken."""
        x = np.ascontiguousarray(samples, np.int16).reshape(-1, self._channels)
        return check(self._function("push")(self._e, ffi.cast("int16_t *", x.ctypes.data), len(x)))

    def next(self):
        """The packet that waits, or None."""
        p = ffi.new("vc_encoder_packet *")
        if not check(self._function("next")(self._e, p)):
            return None
        return Packet(bytes(ffi.buffer(p.data, p.size)), p.kind, p.number, p.first, bool(p.is_key), p.bits, p.score, p.saturated)

    def quality(self, tenths):
        """Another quality from the next packet on."""
        check(self._function("quality")(self._e, tenths))

    def feed(self, samples):
        """All samples in, packets out."""
        x, packets = np.asarray(samples).reshape(-1, self._channels), []
        while len(x):
            x = x[self.push(x) :]
            packets += self._fetch()
        return packets

    def feed_and_lose(self, samples):
        """All samples in; packets out, and how many found no room."""
        x, packets, lost = np.asarray(samples).reshape(-1, self._channels), [], 0
        while len(x):
            x = x[self.push(x) :]
            try:
                packets += self._fetch()
            except DeviceError as error:
                lost += "too small" in str(error)
        return packets, lost

    def flush(self):
        """The packets that are left."""
        packets = self._fetch()
        while check(self._function("flush")(self._e)):
            packets += self._fetch()
        return packets

    def _fetch(self):
        packet = self.next()
        return [] if packet is None else [packet]


class SensedEncoder(DeviceEncoder):
    """vc_sense_encoder with the interface of `vaecodec.Encoder`.

    Args:
        bundle: of compressed sensing.
        measurements: M of its ratio.
        others: as of `DeviceEncoder`.
    """

    functions = "vc_sense_encoder"

    def __init__(self, bundle, measurements, *, channels=1, rows=6, sync=30, quality=500, effort=2, shift=0, offsets=None, stream_id=0, rate=(360, 1),
                 packet_bytes=4096, memory=None, damage=None, facts=b""):
        laid = SensingDevice(bundle, Packets(channels, rows, 1, sync, Fraction(*rate), packet_bytes), measurements, "model")
        words, numbers = ffi.new("uint16_t[]", laid.words), ffi.new("uint8_t[]", laid.bytes)
        self._held = words, numbers, ffi.new("vc_sense_class[]", laid.classes), ffi.new("char[]", facts)
        if damage is not None:
            words[damage] ^= 1
        self.planned_memory = laid.memory
        self.device = ffi.new("vc_sense_device *", laid.fields | {"words": words, "bytes": numbers, "classes": self._held[2], "facts": self._held[3]})
        self._begin({"quality": quality, "effort": effort, "shift": shift, "stream_id": stream_id}, offsets or [0] * channels, memory)


class DeviceImageEncoder:
    """vc_image_encoder on this machine.

    Args:
        bundle: of a picture model.
        width, height: of a picture in pixels.
        tile: width and height of tiles in pixels, multiples of 2^L or the padded picture's.
        quality: 0..1000.
        effort: 1 or 2.
        waiting_bytes, packet_bytes: room for latents that wait and for a packet.
        shared: whether planes lie as on a device; else as on a host.
    """

    def __init__(self, bundle, width, height, tile, *, quality=600, effort=1, waiting_bytes=1 << 20, packet_bytes=1 << 16, memory=None, damage=False,
                 shared=True):
        model = bundle.symbols
        geometry = ffi.new("vc_geometry *", {"rows": tile[1], "cols": tile[0]})
        self._plan_memory = np.zeros(lib.vc_plan_memory(model._c, geometry), np.uint8)
        plan = lib.vc_plan_place(model._c, geometry, ffi.cast("void *", self._plan_memory.ctypes.data))
        plan.lanes = plan.packed = 0
        if shared:
            shrink(bundle, plan)
        self.plan = plan
        self._held = model, geometry
        self.device = ffi.new("vc_image_model *", {
            "plan": plan, "model_id": bundle.model_id, "synthesis_id": bundle.synthesis_id, "width": width, "height": height,
            "waiting_bytes": waiting_bytes, "packet_bytes": packet_bytes, "blob_crc": crc32c(model.blob) ^ damage,
        })
        settings = ffi.new("vc_image_settings *", {"quality": quality, "effort": effort})
        self.memory_bytes = lib.vc_image_memory(self.device)
        self._memory = np.full(self.memory_bytes if memory is None else memory, 0xA5, np.uint8)
        self.e = ffi.new("vc_image_encoder *")
        check(lib.vc_image_begin(self.e, self.device, settings, ffi.cast("void *", self._memory.ctypes.data), self._memory.size))
        self.most_waiting, self.null = 0, ffi.NULL

    def push(self, row):
        """Offers a row; whether it was taken."""
        row = np.ascontiguousarray(row, np.uint8)
        taken = check(lib.vc_image_push(self.e, ffi.cast("uint8_t *", row.ctypes.data)))
        self.most_waiting = max(self.most_waiting, self.e.waiting.used)
        return taken

    def next(self):
        """The next packet's bytes, or None."""
        p = ffi.new("vc_image_packet *")
        return bytes(ffi.buffer(p.data, p.size)) if check(lib.vc_image_next(self.e, p)) else None

    def encode(self, pixels):
        """The file of a picture."""
        file = b""
        for row in pixels:
            while not self.push(row):
                file += self.next()
        while not lib.vc_image_is_done(self.e):
            file += self.next()
        return file
