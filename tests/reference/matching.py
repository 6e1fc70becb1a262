"""Section 4, matching: all of it anew for every block, from everything coded before."""

from __future__ import annotations

import numpy as np

from reference.arithmetic import rshift, sat16
from reference.quantiser import M, band_step_code
from vaecodec.export.symbols import band_level

BEST = 4
FAR = 4095


class Matcher:
    """Predictions for one channel of a packet.

    `latents[b]` is what is known of band b: int64 [sites], zero where nothing is coded yet.
    """

    def __init__(self, program, t, latents):
        self.program, self.latents = program, latents
        self.block = 1 << program.levels
        self.steps = [band_step_code(program, b, t) for b in range(len(program.bands))]
        self.symbols = program.stages[0].symbols
        self.bands = []

    def begin_block(self):
        """Makes the undecimated bands of what is known."""
        self.bands = self._undecimated(self._samples())

    def find(self, row, first):
        """The best lags and their distances, the best first, for a MATCH whose first symbol is `first`."""
        m, p = self.program.matching, self.program
        lags = [lag for lag in range(m.nearest, m.farthest + 1, 2) if row * self.block - self.block >= lag]
        distance = {
            lag: self._distance(row - 1, lag, m.previous) + 2 * self._distance(row, lag, min(first, m.known)) for lag in lags
        }
        assert p.rank == 1
        return sorted(distance.items(), key=lambda item: (item[1], item[0]))[:BEST]

    def values(self, row, symbol, found):
        """What each of the lags found says of a symbol, in 1/8 of its step."""
        return [int(self._behind(row, symbol, lag)) for lag, _ in found]

    def _level(self, band):
        return band_level(1, self.program.levels, 1, band)

    def _behind(self, row, symbol, lag):
        band, d = self.symbols[symbol].band, self.symbols[symbol].d
        return self.bands[band][(row * self.block + (d << self._level(band)) - lag) // 2]

    def _distance(self, row, lag, count):
        total = 0
        for symbol in range(count):
            band, d = self.symbols[symbol].band, self.symbols[symbol].d
            z = int(self.latents[band][(row << (self.program.levels - self._level(band))) + d])
            wanted = min(max(8 * z, -16383), 16383)
            difference = int(self._behind(row, symbol, lag)) - wanted
            total += min(max(difference, -FAR), FAR) ** 2
        return total

    def _dequantised(self, band):
        octave, sixteenth = self.steps[band] >> 4, self.steps[band] & 15
        product = self.latents[band].astype(np.int64) * (M[16 - sixteenth] if sixteenth else 2**14)
        return sat16(product << 1 if octave > 14 else rshift(product, 14 - octave))

    def _samples(self):
        x = self._dequantised(0)
        for level in range(self.program.levels, 0, -1):
            x = self._joined(x, self._dequantised(self.program.levels + 1 - level), self.program.matching.inverse[level - 1])
        return x

    def _joined(self, low, high, taps):
        half = len(taps) // 2
        low, high = np.pad(low, half), np.pad(high, half)
        n = len(low) - 2 * half
        out = np.zeros((n, 2), np.int64)
        for j, (of_low, of_high) in enumerate(taps):
            for phase in (0, 1):
                out[:, phase] += of_low[phase] * low[j : j + n] + of_high[phase] * high[j : j + n]
        return sat16(rshift(out.ravel(), self.program.matching.shift))

    def _undecimated(self, samples):
        """Every band at places 0, 2, 4 ... of the samples."""
        details, x = [], samples
        for level in range(1, self.program.levels + 1):
            pair = self.program.filters[level - 1][0][0]
            stretch, every = (1, 2) if level == 1 else (1 << (level - 2), 1)
            low, high = (self._filtered(x, taps, stretch, every) for taps in (pair.low, pair.high))
            x = sat16(rshift(low, pair.shift_low))
            details.append(self._in_steps(sat16(rshift(high, pair.shift_high)), self.program.levels + 1 - level))
        return [self._in_steps(x, 0), *reversed(details)]

    @staticmethod
    def _filtered(x, taps, stretch, every):
        half = len(taps) // 2 * stretch
        padded = np.pad(x, half)
        return sum(tap * padded[k * stretch : k * stretch + len(x)][::every] for k, tap in enumerate(taps))

    def _in_steps(self, values, band):
        octave, sixteenth = self.steps[band] >> 4, self.steps[band] & 15
        return sat16(rshift(values * M[sixteenth], 12 + octave))
