"""The wavelet filter bank that every model starts from, in int8.

The bank is CDF 9/7 (Cohen, Daubechies, Feauveau 1992; bior4.4 elsewhere). Its analysis filters are rounded to int8 taps
with a power-of-two scale; the low-pass keeps DC exactly (its taps sum to 2^shift), the high-pass rejects it exactly (sum 0).
Band steps come from the norms of the synthesis basis, so that one step code gives equal steps in the orthonormal sense.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import log2

import numpy as np
import numpy.typing as npt

from vaecodec.codec.matching import INVERSE_SHIFT
from vaecodec.export.symbols import ColourMix, FilterPair, band_count

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# One half of each symmetric analysis filter, centre first: low-pass of DC gain 1, high-pass of Nyquist gain 1.
LOW = np.array([0.8526986790088938, 0.37740285561283066, -0.11062440441843718, -0.023849465019556843, 0.03782845550726404]) / 2**0.5
HIGH = np.array([0.7884856164055829, -0.41809227322161724, -0.04068941760916406, 0.06453888262869706]) / 2**0.5

SHIFT_LOW = 7
SHIFT_HIGH = 8
TAPS = 9

_RGB_TO_YCBCR = ((38, 75, 15), (-22, -42, 64), (64, -54, -10))
_COLOUR_SHIFT = 7


@lru_cache(maxsize=1)
def integer_bank() -> FilterPair:
    """The int8 taps nearest to CDF 9/7.

    All roundings of the taps by one up or down and all scales of the high-pass that use the upper third of int8 are tried;
    the pair kept has the least squared error after the float synthesis, for a first-order process of correlation 0.95.

    Returns:
        FilterPair of nine taps; the high-pass is stored one tap later, centred on the odd sample.
    """
    lows, highs = _low_candidates(), _high_candidates()
    errors = [_error(lows, high) for high in highs]
    best = int(np.argmin([error.min() for error in errors]))
    low, high = lows[int(np.argmin(errors[best]))], highs[best]
    return FilterPair(_whole(low, 0), _whole(high, 1), SHIFT_LOW, SHIFT_HIGH)


def reconstruction_error(pair: FilterPair, correlation: float = 0.95) -> float:
    """Error of one level of analysis by `pair` and synthesis by the float dual filters, in dB under the signal's power.

    Args:
        pair: filters as `integer_bank` gives them (symmetric, nine and seven taps).
        correlation: of the first-order process that stands for the signal; 0 is white noise.
    """
    low = np.array(pair.low[4:], np.int64)[None]
    high = np.array([*pair.high[5:], 0][:4], np.int64)
    return float(10 * np.log10(_error(low, high, correlation)[0]))


def high_gain(pair: FilterPair) -> float:
    """Nyquist gain of the high-pass."""
    return float(abs(np.dot(pair.high, (-1.0) ** np.arange(len(pair.high)))) / 2**pair.shift_high)


def band_norms(rank: int, levels: int, colours: int = 1) -> FloatArray:
    """L2 norm of the synthesis basis function of each band, in input units per unit of coefficient.

    Args:
        rank: 1 signals, 2 pictures.
        levels: L.
        colours: 3 adds the norm of the inverse colour mix's column, over sqrt(3), so that errors are those of a mean over RGB.

    Returns:
        Array by band number (format.md section 1).
    """
    low, high = _axis_norms(levels)
    if rank == 1:
        return np.array([low[levels], *(high[level] for level in range(levels, 0, -1))])
    colour = colour_norms(colours)
    norms = np.zeros(band_count(2, levels, colours))
    norms[:colours] = low[levels] ** 2 * colour
    for level in range(levels, 0, -1):
        orientations = np.array([high[level] * low[level]] * 2 + [high[level] ** 2])
        first = colours + 3 * colours * (levels - level)
        norms[first : first + 3 * colours] = np.outer(colour, orientations).ravel()
    return norms


def step_offsets(rank: int, levels: int, colours: int = 1) -> list[int]:
    """Step code offset o_b of each band: a step of 2^(t/16) input units in the orthonormal sense for every band."""
    return [round(-16 * log2(norm)) for norm in band_norms(rank, levels, colours)]


def colour_mix(colours: int) -> tuple[ColourMix, ...]:
    """RGB to Y, Cb, Cr in the usual scale for three planes, nothing for one.

    Raises:
        ValueError: for another number of planes.
    """
    if colours == 1:
        return (ColourMix((1,), 0),)
    if colours == 3:
        return tuple(ColourMix(row, _COLOUR_SHIFT) for row in _RGB_TO_YCBCR)
    raise ValueError(f"a colour mix exists for 1 or 3 planes, not {colours}")


def inverse_colour_mix(colours: int) -> FloatArray:
    """Float inverse of `colour_mix`, [component, plane]."""
    rows = colour_mix(colours)
    return np.linalg.inv(np.array([[weight / 2**row.shift for weight in row.weights] for row in rows]))


def colour_norms(colours: int) -> FloatArray:
    """Root mean square over components that one unit of each colour plane causes after the inverse mix."""
    return np.asarray(np.sqrt((inverse_colour_mix(colours) ** 2).mean(0)))


def synthesis_filters() -> tuple[FloatArray, FloatArray]:
    """Float dual filters of `integer_bank`: low-pass (7 taps, centred on the even sample), high-pass (9 taps, on the odd sample)."""
    low = 2 * _alternate(HIGH)
    high = 2 * _alternate(LOW) / high_gain(integer_bank())
    return np.r_[low[:0:-1], low], np.r_[high[:0:-1], high]


def inverse_filters(sites: int = 5) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """The dual filters as MATCH takes them (docs/format.md section 4).

    Args:
        sites: that they span, odd.

    Returns:
        [sites][band: low, high][phase] with INVERSE_SHIFT fractional bits.
    """
    low, high = synthesis_filters()
    dual = np.stack([np.pad(low, 1), high]) * 2.0**INVERSE_SHIFT

    def tap(j: int, band: int, phase: int) -> int:
        at = phase - 2 * (j - sites // 2) - band + 4
        return round(dual[band, at]) if 0 <= at < 9 else 0

    return tuple(((tap(j, 0, 0), tap(j, 0, 1)), (tap(j, 1, 0), tap(j, 1, 1))) for j in range(sites))


def peak_gain(levels: int) -> float:
    """Largest output of any band along one axis, over the largest input: headroom that the input must leave."""
    pair = integer_bank()
    low = np.array(pair.low) / 2**pair.shift_low
    high = np.array(pair.high) / 2**pair.shift_high
    cascade, gain = np.ones(1), 1.0
    for level in range(levels):
        gain = max(gain, *(float(np.abs(np.convolve(cascade, _upsample(taps, 2**level))).sum()) for taps in (low, high)))
        cascade = np.convolve(cascade, _upsample(low, 2**level))
    return gain


def _low_candidates() -> IntArray:
    sides = np.round(LOW[1:] * 2**SHIFT_LOW).astype(np.int64) + np.array(list(product((-1, 0, 1), repeat=4)))
    return np.concatenate([2**SHIFT_LOW - 2 * sides.sum(1, keepdims=True), sides], axis=1)


def _high_candidates() -> list[IntArray]:
    found = []
    for centre in range(84, 128, 2):  # even, as the sides are symmetric and all taps sum to 0
        sides = np.round(HIGH[2:] * centre / HIGH[0]).astype(np.int64)
        for nudge in product((-1, 0, 1), repeat=2):
            outer = sides + nudge
            found.append(np.array([centre, -centre // 2 - outer.sum(), *outer]))
    return found


def _error(lows: IntArray, high: IntArray, correlation: float = 0.95) -> FloatArray:
    """Relative squared error, aliasing included, of analysis by integer taps and synthesis by the float dual filters."""
    w = (np.arange(128) + 0.5) * np.pi / 128
    power = 1 / (1 - 2 * correlation * np.cos(w) + correlation**2)
    d_low = lows / 2**SHIFT_LOW - LOW
    d_high = high / np.abs(_response(_alternate(high), np.zeros(1))) - HIGH
    g_low, g_high = _response(_alternate(HIGH), w), _response(_alternate(LOW), w)
    straight = _response(d_low, w) * g_low + _response(d_high, w) * g_high
    alias = _response(d_low, w + np.pi) * g_low - _response(d_high, w + np.pi) * g_high
    return np.asarray(((straight**2 + alias**2) * power).mean(-1) / power.mean())


def _response(half: npt.NDArray[np.float64] | IntArray, w: FloatArray) -> FloatArray:
    """Frequency response of symmetric filters given by their halves [..., taps] at frequencies w."""
    n = np.arange(half.shape[-1])[:, None]
    return np.asarray(half @ np.where(n == 0, 1.0, 2 * np.cos(n * w)))


def _alternate(half: npt.NDArray[np.float64] | IntArray) -> FloatArray:
    return np.asarray(half * (-1.0) ** np.arange(half.shape[-1]))


def _whole(half: IntArray, delay: int) -> tuple[int, ...]:
    taps = np.zeros(TAPS, np.int64)
    centre = TAPS // 2 + delay
    for k, tap in enumerate(half.tolist()):
        taps[centre - k] = taps[centre + k] = tap
    return tuple(taps.tolist())


def _axis_norms(levels: int) -> tuple[list[float], list[float]]:
    """Norms along one axis of the synthesis of the approximation and of the detail, by level (index 0 unused)."""
    low, high = synthesis_filters()
    cascade, lows, highs = np.ones(1), [0.0], [0.0]
    for level in range(levels):
        lows.append(float(np.linalg.norm(np.convolve(cascade, _upsample(low, 2**level)))))
        highs.append(float(np.linalg.norm(np.convolve(cascade, _upsample(high, 2**level)))))
        cascade = np.convolve(cascade, _upsample(low, 2**level))
    return lows, highs


def _upsample(taps: FloatArray, factor: int) -> FloatArray:
    out = np.zeros((len(taps) - 1) * factor + 1)
    out[::factor] = taps
    return out
