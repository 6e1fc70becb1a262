"""Types of option values."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import click
from click.core import ParameterSource

from vaecodec.io.recording import parse_rate

__all__ = ["Offsets", "Rate", "Region", "Scale", "Seconds", "Size", "Tile", "given"]


def given(*names: str) -> list[str]:
    """Those of some options that the command line gives, as they are written there: the long way, with its dashes."""
    context = click.get_current_context()
    options = (option for option in context.command.params if option.name in names)
    return [option.opts[-1] for option in options if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE]


class Rate(click.ParamType[Fraction]):
    """A sampling rate: 360, 102.4 or 1000/3."""

    name = "hz"

    def convert(self, value: str | Fraction, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Parses the rate."""
        try:
            rate = Fraction(value) if isinstance(value, Fraction) else parse_rate(value)
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no sampling rate such as 360, 102.4 or 1000/3", param, ctx)
        if not 0 < rate < 1 << 32:
            self.fail("a sampling rate is above 0 and below 2^32 Hz", param, ctx)
        return rate


class Offsets(click.ParamType[tuple[int, ...]]):
    """Whole numbers: 1024 or 1024,-960,0."""

    name = "n,.."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parses the numbers."""
        if isinstance(value, tuple):
            return value
        if re.fullmatch("[-+]?[0-9]{1,10}(,[-+]?[0-9]{1,10})*", str(value)) is None:
            self.fail(f"{value!r} is no whole number such as 1024, nor one for each channel such as 1024,-960", param, ctx)
        return tuple(map(int, str(value).split(",")))


class Seconds(click.ParamType[float]):
    """A time: 2s, 0.5, 250ms or 1min."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parses the time."""
        found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(s|ms|min)?", str(value))
        if found is None:
            self.fail(f"{value!r} is no time such as 2s, 0.5s or 250ms", param, ctx)
        return float(found[1]) * {"ms": 0.001, "min": 60.0}.get(found[2], 1.0)


class Region(click.ParamType[tuple[int, int, int, int]]):
    """A rectangle: x,y,width,height in pixels."""

    name = "x,y,w,h"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int, int, int]:
        """Parses the rectangle."""
        try:
            x, y, width, height = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no region such as 100,50,640,480", param, ctx)
        return x, y, width, height


class Scale(click.ParamType[int]):
    """A size: 1/2, 1/4, 1/8 ..; gives the denominator."""

    name = "1/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parses the fraction."""
        one, _, divisor = str(value).partition("/")
        if value == 1 or value == "1":
            return 1
        if one != "1" or re.fullmatch("[1-9][0-9]{0,8}", divisor) is None:
            self.fail(f"{value!r} is no scale such as 1/2, 1/4 or 1/8", param, ctx)
        return int(divisor)


class Tile(click.ParamType[int | tuple[int, int]]):
    """A tile: 512, or 320x32."""

    name = "n|wxh"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | tuple[int, int]:
        """Parses one side, or width and height."""
        found = re.fullmatch("([0-9]{1,5})(?:x([0-9]{1,5}))?", str(value))
        sides = [int(side) for side in found.groups() if side] if found else []
        if not sides or max(sides) > 65535:
            self.fail(f"{value!r} is no tile such as 512 or 320x32; a side has at most 65535 pixels", param, ctx)
        return sides[0] if len(sides) == 1 else (sides[0], sides[1])


class Size(click.ParamType[tuple[int, int]]):
    """A width and a height: 320x240."""

    name = "wxh"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parses the two."""
        found = re.fullmatch("([0-9]{1,5})x([0-9]{1,5})", str(value))
        if found is None:
            self.fail(f"{value!r} is no size such as 320x240", param, ctx)
        return int(found[1]), int(found[2])
