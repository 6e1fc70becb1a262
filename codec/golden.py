"""A bundle's self-test: inputs with the bytes, latents and samples that the codec gave when the bundle was made.

Bytes and latents must come out the same on every machine; samples may differ as docs/format.md section 9 allows.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.bundle import HEADER_ERRORS, ZIP_ERRORS, Bundle
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, UnsupportedError
from vaecodec.codec.image import ImageCodec, ImageLatents
from vaecodec.codec.recordings import read_json
from vaecodec.codec.sensing import SensedLatents, SensingCodec
from vaecodec.codec.signal import SignalCodec, SignalLatents

__all__ = ["build", "check", "tolerance"]

Codec = ImageCodec | SignalCodec | SensingCodec
# Largest difference of reconstructions in 8-bit components or in units of a signal's step.
UNITS = 2.0
MAX_UNPACKED = 1 << 28


def build(bundle: Bundle, inputs: Sequence[NDArray[Any]], qualities: Sequence[float]) -> bytes:
    """The bytes of golden.npz: each input encoded at its quality, at effort 1.

    Args:
        bundle: a bundle without golden.npz, in memory or on disk.
        inputs: small arrays as `encode` takes them.
        qualities: one for each input.
    """
    codec = _codec(bundle)
    arrays: dict[str, NDArray[Any]] = {}
    for i, (array, quality) in enumerate(zip(inputs, qualities, strict=True)):
        stream = codec.encode(array, quality=quality, effort=1)
        latents = codec.latents(stream)
        arrays |= {f"input_{i}": array, f"quality_{i}": np.asarray(quality, np.float64), f"file_{i}": np.frombuffer(stream, np.uint8)}
        arrays |= {f"recon_{i}": codec.decode(stream)}
        arrays |= {f"band_{i}_{b}": band for b, band in enumerate(latents.bands)}
    out = io.BytesIO()
    save: Any = np.savez_compressed
    save(out, **arrays)
    return out.getvalue()


def check(bundle: Bundle) -> int:
    """Runs the self-test.

    Returns:
        Number of cases.

    Raises:
        ModelError: bytes, latents or samples differ from those stored, or golden.npz is damaged.
    """
    codec = _codec(bundle)
    arrays = _stored(bundle)
    count = len([name for name in arrays if name.startswith("input_")])
    for i in range(count):
        try:
            _check_case(codec, arrays, i)
        except (FormatError, UnsupportedError, LimitError, InputError, TypeError, ValueError, KeyError) as error:
            raise ModelError(f"{bundle.name}: golden case {i} is damaged: {error}") from error
    return count


def _stored(bundle: Bundle) -> dict[str, NDArray[Any]]:
    """The arrays of golden.npz; nothing is unpacked before its size is known."""
    blob = bundle.member("golden.npz")
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            if (size := sum(member.file_size for member in archive.infolist())) > MAX_UNPACKED:
                raise ModelError(f"{bundle.name}: golden.npz unpacks to {size} bytes; the limit is {MAX_UNPACKED}")
        with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
            return dict(stored)
    except (*ZIP_ERRORS, *HEADER_ERRORS, TypeError, MemoryError) as error:
        raise ModelError(f"{bundle.name}: golden.npz is damaged: {error}") from error


def tolerance(latents: ImageLatents | SignalLatents | SensedLatents, recon: NDArray[Any]) -> Any:
    """How far a sample of another conforming decoder may be from `recon`, by channel."""
    if isinstance(latents, ImageLatents):
        return UNITS
    whole = recon.dtype.kind in "iub"
    steps = 1.0 if whole else np.asarray(read_json(latents.metadata)["step"])
    return UNITS * np.asarray(latents.header.scales) * steps


def _codec(bundle: Bundle) -> Codec:
    if bundle.modality == "sensing":
        return SensingCodec(bundle)
    return ImageCodec(bundle) if bundle.modality == "image" else SignalCodec(bundle)


def _check_case(codec: Codec, arrays: dict[str, NDArray[Any]], i: int) -> None:
    where = f"{codec.bundle.name}: golden case {i}"
    try:
        array, quality = arrays[f"input_{i}"], float(arrays[f"quality_{i}"].item())
        stored, recon = arrays[f"file_{i}"].tobytes(), arrays[f"recon_{i}"]
    except KeyError as error:
        raise ModelError(f"{where} lacks {error}") from None
    if codec.encode(array, quality=quality, effort=1) != stored:
        raise ModelError(f"{where}: the encoder gives other bytes than stored")
    latents = codec.latents(stored)
    if not all(np.array_equal(band, arrays.get(f"band_{i}_{b}", np.empty(0))) for b, band in enumerate(latents.bands)):
        raise ModelError(f"{where}: the decoder gives other latents than stored")
    decoded = codec.decode_latents(latents)  # type: ignore[arg-type]
    if decoded.shape != recon.shape or not np.all(np.abs(decoded.astype(np.float64) - recon) <= tolerance(latents, recon)):
        raise ModelError(f"{where}: the reconstruction differs from the stored one")
