"""Keeps the log lines of LiteRT and TensorFlow off the terminal."""

from __future__ import annotations

import os
import sys

__all__ = ["hush"]


def hush() -> None:
    """Sends what C libraries write to stderr nowhere, for the rest of the process; Python's stderr stays.

    LiteRT says at each start that it made a delegate, and has no switch for it; TensorFlow tells of GPUs it has not got. VAECODEC_VERBOSE=1
    lets them speak.
    """
    if os.environ.get("VAECODEC_VERBOSE") or sys.stderr is None or sys.stderr is not sys.__stderr__:
        return
    try:
        kept = os.dup(2)
    except OSError:
        return
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  a device, not a path
        os.dup2(nowhere.fileno(), 2)
    sys.stderr = os.fdopen(kept, "w", buffering=1, errors="backslashreplace")
