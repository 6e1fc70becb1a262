"""What a model is and how it is trained, as frozen dataclasses; `vaecodec.train.config_io` reads and writes them as TOML.

    ModelConfig                name, modality, levels, colours
     ├─ sensor: Sensor         what one sample is
     ├─ step: Step             range of the quantisation step, one model for all of it
     ├─ rounding: Rounding     dead zone of the quantiser
     ├─ prior: PriorWidths     widths of the networks that run on the device
     ├─ synthesis: ...         widths of the networks that run on the server
     ├─ data: Data             files, crops or windows, augmentation
     ├─ training: Training     length, learning rate, what moves, seeds
     └─ validation: ...        what the early figures are measured on

Every field is checked when the object is made; a wrong one raises `InputError` with what was expected and what came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, log2
from typing import Any

from vaecodec.codec.errors import InputError

IMAGE, SIGNAL = "image", "signal"
STEPS_AN_OCTAVE = 16  # of the step code (docs/format.md section 3)
PARTS = ("prior", "synthesis", "filters")
WAVELET, LAPPED = "wavelet", "lapped"
SQUARED_ERROR, MS_SSIM = "squared error", "ms-ssim"
MS_SSIM_SIDE = 11 * 2**4  # a window of 11 pixels at the coarsest of five scales
REACH = 4  # samples that the analysis filters see to each side


def require(valid: bool, name: str, expected: str, received: Any) -> None:
    """Raises InputError naming the field unless `valid`."""
    if not valid:
        raise InputError(f"Expected {name} to be {expected}. Received: {name.rpartition('.')[2]}={received!r}")


def _number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and low <= value <= high


def _between(name: str, value: Any, low: float, high: float) -> None:
    require(_number(value, low, high), name, f"a number from {low:g} to {high:g}", value)


def _counts(name: str, values: Any, n: int, low: int, high: int) -> None:
    valid = isinstance(values, tuple) and len(values) == n and all(_integer(v, low, high) for v in values)
    require(valid, name, f"{n} integers from {low} to {high}", values)


def _integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _count(name: str, value: Any, low: int, high: int) -> None:
    require(_integer(value, low, high), name, f"an integer from {low} to {high}", value)


@dataclass(frozen=True)
class Sensor:
    """What one sample is.

    Attributes:
        bits: resolution that compression ratios count against, 1..32.
        units: physical unit of a sample, for people.
        rate: samples a second in Hz; 0 for pictures and where it does not matter.
        offset: what is subtracted from a sample before the analysis, in samples' units; signals' files may name their own (`Data.offset`).
    """

    bits: int = 8
    units: str = ""
    rate: float = 0.0
    offset: float = 128.0

    def __post_init__(self) -> None:
        _count("sensor.bits", self.bits, 1, 32)
        _between("sensor.rate", self.rate, 0, 1e9)
        _between("sensor.offset", self.offset, -(2.0**31), 2.0**31)


@dataclass(frozen=True)
class Step:
    """Quantisation steps that the model serves: log2 of the step in units of a sample (orthonormal sense).

    Attributes:
        lo: the finest, position 0.
        hi: the coarsest, position 1.
        condition: channels n_q that tell the networks the position, 2..16.
        weights: factors on the step, of the details of levels 1..L and then of the approximation; empty: all 1, which is best for squared
            error. Rounded to sixteenths of an octave.
        chroma: pictures: factor on the step of all planes but the first.
    """

    lo: float = 0.5
    hi: float = 7.0
    condition: int = 5
    weights: tuple[float, ...] = ()
    chroma: float = 1.0

    def __post_init__(self) -> None:
        _between("step.lo", self.lo, -8, 16)
        _between("step.hi", self.hi, self.lo + 0.0625, 16)
        _count("step.condition", self.condition, 2, 16)
        require(all(_number(w, 0.125, 8) for w in self.weights), "step.weights", "numbers from 0.125 to 8", self.weights)
        _between("step.chroma", self.chroma, 0.125, 8)


@dataclass(frozen=True)
class Rounding:
    """The quantiser.

    Attributes:
        approximation: rounding offset of the approximation; 0.5 is plain rounding, less makes a dead zone.
        detail: the same of all details.
        weight: in training, how much a squared step counts, over 6 / ln 2 bits, when latents are chosen as the encoder does at effort 2
            (which has 2.0); 0: they are not, as at effort 1.
    """

    approximation: float = 0.5
    detail: float = 0.40
    weight: float = 0.0

    def __post_init__(self) -> None:
        _between("rounding.approximation", self.approximation, 0, 0.5)
        _between("rounding.detail", self.detail, 0, 0.5)
        _between("rounding.weight", self.weight, 0, 20)


@dataclass(frozen=True)
class PriorWidths:
    """Channels of the prior's layers.

    Attributes:
        coarse: pictures: middle, up, embed, context, hidden of all levels but the finest.
        fine: pictures: the same of level 1.
        signal: signals: embed, near, far, hidden.
        lags: signals: nearest and farthest place, in samples before a block, from which the most similar ones predict it; empty: none do. Even
            numbers; the nearest is about 8 blocks away at least (docs/format.md section 4).
    """

    coarse: tuple[int, ...] = (48, 32, 32, 48, 32)
    fine: tuple[int, ...] = (32, 24, 24, 32, 24)
    signal: tuple[int, ...] = (48, 48, 64, 40)
    lags: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _counts("prior.coarse", self.coarse, 5, 1, 512)
        _counts("prior.fine", self.fine, 5, 1, 512)
        _counts("prior.signal", self.signal, 4, 1, 512)
        if self.lags:
            _counts("prior.lags", self.lags, 2, 2, 65534)
            ordered = self.lags[0] <= self.lags[1] and all(lag % 2 == 0 for lag in self.lags)
            require(ordered, "prior.lags", "two even numbers, the nearest first", self.lags)


@dataclass(frozen=True)
class SynthesisWidths:
    """Residual networks of the synthesis, level 1 first; the last value goes on for all coarser levels.

    Attributes:
        channels: hidden channels; 0 leaves the inverse filter bank alone.
        blocks: hidden layers.
    """

    channels: tuple[int, ...] = (32, 48)
    blocks: tuple[int, ...] = (2,)

    def __post_init__(self) -> None:
        _counts("synthesis.channels", self.channels, max(1, len(self.channels)), 0, 1024)
        _counts("synthesis.blocks", self.blocks, max(1, len(self.blocks)), 0, 32)

    def level(self, level: int) -> tuple[int, int]:
        """Channels and blocks of level 1..L."""
        return self.channels[min(level, len(self.channels)) - 1], self.blocks[min(level, len(self.blocks)) - 1]


@dataclass(frozen=True)
class Data:
    """Which files, and what is cut from them.

    Attributes:
        train: patterns of files or records below the data folder (`photos/*`, `101`); empty: all that validation leaves.
        validation: patterns of files held out; empty: about one in twenty, chosen by the hash of its path.
        length: side of a square crop in pixels, or samples of a window; a multiple of 2^levels.
        columns: signals: names (CSV, Parquet) or numbers of the channels to use; empty: all numeric ones.
        weights: signals: how often each of the columns is drawn; empty: equally.
        resolution: signals of floats: size of one integer step, one value or one a column; empty: samples are integers already.
        offset: signals: "file" (the file's own baseline, 0 where it has none), "median" or "mean" (of the channel), or "none".
        flip: probability of mirroring a crop left to right, or a window's sign.
        transpose: pictures: probability of swapping rows and columns.
        gain: signals: deviation of the log of a random gain, drawn for half of the windows.
        together: signals: windows hold all columns, and the prior of wavelets sees what moves together; otherwise one column each.
        deviation: signals: what every channel's standard deviation is brought to, if it is larger, as the encoder does; 0: none is.
        subsets: signals drawn together: share of the steps whose windows hold only some columns side by side, so that devices with fewer channels
            are coded well, too.
        axes: signals drawn together: so many columns in turn are the axes of a vector, turned at random in half of the windows; 0: none is.
        warp: signals: deviation of the log of a random pace, drawn for half of the windows, which are then interpolated.
    """

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    length: int = 256
    columns: tuple[str | int, ...] = ()
    weights: tuple[float, ...] = ()
    resolution: tuple[float, ...] = ()
    offset: str = "file"
    flip: float = 0.5
    transpose: float = 0.3
    gain: float = 0.0
    warp: float = 0.0
    together: bool = False
    subsets: float = 0.0
    deviation: float = 0.0
    axes: int = 0

    def __post_init__(self) -> None:
        _count("data.length", self.length, 2, 2**22)
        for name in ("train", "validation"):
            require(all(isinstance(p, str) for p in getattr(self, name)), f"data.{name}", "patterns of paths", getattr(self, name))
        named = all(isinstance(c, str) or _integer(c, 0, 2**31) for c in self.columns)
        require(named, "data.columns", "names or numbers of columns", self.columns)
        require(self.offset in ("file", "median", "mean", "none"), "data.offset", 'one of "file", "median", "mean", "none"', self.offset)
        _between("data.flip", self.flip, 0, 1)
        _between("data.transpose", self.transpose, 0, 1)
        _between("data.gain", self.gain, 0, 4)
        _between("data.warp", self.warp, 0, 1)
        _between("data.deviation", self.deviation, 0, 2.0**15)
        require(isinstance(self.together, bool), "data.together", "true or false", self.together)
        _between("data.subsets", self.subsets, 0, 1)
        require(not self.subsets or self.together, "data.subsets", "0 where columns are not drawn together", self.subsets)
        _count("data.axes", self.axes, 0, 3)
        require(not self.axes or (self.together and bool(self.columns) and len(self.columns) % self.axes == 0), "data.axes",
                "0, or a divisor of the number of columns drawn together", self.axes)
        require(all(_number(r, 1e-30, 1e30) for r in self.resolution), "data.resolution", "positive numbers", self.resolution)
        require(all(_number(w, 0, 1e9) for w in self.weights), "data.weights", "numbers from 0 on", self.weights)
        self._check_columns()

    def _check_columns(self) -> None:
        n = len(self.columns)
        if self.weights:
            require(len(self.weights) == n, "data.weights", f"one number for each of {n} columns", self.weights)
            require(sum(self.weights) > 0, "data.weights", "not all zero", self.weights)
        if len(self.resolution) > 1:
            require(len(self.resolution) == n, "data.resolution", f"one number, or one for each of {n} columns", self.resolution)


@dataclass(frozen=True)
class Training:
    """How the weights are found.

    Attributes:
        batch: crops or windows a step, over all replicas.
        steps: length in steps; 0: `minutes` decide.
        minutes: length in minutes of training time where `steps` is 0.
        learning_rate: peak, reached after the warm-up; a half cosine leads to 1 % of it at the end.
        warmup: steps of linear warm-up.
        clip: gradient norm of each part that is never exceeded.
        parts: what moves: "prior", "synthesis", "filters" (analysis taps and inverse filters).
        prior_rate, synthesis_rate, filters_rate: learning rates of the parts relative to `learning_rate`.
        seed: of data, noise and initial weights.
        lambda_scale: factor on the weight of the distortion; 1 is the slope of fine quantisation (docs/training.md).
        distortion: what the synthesis learns to make small: "squared error", or "ms-ssim" for pictures with resting filters.
        positions: rows (share, from, to): where training draws the step's position.
        short: signals: (share, length): of so many steps the windows are cut into ones of that length, so that short packets are learned, too;
            empty: none are.
        quantise_from: share of the training after which the prior's weights and activations are on their integer grids; 1: never, 0: always.
    """

    batch: int = 8
    steps: int = 0
    minutes: float = 60.0
    learning_rate: float = 2e-3
    warmup: int = 200
    clip: float = 1.0
    parts: tuple[str, ...] = ("prior", "synthesis")
    prior_rate: float = 1.0
    synthesis_rate: float = 0.5
    filters_rate: float = 0.1
    seed: int = 1
    lambda_scale: float = 1.0
    distortion: str = SQUARED_ERROR
    positions: tuple[tuple[float, float, float], ...] = ((0.85, 0.2, 1.0), (0.15, 0.0, 0.25))
    short: tuple[float, ...] = ()
    quantise_from: float = 0.75

    def __post_init__(self) -> None:
        _count("training.batch", self.batch, 1, 2**16)
        _count("training.steps", self.steps, 0, 2**40)
        _count("training.warmup", self.warmup, 0, 2**40)
        _count("training.seed", self.seed, 0, 2**32 - 1)
        _between("training.minutes", self.minutes, 0, 1e7)
        for name in ("learning_rate", "clip", "lambda_scale"):
            _between(f"training.{name}", getattr(self, name), 1e-12, 1e6)
        for name in ("prior_rate", "synthesis_rate", "filters_rate"):
            _between(f"training.{name}", getattr(self, name), 0, 1e3)
        _between("training.quantise_from", self.quantise_from, 0, 1)
        if self.short:
            require(len(self.short) == 2 and all(_number(v, 0, 2**22) for v in self.short), "training.short", "a share and a length", self.short)
            _between("training.short", self.short[0], 0, 1)
        measured = self.distortion in (SQUARED_ERROR, MS_SSIM)
        require(measured, "training.distortion", f'"{SQUARED_ERROR}" or "{MS_SSIM}"', self.distortion)
        known = bool(self.parts) and len(set(self.parts)) == len(self.parts) and set(self.parts) <= set(PARTS)
        require(known, "training.parts", f"some of {', '.join(PARTS)}, each once", self.parts)
        self._check_positions()

    def _check_positions(self) -> None:
        rows = self.positions
        require(bool(rows) and all(isinstance(r, tuple) and len(r) == 3 for r in rows), "training.positions", "rows of (share, from, to)", rows)
        valid = all(_number(s, 0, 1) and _number(a, 0, 1) and _number(b, a, 1) for s, a, b in rows)
        require(valid and abs(sum(r[0] for r in rows) - 1) < 1e-6, "training.positions", "shares that sum to 1, from <= to in [0, 1]", rows)


@dataclass(frozen=True)
class Validation:
    """What the early figures are measured on.

    Attributes:
        minutes: between two evaluations.
        positions: of the step, in [0, 1].
        length: side of the central crop, or samples of the window at the start of each file; a multiple of 2^levels.
        files: at most so many, spread over the validation files.
    """

    minutes: float = 3.0
    positions: tuple[float, ...] = (0.35, 0.55, 0.7, 0.85)
    length: int = 512
    files: int = 8

    def __post_init__(self) -> None:
        _between("validation.minutes", self.minutes, 0, 1e6)
        valid = bool(self.positions) and all(_number(p, 0, 1) for p in self.positions)
        require(valid, "validation.positions", "numbers from 0 to 1", self.positions)
        _count("validation.length", self.length, 2, 2**24)
        _count("validation.files", self.files, 1, 2**20)


@dataclass(frozen=True)
class ModelConfig:
    """A model and its training.

    Attributes:
        name: of the bundle it becomes.
        modality: "image" (rank 2) or "signal" (rank 1).
        levels: L of the filter bank, 1..8.
        colours: planes C of pictures, 1 or 3; 1 for signals.
        transform: "wavelet", or for signals "lapped": 2^levels frequencies a block, for what sounds rather than beats.
    """

    name: str
    modality: str
    levels: int
    colours: int = 1
    transform: str = WAVELET
    sensor: Sensor = field(default_factory=Sensor)
    step: Step = field(default_factory=Step)
    rounding: Rounding = field(default_factory=Rounding)
    prior: PriorWidths = field(default_factory=PriorWidths)
    synthesis: SynthesisWidths = field(default_factory=SynthesisWidths)
    data: Data = field(default_factory=Data)
    training: Training = field(default_factory=Training)
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        named = isinstance(self.name, str) and self.name.replace("-", "").replace("_", "").isalnum()
        require(named, "name", "letters, digits, - and _", self.name)
        require(self.modality in (IMAGE, SIGNAL), "modality", f'"{IMAGE}" or "{SIGNAL}"', self.modality)
        _count("levels", self.levels, 1, 8)
        allowed = (1, 3) if self.rank == 2 else (1,)
        require(self.colours in allowed, "colours", " or ".join(map(str, allowed)) + f" for {self.modality}s", self.colours)
        for name in ("synthesis.channels", "synthesis.blocks"):
            values = getattr(self.synthesis, name.partition(".")[2])
            require(len(values) <= self.levels, name, f"at most {self.levels} values, one a level", values)
        weights = self.step.weights
        require(len(weights) in (0, self.levels + 1), "step.weights", f"{self.levels + 1} numbers, or none", weights)
        self._check_distortion()
        plain = self.rank == 1 and self.transform != LAPPED and not self.data.together and "filters" not in self.training.parts
        require(plain or not self.prior.lags, "prior.lags", "none but for channels on their own, with resting wavelets", self.prior.lags)
        self._check_transform()
        self._check_length("data.length", self.data.length)
        if self.training.short:
            length = self.training.short[1]
            divides = self.rank == 1 and length == int(length) and self.data.length % length == 0
            require(divides, "training.short", "for signals, a length that divides data.length", length)
            self._check_length("training.short", int(length))
        self._check_length("validation.length", self.validation.length)

    def _check_distortion(self) -> None:
        if self.training.distortion == MS_SSIM:
            fits = self.modality == IMAGE and "filters" not in self.training.parts and min(self.data.length, self.validation.length) >= MS_SSIM_SIDE
            require(fits, "training.distortion", f"{MS_SSIM} for pictures of {MS_SSIM_SIDE} pixels or more, with resting filters", MS_SSIM)

    def _check_transform(self) -> None:
        require(self.transform in (WAVELET, LAPPED), "transform", f'"{WAVELET}" or "{LAPPED}"', self.transform)
        if self.transform == LAPPED:
            fits = self.modality == SIGNAL and self.levels > 1 and "filters" not in self.training.parts
            require(fits, "transform", "lapped for signals of two levels or more whose filters rest", self.transform)

    def _check_length(self, name: str, length: int) -> None:
        unit = 2**self.levels
        least = unit * -(-(REACH + 1) // 2)
        require(length % unit == 0 and length >= least, name, f"a multiple of {unit} (2^levels), at least {least}", length)

    @property
    def rank(self) -> int:
        """1 for signals, 2 for pictures."""
        return 2 if self.modality == IMAGE else 1

    def band_offsets(self) -> tuple[int, ...]:
        """What `step.weights` and `step.chroma` add to the step code of every band, in the order of docs/format.md section 1."""
        weights = self.step.weights or (1.0,) * (self.levels + 1)
        planes = [1.0] + [self.step.chroma] * (self.colours - 1)
        factors = [weights[-1] * plane for plane in planes]
        for level in range(self.levels, 0, -1):
            factors += [weights[level - 1] * plane for plane in planes for _ in range(2**self.rank - 1)]
        return tuple(round(STEPS_AN_OCTAVE * log2(factor)) for factor in factors)

    @property
    def channels(self) -> int:
        """Components of a picture's sample; 1 for signals, whose channels are coded alike."""
        return self.colours
