"""A request to stop that ends waits and reads at once."""

from __future__ import annotations

import os
import select
import threading

__all__ = ["Stop"]


class Stop:
    """Set from a signal handler or another thread; seen by whoever waits."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        """Asks to stop; a second time changes nothing."""
        if not self._event.is_set():
            self._event.set()
            os.write(self._writer, b".")

    @property
    def is_set(self) -> bool:
        """Whether it was asked for."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until it is asked for; whether it is."""
        return self._event.wait(seconds)

    def readable(self, handle: int) -> bool:
        """Waits until a file can be read (or has ended), and says True; False once it is asked to stop."""
        ready, _, _ = select.select([handle, self._reader], [], [])
        return handle in ready and not self._event.is_set()

    def close(self) -> None:
        """Lets go of its pipe, once nobody waits any more."""
        os.close(self._reader)
        os.close(self._writer)
