"""`vaecodec train`: one run from folder of data to folder of weights."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from vaecodec.codec.errors import InputError
from vaecodec.train import weights
from vaecodec.train.config import ModelConfig
from vaecodec.train.config_io import load_config, with_options
from vaecodec.train.data.examples import Examples, load_examples
from vaecodec.train.data.files import split
from vaecodec.train.evaluate import Evaluator, Figure, score
from vaecodec.train.pictures import side_by_side
from vaecodec.train.run_folder import RunFolder
from vaecodec.train.sensing_config import Config, SensingConfig
from vaecodec.train.sensing_trainer import SensingEvaluator, SensingTrainer
from vaecodec.train.strategies import is_chief, make_strategy
from vaecodec.train.trainer import Losses, Trainer

LOG_EVERY = 20  # steps between two points of a TensorBoard curve


@dataclass(frozen=True)
class Result:
    """How a training ended.

    Attributes:
        weights: path of the float weights.
        step: steps done.
        minutes: of training.
        figures: of the last evaluation.
        finished: false if a signal ended it early; `resume` goes on.
    """

    weights: Path
    step: int
    minutes: float
    figures: tuple[Figure, ...]
    finished: bool


def train(
    config: str | Path | Config,
    data: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    init: str | Path | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    batch: int | None = None,
    strategy: str = "none",
    mixed_precision: bool = False,
    checkpoint_minutes: float = 5.0,
    quiet: bool = False,
) -> Result:
    """Trains a model.

    SIGTERM and SIGINT end it after the step at hand, with a checkpoint; `resume` goes on from there as if nothing had happened.

    Args:
        config: path of a TOML file, name of a shipped config, or the object.
        data: folder of pictures or recordings, searched with its subfolders.
        out: folder of the run, new or empty (docs/training.md says what comes into it).
        resume: go on with the run in `out`; config and options must be those it began with.
        init: weights file to start from.
        steps: length in steps, in place of the config's.
        minutes: length in minutes, in place of the config's steps.
        seed: in place of the config's.
        batch: in place of the config's.
        strategy: "none", "mirrored" (all GPUs of a machine) or "multiworker" (TF_CONFIG).
        mixed_precision: compute prior and residual synthesis in float16.
        checkpoint_minutes: between two checkpoints.
        quiet: no progress bar and no figures on the terminal.

    Raises:
        InputError: if config, data, out or an option is wrong.
    """
    config = _configured(config, steps, minutes, seed, batch)
    if mixed_precision and isinstance(config, SensingConfig):
        raise InputError("Expected float32 for compressed sensing, whose networks are small. Received: mixed_precision")
    if resume and init:
        raise InputError("Expected either resume or init. Received: both")
    folder = RunFolder(out)
    if resume:
        folder.enter(config)
    placed = make_strategy(strategy)
    chief = is_chief(placed)
    examples, fixed = _read_data(config, data)
    trainer = _trainer(config, examples, placed, mixed_precision)
    if init:
        weights.initialise(trainer.model, init)
    if resume:
        trainer.restore(str(folder.checkpoints))
    elif chief:
        folder.create(config)
    with _writing_place(folder, chief) as place:
        session = _Session(trainer, _evaluator(trainer, fixed), place, checkpoint_minutes * 60, quiet or not chief)
        return session.run()


def _configured(
    config: str | Path | Config, steps: int | None, minutes: float | None, seed: int | None, batch: int | None
) -> Config:
    if steps is not None and minutes is not None:
        raise InputError("Expected either steps or minutes. Received: both")
    config = config if isinstance(config, (ModelConfig, SensingConfig)) else load_config(config)
    if minutes is not None:
        steps = 0
    return with_options(config, "training", steps=steps, minutes=minutes, seed=seed, batch=batch)


def _read_data(config: Config, data: str | Path):
    train_files, validation_files = split(config, data)
    examples = load_examples(config, tqdm(train_files, desc="reading", unit="file", leave=False, disable=None))
    held = load_examples(config, validation_files)
    return examples, held.fixed(config.validation.length, config.validation.files)


def _trainer(config: Config, examples: Examples, strategy: tf.distribute.Strategy, mixed_precision: bool) -> Trainer:
    if isinstance(config, SensingConfig):
        return SensingTrainer(config, examples, strategy)  # type: ignore[arg-type]
    return Trainer(config, examples, strategy, mixed_precision)


def _evaluator(trainer: Trainer, examples: list[np.ndarray]) -> Evaluator | SensingEvaluator:
    return SensingEvaluator(trainer.model, examples) if isinstance(trainer, SensingTrainer) else Evaluator(trainer.model, examples)


@contextmanager
def _writing_place(folder: RunFolder, chief: bool) -> Iterator[RunFolder]:
    """The run's folder; workers that are not chief save too, as tf.distribute asks, but where it is thrown away."""
    with nullcontext() if chief else tempfile.TemporaryDirectory() as scratch:
        yield folder if scratch is None else RunFolder(scratch)


