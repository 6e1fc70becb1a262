"""Section 14: compressed sensing, packet by packet, written from the page."""

from __future__ import annotations

import struct

from .distribution import Distribution, clamp
from .range_coder import Decoder, Encoder

MUL = [128, 125, 123, 120, 117, 115, 112, 110, 108, 105, 103, 101, 99, 97, 95, 92]
MUL += [91, 89, 87, 85, 83, 81, 79, 78, 76, 74, 73, 71, 70, 68, 67, 65]


class Model:
    """symbols.bin, as far as packets need it."""

    def __init__(self, blob):
        self.blob, self.at = blob, 0
        magic, version, ratios, self.window, codes, self.rounding, zero = self._take("4sBBHHBB")
        assert (magic, version, zero) == (b"VCSS", 1, 0)
        self.codes = [self._take("HBB") for _ in range(codes)]
        self.ratios = [self._ratio() for _ in range(ratios)]
        assert self.at == len(blob)

    def _take(self, form):
        values = struct.unpack_from("<" + form, self.blob, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def _ratio(self):
        rows, banks, classes = self._take("HBB")
        tables = []
        for _ in range(classes):
            (contexts,) = self._take("B")
            thresholds = self._take(f"{contexts - 1}H")
            tables.append((thresholds, [[self._take("BB") for _ in range(contexts)] for _ in range(banks)]))
        return tables, [self._row() for _ in range(rows)]

    def _row(self):
        offset, number, means, sizes, _, entries = self._take("hBBBBH")
        return offset, number, self._take(f"{entries}H"), [self._take("HB") for _ in range(means)], [self._take("HB") for _ in range(sizes)]


def quantise(y, exponent, rounding):
    exponent = max(0, exponent)
    k = exponent >> 5
    if k > 24:
        return 0
    z = min(32767, abs(y) * MUL[exponent & 31] + (rounding << 7 + k >> 8) >> 7 + k)
    return z if y >= 0 else -z


def measure(model, x, t, rounding):
    """Measurements of a window of samples."""
    exponent, ratio, _ = model.codes[t]
    found = []
    for offset, _, entries, _, _ in model.ratios[ratio][1]:
        y = sum(-x[c - 0x8000] if c & 0x8000 else x[c] for c in entries)
        found.append(quantise(y, exponent + offset, rounding))
    return found


def expected(model, t, row, now, before):
    """The distribution of a measurement."""
    _, ratio, bank = model.codes[t]
    tables, rows = model.ratios[ratio]
    _, number, _, means, sizes = rows[row]
    value = lambda ref: before[ref - 0x8000] if ref & 0x8000 else now[ref]  # noqa: E731
    mean = sum((-1 if how & 0x80 else 1) * (value(ref) << (how & 7)) for ref, how in means)
    size = sum(abs(value(ref)) << how for ref, how in sizes)
    thresholds, banks = tables[number]
    scale, spike = banks[bank][sum(size >= threshold for threshold in thresholds)]
    return Distribution(clamp(mean, -32767 * 16, 32767 * 16), 64 * (scale - 16), 64 * (spike - 32))


def encode(model, z, t):
    """The payload of measurements [window][channel][row]."""
    if not any(v for window in z for channel in window for v in channel):
        return b""
    coder = Encoder()
    before = [[0] * len(channel) for channel in z[0]]
    for window in z:
        for channel, last in zip(window, before, strict=True):
            for row, v in enumerate(channel):
                distribution = expected(model, t, row, channel, last)
                coder.value(distribution.row(), v - distribution.first)
        before = window
    return coder.finalise() or b"\0"


def decode(model, data, t, windows, channels):
    """Measurements [window][channel][row] of a payload."""
    rows = len(model.ratios[model.codes[t][1]][1])
    if not data:
        return [[[0] * rows for _ in range(channels)] for _ in range(windows)]
    coder, found = Decoder(data), []
    before = [[0] * rows for _ in range(channels)]
    for _ in range(windows):
        window = []
        for last in before:
            now = []
            for row in range(rows):
                distribution = expected(model, t, row, now, last)
                z = coder.row_value(distribution.cdf, distribution.values) + distribution.first
                if abs(z) > 32767:
                    raise ValueError("no such measurement")
                now.append(z)
            window.append(now)
        found.append(window)
        before = window
    return found
