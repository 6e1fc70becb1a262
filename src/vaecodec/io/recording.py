"""What readers give and writers take: a picture or a recording of sensor signals."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Picture", "Recording", "parse_rate"]


def parse_rate(text: str) -> Fraction:
    """A sampling rate such as 360, 102.4, 1e3 or 1000/3.

    Raises:
        ValueError: it is none; numbers with exponents beyond two digits, which would take for ever, are none.
        ZeroDivisionError: its denominator is 0.
    """
    if len(text) > 64 or not re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]{1,2})?(/[0-9]+)?", text.strip()):
        raise ValueError(f"no rate: {text[:64]!r}")
    return Fraction(text)


@dataclass(frozen=True)
class Picture:
    """A picture and what travels with it.

    Attributes:
        pixels: uint8 `[H, W]`, `[H, W, 2]`, `[H, W, 3]` or `[H, W, 4]`, upright.
        icc: colour profile.
        exif: EXIF block, without the orientation that `pixels` already have.
        notes: what the user should know about the reading, one line each.
    """

    pixels: NDArray[np.uint8]
    icc: bytes | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recording:
    """Samples of one or several channels, and what a file format needs to be written back.

    Attributes:
        samples: `[N]` or `[N, channels]`.
        rate: samples a second; None if the file does not say.
        columns: name of each channel.
        units: unit of each channel.
        steps: for float samples, value of one unit of each channel, if known.
        extra: facts of the file's format under the format's name; JSON-ready.
        notes: what the user should know about the reading, one line each.
    """

    samples: NDArray[Any]
    rate: Fraction | None = None
    columns: list[str] | None = None
    units: list[str] | None = None
    steps: list[float] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> NDArray[Any]:
        """The samples as `[N, channels]`."""
        return self.samples if self.samples.ndim == 2 else self.samples[:, None]