class _Session:
    """The loop around a trainer: bar, logs, evaluations, checkpoints, signals."""

    def __init__(self, trainer: Trainer, evaluator: Evaluator | SensingEvaluator, folder: RunFolder, checkpoint_seconds: float, quiet: bool):
        self.trainer, self.evaluator, self.folder, self.quiet = trainer, evaluator, folder, quiet
        self.checkpoint_seconds = checkpoint_seconds
        self.evaluation_seconds = 60 * trainer.config.validation.minutes
        self.manager = trainer.manager(str(folder.checkpoints))
        self.writer = tf.summary.create_file_writer(str(folder.logs))
        self.figures: tuple[Figure, ...] = ()
        self.stop = False

    def run(self) -> Result:
        with self._signals(), self._bar() as bar:
            self._loop(bar)
        if self.trainer.done and not self.stop:
            self.evaluate()
            if isinstance(self.trainer, SensingTrainer):
                self.trainer.finish()
        self.save()
        self.writer.close()
        t = self.trainer
        if not self.quiet:
            end = "weights in" if t.done else f"stopped at step {t.step}, --resume goes on; weights in"
            tqdm.write(f"{end} {self.folder.weights}")
        return Result(self.folder.weights, t.step, t.seconds / 60, self.figures, t.done)

    def _loop(self, bar: tqdm) -> None:
        saved = evaluated = time.monotonic()
        while not self.trainer.done and not self.stop:
            losses = self.trainer.advance()
            self._show(bar, losses)
            now = time.monotonic()
            if now - saved >= self.checkpoint_seconds:
                self.save()
                saved = now
            if now - evaluated >= self.evaluation_seconds and not self.trainer.done:
                self.evaluate()
                evaluated = time.monotonic()

    def save(self) -> None:
        """Writes a checkpoint and the weights."""
        self.manager.save(checkpoint_number=self.trainer.step)
        weights.save(self.folder.weights, self.trainer.model, self.trainer.step)

    def evaluate(self) -> None:
        """Measures the validation files, prints and keeps the figures."""
        t = self.trainer
        t.quantise_at(t.progress)
        self.figures = tuple(self.evaluator.figures())
        value = score(list(self.figures))
        line = {"step": t.step, "minutes": round(t.seconds / 60, 3), "quantised": t.model.quantised, "score": value}
        self.folder.add_figures({**line, "figures": [f.as_json() for f in self.figures]})
        self._log_figures(value)
        if not self.quiet:
            tqdm.write(f"{t.seconds / 60:.1f} min, step {t.step}: " + " | ".join(f.text() for f in self.figures) + f" | score {value:.4f}")

    def _log_figures(self, value: float) -> None:
        with self.writer.as_default(step=self.trainer.step):
            tf.summary.scalar("validation/score", value)
            for f in self.figures:
                for name, number in f.as_json().items():
                    if name in ("rate", "objective", "psnr", "ms_ssim", "ratio", "prdn"):
                        tf.summary.scalar(f"validation/{name}/position_{f.position:g}", number)
            tf.summary.image("validation/original_and_reconstruction", side_by_side(*self.evaluator.sample())[None])

    def _bar(self) -> tqdm:
        training = self.trainer.config.training
        if training.steps:
            return tqdm(total=training.steps, initial=self.trainer.step, unit="step", disable=self.quiet or None)
        layout = "{desc}: {percentage:3.0f}% of {total:.0f} s |{bar}| {elapsed}<{remaining}{postfix}"
        start = self.trainer.seconds
        return tqdm(total=60 * training.minutes, initial=start, bar_format=layout, disable=self.quiet or None)

    def _show(self, bar: tqdm, losses: Losses) -> None:
        t = self.trainer
        done = t.step if t.config.training.steps else min(t.seconds, bar.total or t.seconds)
        bar.update(done - bar.n)
        if t.step % LOG_EVERY and not t.done:
            return
        objective, rate = float(losses.objective), float(losses.rate)
        unit = "bpp" if t.config.rank == 2 else "bits a sample"
        bar.set_postfix_str(f"step {t.step}, loss {objective:.3f}, {rate:.3f} {unit}", refresh=False)
        with self.writer.as_default(step=t.step):
            tf.summary.scalar("training/loss", objective)
            tf.summary.scalar("training/rate", rate)
            tf.summary.scalar("training/distortion", losses.distortion)
            for part, optimizer in t.optimizers.items():
                tf.summary.scalar(f"training/learning_rate_{part}", optimizer.learning_rate)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the loop after the step at hand; a second one acts as usual."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def end(number: int, frame: FrameType | None) -> None:
            self.stop = True
            signal.signal(number, old[signal.Signals(number)])

        for number in old:
            signal.signal(number, end)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
