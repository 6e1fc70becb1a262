"""Tiny models with random weights, as a training would leave them."""

from __future__ import annotations

from functools import cache

import numpy as np

from vaecodec.export.trained import Exported, Trained, convert, from_model
from vaecodec.train.config_io import load_config
from vaecodec.train.model import CodecModel, build


@cache
def model(name: str) -> CodecModel:
    """A shipped tiny config's model with weights that are all at work."""
    built = build(load_config(name))
    rng = np.random.default_rng(3)
    for op, bias in built.prior.biases.items():
        if op.endswith("scale"):  # wide enough that few latents of a test are escapes
            bias.assign_add(np.full(bias.shape, 4.0, np.float32))
    for variable in built.prior.weights:
        variable.assign_add(rng.normal(size=variable.shape).astype(np.float32) * 0.03)
    for level in built.synthesis.steps:
        for layer in level.residual_layers():
            layer.set_weights([w + rng.normal(size=w.shape) * 0.03 for w in layer.get_weights()])
    return built


@cache
def trained(name: str) -> Trained:
    return from_model(model(name), steps=7)


@cache
def exported(name: str) -> Exported:
    return convert(trained(name))
