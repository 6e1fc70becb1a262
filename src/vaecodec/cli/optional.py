"""Commands whose packages an install may lack."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vaecodec.codec.errors import UnsupportedError

__all__ = ["load"]


def load(module: str, attribute: str, extra: str) -> Any:
    """A function of an optional part.

    Raises:
        UnsupportedError: a package that it needs is not installed; says which `pip install` mends it.
    """
    hint = f"pip install '.[{extra}]'"
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        if (error.name or "").startswith("vaecodec"):
            raise
        raise UnsupportedError(f"this command needs the package {error.name!r}: {hint}") from error
    except AttributeError as error:
        raise UnsupportedError(f"this release cannot do that yet: {error}") from error
