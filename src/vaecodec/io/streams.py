"""From a decoded stream to what a file writer takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaecodec.codec import container
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.signal import SignalCodec, SignalLatents, read_json, read_steps
from vaecodec.io.recording import Picture, Recording

__all__ = ["content"]


def content(codec: ImageCodec | SignalCodec, data: bytes) -> Picture | Recording:
    """Decodes a stream into a picture or a recording, with what travelled along.

    Raises:
        FormatError, ModelError, LimitError: as `codec.decode`.
    """
    if isinstance(codec, ImageCodec):
        picture = codec.latents(data)
        return Picture(codec.decode_latents(picture), next((m.data for m in picture.metadata if m.kind == container.META_ICC), None))
    latents = codec.latents(data)
    return _recording(codec.decode_latents(latents), latents)


def _recording(samples: Any, latents: SignalLatents) -> Recording:
    """Whoever made the stream wrote its metadata: what does not have the expected form is left out."""
    facts = read_json(latents.metadata)
    channels = latents.header.channels
    return Recording(
        samples,
        latents.header.rate or None,
        _texts(facts.get("columns"), channels),
        _texts(facts.get("units"), channels),
        list(read_steps(facts["step"], channels)) if "step" in facts else None,
        {key: value for key, value in facts.items() if isinstance(value, dict)},
    )


def _texts(value: object, count: int) -> list[str] | None:
    """A text a channel, each on one line."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count or not all(isinstance(text, str) for text in value):
        return None
    return [" ".join(text.split()) for text in value]
