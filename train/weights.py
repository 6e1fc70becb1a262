"""Float weights as a file: `weights.npz`, named float32 arrays beside the config; no pickle, no optimiser state.

Members: one array a weight, named by its place in the model (`prior/1_group0_mean_w0`, `synthesis/level_1/enter/kernel`,
`analysis/level2_x` ...), `config` (TOML text) and `step` (training steps behind them).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from vaecodec.codec.bundle import HEADER_ERRORS, ZIP_ERRORS
from vaecodec.codec.errors import InputError
from vaecodec.train.config_io import dump_config, parse_config
from vaecodec.train.model import CodecModel, build
from vaecodec.train.sensing import RecoveryModel
from vaecodec.train.sensing_config import SensingConfig
from vaecodec.train.topology import Conv, Shuffle

# Start of the weights of a block that the file lacks, over what a fresh model starts with.
NEW_BLOCK = 0.01


def named(model: CodecModel) -> dict[str, tf.Variable]:
    """The weights by name, in the order of creation within each layer."""
    if isinstance(model, RecoveryModel):
        return model.named()
    found: dict[str, tf.Variable] = {}
    for part in ("colour", "unmix", "analysis", "prior"):
        layer = getattr(model, part)
        if layer is not None:
            found.update((f"{part}/{_leaf(v)}", v) for v in layer.weights)
    for level in model.synthesis.steps:
        where = f"synthesis/{level.name}"
        found.update((f"{where}/{_leaf(v)}", v) for v in level.inverse)
        for inner in level.residual_layers():
            found.update((f"{where}/{inner.name}/{_leaf(v)}", v) for v in inner.weights)
    return found


def save(path: str | Path, model: CodecModel, step: int) -> None:
    """Writes the weights; an old file stays whole until the new one is.

    Args:
        path: of the file.
        model: the model.
        step: training steps so far.
    """
    path = Path(path)
    arrays = {name: variable.numpy().astype(np.float32) for name, variable in named(model).items()}
    text = np.frombuffer(dump_config(model.config).encode(), np.uint8)
    if isinstance(model, RecoveryModel) and model.symbols:
        arrays["symbols"] = np.frombuffer(model.symbols, np.uint8)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, config=text, step=np.int64(step), **arrays)
    partial.replace(path)


def load(path: str | Path) -> tuple[CodecModel, int]:
    """Reads a model.

    Args:
        path: of a file that `save` wrote.

    Returns:
        The model and the training steps behind it.

    Raises:
        InputError: if the file is missing, damaged, or does not fit its own config.
    """
    arrays = _read(path)
    try:
        config = parse_config(bytes(arrays.pop("config")).decode())
        model = RecoveryModel(config) if isinstance(config, SensingConfig) else build(config)
        step = int(arrays.pop("step"))
    except (KeyError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise InputError(f"Expected a weights file. Received: {path} ({error})") from error
    if isinstance(model, RecoveryModel):
        model.symbols = arrays.pop("symbols", np.empty(0, np.uint8)).tobytes()
    _assign(model, arrays, str(path))
    return model, step


def initialise(model: CodecModel, path: str | Path) -> int:
    """Takes over weights of another training; the config may differ in all but the layers.

    Layers may be wider than those of the file, residual networks of the synthesis deeper, and Match operations new. The larger model computes
    what the small one did, but for gates that begin ajar: new channels keep their random start, and what they feed into the old ones is 0 (as
    in Chen et al. 2016, "Net2Net", there with copies instead of zeros); new blocks keep a hundredth of their random start, for nothing at all
    would never learn under a ReLU.

    Returns:
        The training steps behind the weights.

    Raises:
        InputError: if the file is missing or damaged, or a weight lacks or is larger than the model's.
    """
    arrays = _read(path)
    step = arrays.pop("step", np.int64(0))
    arrays.pop("config", None)
    if isinstance(model, RecoveryModel):  # what it sends is found anew for its own measurements
        arrays.pop("symbols", None)
        _assign(model, arrays, str(path))
        return int(step)
    _assign(model, _matched(model, _deepened(model, _widened(model, arrays))), str(path))
    return int(step)


def _deepened(model: CodecModel, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays with those of blocks that the file's residual networks do not have."""
    variables = named(model)
    new = {name for name in variables if name not in arrays and "/block" in name and name.replace(_block(name), "block0") in arrays}
    return arrays | {name: NEW_BLOCK * variables[name].numpy() for name in new}


def _matched(model: CodecModel, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays with those that Match operations need where the file knows of none: nothing comes from what was matched, but gates are ajar."""
    missing = {name: variable.numpy() for name, variable in named(model).items() if name not in arrays and name.startswith("prior/")}
    if model.prior.matcher is None:
        return arrays
    return arrays | {name: fresh if "_gate_" in name else np.zeros_like(fresh) for name, fresh in missing.items()}


def _block(name: str) -> str:
    """The part of a weight's name that numbers its block."""
    return next(part for part in name.split("/") if part.startswith("block"))


def _widened(model: CodecModel, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays brought to the model's shapes where these are larger; others stay as they are."""
    packed = {op.name.replace(".", "_") for stage in model.topology.stages for op in stage.prelude if isinstance(op, Conv)
              and any(isinstance(s, Shuffle) and s.source == op.out for s in stage.prelude)}  # fmt: skip
    out = {}
    for name, variable in named(model).items():
        if name not in arrays:
            continue
        quarters = any(name.startswith(f"prior/{conv}_") for conv in packed)  # four sites side by side on the last axis
        out[name] = _grown(arrays[name], variable.numpy(), 4 if quarters else 1)
    return arrays | out


def _grown(old: np.ndarray, fresh: np.ndarray, groups: int) -> np.ndarray:
    """`old` in the first places of every axis of `fresh`, zeros where a new input (last but one axis) meets an old output (last axis).

    Args:
        old: trained values.
        fresh: initial values of the shape wanted.
        groups: equal parts of the last axis, each of which grows by itself.
    """
    if old.ndim != fresh.ndim or old.shape == fresh.shape or any(a > b for a, b in zip(old.shape, fresh.shape)):
        return old
    split_old, split_fresh = (x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups) for x in (old, fresh))
    grown = split_fresh.copy()
    grown[..., : split_old.shape[-1]] = 0
    grown[tuple(slice(n) for n in split_old.shape)] = split_old
    return grown.reshape(fresh.shape)


def _assign(model: CodecModel, arrays: dict[str, np.ndarray], path: str) -> None:
    variables = named(model)
    missing, unknown = sorted(set(variables) - set(arrays)), sorted(set(arrays) - set(variables))
    if missing or unknown:
        name = (missing or unknown)[0]
        raise InputError(f"Expected the weights of this config. Received: {path}, which {'lacks' if missing else 'has besides'} {name}")
    for name, variable in variables.items():
        if arrays[name].shape != tuple(variable.shape):
            raise InputError(f"Expected {name} of shape {tuple(variable.shape)}. Received: {arrays[name].shape} in {path}")
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"Expected finite weights. Received: {name} in {path} has others")
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _read(path: str | Path) -> dict[str, np.ndarray]:
    try:
        with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)
    except (*ZIP_ERRORS, *HEADER_ERRORS, AttributeError, TypeError, MemoryError) as error:
        raise InputError(f"Expected a weights file. Received: {path} ({error})") from error


def _leaf(variable: tf.Variable) -> str:
    return variable.name.rpartition(":")[0].rpartition("/")[2]
