"""Streams of bounded error of every release: the same samples for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from common import ROOT

import vaecodec

STREAMS = sorted((ROOT / "conformance").glob("*/bounded/*.vae"))


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_stream_decodes_to_its_samples(path: Path) -> None:
    decoded = vaecodec.decode(path.read_bytes())
    with np.load(path.with_suffix(".npz")) as stored:
        recon = stored["recon"]
    assert (decoded.dtype, decoded.shape) == (recon.dtype, recon.shape)
    assert np.array_equal(decoded, recon)


def test_a_release_is_covered() -> None:
    assert STREAMS
