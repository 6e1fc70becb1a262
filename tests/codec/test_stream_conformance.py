"""Streams of every release: the same latents for ever, and samples within bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from common import ROOT

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import FormatError
from vaecodec.codec.stream_file import StreamFile

STREAMS = sorted((ROOT / "conformance").glob("*/live*/*.vae"))
cases = pytest.mark.parametrize("path", STREAMS, ids=lambda path: "-".join((*path.parts[-3:-1], path.stem)))


def reader(path: Path) -> StreamFile:
    bundle = "tiny-sensing" if path.parent.name == "live-sensed" else "tiny-signal"
    return StreamFile(Bundle.open(path.parents[1] / f"{bundle}.vaemodel"))


@cases
def test_a_stream_decodes_to_its_latents(path: Path) -> None:
    packets = list(reader(path).latents(path.read_bytes()))
    assert b"".join(band.astype("<i2").tobytes() for _, _, bands in packets for band in bands) == path.with_suffix(".z").read_bytes()
    with np.load(path.with_suffix(".npz")) as stored:
        assert [t for _, t, _ in packets] == stored["steps"].tolist()


@cases
def test_a_stream_is_reconstructed_within_bounds(path: Path) -> None:
    decoded, header, _ = reader(path).read(path.read_bytes())
    with np.load(path.with_suffix(".npz")) as stored:
        recon = stored["recon"]
    assert (decoded.dtype, decoded.shape) == (recon.dtype, recon.shape)
    most = 2 * 2**header.shift * (0.005 if recon.dtype.kind == "f" else 1)
    where = slice(None) if path.stem != "segments" else slice(1100, None)
    np.testing.assert_allclose(decoded[where].astype(float), recon[where].astype(float), rtol=0, atol=most * 1.001)


@cases
def test_a_damaged_stream_has_no_latents(path: Path) -> None:
    stream = bytearray(path.read_bytes())
    stream[len(stream) - 10] ^= 1
    with pytest.raises(FormatError):
        list(reader(path).latents(bytes(stream)))


def test_a_release_is_covered() -> None:
    assert STREAMS
