"""Samples to the integers that the analysis takes, and back: dtype, step, offset, shift (docs/format.md, section 8)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.arguments import shown
from vaecodec.codec.container import SAMPLE_TYPES
from vaecodec.codec.errors import FormatError, InputError

__all__ = ["Scaling", "clipped", "find_step", "read_steps", "read_zeros", "restore", "rounding_shift", "to_integers"]

Integers = NDArray[np.int64]
Samples = NDArray[np.generic]

INT32 = 1 << 31
# Other dtypes travel as one of the seven, and come back by the `dtype` key of the JSON metadata.
CARRIERS = {"int64": 5, "uint32": 5, "uint64": 5, "float16": 6, "bool": 2}
CODES = {name: code for code, name in SAMPLE_TYPES.items()}
# A value on a grid that is not decimal is this close to it, in steps.
GRID_TOLERANCE = 0.02
# Units that a float signal should span at least: quantisation at the finest quality takes one or two.
LEAST_SPAN = 128


@dataclass(frozen=True)
class Scaling:
    """How samples became integers.

    Attributes:
        sample_type: code of the header.
        dtype: NumPy dtype of the caller's array.
        steps: for float samples, the value of one unit of each channel; None for integer ones.
        zeros: for float samples that lie too far from 0 for 32 bits, the value of the integer 0 of each channel; None: all are 0.
    """

    sample_type: int
    dtype: str
    steps: tuple[float, ...] | None = None
    zeros: tuple[float, ...] | None = None


def to_integers(array: Samples, bits: int, step: float | Sequence[float] | None = None) -> tuple[Integers, Scaling]:
    """Turns samples `[N, channels]` of any integer or float dtype into integers below 2^31 in size.

    Args:
        array: samples.
        bits: for float samples that lie on no grid, resolution of each channel's range.
        step: for float samples, the value of one unit, one for all channels or one each; found unless given.

    Raises:
        InputError: dtype, NaN, infinity, or values that do not fit.
    """
    name = array.dtype.name
    if array.dtype.kind not in "iufb" or (name not in CODES and name not in CARRIERS):
        raise InputError(f"expected integer or float samples of at most 64 bits; received dtype {name}")
    code = CODES.get(name) or CARRIERS[name]
    if array.dtype.kind == "f":
        values = array.astype(np.float64)
        if not np.isfinite(values).all():
            raise InputError("samples must be finite; received NaN or infinity: fill the gaps first")
        steps, zeros = _grids(values, bits, step)
        moved = tuple(zeros.tolist()) if zeros.any() else None
        return _checked(np.rint((values - zeros) / steps)), Scaling(code, name, tuple(steps.tolist()), moved)
    if step is not None:
        raise InputError(f"step is for float samples; these are {name}")
    return _checked(array), Scaling(code, name)


def restore(integers: NDArray[np.float64], sample_type: int, steps: Sequence[float] | None, zeros: Sequence[float] | None = None) -> Samples:
    """Rounds, scales and clips decoded values `[N, channels]` to the stream's sample type; steps and zeros as in `Scaling`."""
    dtype = np.dtype(SAMPLE_TYPES[sample_type])
    whole = np.rint(integers)
    if dtype.kind == "f":
        whole = whole * np.asarray(steps) + (0.0 if zeros is None else np.asarray(zeros))
    return clipped(whole, dtype)


def clipped(values: Samples, dtype: np.dtype[Any]) -> Samples:
    """Values as another dtype; those beyond its range come to its end."""
    if dtype.kind == "b":
        return values.astype(dtype)
    limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    if values.dtype.kind in "iu":  # A carrier is never wider upwards than what it carries.
        return np.maximum(values, max(limits.min, -INT32)).astype(dtype)
    return np.asarray(np.clip(values, limits.min, limits.max).astype(dtype))


def rounding_shift(values: Integers, shift: int) -> Integers:
    """`(v + 2^(shift-1)) >> shift`, or `v << -shift` for a negative shift."""
    if shift <= 0:
        return values << -shift
    return (values + (1 << (shift - 1))) >> shift


def read_steps(value: object, channels: int) -> tuple[float, ...]:
    """The JSON metadata's `step`, checked.

    Raises:
        FormatError: not one positive, finite number a channel.
    """
    good = isinstance(value, list) and len(value) == channels and all(type(v) in (int, float) and 0 < v <= sys.float_info.max for v in value)
    if not good:
        raise FormatError("a float signal needs metadata with a positive step for each channel")
    assert isinstance(value, list)
    return tuple(map(float, value))


def read_zeros(value: object, channels: int) -> tuple[float, ...] | None:
    """The JSON metadata's `zero`, checked; None if there is none.

    Raises:
        FormatError: not one finite number a channel.
    """
    if value is None:
        return None
    good = isinstance(value, list) and len(value) == channels and all(type(v) in (int, float) and abs(v) <= sys.float_info.max for v in value)
    if not good:
        raise FormatError("the metadata's zero is a finite number for each channel")
    assert isinstance(value, list)
    return tuple(map(float, value))


