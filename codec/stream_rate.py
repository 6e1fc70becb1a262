"""A bit rate for streams: a reservoir of bits that fills steadily, and the finest step of each packet that it can pay for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from vaecodec.codec.arguments import is_number, shown
from vaecodec.codec.errors import InputError
from vaecodec.codec.rate import SUBSTEPS

__all__ = ["Reservoir"]

# Bytes that the framing of a packet and one byte of payload take.
LEAST_PACKET = 7
# Share of what the reservoir holds beyond half that one packet may use, and how far it saves up below half.
SHARE = 0.25


class Reservoir:
    """Bits that may be sent: they come in at the bit rate, up to a capacity, and packets use them.

    So in any stretch of time the packets have at most `bitrate` x time + capacity bits. Sync packets are sent whether they can be paid for or not;
    the data packets after them make up for it.

    Args:
        bitrate: bits a second.
        seconds: capacity, in seconds of the bit rate.
        packets: a second.

    Raises:
        InputError: the bit rate cannot even pay for empty packets, or the capacity is out of range.
    """

    def __init__(self, bitrate: float, seconds: float, packets: Fraction) -> None:
        if not is_number(bitrate) or bitrate <= 0:
            raise InputError(f"a bit rate is above 0 bits a second, got {shown(bitrate)}")
        if not is_number(seconds) or not 0 < seconds <= 3600:
            raise InputError(f"a reservoir is above 0 and at most 3600 seconds, got {shown(seconds)}")
        self._income = float(bitrate / packets)
        self.capacity = max(bitrate * seconds, 2 * self._income)
        if self._income < 8 * LEAST_PACKET:
            least = 8 * LEAST_PACKET
            raise InputError(f"{bitrate:g} bits a second leave {self._income:.0f} bits a packet; {least} is the least: take longer packets")
        self._level = self.capacity / 2

    def spend(self, size: int) -> None:
        """Pays for a packet of so many bytes."""
        self._level -= 8 * size

    def fit(self, encode: Callable[[int | None], bytes], steps: tuple[int, int]) -> bytes:
        """The finest packet that can be paid for; one of zeros where none can.

        Args:
            encode: gives the packet at a setting, or with None one of zeros. The last call must be for the packet that is sent.
            steps: finest and coarsest step code.
        """
        self._level = min(self.capacity, self._level + self._income)
        wanted = self._income + SHARE * (self._level - self._income - self.capacity / 2)
        best, size = self._finest(encode, min(self._level, max(wanted, 8 * LEAST_PACKET)), steps)
        if size > self._level:
            best = None
        return encode(None if best is None else SUBSTEPS * best)

    def _finest(self, encode: Callable[[int | None], bytes], bits: float, steps: tuple[int, int]) -> tuple[int | None, int]:
        """The finest step code of at most so many bits, or the coarsest; and its bits."""
        finest, coarsest = steps
        size = 8 * len(encode(SUBSTEPS * coarsest))
        while finest < coarsest and size <= bits:
            middle = (finest + coarsest) // 2
            tried = 8 * len(encode(SUBSTEPS * middle))
            if tried <= bits:
                size, coarsest = tried, middle
            else:
                finest = middle + 1
        return coarsest, size
