"""Takes packets from a spool to a receiver, for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable

from vaecodec.edge_runtime.backoff import Backoff
from vaecodec.edge_runtime.spool import Spool
from vaecodec.edge_runtime.stop import Stop
from vaecodec.edge_runtime.transport import LinkError, Transport

__all__ = ["Sender"]

FIRST_WAIT, MOST_WAIT = 0.5, 60.0
MOST_PACKETS, MOST_BYTES = 64, 1 << 16
# How long to sleep where there is nothing to send; new packets wake the sender.
IDLE = 1.0


class Sender:
    """Sends what waits in a spool, oldest first; removes it there once it is acknowledged.

    Args:
        spool: where packets wait.
        transport: how they travel.
        most_wait: seconds between tries, at most, while the link is down.
        log: takes lines about the link, one for each change.

    Attributes:
        sent: packets that the receiver acknowledged to us.
        is_up: whether the last try was a success.
    """

    def __init__(self, spool: Spool, transport: Transport, *, most_wait: float = MOST_WAIT, log: Callable[[str], None] = lambda _: None) -> None:
        self._spool, self._transport, self._log = spool, transport, log
        self._backoff = Backoff(FIRST_WAIT, most_wait)
        self._most_bytes = MOST_BYTES
        self._trouble: str | None = None
        self.sent = 0

    @property
    def is_up(self) -> bool:
        """Whether nothing is known to be wrong with the link."""
        return self._trouble is None

    def run(self, stop: Stop) -> None:
        """Sends until it is asked to stop."""
        try:
            while not stop.is_set:
                if self._spool.wait_for_packets(IDLE):
                    self.step(stop)
        finally:
            self._transport.close()

    def drain(self, stop: Stop) -> None:
        """Sends until nothing is left, or it is asked to stop."""
        try:
            while self._spool.waiting and not stop.is_set:
                self.step(stop)
        finally:
            self._transport.close()

    def step(self, stop: Stop) -> None:
        """Tries once; waits where that fails."""
        batch = self._spool.batch(MOST_PACKETS, self._most_bytes)
        if batch is None:
            return
        try:
            count = self._transport.send(batch)
            if not count:
                raise LinkError("the receiver stored nothing")
        except LinkError as error:
            self._failed(error, stop)
            return
        self._spool.acknowledge(batch.sequence + count)
        self.sent += count
        self._succeeded()

    def _failed(self, error: LinkError, stop: Stop) -> None:
        if error.smaller:
            self._most_bytes = max(1, self._most_bytes // 2)
        wait = max(error.wait, self._backoff.next())
        if self._trouble != str(error):
            self._log(f"link: {error}; trying again, {self._spool.waiting} packets wait")
            self._trouble = str(error)
        stop.wait(wait)

    def _succeeded(self) -> None:
        self._backoff.reset()
        self._most_bytes = min(MOST_BYTES, 2 * self._most_bytes)
        if self._trouble is not None:
            self._log("link: up")
            self._trouble = None
