"""The weights file: named float32 arrays, the config and the step."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from vaecodec.codec.errors import InputError
from vaecodec.train import weights
from vaecodec.train.config import PriorWidths, SynthesisWidths
from vaecodec.train.model import build


@pytest.fixture(scope="module")
def model(signal_config):
    return build(signal_config)


@pytest.fixture
def path(model, tmp_path):
    weights.save(tmp_path / "weights.npz", model, 1234)
    return tmp_path / "weights.npz"


def test_a_model_comes_back_with_config_weights_and_step(model, path):
    loaded, step = weights.load(path)
    assert (loaded.config, step) == (model.config, 1234)
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_weight_has_a_name_of_its_own(model, image_config):
    for built in (model, build(image_config)):
        assert {id(v) for v in weights.named(built).values()} == {id(v) for v in built.weights}


def test_the_file_holds_float32_and_no_pickle(path):
    with np.load(path, allow_pickle=False) as file:
        kinds = {name: file[name].dtype for name in file.files}
    assert kinds.pop("step") == np.int64
    assert kinds.pop("config") == np.uint8
    assert set(kinds.values()) == {np.dtype(np.float32)}


def test_names_say_where_a_weight_belongs(path):
    with np.load(path) as file:
        assert {"analysis/level1_x", "prior/near_w0", "synthesis/level_1/inverse_x", "synthesis/level_1/enter/kernel"} <= set(file.files)


def test_weights_start_another_training_of_the_same_sizes(model, path, signal_config):
    other = build(replace(signal_config, name="other", training=replace(signal_config.training, seed=9)), trainable_filters=True)
    assert weights.initialise(other, path) == 1234
    for name, variable in weights.named(other).items():
        np.testing.assert_array_equal(variable, weights.named(model)[name])


def test_weights_of_a_wider_model_are_refused(path, signal_config):
    narrow = build(replace(signal_config, prior=PriorWidths(signal=(3, 6, 6, 16))))
    with pytest.raises(InputError, match=r"Expected prior/\S+ of shape"):
        weights.initialise(narrow, path)


def test_a_wider_model_computes_what_the_narrow_one_did(signal_config, image_config, tmp_path):
    wider = {
        signal_config: replace(signal_config, prior=PriorWidths(signal=(6, 9, 8, 20)), synthesis=SynthesisWidths((6,), (1,))),
        image_config: replace(image_config, prior=PriorWidths((8, 5, 6, 7, 9), (7, 7, 5, 8, 6)), synthesis=SynthesisWidths((5,), (1,))),
    }
    for config, wide_config in wider.items():
        narrow, wide = build(config), build(wide_config)
        rng = np.random.default_rng(5)
        for variable in narrow.trainable_variables:
            variable.assign_add(rng.normal(0, 0.1, variable.shape))
        weights.save(tmp_path / "narrow.npz", narrow, 1)
        weights.initialise(wide, tmp_path / "narrow.npz")
        shape = [2, 64, 64, 3] if config.rank == 2 else [2, 128, 1]
        x, position = rng.uniform(0, 255, shape).astype(np.float32), np.array([0.2, 0.7], np.float32)
        before, after = narrow(x, position), wide(x, position)
        np.testing.assert_allclose(after.rate, before.rate, rtol=1e-5)
        np.testing.assert_allclose(after.reconstruction, before.reconstruction, rtol=1e-4, atol=1e-3)


def test_a_model_that_matches_begins_as_one_that_does_not_but_for_its_gates(signal_config, tmp_path):
    plain = build(signal_config)
    rng = np.random.default_rng(5)
    for variable in plain.prior.trainable_variables:
        variable.assign_add(rng.normal(0, 0.1, variable.shape))
    weights.save(tmp_path / "plain.npz", plain, 1)
    matching = build(replace(signal_config, prior=replace(signal_config.prior, lags=(32, 64))))
    weights.initialise(matching, tmp_path / "plain.npz")
    x, position = rng.uniform(0, 255, [2, 128, 1]).astype(np.float32), np.array([0.2, 0.7], np.float32)
    before = plain(x, position).rate
    np.testing.assert_allclose(matching(x, position).rate, before, rtol=0.2)
    for op, bias in matching.prior.biases.items():
        bias.assign(bias - 10 if op.endswith("gate") else bias)
    np.testing.assert_allclose(matching(x, position).rate, before, rtol=1e-5)


def test_a_deeper_synthesis_begins_close_to_the_shallow_one(signal_config, tmp_path):
    shallow = build(replace(signal_config, synthesis=SynthesisWidths((4,), (1,))))
    deep = build(replace(signal_config, synthesis=SynthesisWidths((4, 6), (2, 3))))
    rng = np.random.default_rng(5)
    for variable in shallow.synthesis.trainable_variables:
        variable.assign_add(rng.normal(0, 0.1, variable.shape))
    weights.save(tmp_path / "shallow.npz", shallow, 1)
    weights.initialise(deep, tmp_path / "shallow.npz")
    x, position = rng.uniform(0, 255, [2, 128, 1]).astype(np.float32), np.array([0.2, 0.7], np.float32)
    before, after = (model(x, position).reconstruction for model in (shallow, deep))
    np.testing.assert_allclose(after, before, atol=1.0)
    assert all(np.abs(block.kernel).max() > 0 for level in deep.synthesis.steps for block in level.blocks)


def test_weights_of_another_structure_are_refused(path, signal_config):
    deep = build(replace(signal_config, levels=3))
    with pytest.raises(InputError, match=r"weights.npz, which lacks \S+"):
        weights.initialise(deep, path)


def test_a_weight_that_is_not_finite_is_refused(model, path):
    arrays = dict(np.load(path))
    arrays["prior/near_b"][0] = np.nan
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="Expected finite weights. Received: prior/near_b"):
        weights.initialise(model, path)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="Expected a weights file"):
        weights.load(path)


def test_an_archive_without_config_is_refused(path):
    arrays = dict(np.load(path))
    del arrays["config"]
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="Expected a weights file"):
        weights.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nothing.npz"):
        weights.load(tmp_path / "nothing.npz")


def test_saving_leaves_nothing_else_in_the_folder(path):
    assert [p.name for p in path.parent.iterdir()] == ["weights.npz"]
    assert zipfile.is_zipfile(path)
