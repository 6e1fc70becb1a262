"""The functions that `import vaecodec` offers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import Any

from numpy.typing import NDArray

from vaecodec.codec import container
from vaecodec.codec.arguments import check_threads
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.bundle import Bundle, installed
from vaecodec.codec.errors import ModelError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.info import describe
from vaecodec.codec.sensing import SensingCodec
from vaecodec.codec.signal import SignalCodec
from vaecodec.codec.stream_file import StreamFile
from vaecodec.codec.stream_syntax import is_stream, read_sync_at_start

__all__ = ["decode", "encode", "info", "load", "models"]

Codec = ImageCodec | SignalCodec | SensingCodec
AnyCodec = Codec | BoundedCodec | StreamFile
Array = NDArray[Any]


def load(model: str | Path, *, threads: int = 1, max_size: int | None = None) -> Codec:
    """Opens a model and gives its codec.

    Args:
        model: name of a known model ("photo", "ecg", "ecg-cs"), or path of a .vaemodel file.
        threads: threads a decoder may use.
        max_size: pixels, or samples over all channels, above which inputs and streams are refused; 2^27 unless given.

    Returns:
        ImageCodec, SignalCodec or SensingCodec with `.encode(array, quality=, ...)`, `.decode(bytes)`, `.info(bytes)`,
        `.latents(bytes)`, `.encode_latents(latents)`, `.decode_latents(latents)`.

    Raises:
        ModelError: there is no such model, or its bundle is damaged.
    """
    return _codec(Bundle.open(model), threads, max_size)


def encode(array: Array, model: str | Path, **options: Any) -> bytes:
    """Compresses an array; options are those of `ImageCodec.encode`, `SignalCodec.encode` and `SensingCodec.encode`."""
    return cached(str(model)).encode(array, **options)


def decode(data: bytes, *, model: str | Path | None = None, threads: int = 1, max_size: int | None = None) -> Array:
    """Reconstructs the array of a stream; its model is found by the stream's model id.

    Args:
        data: a vaecodec file.
        model: name or path, for a stream whose model is not among the known ones.
        threads: threads the synthesis may use.
        max_size: pixels, or samples over all channels, above which the stream is refused; 2^27 unless given.

    Raises:
        FormatError: the stream is damaged.
        ModelError: its model is not known.
        LimitError: it claims too much.
        InputError: no bytes, or a number of threads that is none.
    """
    return codec_for(data, model=model, threads=threads, max_size=max_size).decode(data)


def codec_for(data: bytes, *, model: str | Path | None = None, threads: int = 1, max_size: int | None = None) -> AnyCodec:
    """The codec that a stream needs; arguments and errors as `decode`."""
    if is_stream(data):
        return _stream_file(data, model, threads, max_size)
    header, _ = container.read_header(data)
    if isinstance(header, container.BoundedHeader):
        check_threads(threads)
        return BoundedCodec(**({} if max_size is None else {"max_samples": max_size}))
    if model is not None:
        return load(model, threads=threads, max_size=max_size)
    return _cached_id(header.model_id, threads, max_size, get_ident())


def _stream_file(data: bytes, model: str | Path | None, threads: int, max_size: int | None) -> StreamFile:
    header, _ = read_sync_at_start(data)
    bundle = Bundle.find(header.model_id) if model is None else Bundle.open(model)
    return StreamFile(bundle, threads=check_threads(threads), **({} if max_size is None else {"max_samples": max_size}))


def info(data: bytes) -> dict[str, Any]:
    """What a stream says about itself: geometry, model, quality, where its bytes went. Decodes nothing.

    Raises:
        FormatError: the stream is damaged.
    """
    return describe(data)


def models() -> list[dict[str, Any]]:
    """The manifests of all known models, each with the `path` of its bundle; of a damaged one its name, path and `error`."""
    return [_manifest(path) for path in installed()]


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return {**Bundle(path).manifest, "path": str(path)}
    except ModelError as error:
        return {"name": path.stem, "path": str(path), "error": str(error)}


def _codec(bundle: Bundle, threads: int, max_size: int | None) -> Codec:
    if bundle.modality == "image":
        return ImageCodec(bundle, threads=threads, **({} if max_size is None else {"max_pixels": max_size}))
    kind = SensingCodec if bundle.modality == "sensing" else SignalCodec
    return kind(bundle, threads=threads, **({} if max_size is None else {"max_samples": max_size}))


def cached(model: str, threads: int = 1) -> Codec:
    """The codec of a model, kept for the thread's next call: threads that share one wait for each other."""
    return _cached(model, threads, get_ident())


@lru_cache(maxsize=8)
def _cached(model: str, threads: int, _thread: int) -> Codec:
    return load(model, threads=threads)


@lru_cache(maxsize=8)
def _cached_id(model_id: int, threads: int, max_size: int | None, _thread: int) -> Codec:
    return _codec(Bundle.find(model_id), threads, max_size)
