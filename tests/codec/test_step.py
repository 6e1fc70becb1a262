"""The step of float samples that a bundle names."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from common import SIGNAL_BUNDLE, beats

from vaecodec.codec.bundle import Bundle, pack
from vaecodec.codec.signal import SignalCodec


def codec(step: object) -> SignalCodec:
    with zipfile.ZipFile(io.BytesIO(SIGNAL_BUNDLE.read_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    return SignalCodec(Bundle(pack({**manifest, "step": step}, members)))


def step_of(used: SignalCodec, samples: np.ndarray, **options: object) -> object:
    return used.info(used.encode(samples, **options))["metadata"].get("step")


@pytest.mark.parametrize("step", [0.002, [0.002]])
def test_one_step_serves_all_channels(step: object) -> None:
    assert step_of(codec(step), beats(100, 2, 1.0)) == [0.002, 0.002]


def test_a_step_a_channel_serves_as_many_channels() -> None:
    assert step_of(codec([0.002, 0.01]), beats(100, 2, 1.0)) == [0.002, 0.01]
    assert step_of(codec([0.002, 0.01]), np.round(beats(100, 1, 1.0), 1)) == [0.1]


def test_the_caller_knows_better() -> None:
    assert step_of(codec(0.002), beats(100, 1, 1.0), step=0.5) == [0.5]


def test_integers_have_no_step() -> None:
    assert step_of(codec(0.002), np.arange(100)) is None
