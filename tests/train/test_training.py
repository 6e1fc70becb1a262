"""Runs: from a folder of data to a folder of weights, interrupted, resumed, begun from weights, on several devices."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from vaecodec.codec.errors import InputError
from vaecodec.train import cli_train, weights
from vaecodec.train.command import train
from vaecodec.train.config import Training
from vaecodec.train.config_io import dump_config, load_config, with_options
from vaecodec.train.data.examples import load_examples
from vaecodec.train.evaluate import Evaluator, score
from vaecodec.train.objective import dissimilarity
from vaecodec.train.run_folder import RunFolder
from vaecodec.train.schedule import learning_rate, progress
from vaecodec.train.strategies import check_batch
from vaecodec.train.trainer import Trainer, _finite

eagerly = pytest.mark.usefixtures("eager")


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name != "config"}


def assert_equal_weights(a: Path, b: Path) -> None:
    x, y = arrays(a), arrays(b)
    assert set(x) == set(y)
    for name in x:
        np.testing.assert_array_equal(x[name], y[name], err_msg=name)


@pytest.fixture(scope="module")
def finished(signal_config, signal_folder, tmp_path_factory):
    """A whole run of four steps, as graphs."""
    out = tmp_path_factory.mktemp("finished") / "run"
    return out, cli_train(signal_config, signal_folder, out, quiet=True)


def test_a_run_leaves_config_weights_checkpoint_figures_and_logs(finished, signal_config):
    out, result = finished
    assert load_config(out / "config.toml") == signal_config
    assert {p.name for p in out.iterdir()} == {"config.toml", "weights.npz", "checkpoints", "figures.jsonl", "logs"}
    model, step = weights.load(result.weights)
    assert (model.config, step, result.step, result.finished) == (signal_config, 4, 4, True)


def test_figures_are_kept_as_json_lines(finished):
    out, result = finished
    (line,) = map(json.loads, (out / "figures.jsonl").read_text().splitlines())
    assert line["step"] == 4
    assert [f["position"] for f in line["figures"]] == [0.3, 0.8]
    fine, coarse = line["figures"]
    assert fine["rate"] > coarse["rate"]
    assert fine["prdn"] < coarse["prdn"]
    assert fine["ratio"] == pytest.approx(11 / fine["rate"])
    assert [f.rate for f in result.figures] == [fine["rate"], coarse["rate"]]


def test_logs_hold_curves_and_a_picture(finished):
    (log,) = (finished[0] / "logs").iterdir()
    events = list(tf.compat.v1.train.summary_iterator(str(log)))
    tags = {value.tag for event in events for value in event.summary.value}
    assert {"training/loss", "training/rate", "validation/score", "validation/prdn/position_0.3"} <= tags
    assert "validation/original_and_reconstruction" in tags


def test_a_run_resumed_equals_one_that_was_never_interrupted(finished, signal_config, signal_folder, tmp_path, monkeypatch):
    """Interrupted after two of four steps, where the integer grids begin as well."""
    advance = Trainer.advance

    def interrupted(self):
        losses = advance(self)
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return losses

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", interrupted)
        first = train(signal_config, signal_folder, tmp_path / "run", quiet=True)
    assert (first.step, first.finished) == (2, False)
    second = train(signal_config, signal_folder, tmp_path / "run", resume=True, quiet=True)
    assert (second.step, second.finished) == (4, True)
    assert_equal_weights(finished[0] / "weights.npz", second.weights)


@eagerly
def test_sigint_ends_a_run_with_a_checkpoint_and_old_handlers_return(signal_config, signal_folder, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    advance = Trainer.advance
    monkeypatch.setattr(Trainer, "advance", lambda self: (advance(self), os.kill(os.getpid(), signal.SIGINT))[0])
    result = train(signal_config, signal_folder, tmp_path / "run", quiet=True)
    assert (result.step, result.finished) == (1, False)
    assert signal.getsignal(signal.SIGINT) is before
    assert tf.train.latest_checkpoint(str(tmp_path / "run" / "checkpoints")).endswith("ckpt-1")


@eagerly
def test_training_works_outside_of_the_main_thread(signal_config, signal_folder, tmp_path):
    results = []
    run = threading.Thread(target=lambda: results.append(train(signal_config, signal_folder, tmp_path / "run", steps=1, quiet=True)))
    run.start()
    run.join()
    assert results[0].finished


@eagerly
@pytest.mark.parametrize("kind", ["image", "signal"])
def test_a_few_steps_improve_the_figures(kind, request):
    config = with_options(request.getfixturevalue(f"{kind}_config"), "training", steps=8, learning_rate=3e-3, warmup=1, quantise_from=1.0)
    examples = load_examples(config, sorted(request.getfixturevalue(f"{kind}_folder").iterdir()))
    trainer = Trainer(config, examples, tf.distribute.get_strategy())
    evaluator = Evaluator(trainer.model, examples.fixed(16, 2))
    before = score(evaluator.figures())
    for _ in range(8):
        trainer.advance()
    assert score(evaluator.figures()) < before


def test_a_run_for_ms_ssim_improves_it(image_config, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("vaecodec.train.trainer.dissimilarity", lambda x, x_hat: seen.append(x.shape) or dissimilarity(x, x_hat))
    rng = np.random.default_rng(1)
    ramp = np.add.outer(np.arange(192), np.arange(192))[..., None] * 0.4
    for i in range(2):
        Image.fromarray((ramp + rng.integers(0, 60, [192, 192, 3])).astype(np.uint8)).save(tmp_path / f"{i}.png")
    config = with_options(with_options(image_config, "data", length=192), "validation", length=192, positions=(0.6,))
    config = with_options(config, "training", distortion="ms-ssim", steps=4, batch=2, learning_rate=3e-3, warmup=1, quantise_from=1.0)
    examples = load_examples(config, sorted(tmp_path.iterdir()))
    trainer = Trainer(config, examples, tf.distribute.get_strategy())
    evaluator = Evaluator(trainer.model, examples.fixed(192, 1))
    (before,) = evaluator.figures()
    for _ in range(4):
        trainer.advance()
    (after,) = evaluator.figures()
    assert score([after]) < score([before])
    assert seen == [(2, 192, 192, 3)]  # once, when the step became a graph: the squared error would improve the score as well
    assert "MS-SSIM" in after.text()


@eagerly
def test_an_image_run_gives_figures_in_decibels(image_config, image_folder, tmp_path):
    result = train(image_config, image_folder, tmp_path / "run", steps=1, quiet=True)
    assert all(5 < f.psnr < 60 and f.prdn is None for f in result.figures)
    assert len(result.figures[0].stages) == image_config.levels + 1


@eagerly
def test_filters_move_when_the_config_says_so(finished, signal_config, signal_folder, tmp_path):
    config = with_options(signal_config, "training", parts=("filters",), filters_rate=1.0, steps=1)
    after = arrays(train(config, signal_folder, tmp_path / "run", init=finished[1].weights, quiet=True).weights)
    before = arrays(finished[1].weights)
    changed = {name for name in after if name != "step" and not np.array_equal(after[name], before[name])}
    assert changed == {"analysis/level1_x", "analysis/level2_x", "synthesis/level_1/inverse_x", "synthesis/level_2/inverse_x"}


@eagerly
def test_only_the_parts_named_move(finished, signal_config, signal_folder, tmp_path):
    config = with_options(signal_config, "training", parts=("synthesis",), steps=1)
    after = arrays(train(config, signal_folder, tmp_path / "run", init=finished[1].weights, quiet=True).weights)
    before = arrays(finished[1].weights)
    changed = {name.split("/")[0] for name in after if name != "step" and not np.array_equal(after[name], before[name])}
    assert changed == {"synthesis"}


@eagerly
def test_init_begins_with_the_weights_of_a_file(finished, signal_config, signal_folder, tmp_path):
    config = with_options(signal_config, "training", learning_rate=1e-12)
    begun = arrays(train(config, signal_folder, tmp_path / "run", init=finished[1].weights, steps=1, quiet=True).weights)
    for name, value in arrays(finished[1].weights).items():
        if name != "step":
            np.testing.assert_allclose(begun[name], value, atol=1e-6)
    assert begun["step"] == 1


def test_a_folder_that_holds_something_is_not_written_to(signal_config, signal_folder, tmp_path):
    (tmp_path / "precious").write_text("data")
    with pytest.raises(InputError, match="new or empty folder .*resume"):
        train(signal_config, signal_folder, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_resume_needs_a_run(signal_config, signal_folder, tmp_path):
    with pytest.raises(InputError, match="has no config.toml"):
        train(signal_config, signal_folder, tmp_path, resume=True)


def test_resume_needs_the_config_that_the_run_began_with(finished, signal_config, signal_folder):
    with pytest.raises(InputError, match="Received: seed = 5, was seed = 1"):
        train(signal_config, signal_folder, finished[0], resume=True, seed=5)


def test_resume_with_a_damaged_checkpoint_is_explained(signal_config, signal_folder, tmp_path):
    RunFolder(tmp_path / "run").create(signal_config)
    with pytest.raises(InputError, match="Expected a checkpoint. Received: none"):
        train(signal_config, signal_folder, tmp_path / "run", resume=True)
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir()
    (folder / "checkpoint").write_text('model_checkpoint_path: "ckpt-3"\n')
    (folder / "ckpt-3.index").write_bytes(b"broken")
    with pytest.raises(InputError, match="Expected a checkpoint"):
        train(signal_config, signal_folder, tmp_path / "run", resume=True)


@pytest.mark.parametrize("name", ["checkpoint", "data", "index"])
def test_resume_with_a_checkpoint_cut_short_is_explained(finished, signal_folder, tmp_path, name):
    shutil.copytree(finished[0], tmp_path / "run")
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        if name in path.name:
            path.write_bytes(path.read_bytes()[: 0 if name == "checkpoint" else path.stat().st_size // 2])
    with pytest.raises(InputError, match="Expected a checkpoint"):
        train(load_config(tmp_path / "run" / "config.toml"), signal_folder, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True, "init": "x"}, "either resume or init"),
        ({"steps": 1, "minutes": 1.0}, "either steps or minutes"),
        ({"strategy": "tpu"}, "strategy among none, mirrored, multiworker"),
        ({"strategy": "multiworker"}, "Expected TF_CONFIG"),
        ({"init": "no-file.npz"}, "no-file.npz"),
        ({"batch": 0}, "training.batch"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(signal_config, signal_folder, tmp_path, monkeypatch, options, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=message):
        train(signal_config, signal_folder, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@eagerly
def test_minutes_end_a_run_by_the_clock(signal_config, signal_folder, tmp_path):
    result = train(signal_config, signal_folder, tmp_path / "run", minutes=0.001, quiet=True)
    assert result.finished
    assert result.minutes >= 0.001


@eagerly
def test_mixed_precision_trains_nearly_as_float32(signal_config, signal_folder):
    examples = load_examples(signal_config, sorted(signal_folder.iterdir()))
    losses = []
    for mixed in (False, True):
        trainer = Trainer(signal_config, examples, tf.distribute.get_strategy(), mixed)
        losses.append([float(trainer.advance().objective) for _ in range(3)])
    assert trainer.model.prior.compute_dtype == "float16"
    assert all(v.dtype == tf.float32 for v in trainer.model.weights)
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.02)


def test_the_model_goes_onto_its_grids_at_the_share_of_the_config(signal_config, signal_folder):
    config = with_options(signal_config, "training", quantise_from=0.5)
    trainer = Trainer(config, load_examples(config, sorted(signal_folder.iterdir())), tf.distribute.get_strategy())
    states = []
    for done in (0.0, 0.49, 0.5, 1.0):
        trainer.quantise_at(done)
        states.append(trainer.model.quantised)
    assert states == [False, False, True, True]


def test_quantise_from_one_means_never(signal_config, signal_folder):
    config = with_options(signal_config, "training", quantise_from=1.0)
    trainer = Trainer(config, load_examples(config, sorted(signal_folder.iterdir())), tf.distribute.get_strategy())
    trainer.quantise_at(1.0)
    assert not trainer.model.quantised


def test_gradients_that_overflow_change_nothing(signal_config, signal_folder):
    bad = _finite([tf.constant([1.0, math.inf]), tf.constant([2.0])])
    assert [g.numpy().tolist() for g in bad] == [[0.0, 0.0], [0.0]]
    assert _finite([tf.constant([1.0])])[0].numpy().tolist() == [1.0]


def test_learning_rate_warms_up_and_falls_to_one_percent():
    training = Training(learning_rate=2.0, warmup=10)
    assert learning_rate(training, 0, 0.0) == pytest.approx(0.2)
    assert learning_rate(training, 9, 0.0) == pytest.approx(2.0)
    assert learning_rate(training, 500, 0.5) == pytest.approx(1.01)
    assert learning_rate(training, 1000, 1.0) == pytest.approx(0.02)


def test_progress_counts_steps_where_the_config_does_and_seconds_otherwise():
    assert progress(Training(steps=10), 5, 1e9) == 0.5
    assert progress(Training(minutes=2.0), 5, 30.0) == 0.25
    assert progress(Training(minutes=0.0), 0, 0.0) == 1.0


SCRIPT = """
import json, sys
import tensorflow as tf
out, config, data, strategy, devices = sys.argv[1:]
if int(devices) > 1:
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * int(devices))
from vaecodec.train import cli_train
result = cli_train(config, data, out, strategy=strategy, quiet=True)
print(json.dumps([result.step, result.finished, str(result.weights)]))
"""


def start(out: Path, config: Path, data: Path, strategy: str, devices: int = 1, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(out), str(config), str(data), strategy, str(devices)]
    return subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=out.parent)


def finish(process: subprocess.Popen[str]) -> list:
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr[-3000:]
    return json.loads(stdout.splitlines()[-1])


def assert_close_weights(a: Path, b: Path) -> None:
    """Sums over replicas round otherwise than sums over a batch, and Adam's first steps magnify that."""
    x, y = arrays(a), arrays(b)
    for name in x:
        np.testing.assert_allclose(x[name], y[name], rtol=1e-3, atol=2e-4, err_msg=name)


