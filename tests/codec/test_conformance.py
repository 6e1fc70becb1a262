"""The frozen streams of every release: valid ones decode to what they always did, invalid ones give their error."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from common import ROOT

from vaecodec.codec import errors
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.golden import tolerance
from vaecodec.codec.image import ImageCodec, ImageLatents
from vaecodec.codec.signal import SignalCodec

RELEASES = sorted(path.parent for path in (ROOT / "conformance").glob("*/cases.json"))


def cases(sort: str) -> list:
    found = []
    for release in RELEASES:
        listed = json.loads((release / "cases.json").read_text())[sort]
        found += [pytest.param(release, name, facts, id=f"{release.name}-{name}") for name, facts in listed.items()]
    return found


@cache
def codec(path: Path) -> ImageCodec | SignalCodec:
    bundle = Bundle.open(path)
    return ImageCodec(bundle) if bundle.modality == "image" else SignalCodec(bundle)


@pytest.mark.parametrize(("release", "name", "facts"), cases("valid"))
def test_valid_stream_decodes_to_its_latents(release: Path, name: str, facts: dict) -> None:
    latents = codec(release / facts["bundle"]).latents((release / "valid" / f"{name}.vae").read_bytes())
    assert b"".join(band.astype("<i2").tobytes() for band in latents.bands) == (release / "valid" / f"{name}.z").read_bytes()


@pytest.mark.parametrize(("release", "name", "facts"), cases("valid"))
def test_latents_are_encoded_to_the_same_stream(release: Path, name: str, facts: dict) -> None:
    stream = (release / "valid" / f"{name}.vae").read_bytes()
    used = codec(release / facts["bundle"])
    assert used.encode_latents(used.latents(stream)) == stream


@pytest.mark.parametrize(("release", "name", "facts"), cases("valid"))
def test_valid_stream_is_reconstructed_within_bounds(release: Path, name: str, facts: dict) -> None:
    used = codec(release / facts["bundle"])
    latents = used.latents((release / "valid" / f"{name}.vae").read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        decoded = used.decode_latents(latents)
    with np.load(release / "valid" / f"{name}.npz") as stored:
        recon = stored["recon"]
    assert decoded.shape == recon.shape
    assert decoded.dtype == recon.dtype
    difference = np.abs(decoded.astype(np.float64) - recon)
    assert np.all(difference <= tolerance(latents, recon))
    if isinstance(latents, ImageLatents):
        assert np.mean(difference <= 1) >= 0.99
        alpha = latents.header.mode in (2, 4)
        assert not alpha or np.array_equal(decoded[..., -1], recon[..., -1])


@pytest.mark.parametrize(("release", "name", "facts"), cases("invalid"))
def test_invalid_stream_gives_its_error(release: Path, name: str, facts: dict) -> None:
    with pytest.raises(getattr(errors, facts["error"])) as caught:
        codec(release / facts["bundle"]).decode((release / "invalid" / f"{name}.vae").read_bytes())
    assert type(caught.value).__name__ == facts["error"]
    assert "\n" not in str(caught.value)


def test_a_release_is_covered() -> None:
    assert RELEASES
