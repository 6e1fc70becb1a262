"""What a stream is made of: seconds of packets, key packets and sync packets as whole numbers, for encoders on computers and on devices."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vaecodec.codec.arguments import is_number, shown
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.recordings import exact_rate

__all__ = ["Layout", "block", "layout"]

LEAST_SECONDS, MOST_SECONDS, MOST_SYNC = 0.25, 60.0, 3600.0


def block(bundle: Bundle) -> int:
    """Samples a channel that a model codes at once: a block of 2^L, or a window of compressed sensing."""
    return bundle.sensing.window if bundle.modality == "sensing" else 1 << bundle.symbols.levels


@dataclass(frozen=True)
class Layout:
    """Whole numbers.

    Attributes:
        rate: samples a second and channel.
        rows: blocks a packet, of `block` samples.
        group: packets from a key packet to the next; 1: all are key packets.
        sync: packets from a sync packet to the next, rounded up to a key packet as the stream goes.
    """

    rate: Fraction
    rows: int
    group: int
    sync: int


def layout(bundle: Bundle, rate: float | Fraction | None, packet: float, key: float | None, sync: float) -> Layout:
    """The nearest to what is asked for.

    Args:
        bundle: the model; its rate is taken unless one is given.
        rate: samples a second and channel.
        packet: seconds a packet, 0.25..60.
        key: seconds from a key packet to the next, at least a packet and at most 60; None: every packet is one.
        sync: seconds from a sync packet to the next, at most 3600.

    Raises:
        InputError: an argument is out of range, or no rate is known.
    """
    exact = exact_rate(bundle.manifest.get("rate") or 0 if rate is None else rate)
    if not exact:
        missing = f"model {bundle.name!r} has no rate of its own: give the samples a second"
        raise InputError(missing if rate is None else f"a rate of {shown(rate)} Hz")
    if not is_number(packet) or not LEAST_SECONDS <= packet <= MOST_SECONDS:
        raise InputError(f"a packet has {LEAST_SECONDS}..{MOST_SECONDS:g} seconds, got {shown(packet)}")
    samples = block(bundle)
    rows = max(1, round(packet * exact / samples))
    packets = exact / (rows * samples)  # a second
    if key is not None and bundle.modality == "sensing":
        raise InputError(f"all packets of {bundle.name} decode alone: leave the time between key packets away")
    group = 1 if key is None else _count(key, "key", MOST_SECONDS, packets)
    if key is not None and key < packet:
        raise InputError(f"key packets are at least a packet apart: key is {shown(key)} seconds, a packet has {shown(packet)}")
    return Layout(exact, rows, group, _count(sync, "sync", MOST_SYNC, packets))


def _count(seconds: float, what: str, most: float, a_second: Fraction) -> int:
    """Whole packets in so many seconds."""
    if not is_number(seconds) or not 0 < seconds <= most:
        raise InputError(f"{what} is a number of seconds, above 0 and at most {most:g}, got {shown(seconds)}")
    return max(1, round(seconds * a_second))
