"""Configs of compressed sensing models (DESIGN: the device adds, the server does the rest); TOML as of other models.

    SensingConfig              name, modality "sensing", window
     ├─ measure: Measure       what Φ adds up at each ratio, quantisation steps
     ├─ recovery: Recovery     widths of the network on the server
     └─ sensor, data, training, validation: as of `ModelConfig`
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vaecodec.codec.errors import InputError
from vaecodec.codec.measurements import measurement_matrix, parse_pattern
from vaecodec.train.config import Data, ModelConfig, Sensor, Training, Validation, _between, _count, require

SENSING = "sensing"
STEPS_AN_OCTAVE = 32


@dataclass(frozen=True)
class Measure:
    """The device's side.

    Attributes:
        ratios: patterns of Φ, one list for each measurement ratio, fewest measurements first (see `vaecodec.codec.measurements`).
        steps: for each ratio, the finest and the coarsest quantisation step it is trained at, in units of a sample; a row of n entries has
            sqrt(n) times that step.
        rounding: rounding offset of the quantiser; 0.5 is plain rounding, less makes a dead zone.
        shares: how often training draws each ratio, whole numbers.
        seed: of random patterns.
    """

    ratios: tuple[tuple[str, ...], ...]
    steps: tuple[tuple[float, float], ...]
    rounding: float = 0.38
    shares: tuple[int, ...] = ()
    seed: int = 1

    def __post_init__(self) -> None:
        n = len(self.ratios)
        require(1 <= n <= 8, "measure.ratios", "1..8 lists of patterns", self.ratios)
        _between("measure.rounding", self.rounding, 0.05, 0.5)
        valid = len(self.steps) == n and all(len(s) == 2 and 0.25 <= s[0] < s[1] <= 4096 for s in self.steps)
        require(valid, "measure.steps", "the finest and coarsest step of each ratio, from 0.25 to 4096", self.steps)
        valid = len(self.shares) in (0, n) and all(type(s) is int and 0 < s < 100 for s in self.shares)
        require(valid, "measure.shares", "a whole number for each ratio", self.shares)
        _count("measure.seed", self.seed, 0, 2**32 - 1)

    def order(self) -> list[int]:
        """The ratios in the order in which training takes them, again and again."""
        shares = self.shares or (1,) * len(self.ratios)
        return [r for turn in range(max(shares)) for r, share in enumerate(shares) if turn < share]


@dataclass(frozen=True)
class Recovery:
    """The server's side.

    Attributes:
        block: samples that are one place of the network; divides the window.
        channels: hidden channels.
        dilations: of the residual layers, in places.
        nodes: quantisation steps for which a linear estimate is kept; between them it is interpolated.
    """

    block: int = 8
    channels: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    nodes: int = 3

    def __post_init__(self) -> None:
        _count("recovery.block", self.block, 1, 1024)
        _count("recovery.channels", self.channels, 1, 1024)
        _count("recovery.nodes", self.nodes, 2, 16)
        require(all(type(d) is int and 1 <= d <= 64 for d in self.dilations), "recovery.dilations", "whole numbers 1..64", self.dilations)


@dataclass(frozen=True)
class SensingConfig:
    """A compressed sensing model and its training.

    Attributes:
        name: of the bundle it becomes.
        modality: "sensing".
        window: samples N that are measured together, a power of two.
    """

    name: str
    modality: str
    measure: Measure
    window: int = 128
    sensor: Sensor = field(default_factory=lambda: Sensor(offset=0.0))
    recovery: Recovery = field(default_factory=Recovery)
    data: Data = field(default_factory=Data)
    training: Training = field(default_factory=Training)
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        named = isinstance(self.name, str) and self.name.replace("-", "").replace("_", "").isalnum()
        require(named, "name", "letters, digits, - and _", self.name)
        require(self.modality == SENSING, "modality", f'"{SENSING}"', self.modality)
        _count("window", self.window, 8, 1024)
        require(self.window & (self.window - 1) == 0, "window", "a power of two", self.window)
        require(self.window % self.recovery.block == 0, "recovery.block", "a divisor of the window", self.recovery.block)
        for name in ("data", "validation"):
            length = getattr(self, name).length
            require(length % self.window == 0, f"{name}.length", f"a multiple of the window of {self.window}", length)
        require(self.training.parts == ("synthesis",), "training.parts", '["synthesis"]', self.training.parts)
        for ratio in range(len(self.measure.ratios)):
            self.matrix(ratio)

    rank = 1
    colours = 1
    channels = 1

    @property
    def levels(self) -> int:
        """log2 of the window: data are cut in whole windows."""
        return self.window.bit_length() - 1

    def matrix(self, ratio: int) -> tuple[np.ndarray, np.ndarray]:
        """Φ of a ratio, int8 [M, window], and the number of the pattern of each row."""
        patterns = self.measure.ratios[ratio]
        if not isinstance(patterns, tuple) or not patterns or not all(isinstance(p, str) for p in patterns):
            raise InputError(f"Expected measure.ratios to be lists of patterns. Received: {patterns!r}")
        return measurement_matrix([parse_pattern(p) for p in patterns], self.window, self.measure.seed)

    def row_offsets(self, ratio: int) -> np.ndarray:
        """What each row of Φ adds to the step's exponent, in 1/32 octave: log2 of the root of its entries."""
        entries = np.count_nonzero(self.matrix(ratio)[0], axis=1)
        return np.rint(STEPS_AN_OCTAVE / 2 * np.log2(entries)).astype(np.int64)


Config = ModelConfig | SensingConfig
