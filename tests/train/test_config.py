"""A model is a TOML file; what is wrong with one is said in one line."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from vaecodec.codec.errors import InputError
from vaecodec.train.config import Data, ModelConfig, Rounding, Step, SynthesisWidths, Training
from vaecodec.train.config_io import SHIPPED, dump_config, load_config, parse_config, with_options
from vaecodec.train.model import topology_of
from vaecodec.train.topology import macs_per_sample

MINIMAL = 'name = "m"\nmodality = "signal"\nlevels = 3\n[data]\nlength = 64\n[validation]\nlength = 64\n'


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_config_is_valid_and_named_as_its_file(path):
    assert load_config(path.stem).name == path.stem


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda p: p.stem)
def test_a_dumped_config_parses_to_an_equal_one(path):
    config = load_config(path)
    assert parse_config(dump_config(config)) == config


def test_a_minimal_config_has_defaults_for_the_rest():
    assert parse_config(MINIMAL).step == Step()


@pytest.mark.parametrize(("name", "most"), [("photo", 4900), ("ecg", 1000), ("imu", 1500)])
def test_the_priors_that_ship_are_small_enough_for_a_device(name, most):
    assert macs_per_sample(topology_of(load_config(name))) <= most


def test_a_config_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        load_config("ecg").levels = 2


def test_the_last_width_goes_on_for_coarser_levels():
    assert [SynthesisWidths((32, 48), (2,)).level(n) for n in (1, 2, 5)] == [(32, 2), (48, 2), (48, 2)]


def test_options_replace_fields_and_are_checked():
    config = with_options(load_config("ecg"), "training", steps=5, seed=None)
    assert (config.training.steps, config.training.seed) == (5, 1)
    with pytest.raises(InputError, match="training.batch .*Received: batch=0"):
        with_options(config, "training", batch=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a b"}, "name to be letters"),
        ({"modality": "video"}, "modality to be \"image\" or \"signal\". Received: modality='video'"),
        ({"levels": 9}, "levels to be an integer from 1 to 8"),
        ({"colours": 3}, "colours to be 1 for signals"),
        ({"synthesis": SynthesisWidths((1, 2, 3, 4, 5, 6, 7), (1,))}, "synthesis.channels to be at most 6 values"),
        ({"data": Data(length=100)}, "data.length to be a multiple of 64"),
        ({"step": Step(weights=(1.0, 2.0))}, "step.weights to be 7 numbers, or none"),
        ({"training": Training(distortion="ms-ssim")}, "training.distortion to be ms-ssim for pictures"),
    ],
)
def test_a_wrong_field_of_the_model_is_named(change, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        replace(load_config("ecg"), **change)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Step(lo=3, hi=2), "step.hi to be a number from 3.0625 to 16"),
        (lambda: Step(lo=float("nan")), "step.lo"),
        (lambda: Step(weights=(0.0,)), "step.weights to be numbers from 0.125 to 8"),
        (lambda: Training(distortion="l1"), "training.distortion"),
        (lambda: Rounding(detail=0.6), "rounding.detail to be a number from 0 to 0.5"),
        (lambda: Data(offset="mode"), "data.offset to be one of"),
        (lambda: Data(columns=(0, 1), weights=(1.0,)), "one number for each of 2 columns"),
        (lambda: Data(columns=(0, 1), weights=(0.0, 0.0)), "not all zero"),
        (lambda: Data(columns=(0, 1), resolution=(0.1, 0.1, 0.1)), "data.resolution"),
        (lambda: Training(parts=("prior", "prior")), "each once"),
        (lambda: Training(parts=("decoder",)), "some of prior, synthesis, filters"),
        (lambda: Training(positions=((0.5, 0.0, 1.0),)), "shares that sum to 1"),
        (lambda: Training(positions=((1.0, 0.7, 0.2),)), "from <= to"),
        (lambda: Training(learning_rate=0.0), "training.learning_rate"),
    ],
)
def test_a_wrong_field_of_a_section_is_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "Expected TOML"),
        ('name = "m"', "Expected a value for modality, levels"),
        (MINIMAL.replace("length = 64", "lenght = 64", 1), "Received: lenght"),
        ("speed = 3\n" + MINIMAL, "Received: speed"),
        ("data = 3\n" + MINIMAL.split("[")[0], r"Expected a table \[data\]"),
        (MINIMAL + "[training]\nbatch = 2.5\n", "training.batch to be int. Received: 2.5"),
        (MINIMAL + "[training]\nbatch = true\n", "training.batch to be int. Received: True"),
        (MINIMAL + "[training]\nparts = 'prior'\n", "training.parts to be a list"),
        (MINIMAL + "[sensor]\nunits = ['mV']\n", "sensor.units to be str"),
        (MINIMAL + "[training]\npositions = [1, 2]\n", "rows of .share, from, to."),
        (MINIMAL + "[training]\nparts = [['prior']]\n", "some of prior"),
        (MINIMAL + "[training]\nparts = [{}]\n", "types that docs/training.md names"),
        (MINIMAL + "positions = 0.5\n", "validation.positions to be a list"),
        (MINIMAL + "[synthesis]\nchannels = [[1]]\n", "synthesis.channels"),
        (MINIMAL.replace("length = 64", "length = 64\ntrain = [1]", 1), "data.train to be patterns"),
        (MINIMAL.replace("length = 64", "length = 64\ncolumns = [[0]]", 1), "data.columns"),
        (MINIMAL.replace('name = "m"', "name = 5"), "name to be str"),
    ],
)
def test_a_wrong_text_is_explained(text, message):
    with pytest.raises(InputError, match=message):
        parse_config(text)


def test_band_offsets_follow_the_order_of_the_bands():
    step = Step(weights=(2.0, 0.5, 4.0), chroma=2.0)
    config = replace(load_config("tiny-image"), levels=2, step=step)
    assert config.band_offsets() == (32, 48, 48, *[-16] * 3, *[0] * 6, *[16] * 3, *[32] * 6)
    assert load_config("ecg").band_offsets() == (0,) * 7


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="none.toml"):
        load_config(tmp_path / "none.toml")


def test_an_error_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL.replace("levels = 3", "levels = 30"))
    with pytest.raises(InputError, match=r"mine.toml: Expected levels"):
        load_config(path)


def test_model_config_is_hashable_as_a_frozen_value():
    assert isinstance(hash(load_config("photo")), int)
    assert isinstance(load_config("photo"), ModelConfig)
