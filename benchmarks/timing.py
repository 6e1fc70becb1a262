"""Processor time of a call, on one core."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["one_core", "timed"]

T = TypeVar("T")


@contextmanager
def one_core() -> Iterator[bool]:
    """Keeps this process, and all threads it starts meanwhile, on one core; gives whether the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """The call's result and the processor seconds of all threads: other programs on the machine hardly change it."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start
