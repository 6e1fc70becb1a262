"""Matched context outside of the coder: what MATCH of docs/format.md section 4 finds in latents that are known, for training.

    bank = MatchBank([MatchFilters(low, high, (7, 8), inverse)] * levels, offsets, MatchRange(512, 2600, 8, 16))
    best, mean, raw_mean, distance = bank.find(bands, t, symbols, groups)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.errors import InputError

__all__ = ["INVERSE_SHIFT", "MatchBank", "MatchFilters", "MatchRange"]

Int16 = npt.NDArray[np.int16]

INVERSE_SHIFT = 13
"""Fractional bits of inverse filters."""


@dataclass(frozen=True)
class MatchRange:
    """What is compared, and how far back.

    Attributes:
        nearest: least lag in samples, even.
        farthest: largest lag in samples, even.
        previous: symbols of the block before that are compared.
        known: symbols of the running block that are compared.
    """

    nearest: int
    farthest: int
    previous: int
    known: int


@dataclass(frozen=True)
class MatchFilters:
    """Integer filters of one level.

    Attributes:
        low: K int8 taps, K odd.
        high: K int8 taps.
        shifts: of the sums of both.
        inverse: int16 [sites, 2 bands, 2 phases] with INVERSE_SHIFT fractional bits; as many sites at every level.
    """

    low: Sequence[int]
    high: Sequence[int]
    shifts: tuple[int, int]
    inverse: Int16


class MatchBank:
    """Finds matches by integer filters. Threads may share one.

    Args:
        filters: of levels 1..L.
        offsets: step code offset o_b of each of the 1 + L bands.
        span: what is compared.

    Raises:
        InputError: the nearest lag would look at what is not coded yet.
    """

    def __init__(self, filters: Sequence[MatchFilters], offsets: Sequence[int], span: MatchRange) -> None:
        self._filters, self._span = tuple(filters), span
        self._offsets = [int(o) for o in offsets]
        self._taps = [[ffi.new("int8_t[]", [int(v) for v in taps]) for taps in (f.low, f.high)] for f in self._filters]
        self._inverse = [ffi.new("uint8_t[]", np.ascontiguousarray(f.inverse, "<i2").tobytes()) for f in self._filters]
        least = int(lib.vc_history_delay(ffi.addressof(self._setup(0).history)))
        if span.nearest < least:
            raise InputError(f"the nearest lag is at least {least}, got {span.nearest}")

    def find(
        self, bands: Sequence[Int16], t: int, symbols: Sequence[tuple[int, int]], groups: Sequence[int]
    ) -> tuple[Int16, Int16, Int16, Int16]:
        """What MATCH writes for a packet of these latents.

        Args:
            bands: int16 [N / 2^l, channels] in the order of docs/format.md section 1.
            t: step code.
            symbols: (band, d) of a block, in coding order.
            groups: first symbol of each MATCH, and at the end the number of symbols.

        Returns:
            Planes of kinds best, mean, raw mean and distance, int16 [blocks, channels, symbols], zero where nothing is written.
        """
        rows, cols = bands[0].shape
        setup = self._setup(t)
        held = [np.ascontiguousarray(band, np.int16) for band in bands]
        planes = [np.zeros((rows, cols, len(symbols)), np.int16) for _ in range(4)]
        out = ffi.new("vc_match_out *", [*map(_pointer, planes), len(symbols)])
        array = ffi.new("vc_band[]", [{"data": _pointer(b), "rows": len(b), "cols": cols, "stride": cols} for b in held])
        places = ffi.new("vc_symbol[]", [{"band": b, "row_step": len(held[b]) // rows, "row_first": d} for b, d in symbols])
        ends = ffi.new("int32_t[]", list(groups))
        packet = ffi.new("vc_match_packet *", [array, places, ends, len(groups) - 1, rows, cols])
        memory = np.empty(lib.vc_match_run_memory(setup, rows, cols), np.uint8)
        lib.vc_match_run(setup, packet, out, ffi.cast("void *", memory.ctypes.data), memory.size)
        return planes[0], planes[1], planes[2], planes[3]

    def _setup(self, t: int):  # type: ignore[no-untyped-def]
        setup = ffi.new("vc_match_setup *")
        setup.previous, setup.known = self._span.previous, self._span.known
        setup.nearest, setup.farthest = self._span.nearest, self._span.farthest
        h = setup.history
        h.levels, h.sites, h.shift = len(self._filters), len(self._filters[0].inverse), INVERSE_SHIFT
        for level, (given, taps, inverse) in enumerate(zip(self._filters, self._taps, self._inverse, strict=True)):
            f = h.level[level]
            (f.low, f.high), f.inverse = taps, inverse
            f.taps, f.shift_low, f.shift_high = len(given.low), *given.shifts
        for band, offset in enumerate(self._offsets):
            h.step[band] = min(max(t + offset, 0), 255)
        return setup


def _pointer(array: Int16):  # type: ignore[no-untyped-def]
    return ffi.cast("int16_t *", array.ctypes.data)
