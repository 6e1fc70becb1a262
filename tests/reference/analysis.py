"""Section 2: samples to wavelet coefficients."""

from __future__ import annotations

from itertools import pairwise

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


def reflect(positions, n):
    """Positions in 0..n-1 that positions outside read, by reflection at the first and last sample, as often as needed."""
    if n == 1:
        return np.zeros_like(positions)
    positions = positions % (2 * (n - 1))
    return np.minimum(positions, 2 * (n - 1) - positions)


def split(x, pair):
    """Low-pass and high-pass half of x along axis 0."""
    n, k = len(x), len(pair.low)
    even = np.arange(0, n, 2)
    around = [x[reflect(even + tap - (k - 1) // 2, n)] for tap in range(k)]
    low = sum(weight * source for weight, source in zip(pair.low, around, strict=True))
    high = sum(weight * source for weight, source in zip(pair.high, around, strict=True))
    return sat16(rshift(low, pair.shift_low)), sat16(rshift(high, pair.shift_high))


def cosine(i):
    """2^15 cos(2 pi i / 2048), within 2^15 - 1."""
    return np.clip(np.rint(2**15 * np.cos(2 * np.pi * np.asarray(i) / 2048)), -32767, 32767).astype(np.int64)


def _fold(x, size):
    """Blocks [n, M, channels], rotated around the borders between them."""
    blocks = x.reshape(-1, size, x.shape[1])
    n, scale, folded = np.arange(size // 2), 256 // size, blocks.copy()
    keep, take = (cosine(i * scale)[:, None] for i in (size - 1 - 2 * n, size + 1 + 2 * n))
    left, right = blocks[:-1, ::-1][:, n], blocks[1:, n]
    folded[1:, n] = rshift(keep * right + take * left, 15)
    folded[:-1, size - 1 - n] = rshift(keep * left - take * right, 15)
    return folded


def _lap_signal(x, program):
    size = 1 << program.levels
    odd = 2 * np.arange(size) + 1
    sums = np.einsum("bnc,nk->bkc", _fold(x, size), cosine(np.outer(odd, odd) * (256 // size)))
    y = sat16(rshift(sums, 15 + program.lapped_shift)).astype(np.int16)
    edges = [0, *(1 << j for j in range(program.levels + 1))]
    return [np.ascontiguousarray(y[:, a:b]).reshape(-1, x.shape[1]) for a, b in pairwise(edges)]


def _analyse_signal(x, program):
    if program.lapped_shift is not None:
        return _lap_signal(x, program)
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
