"""The float inverse of the wavelet bank by the textbook's dual filters: near enough to judge filters and steps, not a decoder."""

from __future__ import annotations

import numpy as np

from reference.analysis import reflect
from vaecodec.export.wavelets import inverse_colour_mix, synthesis_filters


def merge(low, high, filters=None):
    """Joins the halves along axis 0; borders are those of the mirrored signal (section 9)."""
    taps_low, taps_high = filters or synthesis_filters()
    n = 2 * len(low)
    even, odd = np.zeros((n, *low.shape[1:])), np.zeros((n, *low.shape[1:]))
    even[::2], odd[1::2] = low, high
    return _convolve(even, taps_low) + _convolve(odd, taps_high)


def synthesise(bands, program, filters=None):
    """Coefficients (any real numbers) to samples in units of the input, before rounding."""
    approx = [np.asarray(band, float) for band in bands[: program.colours]]
    for level in range(program.levels, 0, -1):
        for c in range(program.colours):
            if program.rank == 1:
                approx[c] = merge(approx[c], bands[1 + program.levels - level], filters)
                continue
            first = program.colours + 3 * program.colours * (program.levels - level) + 3 * c
            high_low, low_high, high_high = bands[first : first + 3]
            left, right = merge(approx[c], low_high, filters), merge(high_low, high_high, filters)
            approx[c] = merge(left.T, right.T, filters).T
    scale = 2.0**-program.in_shift
    if program.rank == 1:
        return approx[0] * scale + program.in_offset
    return np.stack(approx, -1) @ inverse_colour_mix(program.colours).T * scale + program.in_offset


def _convolve(x, taps):
    n, half = len(x), len(taps) // 2
    return sum(tap * x[reflect(np.arange(n) + k - half, n)] for k, tap in enumerate(taps))
