"""A bit rate for streams: a reservoir of bits that fills steadily, and a step for each packet that it can pay for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from vaecodec.codec.arguments import is_number, shown
from vaecodec.codec.errors import InputError
from vaecodec.codec.rate import SUBSTEPS

__all__ = ["Reservoir"]

# Bytes that the framing of a packet and one byte of payload take.
LEAST_PACKET = 7
# Time constants, in packets that a full reservoir pays for: with the first it strives to be half full, with the second the step follows.
# Both smooth the quality; found on ECG at 200 and 300 bits a second.
LEVEL_INERTIA, STEP_INERTIA = 0.8, 0.6
# Step codes by which a packet that cannot be paid for is made coarser at a time.
COARSER = 4


class Reservoir:
    """Bits that may be sent: they come in at the bit rate, up to a capacity, and packets use them.

    So in any stretch of time the packets have at most `bitrate` x time + capacity bits, and a sync packet. Sync packets are sent whether they can
    be paid for or not; the data packets after them make up for it.

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
        held = self.capacity / self._income
        self._share, self._inertia = min(0.5, 1 / (LEVEL_INERTIA * held)), max(1.0, STEP_INERTIA * held)
        self._step: float | None = None  # the step code that packets follow

    def reserve(self, bits: float) -> None:
        """Says what sync packets take, in bits a packet.

        Raises:
            InputError: too little is left for the packets.
        """
        least = bits + 8 * LEAST_PACKET
        if self._income < least:
            taken = f"sync packets take {bits:.0f} of the {self._income:.0f} bits a packet"
            raise InputError(f"{taken}; {least:.0f} is the least: send fewer of them, or longer packets")

    def spend(self, size: int) -> None:
        """Pays for a packet of so many bytes."""
        self._level -= 8 * size

    def fit(self, encode: Callable[[int | None], bytes], steps: tuple[int, int]) -> bytes:
        """A packet that can be paid for; one of zeros where none can.

        Args:
            encode: gives the packet at a setting, or with None one of zeros. The last call is for the packet that is sent.
            steps: finest and coarsest step code.
        """
        self._level = min(self.capacity, self._level + self._income)
        wanted = self._income + self._share * (self._level - self._income - self.capacity / 2)
        found = self._finest(encode, min(self._level, max(wanted, 8 * LEAST_PACKET)), steps)
        self._step = found if self._step is None else self._step + (found - self._step) / self._inertia
        return self._payable(encode, round(self._step), steps[1])

    def _payable(self, encode: Callable[[int | None], bytes], step: int, coarsest: int) -> bytes:
        """The packet at a step code, or at the next coarser ones that there are bits for."""
        packet = encode(SUBSTEPS * step)
        while 8 * len(packet) > self._level and step < coarsest:
            step = min(coarsest, step + COARSER)
            packet = encode(SUBSTEPS * step)
        return packet if 8 * len(packet) <= self._level else encode(None)

    def _finest(self, encode: Callable[[int | None], bytes], bits: float, steps: tuple[int, int]) -> int:
        """The finest step code of at most so many bits, or the coarsest, by bisection."""
        finest, coarsest = steps
        while finest < coarsest:
            middle = (finest + coarsest) // 2
            if 8 * len(encode(SUBSTEPS * middle)) <= bits:
                coarsest = middle
            else:
                finest = middle + 1
        return coarsest