@pytest.fixture(scope="module")
def shared_config(signal_config):
    """One level and one graph: quick to trace in several processes."""
    config = with_options(replace(signal_config, levels=1), "training", steps=2, quantise_from=1.0)
    return with_options(config, "validation", positions=(0.5,), files=1)


@pytest.fixture
def alone(shared_config, signal_folder, tmp_path, eager):
    """The same training on one device, and the config as a file."""
    (tmp_path / "config.toml").write_text(dump_config(shared_config))
    return train(shared_config, signal_folder, tmp_path / "alone", quiet=True).weights


def test_two_mirrored_devices_train_as_one(alone, signal_folder, tmp_path):
    step, done, _ = finish(start(tmp_path / "run", tmp_path / "config.toml", signal_folder, "mirrored", 2))
    assert (step, done) == (2, True)
    assert_close_weights(alone, tmp_path / "run" / "weights.npz")


def test_two_workers_train_as_one_and_the_chief_writes(alone, signal_folder, tmp_path, unused_ports):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in unused_ports]}
    tasks = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}) for i in range(2)]
    workers = [start(tmp_path / "run", tmp_path / "config.toml", signal_folder, "multiworker", TF_CONFIG=task) for task in tasks]
    try:
        results = [finish(worker) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [r[:2] for r in results] == [[2, True]] * 2
    assert results[0][2] == str(tmp_path / "run" / "weights.npz")
    assert_close_weights(alone, tmp_path / "run" / "weights.npz")
    assert len((tmp_path / "run" / "figures.jsonl").read_text().splitlines()) == 1


def test_a_batch_that_does_not_split_is_refused(signal_config):
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(InputError, match="multiple of 3"):
        check_batch(signal_config, Three())
