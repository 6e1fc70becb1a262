"""Crops of pictures and windows of signals, drawn at random for training and fixed for validation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from vaecodec.codec.errors import InputError
from vaecodec.train.config import Data
from vaecodec.train.data.readers import read_image, read_signal
from vaecodec.train.data.recording import Recording, without_gaps
from vaecodec.train.data.tables import CLOCKS
from vaecodec.train.sensing_config import Config


class Examples(Protocol):
    """A set of files in memory."""

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One augmented example: uint8 [length, length, C] or float32 [length, channels]."""

    def fixed(self, length: int, count: int) -> list[np.ndarray]:
        """At most `count` examples, one a file, spread over the files, at most `length` long."""


def load_examples(config: Config, paths: Iterable[Path]) -> Examples:
    """Reads all files into memory.

    Raises:
        InputError: if a file cannot be read or does not fit the config.
    """
    if config.rank == 2:
        return Crops(config, [read_image(p, config.colours) for p in paths])
    return Windows(config, [channels(read_signal(p), config.data, p) for p in paths])


class Crops:
    """Square crops of pictures; pictures that are smaller are extended by their border.

    Args:
        config: whose `data` says what is cut.
        images: uint8 [H, W, C] each.
    """

    def __init__(self, config: Config, images: list[np.ndarray]):
        self.data = config.data
        self.unit = 2**config.levels
        self.images = images

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        n = self.data.length
        image = _at_least(self.images[rng.integers(len(self.images))], n, 2)
        y, x = (int(rng.integers(side - n + 1)) for side in image.shape[:2])
        crop = image[y : y + n, x : x + n]
        if rng.random() < self.data.flip:
            crop = crop[:, ::-1]
        if rng.random() < self.data.transpose:
            crop = crop.swapaxes(0, 1)
        return crop

    def fixed(self, length: int, count: int) -> list[np.ndarray]:
        crops = []
        for image in _spread(self.images, count):
            h, w = (max(min(side, length) // self.unit, 3) * self.unit for side in image.shape[:2])
            image = _at_least(image, max(h, w), 2)
            y, x = (image.shape[0] - h) // 2, (image.shape[1] - w) // 2
            crops.append(image[y : y + h, x : x + w])
        return crops


class Windows:
    """Windows of single channels, or of all together; recordings that are shorter are extended by their last sample.

    Args:
        config: whose `data` says what is cut.
        recordings: int32 [N, channels] each, baseline taken off.
    """

    def __init__(self, config: Config, recordings: list[np.ndarray]):
        self.data = config.data
        self.unit = 2**config.levels
        self.recordings = recordings
        sizes = np.array([max(len(r), self.data.length) for r in recordings], np.float64)
        self.shares = np.cumsum(sizes / sizes.sum())

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        n = self.data.length
        number = min(int(np.searchsorted(self.shares, rng.random())), len(self.shares) - 1)
        pace = np.exp(rng.normal() * self.data.warp) if self.data.warp and rng.random() < 0.5 else 1.0
        span = int(np.ceil((n - 1) * pace)) + 1
        recording = _at_least(self.recordings[number], span, 1)
        start = int(rng.integers(len(recording) - span + 1))
        window = recording[start : start + span] @ self._mix(rng, number).T
        if pace != 1:
            window = np.stack([np.interp(pace * np.arange(n), np.arange(span), column) for column in window.T], 1)
        if self.data.gain and rng.random() < 0.5:
            window *= np.exp(rng.normal() * self.data.gain)
        if rng.random() < self.data.flip:
            window = -window
        return np.round(window).astype(np.float32)

    def fixed(self, length: int, count: int) -> list[np.ndarray]:
        windows = []
        for i, recording in enumerate(_spread(self.recordings, count)):
            n = max(min(len(recording), length) // self.unit, 3) * self.unit
            column = i % recording.shape[1] if not self.data.weights else int(np.argmax(self.data.weights))
            chosen = slice(None) if self.data.together else slice(column, column + 1)
            scaled = _at_least(recording, n, 1)[:n] * self._scales(np.cov(recording.T, ddof=0))
            windows.append(np.round(scaled[:, chosen]).astype(np.float32))
        return windows

    def _mix(self, rng: np.random.Generator, number: int) -> np.ndarray:
        """[drawn columns, columns]: turns vectors, picks a column unless all are drawn together, and brings deviations to where they belong."""
        count = self.recordings[number].shape[1]
        turn = np.eye(count)
        if self.data.axes and rng.random() < 0.5:
            turn = np.kron(np.eye(count // self.data.axes), _rotation(rng, self.data.axes))
        if not self.data.together:
            turn = turn[[self._column(rng, count)]]
        if not self.data.deviation:
            return turn
        return turn * self._scales(turn @ np.atleast_2d(np.cov(self.recordings[number].T, ddof=0)) @ turn.T)[:, None]

    def _scales(self, covariance: np.ndarray) -> np.ndarray:
        """[columns]: factors that make deviations no larger than the config's."""
        deviations = np.sqrt(np.maximum(np.diag(np.atleast_2d(covariance)), 1e-9))
        return np.minimum(1.0, self.data.deviation / deviations) if self.data.deviation else np.ones(len(deviations))

    def _column(self, rng: np.random.Generator, count: int) -> int:
        if not self.data.weights:
            return int(rng.integers(count))
        return int(rng.choice(count, p=np.array(self.data.weights) / sum(self.data.weights)))


def _rotation(rng: np.random.Generator, axes: int) -> np.ndarray:
    """[axes, axes]: a random rotation, mirrored or not."""
    q, r = np.linalg.qr(rng.normal(size=(axes, axes)))
    return np.asarray(q * np.sign(np.diag(r)))


def channels(recording: Recording, data: Data, path: Path) -> np.ndarray:
    """The columns that the config asks for, as integers with the baseline taken off: int32 [N, columns].

    Raises:
        InputError: if a column does not exist, samples are fractions and the config names no resolution, or exceed 24 bits.
    """
    numbers = _columns(recording, data, path)
    values = without_gaps(recording.values[:, numbers], path)
    baseline = np.array(recording.baseline)[numbers]
    if data.resolution and values.dtype.kind == "f":
        step = np.array(data.resolution)
        values, baseline = np.round(values / step), np.round(baseline / step)
    if not np.array_equal(values, np.round(values)):
        raise InputError(f"Expected integer samples, or data.resolution in the config. Received: fractions in {path}")
    if data.offset in ("median", "mean"):
        baseline = np.median(values, axis=0) if data.offset == "median" else values.mean(axis=0)
    if data.offset != "none":
        values = values - np.round(baseline)
    if np.abs(values).max(initial=0) >= 2**24:
        raise InputError(f"Expected samples of at most 24 bits. Received: {np.abs(values).max():g} in {path}")
    return values.astype(np.int32)


def _columns(recording: Recording, data: Data, path: Path) -> list[int]:
    names = recording.names
    if not data.columns:
        return [i for i, name in enumerate(names) if name.lower() not in CLOCKS]
    found = []
    for column in data.columns:
        number = names.index(column) if column in names else column
        if not isinstance(number, int) or not 0 <= number < len(names):
            raise InputError(f"Expected the column {column!r} of [data] among {', '.join(names)}. Received: none in {path}")
        found.append(number)
    return found


def _spread(items: list[np.ndarray], count: int) -> list[np.ndarray]:
    n = min(count, len(items))
    return [items[i * len(items) // n] for i in range(n)]


def _at_least(values: np.ndarray, length: int, axes: int) -> np.ndarray:
    """Extended by the last sample along the first axes where shorter than `length`."""
    lacking = [max(0, length - side) for side in values.shape[:axes]]
    if not any(lacking):
        return values
    return np.pad(values, [(0, n) for n in lacking] + [(0, 0)] * (values.ndim - axes), mode="edge")
