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
from vaecodec.codec.warn import StepWarning


def codec(step: object, columns: object = None) -> SignalCodec:
    with zipfile.ZipFile(io.BytesIO(SIGNAL_BUNDLE.read_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    return SignalCodec(Bundle(pack({**manifest, "step": step, "columns": columns}, members)))


def step_of(used: SignalCodec, samples: np.ndarray, **options: object) -> object:
    return used.info(used.encode(samples, **options))["metadata"].get("step")


@pytest.mark.parametrize("step", [0.002, [0.002]])
def test_one_step_serves_all_channels(step: object) -> None:
    assert step_of(codec(step), beats(100, 2, 1.0)) == [0.002, 0.002]


def test_a_step_a_channel_serves_as_many_channels() -> None:
    assert step_of(codec([0.002, 0.01]), beats(100, 2, 1.0)) == [0.002, 0.01]


def test_for_another_number_of_channels_steps_are_found_from_the_data() -> None:
    with pytest.warns(StepWarning, match="channel 0, channel 1: for other channels"):
        assert step_of(codec([0.002, 0.01]), np.round(beats(100, 1, 100.0), 1)) == [0.1]


@pytest.mark.parametrize(("columns", "steps"), [(["b", "a"], [0.01, 0.002]), (["b"], [0.01]), (["a", "b"], [0.002, 0.01])])
def test_channels_that_have_names_find_their_steps_by_name(columns: list[str], steps: list[float]) -> None:
    assert step_of(codec([0.002, 0.01], ["a", "b"]), beats(100, len(columns), 1.0), columns=columns) == steps


def test_other_names_than_those_of_the_model_find_no_step() -> None:
    with pytest.warns(StepWarning, match="those of a, b"):
        assert step_of(codec([0.002, 0.01], ["a", "b"]), np.round(beats(100, 2, 100.0), 1), columns=["a", "c"]) == [0.1, 0.1]


def test_the_caller_knows_better() -> None:
    assert step_of(codec(0.002), beats(100, 1, 1.0), step=0.5) == [0.5]


def test_integers_have_no_step() -> None:
    assert step_of(codec(0.002), np.arange(100)) is None
