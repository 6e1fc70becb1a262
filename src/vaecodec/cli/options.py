"""Types of option values."""

from __future__ import annotations

from fractions import Fraction

import click

__all__ = ["Rate"]


class Rate(click.ParamType[Fraction]):
    """A sampling rate: 360, 102.4 or 1000/3."""

    name = "hz"

    def convert(self, value: str | Fraction, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Parses the rate."""
        try:
            rate = Fraction(value)
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no sampling rate such as 360, 102.4 or 1000/3", param, ctx)
        if not 0 < rate < 1 << 32:
            self.fail("a sampling rate is above 0 and below 2^32 Hz", param, ctx)
        return rate
