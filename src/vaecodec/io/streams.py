"""From a decoded stream to what a file writer takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaecodec.codec import container
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.container import BoundedHeader, Metadata, SignalHeader
from vaecodec.codec.errors import InputError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.recordings import read_json
from vaecodec.codec.samples import read_steps
from vaecodec.codec.sensing import SensingCodec
from vaecodec.codec.signal import SignalCodec
from vaecodec.codec.stream_file import StreamFile
from vaecodec.codec.stream_syntax import StreamHeader
from vaecodec.io.recording import Picture, Recording

__all__ = ["content", "stream_recording"]


def content(codec: ImageCodec | SignalCodec | SensingCodec | BoundedCodec | StreamFile, data: bytes, **part: Any) -> Picture | Recording:
    """Decodes a stream into a picture or a recording, with what travelled along.

    Args:
        codec: of the stream's model.
        data: the stream.
        part: of a picture: `region`, `scale`, `partial`, `fast` as in `ImageCodec.decode`.

    Raises:
        FormatError, ModelError, LimitError, InputError: as `codec.decode`.
    """
    if isinstance(codec, ImageCodec):
        kept = {m.kind: m.data for m in reversed(container.read_file(data, partial=True).metadata)}
        return Picture(codec.decode(data, **part), kept.get(container.META_ICC), kept.get(container.META_EXIF))
    if part.get("region") or part.get("partial") or part.get("fast") or part.get("scale", 1) != 1:
        raise InputError("regions, scales, haste and leave to be partial are for pictures; this stream holds a signal")
    if isinstance(codec, (BoundedCodec, StreamFile)):
        return _recording(*codec.read(data))
    if isinstance(codec, SensingCodec):
        sensed = codec.latents(data)
        return _recording(codec.decode_latents(sensed), sensed.header, sensed.metadata)
    latents = codec.latents(data)
    return _recording(codec.decode_latents(latents), latents.header, latents.metadata)


def stream_recording(samples: Any, header: StreamHeader) -> Recording:
    """Samples `[n, channels]` of a stream as a recording."""
    flat = header.channels == 1 and read_json(header.metadata).get("ndim") != 2
    return _recording(samples[:, 0] if flat else samples, header, header.metadata)


def _recording(samples: Any, header: SignalHeader | BoundedHeader | StreamHeader, metadata: Sequence[Metadata]) -> Recording:
    """Whoever made the stream wrote its metadata: what does not have the expected form is left out."""
    facts = read_json(metadata)
    channels = header.channels
    return Recording(
        samples,
        header.rate or None,
        _texts(facts.get("columns"), channels),
        _texts(facts.get("units"), channels),
        list(read_steps(facts["step"], channels)) if header.sample_type >= 6 else None,
        {key: value for key, value in facts.items() if isinstance(value, dict)},
    )


def _texts(value: object, count: int) -> list[str] | None:
    """A text a channel, each on one line."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count or not all(isinstance(text, str) for text in value):
        return None
    return [" ".join(text.split()) for text in value]
