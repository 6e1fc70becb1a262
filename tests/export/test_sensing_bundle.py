"""Export of compressed sensing models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.interpreter import Network
from vaecodec.codec.sensing import SensingCodec
from vaecodec.export import cli_export_bundle
from vaecodec.export.bundle import load_run
from vaecodec.export.facts import Facts
from vaecodec.export.sensing_bundle import halo, recovery_tflite, sensing_bundle
from vaecodec.train import weights
from vaecodec.train.config_io import load_config
from vaecodec.train.data.examples import Windows
from vaecodec.train.sensing import CONTEXT, RecoveryModel
from vaecodec.train.sensing_dial import finish
from vaecodec.train.sensing_trainer import covariance_of


def signals(count: int, seed: int = 1) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [np.rint(100 * np.sin(np.arange(1200) / (9 + i))[:, None] + random.normal(0, 5, (1200, 1))).astype(np.int32) for i in range(count)]


@pytest.fixture(scope="module")
def model() -> RecoveryModel:
    config = load_config("tiny-sensing")
    examples = Windows(config, signals(3))
    made = RecoveryModel(config, covariance_of(examples, CONTEXT * config.window))
    made.network.leave.kernel.assign(np.random.default_rng(1).normal(0, 0.1, made.network.leave.kernel.shape))
    finish(made, examples)
    return made


def test_the_decoder_computes_what_the_model_does(model: RecoveryModel) -> None:
    network = Network(recovery_tflite(model))
    assert network.signatures == {"ratio_0", "ratio_1"}
    for windows in (1, 2, 9):
        z = np.random.default_rng(windows).integers(-9, 9, (1, windows, len(model.phi[1]))).astype(np.float32)
        exponent = np.array([70.0], np.float32)
        wanted = model.recover(z, 1, exponent).numpy().reshape(1, windows, -1)
        np.testing.assert_allclose(network.run("ratio_1", z=z, exponent=exponent), wanted, atol=1e-3)


def test_no_window_depends_on_what_lies_beyond_the_halo(model: RecoveryModel) -> None:
    z = np.random.default_rng(3).integers(-9, 9, (1, 40, len(model.phi[1]))).astype(np.float32)
    changed, exponent = z.copy(), np.array([70.0], np.float32)
    changed[:, 20 + halo(model) + 1 :] += 5
    a, b = (model.recover(v, 1, exponent).numpy().reshape(40, -1) for v in (z, changed))
    np.testing.assert_allclose(a[:21], b[:21], atol=1e-5)


def test_a_bundle_encodes_decodes_and_says_what_it_costs(model: RecoveryModel) -> None:
    blob = sensing_bundle(model, 7, Facts("x", "2", sources=("made up, CC0",), description="Sums."), signals(1, 5))
    bundle = Bundle(blob)
    bundle.verify()
    manifest = bundle.manifest
    assert (manifest["modality"], manifest["window"], manifest["steps"], manifest["name"]) == ("sensing", 16, 7, "x")
    costs = manifest["figures"]["device_additions_per_sample"]
    assert set(costs) == {"6/16", "8/16"}
    for cost in costs.values():
        assert 0 < cost["all"] <= 12
        assert cost["all"] == pytest.approx(sum(v for k, v in cost.items() if k != "all"), abs=0.02)
    card = bundle.member("MODEL_CARD.md").decode()
    assert "made up, CC0" in card and "additions a sample" in card and "PRDN" in card
    x = signals(1, 6)[0]
    codec = SensingCodec(bundle)
    error = codec.decode(codec.encode(x, quality=90)).astype(float) - x
    assert np.sqrt(np.mean(error**2)) < 0.15 * x.std()


def test_the_same_model_gives_the_same_bytes(model: RecoveryModel) -> None:
    assert sensing_bundle(model, 1, Facts("x")) == sensing_bundle(model, 1, Facts("x"))


def test_an_unfinished_training_is_not_exported() -> None:
    with pytest.raises(InputError, match="finished training"):
        sensing_bundle(RecoveryModel(load_config("tiny-sensing")), 1, Facts("x"))


def test_weights_become_a_bundle_by_the_command(model: RecoveryModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights.save(tmp_path / "weights.npz", model, 9)
    cli_export_bundle(tmp_path / "weights.npz", tmp_path / "own.vaemodel", version="3")
    assert "own.vaemodel" in capsys.readouterr().out
    assert Bundle.open(tmp_path / "own.vaemodel").manifest["steps"] == 9
    with pytest.raises(InputError, match="filter bank"):
        load_run(tmp_path / "weights.npz")
