"""Section 2: samples to wavelet coefficients."""

from __future__ import annotations

import numpy as np
from reference.arithmetic import rshift, sat16


def enter(samples, program):
    """Integer samples to fixed-point input x = sat16((s - in_offset) * 2^in_shift)."""
    s = np.asarray(samples, np.int64) - program.in_offset
    if program.in_shift >= 0:
        return sat16(s << program.in_shift).astype(np.int16)
    return sat16(rshift(s, -program.in_shift)).astype(np.int16)


def pad(samples, program):
    """Repeats the last sample at the end of each analysed axis up to a multiple of 2^L."""
    widths = [(0, -n % (1 << program.levels)) for n in samples.shape[: program.rank]]
    widths += [(0, 0)] * (samples.ndim - program.rank)
    return np.pad(samples, widths, mode="edge")


def analyse(x, program):
    """Padded input, int16 [H, W, C] or [N, channels], to the list of bands by number."""
    x = np.asarray(x, np.int64)
    return _analyse_picture(x, program) if program.rank == 2 else _analyse_signal(x, program)


def reflect(position, n):
    """Position in 0..n-1 that a position outside reads, by reflection at the first and last sample, as often as needed."""
    if n == 1:
        return 0
    position %= 2 * (n - 1)
    return min(position, 2 * (n - 1) - position)


def split(x, pair):
    """Low-pass and high-pass half of x along axis 0."""
    n, k = len(x), len(pair.low)
    low = np.zeros((n // 2, *x.shape[1:]), np.int64)
    high = np.zeros_like(low)
    for i in range(n // 2):
        for tap in range(k):
            source = x[reflect(2 * i + tap - (k - 1) // 2, n)]
            low[i] += pair.low[tap] * source
            high[i] += pair.high[tap] * source
    return sat16(rshift(low, pair.shift_low)), sat16(rshift(high, pair.shift_high))


def _analyse_signal(x, program):
    details = []
    for level in range(program.levels):
        x, detail = split(x, program.filters[level][0][0])
        details.append(detail)
    return [band.astype(np.int16) for band in (x, *reversed(details))]


def _analyse_picture(x, program):
    mixed = [
        sat16(rshift(sum(w * x[:, :, j] for j, w in enumerate(row.weights)), row.shift)) for row in program.mix
    ]
    colours = program.colours
    bands = [None] * (colours * (1 + 3 * program.levels))
    for c, plane in enumerate(mixed):
        for level in range(1, program.levels + 1):
            along_x, along_y = (program.filters[level - 1][axis][c] for axis in (0, 1))
            left, right = (half.T for half in split(plane.T, along_x))
            plane, low_high = split(left, along_y)
            high_low, high_high = split(right, along_y)
            first = colours + 3 * colours * (program.levels - level) + 3 * c
            bands[first : first + 3] = [high_low, low_high, high_high]
        bands[c] = plane
    return [band.astype(np.int16) for band in bands]
