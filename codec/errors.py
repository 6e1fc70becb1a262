"""The exceptions of vaecodec: one tree, one exit code a branch.

    VaecodecError                exit 1
     ├─ FormatError              exit 3   corrupt or hostile input
     ├─ UnsupportedError         exit 4   valid, but not supported here
     ├─ ModelError               exit 5   no such bundle, a bad bundle, another model's stream
     ├─ LimitError               exit 6   above a limit of pixels, samples or memory
     └─ InputError (ValueError)  exit 7   the caller's array or argument is wrong

Exit code 2 is left to click, which uses it for a command line that it cannot parse.

A message is one line: what was expected, what came, and what to do about it where that is not plain.
"""

from __future__ import annotations

__all__ = [
    "FormatError",
    "InputError",
    "LimitError",
    "ModelError",
    "UnsupportedError",
    "VaecodecError",
]


class VaecodecError(Exception):
    """Whatever vaecodec raises on purpose; catch this to catch all of it.

    Attributes:
        exit_code: status with which the command line ends, 1..7.
    """

    exit_code: int = 1


class FormatError(VaecodecError):
    """The bytes break a rule of docs/format.md: damaged, truncated, hostile, or not ours at all."""

    exit_code = 3


class UnsupportedError(VaecodecError):
    """The request is valid, but this build or machine lacks what it takes (a newer format, an optional package)."""

    exit_code = 4


class ModelError(VaecodecError):
    """There is no such bundle, the bundle is bad, or the stream was made with another model."""

    exit_code = 5


class LimitError(VaecodecError):
    """The input, or what its header claims, is above a limit of pixels, samples or memory."""

    exit_code = 6


class InputError(VaecodecError, ValueError):
    """The caller's array or argument is wrong: shape, dtype, NaN, emptiness, range."""

    exit_code = 7
