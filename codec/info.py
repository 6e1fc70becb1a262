"""What a stream says about itself, read without decoding it."""

from __future__ import annotations

from typing import Any

from vaecodec.codec import container
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import BoundedHeader, File, ImageHeader, SensedHeader, SignalHeader
from vaecodec.codec.errors import ModelError
from vaecodec.codec.rate import quality_of
from vaecodec.codec.recordings import read_json
from vaecodec.codec.stream_file import describe_stream
from vaecodec.codec.stream_syntax import StreamHeader, is_stream, read_sync_at_start

__all__ = ["describe"]

MODES = {1: "grey", 2: "grey+alpha", 3: "rgb", 4: "rgb+alpha"}


def describe(data: bytes, bundle: Bundle | None = None, *, partial: bool = False) -> dict[str, Any]:
    """Facts of a stream; every CRC is checked, no latent is decoded.

    Args:
        data: a vaecodec file.
        bundle: its model; looked for among the known ones unless given. Without it, name and quality are None.
        partial: take a picture that is cut off or damaged.

    Returns:
        JSON-ready facts: modality, model, ids and quality, or the greatest error (their model is "none"), geometry, rate, and where
        the bytes went.

    Raises:
        FormatError: the stream is damaged.
        LimitError: it claims more than docs/format.md allows.
    """
    if is_stream(data):
        header, _ = read_sync_at_start(data)
        bundle = bundle or _find(header.model_id)
        return {"stream": True, **_coding(header, bundle), **describe_stream(data, bundle)}
    file = container.read_file(data, partial=partial)
    sizes = {
        "bytes": len(data),
        "packets": len(file.packets),
        "payload_bytes": sum(len(packet.payload) for packet in file.packets),
        "metadata_bytes": sum(len(m.data) for m in file.metadata),
    }
    facts = _coding(file.header, bundle) | sizes
    return facts | (_image(file, len(data)) if isinstance(file.header, ImageHeader) else _signal(file, len(data), bundle))


def _coding(header: container.Header | StreamHeader, bundle: Bundle | None) -> dict[str, Any]:
    """How it is coded: by which model and how finely, or within which error."""
    if isinstance(header, BoundedHeader):
        return {"modality": "signal", "model": "none", "max_error": header.max_error}
    bundle = bundle or _find(header.model_id)
    facts = {
        "modality": "image" if isinstance(header, ImageHeader) else "signal",
        "model": bundle and bundle.name,
        "model_id": f"{header.model_id:08x}",
        "synthesis_id": f"{header.synthesis_id:04x}",
        "quality": bundle and round(quality_of(header.step_code, *bundle.step_codes), 2),
        "step_code": header.step_code,
    }
    if isinstance(header, SensedHeader) and bundle is not None and header.step_code < bundle.sensing.codes:
        facts["measurements_per_sample"] = bundle.sensing.ratio(header.step_code).measurements / bundle.sensing.window
    return facts


def _find(model_id: int) -> Bundle | None:
    try:
        return Bundle.find(model_id)
    except ModelError:
        return None


def _image(file: File, size: int) -> dict[str, Any]:
    header = file.header
    assert isinstance(header, ImageHeader)
    return {
        "width": header.width,
        "height": header.height,
        "mode": MODES[header.mode],
        "tiles": [header.tile_width, header.tile_height],
        "order": "level" if header.order else "tile",
        "bpp": round(8 * size / (header.width * header.height), 4),
    }


def _signal(file: File, size: int, bundle: Bundle | None) -> dict[str, Any]:
    header = file.header
    assert isinstance(header, (SignalHeader, BoundedHeader))
    rate: Any = header.rate
    if rate is None:  # a brief file's is the model's
        bundle = bundle or _find(header.model_id)
        rate = bundle and bundle.manifest.get("rate")
    count = (file.total or 0) * header.channels
    facts = read_json(file.metadata)
    return {
        "channels": header.channels,
        "samples": file.total,
        "rate": float(rate) if rate else None,
        "sample_type": facts.get("dtype") or container.SAMPLE_TYPES[header.sample_type],
        "bits_per_sample": round(8 * size / count, 4) if count else None,
        "metadata": facts,
    }
