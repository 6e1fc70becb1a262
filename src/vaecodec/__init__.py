"""Learned compression of photos and sensor signals for edge devices.

    >>> import vaecodec
    >>> stream = vaecodec.encode(pixels, "photo", quality=60)        # uint8 [H, W, 3] -> bytes
    >>> vaecodec.info(stream)["bpp"]
    >>> pixels = vaecodec.decode(stream)

    >>> ecg = vaecodec.load("ecg")                                   # keep the codec for many calls
    >>> stream = ecg.encode(samples, rate=360, quality=70)           # [N] or [N, channels], integers or floats

    >>> sensor, reader = vaecodec.Encoder("ecg", packet=2.0), vaecodec.Decoder()
    >>> for packet in sensor.feed(samples) + sensor.flush():         # as samples come; packets go out as they are complete
    ...     for chunk in reader.feed(packet):                        # chunk.samples, .time, .number, .origin; reader.faults()
    ...         ...

Errors:

    VaecodecError
     ├─ FormatError         corrupt or hostile input
     ├─ UnsupportedError    valid, but not supported here
     ├─ ModelError          no such bundle, a bad bundle, another model's stream
     ├─ LimitError          above a limit of pixels, samples, memory
     └─ InputError          (also a ValueError) the caller's array or argument is wrong

Importing this module loads neither NumPy nor a model: names come when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaecodec.api import decode, encode, info, load, models
    from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, UnsupportedError, VaecodecError
    from vaecodec.codec.image import ImageCodec, ImageLatents
    from vaecodec.codec.sensing import SensedLatents, SensingCodec
    from vaecodec.codec.signal import SignalCodec, SignalLatents
    from vaecodec.codec.stream_decoder import Chunk, Decoder, Fault
    from vaecodec.codec.stream_encoder import Encoder
    from vaecodec.codec.warn import SynthesisWarning

__all__ = [
    "Chunk",
    "Decoder",
    "Encoder",
    "Fault",
    "FormatError",
    "ImageCodec",
    "ImageLatents",
    "InputError",
    "LimitError",
    "ModelError",
    "SensedLatents",
    "SensingCodec",
    "SignalCodec",
    "SignalLatents",
    "SynthesisWarning",
    "UnsupportedError",
    "VaecodecError",
    "__version__",
    "decode",
    "encode",
    "info",
    "load",
    "models",
]

_HOMES = {
    "vaecodec.api": ("decode", "encode", "info", "load", "models"),
    "vaecodec.codec.errors": ("FormatError", "InputError", "LimitError", "ModelError", "UnsupportedError", "VaecodecError"),
    "vaecodec.codec.image": ("ImageCodec", "ImageLatents"),
    "vaecodec.codec.sensing": ("SensedLatents", "SensingCodec"),
    "vaecodec.codec.signal": ("SignalCodec", "SignalLatents"),
    "vaecodec.codec.stream_decoder": ("Chunk", "Decoder", "Fault"),
    "vaecodec.codec.stream_encoder": ("Encoder",),
    "vaecodec.codec.warn": ("SynthesisWarning",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("vaecodec")
    if name not in _HOME:
        raise AttributeError(f"module 'vaecodec' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
