"""The device's encoder and a gateway's decoder (edge_runtime/c/vc_encoder.h, vc_decoder.h) on this machine, for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.native import crc32c


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


def device_model(bundle, channels, rows, group, sync=30, rate=(360, 1), packet_bytes=4096, damage=False, facts=b""):
    """A vc_device_model, and what must outlive it."""
    model = bundle.symbols
    geometry = ffi.new("vc_geometry *", {"rows": rows * group, "cols": channels})
    memory = np.zeros(lib.vc_plan_memory(model._c, geometry), np.uint8)
    plan = lib.vc_plan_place(model._c, geometry, ffi.cast("void *", memory.ctypes.data))
    text = ffi.new("char[]", facts)
    device = ffi.new("vc_device_model *", {
        "plan": plan, "model_id": bundle.model_id, "synthesis_id": bundle.synthesis_id, "rows": rows, "group": group, "sync": sync,
        "rate": rate[0], "rate_divisor": rate[1], "packet_bytes": packet_bytes, "blob_crc": crc32c(model.blob) ^ damage, "facts": text,
    })
    return device, (model, geometry, memory, text)


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

    def __init__(self, bundle, *, channels=1, rows=11, group=1, sync=30, quality=600, effort=2, shift=0, offsets=None, stream_id=0, rate=(360, 1),
                 packet_bytes=4096, memory=None, damage=False, facts=b""):
        self.device, self._held = device_model(bundle, channels, rows, group, sync, rate, packet_bytes, damage, facts)
        settings = ffi.new("vc_encoder_settings *", {"quality": quality, "effort": effort, "shift": shift, "stream_id": stream_id,
                                                     "offset": (offsets or [0] * channels)[:lib.VC_MAX_DEVICE_CHANNELS]})
        self.memory_bytes = lib.vc_encoder_memory(self.device)
        self._memory = np.full(self.memory_bytes if memory is None else memory, 0xA5, np.uint8)
        self._e = ffi.new("vc_encoder *")
        self._check(lib.vc_encoder_begin(self._e, self.device, settings, ffi.cast("void *", self._memory.ctypes.data), self._memory.size))
        self._channels = channels

    def _check(self, code):
        if code < 0:
            raise DeviceError(ffi.string(lib.vc_error_text(code)).decode())
        return code

    def push(self, samples):
        """Offers samples; how many were taken."""
        x = np.ascontiguousarray(samples, np.int16).reshape(-1, self._channels)
        return self._check(lib.vc_encoder_push(self._e, ffi.cast("int16_t *", x.ctypes.data), len(x)))

    def next(self):
        """The packet that waits, or None."""
        p = ffi.new("vc_encoder_packet *")
        if not self._check(lib.vc_encoder_next(self._e, p)):
            return None
        return Packet(bytes(ffi.buffer(p.data, p.size)), p.kind, p.number, p.first, bool(p.is_key), p.bits, p.score, p.saturated)

    def quality(self, tenths):
        """Another quality from the next packet on."""
        self._check(lib.vc_encoder_quality(self._e, tenths))

    def feed(self, samples):
        """All samples in, packets out."""
        x, packets = np.asarray(samples).reshape(-1, self._channels), []
        while len(x):
            x = x[self.push(x) :]
            packets += self._fetch()
        return packets

    def flush(self):
        """The packets that are left."""
        packets = self._fetch()
        while self._check(lib.vc_encoder_flush(self._e)):
            packets += self._fetch()
        return packets

    def _fetch(self):
        packet = self.next()
        return [] if packet is None else [packet]


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
        self._device, self._held = device_model(bundle, channels, rows, group, packet_bytes=packet_bytes, damage=damage)
        self.memory_bytes = lib.vc_decoder_memory(self._device)
        self._memory = np.full(self.memory_bytes + more if memory is None else memory, 0xA5, np.uint8)
        self._bands = bundle.symbols.bands
        self._d = ffi.new("vc_decoder *")
        self._check(lib.vc_decoder_begin(self._d, self._device, ffi.cast("void *", self._memory.ctypes.data), self._memory.size))

    def _check(self, code):
        if code < 0:
            raise DeviceError(ffi.string(lib.vc_error_text(code)).decode())
        return code

    def feed(self, data):
        """All bytes in, packets out."""
        found = []
        while data:
            taken = self._check(lib.vc_decoder_push(self._d, ffi.from_buffer(data), len(data)))
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
