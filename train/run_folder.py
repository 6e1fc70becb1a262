"""The folder of a run.

    RUN/config.toml       the config with all its fields, options of the command included
        weights.npz       the float weights, as of the last checkpoint
        checkpoints/      everything needed to go on: weights, optimisers, step, time
        figures.jsonl     one line an evaluation
        logs/             TensorBoard events
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from vaecodec.codec.errors import InputError
from vaecodec.train.config_io import dump_config, load_config
from vaecodec.train.sensing_config import Config


class RunFolder:
    """Paths in a run's folder, and the rules for making and entering it.

    Args:
        path: of the folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config = self.path / "config.toml"
        self.weights = self.path / "weights.npz"
        self.checkpoints = self.path / "checkpoints"
        self.figures = self.path / "figures.jsonl"
        self.logs = self.path / "logs"

    def create(self, config: Config) -> None:
        """Makes the folder of a new run.

        Raises:
            InputError: if it exists and holds anything.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise InputError(f"Expected a new or empty folder for the run. Received: {self.path}, which is not (--resume goes on with a run)")
        self.path.mkdir(parents=True, exist_ok=True)
        self.config.write_text(dump_config(config), encoding="utf-8")

    def enter(self, config: Config) -> None:
        """Checks that the folder holds a run of this config, which may differ in its validation alone.

        Raises:
            InputError: if there is no run, or its config is another.
        """
        if not self.config.is_file():
            raise InputError(f"Expected the folder of a run to resume. Received: {self.path}, which has no config.toml")
        old = replace(load_config(self.config), validation=config.validation)
        if old != config:
            raise InputError(f"Expected the config and options that the run began with. Received: {_difference(old, config)}")

    def add_figures(self, line: dict[str, Any]) -> None:
        """Appends an evaluation."""
        with self.figures.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _difference(old: Config, new: Config) -> str:
    pairs = zip(dump_config(old).splitlines(), dump_config(new).splitlines(), strict=True)
    a, b = next((a, b) for a, b in pairs if a != b)
    return f"{b}, was {a}"
