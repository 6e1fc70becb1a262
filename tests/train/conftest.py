"""Tiny data and models: every test of training takes seconds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from vaecodec.train.config import ModelConfig
from vaecodec.train.config_io import load_config, with_options


@pytest.fixture
def eager() -> Iterator[None]:
    """Runs steps eagerly: for a few steps, tracing would take longer than computing."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def image_config() -> ModelConfig:
    config = load_config("tiny-image")
    config = replace(config, levels=1)
    return with_options(with_options(config, "data", length=16), "validation", length=16)


@pytest.fixture(scope="session")
def signal_config() -> ModelConfig:
    config = replace(load_config("tiny-signal"), levels=2)
    return with_options(with_options(config, "data", length=32), "validation", length=32)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    ramp = np.add.outer(np.arange(40), np.arange(50))[..., None]
    for i in range(4):
        Image.fromarray((ramp * (1 + i) % 200 + rng.integers(0, 30, [40, 50, 3])).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def signal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signals")
    rng = np.random.default_rng(2)
    for i in range(4):
        wave = 200 * np.sin(np.arange(300) / (7 + i)) + rng.normal(size=300) * 5 + 1000
        np.save(folder / f"{i}.npy", np.round(np.stack([wave, -wave], 1)).astype(np.int16))
    return folder


@pytest.fixture
def unused_ports() -> list[int]:
    """Two ports that nobody listens on."""
    with socket.socket() as a, socket.socket() as b:
        for s in (a, b):
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in (a, b)]
