"""What encoders of streams share, whatever their model: a packet's samples, offsets and shifts that follow them, a packet at several settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vaecodec.codec.errors import ModelError
from vaecodec.codec.grids import Bands
from vaecodec.codec.samples import Integers
from vaecodec.codec.stream_syntax import StreamHeader

__all__ = ["PacketCoder", "Trials", "Window"]


@dataclass(frozen=True)
class Window:
    """Integers `[N, channels]` around a packet, which is blocks first .. first + blocks of them and has so many samples."""

    integers: Integers
    first: int
    blocks: int
    samples: int


class PacketCoder(ABC):
    """From integers to packets of one stream; what coefficients are is the model's business.

    Args:
        name: the model's.
        header: of the first segment.
        block: samples of a block.
        span: the difference of samples, after the shift, that fits.
        is_fixed: whether offset and shift stay as they are and samples may saturate.

    Attributes:
        header: of the running segment.
        saturated: samples so far that lay beyond what a fixed scale allows.
    """

    def __init__(self, name: str, header: StreamHeader, block: int, span: int, *, is_fixed: bool) -> None:
        self.header, self.saturated = header, 0
        self._name, self._block, self._span, self._is_fixed = name, block, span, is_fixed
        self._scaled = False

    def is_key(self, number: int) -> bool:
        """Whether a packet decodes alone."""
        return (number - self.header.first) % self.header.group == 0

    def analyse(self, window: Window, number: int) -> tuple[Bands, bool]:
        """The coefficients of a packet, and whether its samples took a new offset and shift: then a new segment begins with it."""
        if self._is_fixed:
            begins, self._scaled = not self._scaled, True
            return self._saturated(window), begins
        bands = self._coefficients(window, self.header) if self._scaled else None
        if bands is not None and not (self.header.shift and self.is_key(number) and self._has_room(window)):
            return bands, False
        header, rescaled = self._rescale(window, number)
        if bands is not None and header.shift >= self.header.shift:
            return bands, False
        self.header, self._scaled = header, True
        return rescaled, True

    @abstractmethod
    def code(self, coefficients: Bands, number: int, samples: int | None, coded: int) -> bytes:
        """The packet at a setting (see `rate`)."""

    @abstractmethod
    def zeros(self, coefficients: Bands, number: int, samples: int | None) -> bytes:
        """The packet with all latents 0, at the step of the packet before."""

    @abstractmethod
    def state(self) -> Any:
        """What `restore` needs to code the next packet once more."""

    @abstractmethod
    def restore(self, state: Any) -> None:
        """Goes back to where this was at a call of `state`."""

    def trials(self, coefficients: Bands, number: int, samples: int | None) -> Trials:
        """The packet at any settings, one after the other."""
        return Trials(self, coefficients, number, samples)

    @abstractmethod
    def _coefficients(self, window: Window, header: StreamHeader) -> Bands | None:
        """Coefficients of the packet's blocks at the scale of a header; None where anything saturates."""

    @abstractmethod
    def _saturated(self, window: Window) -> Bands:
        """Coefficients of the packet's blocks at a scale that stays; counts the samples that saturate."""

    def _has_room(self, window: Window) -> bool:
        """Whether a smaller shift would do with half of its range to spare."""
        return bool(np.ptp(window.integers, axis=0).max() < self._span << (self.header.shift - 1))

    def _rescale(self, window: Window, number: int) -> tuple[StreamHeader, Bands]:
        own = window.integers[window.first * self._block :]
        offsets = tuple(np.rint(own.mean(0)).astype(np.int64).tolist())
        for shift in range(32):
            header = replace(self.header, offsets=offsets, shift=shift, first=number)
            if (bands := self._coefficients(window, header)) is not None:
                return header, bands
        raise ModelError(f"model {self._name!r} saturates on every scale of this signal; its filters or input shift are wrong")


class Trials:
    """Codes one packet again and again, each time from where the one before it ended."""

    def __init__(self, coder: PacketCoder, coefficients: Bands, number: int, samples: int | None) -> None:
        self._coder, self._packet, self._state = coder, (coefficients, number, samples), coder.state()

    def __call__(self, coded: int | None) -> bytes:
        """The packet at a setting; None: all latents 0."""
        self._coder.restore(self._state)
        return self._coder.zeros(*self._packet) if coded is None else self._coder.code(*self._packet, coded)
