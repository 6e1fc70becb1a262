"""Training of compressed sensing models: configs, the linear estimate, runs, prior and dial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from vaecodec.codec.errors import InputError
from vaecodec.codec.sensing_model import SenseModel, Term
from vaecodec.train import cli_train, weights
from vaecodec.train.config_io import dump_config, load_config, parse_config, with_options
from vaecodec.train.data.examples import Windows
from vaecodec.train.sensing import CONTEXT, RecoveryModel, autocovariance, cells, hat
from vaecodec.train.sensing_config import SensingConfig
from vaecodec.train.sensing_dial import dial
from vaecodec.train.sensing_prior import candidates, fit_cell, greedy, measured
from vaecodec.train.sensing_trainer import entropy


@pytest.fixture(scope="module")
def config() -> SensingConfig:
    loaded = load_config("tiny-sensing")
    assert isinstance(loaded, SensingConfig)
    return loaded


def walk(length: int, seed: int = 1, scale: float = 300.0) -> np.ndarray:
    """A smooth signal [length]."""
    x = np.convolve(np.random.default_rng(seed).normal(size=length + 8), np.hanning(9), "valid")
    return scale * (x - x.mean())


def test_configs_are_read_and_written(config: SensingConfig) -> None:
    assert parse_config(dump_config(config)) == config
    shipped = load_config("ecg-cs")
    assert isinstance(shipped, SensingConfig)
    assert parse_config(dump_config(shipped)) == shipped
    assert shipped.levels == 7
    assert all(np.count_nonzero(shipped.matrix(ratio)[0], axis=0).max() <= 4 for ratio in range(3))


def changed(config: SensingConfig, field: str, value: object) -> SensingConfig:
    section, _, name = field.rpartition(".")
    return replace(config, **({section: replace(getattr(config, section), **{name: value})} if section else {name: value}))


@pytest.mark.parametrize(("field", "value"), [
    ("window", 24), ("window", 4), ("name", "a b"), ("modality", "signal"),
    ("measure.ratios", ()), ("measure.ratios", (("sum 5",),)), ("measure.ratios", (("sum",), ("sum 8",))), ("measure.ratios", ((), ("sum 8",))),
    ("measure.steps", ((1.0, 2.0),)), ("measure.steps", ((2.0, 1.0), (1.0, 2.0))), ("measure.rounding", 0.6), ("measure.shares", (1,)),
    ("measure.shares", (0, 1)), ("recovery.block", 3), ("recovery.dilations", (0,)), ("recovery.nodes", 1), ("data.length", 100),
    ("validation.length", 8), ("training.parts", ("prior",)),
])  # fmt: skip
def test_wrong_fields_are_named(config: SensingConfig, field: str, value: object) -> None:
    with pytest.raises(InputError, match="Expected"):
        changed(config, field, value)


def test_ratios_take_turns_by_their_shares(config: SensingConfig) -> None:
    assert replace(config.measure, shares=(1, 3)).order() == [0, 1, 1, 1]
    assert config.measure.order() == [0, 1]


def test_the_linear_estimate_is_the_least_mean_square_one(config: SensingConfig) -> None:
    covariance = autocovariance([walk(4000)], CONTEXT * config.window)
    model = RecoveryModel(config, covariance)
    x = tf.constant(walk(640, 2)[None], tf.float32)
    position = tf.constant([0.0])
    exponent = model.exponent(1, position)
    z = model.measure(x, 1, exponent)
    scale = 2.0 ** (float(exponent[0]) / 32)
    estimate = model.recover(z, 1, exponent)[0].numpy() * scale
    plain = (z[0].numpy() * model.steps(1, exponent)[0].numpy()) @ model.inverse[1].T
    truth = x[0].numpy()[16:-16]
    assert np.linalg.norm(estimate[16:-16] - truth) < 0.9 * np.linalg.norm(plain.reshape(-1)[16:-16] - truth)


def test_consistency_puts_measurements_into_their_cells(config: SensingConfig) -> None:
    model = RecoveryModel(config)
    position = tf.constant([0.5])
    z, exponent, x_hat = model.reconstruct(tf.constant(walk(160)[None], tf.float32), 1, position)
    y = x_hat[0].numpy().reshape(-1, config.window) @ model.phi[1].T / model.steps(1, exponent)[0].numpy()
    low, high = (end[0].numpy() for end in cells(z, config.measure.rounding))
    assert np.all((y > low - 1e-3) & (y < high + 1e-3))


def test_consistency_never_moves_samples_away_from_the_truth(config: SensingConfig) -> None:
    model = RecoveryModel(config)
    x = tf.constant(walk(160)[None], tf.float32)
    exponent = model.exponent(1, tf.constant([0.5]))
    z, scale = model.measure(x, 1, exponent), 2.0 ** (float(exponent[0]) / 32)
    guess = x / scale + tf.random.stateless_normal(x.shape, [1, 2]) * 3
    moved = model.consistent(guess, z, 1)
    assert np.linalg.norm(moved - x / scale) < np.linalg.norm(guess - x / scale)


def test_positions_lie_between_nodes() -> None:
    assert hat(tf.constant([0.0, 0.25, 1.0]), 3).numpy().tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]


@pytest.fixture(scope="module")
def finished(config: SensingConfig, signal_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """A run of four steps."""
    out = tmp_path_factory.mktemp("sensing") / "run"
    return out, cli_train(config, signal_folder, out, quiet=True)


def test_a_run_ends_with_weights_and_symbols(finished, config: SensingConfig) -> None:
    out, result = finished
    assert result.finished
    model, step = weights.load(out / "weights.npz")
    assert step == 4
    assert model.config == config
    symbols = SenseModel(model.symbols)
    assert symbols.window == config.window
    assert {ratio for _, ratio, _ in symbols.dial} <= {0, 1}
    assert np.array_equal(symbols.ratios[1].phi, config.matrix(1)[0])
    assert len(result.figures) == 4
    assert all(f.prdn > 0 and f.ratio > 1 for f in result.figures)


def test_a_run_goes_on_from_weights_and_from_its_checkpoint(finished, config: SensingConfig, signal_folder: Path, tmp_path: Path) -> None:
    out, _ = finished
    again = cli_train(config, signal_folder, tmp_path / "again", init=out / "weights.npz", steps=1, quiet=True)
    assert again.finished
    assert cli_train(config, signal_folder, out, resume=True, quiet=True).step == 4


def test_weights_of_another_config_are_refused(finished, config: SensingConfig, signal_folder: Path, tmp_path: Path) -> None:
    wider = with_options(config, "recovery", channels=5)
    with pytest.raises(InputError, match="shape"):
        cli_train(wider, signal_folder, tmp_path / "run", init=finished[0] / "weights.npz", quiet=True)


def test_measurements_of_training_are_those_of_the_core(finished, config: SensingConfig) -> None:
    symbols = SenseModel(weights.load(finished[0] / "weights.npz")[0].symbols)
    x = np.rint(walk(16 * 50)).astype(np.int16)
    t = next(t for t in range(symbols.codes) if symbols.dial[t][1] == 1)
    core = symbols.measure(x[:, None], t)[:, 0]
    there = measured(config, 1, x.astype(float), symbols.dial[t][0])
    assert np.all(np.abs(core - there) <= 1 + 0.008 * np.abs(there))  # multipliers are rounded to 7 bits


# --- the prior and the dial ---


def test_terms_are_found_that_predict() -> None:
    random = np.random.default_rng(1)
    values = random.normal(0, 5, (4000, 3))
    target = values[:, 0] / 2 - values[:, 2] / 4 + random.normal(0, 0.1, 4000)
    near = [Term(0, False, 0), Term(1, False, 0), Term(2, True, 0)]
    terms = greedy(values, target, np.ones(4000), near, 4, signed=True)
    assert {(t.row, t.before, t.shift, t.minus) for t in terms} == {(0, False, 3, False), (2, True, 2, True)}


def test_candidates_are_known_before(config: SensingConfig) -> None:
    phi, _ = config.matrix(1)
    for row in range(len(phi)):
        assert all(term.before or term.row < row for term in candidates(phi, row))


def test_scale_and_spike_are_found() -> None:
    random = np.random.default_rng(2)
    wide = np.rint(random.logistic(0, 8, 4000))
    scale, spike = fit_cell(wide, np.zeros(4000))
    assert abs(scale - 28) <= 1
    assert spike < 16
    mostly_zero = np.where(random.random(4000) < 0.9, 0, wide)
    assert fit_cell(mostly_zero, np.zeros(4000))[1] > 32


def test_the_dial_takes_the_cheaper_ratio_at_every_error() -> None:
    exponents = np.arange(0, 64, 8)
    error = exponents / 32
    fine = exponents, 2 - error, error
    coarse = exponents, 1.5 - error / 2, error + 0.5
    found = dial([coarse, fine], [[0], [0, 30]])
    numbers = [ratio for _, ratio, _ in found]
    assert numbers[0] == 1
    assert all(bank == (e >= 30) for e, ratio, bank in found if ratio == 1)
    assert [e for e, ratio, _ in found if ratio == 1] == sorted(e for e, ratio, _ in found if ratio == 1)


def test_entropy_is_by_pattern() -> None:
    z = np.array([[0.0, 5.0], [0.0, 6.0]] * 8)
    assert entropy(z, np.array([0, 1])) == pytest.approx(1.0)
    assert entropy(z, np.array([0, 0])) == pytest.approx(2 * 1.5)


def test_examples_are_windows(config: SensingConfig) -> None:
    windows = Windows(config, [np.zeros((50, 1), np.int32)])
    assert windows.fixed(1000, 1)[0].shape[0] % config.window == 0
