"""Models, data pipelines and training. Imports TensorFlow; nothing below it may.

    vaecodec.train.cli_train("photo", "photos/", "runs/photo", minutes=240)

The models are in `vaecodec.train.model`, their weights in `vaecodec.train.weights`, their configs in `vaecodec.train.config`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecodec.codec.errors import UnsupportedError

if TYPE_CHECKING:
    from vaecodec.train.command import Result
    from vaecodec.train.config import ModelConfig

__all__ = ["cli_train"]


def cli_train(config: str | Path | ModelConfig, data: str | Path, out: str | Path, **options: Any) -> Result:
    """Trains a model; `vaecodec.train.command.train` describes arguments, options and result.

    Raises:
        InputError: if config, data, out or an option is wrong.
        UnsupportedError: if TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its errors at start are about GPU libraries that it loads twice
    try:
        from vaecodec.train.command import train
    except ImportError as error:
        raise UnsupportedError(f"Training needs packages that are not installed ({error}): pip install '.[train]'") from error
    return train(config, data, out, **options)