def find_step(values: NDArray[np.float64]) -> float | None:
    """The coarsest step of which all values are whole multiples, or None if there is no plausible one.

    Decimal steps (0.005) are tried first, then the smallest distance between two values, refined.
    """
    levels = np.unique(np.abs(values))
    if levels[-1] == 0:
        return 1.0
    return _decimal_step(levels, float(values.max()) - float(values.min())) or _regular_step(levels)


def _decimal_step(levels: NDArray[np.float64], spread: float) -> float | None:
    """Args: distinct magnitudes, and the distance of the largest from the smallest value, below which errors must be by far."""
    for decimals in range(10):
        scaled = levels * 10.0**decimals
        whole = np.rint(scaled)
        if whole[-1] >= INT32:
            return None
        # float32 values of a decimal column are off by their own rounding, which must not pass for the grid's.
        allowed = np.clip(1e-7 * whole, 1e-6, 0.05)
        if np.all(np.abs(scaled - whole) <= (np.minimum(allowed, 1e-3 * spread * 10.0**decimals) if spread else allowed)):
            return float(np.gcd.reduce(whole.astype(np.int64))) / 10.0**decimals
    return None


def _regular_step(levels: NDArray[np.float64]) -> float | None:
    gaps = np.diff(levels, prepend=0.0)
    gaps = gaps[gaps > 1e-6 * levels[-1]]
    if gaps.size < 8:
        return None
    step = float(gaps.min())
    for _ in range(4):
        # Fit the step on ever more of the range: counts are certain only where the error of the step has not grown to half.
        counts = np.rint(levels / step)
        certain = np.abs(levels / step - counts) < 0.25
        if not counts[certain].any():
            return None
        step = float(levels[certain] @ counts[certain] / (counts[certain] @ counts[certain]))
    counts = levels / step
    return step if counts[-1] < INT32 and np.all(np.abs(counts - np.rint(counts)) < GRID_TOLERANCE) else None


Grids = tuple[NDArray[np.float64], NDArray[np.float64]]


def _grids(values: NDArray[np.float64], bits: int, step: float | Sequence[float] | None) -> Grids:
    """Step and zero of every channel."""
    channels = values.shape[1]
    if step is None:
        steps, zeros = np.transpose([_grid(column, bits) for column in values.T])
        return steps, zeros
    steps = _given_steps(step, channels)
    far = np.abs(values).max(0) >= (INT32 - 1) * steps
    return steps, np.where(far, values[0], 0.0)


def _given_steps(step: float | Sequence[float], channels: int) -> NDArray[np.float64]:
    try:
        steps = np.broadcast_to(np.asarray(step, np.float64), (channels,)) if np.size(step) in (1, channels) else np.zeros(1)
    except (TypeError, ValueError, OverflowError):
        steps = np.zeros(1)
    if not np.all((steps > 0) & np.isfinite(steps)):
        raise InputError(f"step must be positive, one for all or one for each of {channels} channels; received {shown(step)}")
    return steps


def _grid(column: NDArray[np.float64], bits: int) -> tuple[float, float]:
    """Step and zero of a channel: its zero is 0 unless 32 bits then leave nothing of the signal."""
    if (step := find_step(column)) is not None:
        return _resolving(step, column), 0.0
    fine = _range_step(column, bits)
    if np.abs(column).max() < (INT32 - 1) * fine:
        return fine, 0.0
    zero = float(column[0])
    moved = column - zero
    if not np.isfinite(moved).all():
        raise InputError("the samples of a channel lie further apart than a float64 reaches")
    step = find_step(moved)
    return _range_step(moved, bits) if step is None else _resolving(step, moved), zero


def _resolving(step: float, column: NDArray[np.float64]) -> float:
    """The step, or a tenth, hundredth .. of it where few steps span the whole signal: one of two levels needs more than one unit to be coded."""
    spread, largest = float(column.max()) - float(column.min()), float(np.abs(column).max())
    while 0 < spread < LEAST_SPAN * step and largest < (INT32 - 1) * step / 10 and step / 10 > sys.float_info.min:
        step /= 10
    return step


def _range_step(column: NDArray[np.float64], bits: int) -> float:
    spread = float(column.max() / 2 - column.min() / 2) * 2.0 ** (1 - bits)
    return max(spread or float(np.abs(column).max()) / 2.0**bits, sys.float_info.min)


def _checked(values: Samples | NDArray[np.float64]) -> Integers:
    if values.size and (float(values.max()) >= INT32 or float(values.min()) < -INT32):
        raise InputError("values, in units of the step, must fit 32 bits; give a larger step")
    return values.astype(np.int64)
