"""Section 4, matching: all of it anew for every block, from everything coded before."""

from __future__ import annotations

import numpy as np

from reference.arithmetic import rshift, sat16
from reference.quantiser import M, band_step_code
from vaecodec.export.symbols import band_level

BEST = 4
FAR = 4095


class Matcher:
    """Predictions for one channel of a packet, or of a group of packets.

    `latents[b]` is what is known of band b: int64 [sites], zero where nothing is coded yet.
    """

    def __init__(self, program, t, latents):
        self.program, self.latents = program, latents
        self.block = 1 << program.levels
        self.symbols = program.stages[0].symbols
        self.steps = self._steps(t)
        self.steps_of_blocks = []
        self.before = {}  # distances of the block before, as they were then
        self.bands = [np.zeros(0, np.int64) for _ in program.bands]

    def step(self, t):
        """Blocks from now on have another step code: the history is brought to it."""
        before, self.steps = self.steps, self._steps(t)
        for b, (old, new) in enumerate(zip(before, self.steps, strict=True)):
            self.bands[b] = self._scaled(self.bands[b], old - new)

    def learn(self):
        """Takes in the block that has just been coded: places that no later block can change become known."""
        row, m = len(self.steps_of_blocks), self.program.matching
        self.before = {lag: self._distance(row, lag, m.previous) for lag in self._lags(row)}
        self.steps_of_blocks.append(self.steps)
        samples = len(self.steps_of_blocks) * self.block
        fresh = self._undecimated(self._samples())
        for b, values in enumerate(fresh):
            known = max(0, samples - self._delay(self._level(b))) // 2
            self.bands[b] = np.concatenate([self.bands[b], values[len(self.bands[b]) : known]])

    def _steps(self, t):
        return [band_step_code(self.program, b, t) for b in range(len(self.program.bands))]

    def _delay(self, level):
        """F_l of section 4."""
        late = 0
        for _ in range(self.program.levels):
            late = 2 * (late + self.program.matching.sites // 2)
        for lower in range(1, level + 1):
            late += (len(self.program.filters[lower - 1][0][0].low) // 2) << (lower - 1)
            late += late % 2
        return late

    def find(self, row, first):
        """The best lags and their distances, the best first, for a MATCH whose first symbol is `first`."""
        known = min(first, self.program.matching.known)
        distance = {lag: self.before[lag] + 2 * self._distance(row, lag, known) for lag in self._lags(row - 1)}
        return sorted(distance.items(), key=lambda item: (item[1], item[0]))[:BEST]

    def _lags(self, row):
        """At which a block meets a whole block of the packet."""
        m = self.program.matching
        return [lag for lag in range(m.nearest, m.farthest + 1, 2) if row * self.block >= lag]

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

    @staticmethod
    def _scaled(values, code):
        """values * 2^(code / 16)."""
        product = values * (M[16 - code % 16] if code % 16 else 2**14)
        octave = code >> 4
        return sat16(product << 1 if octave > 14 else rshift(product, 14 - octave))

    def _dequantised(self, band):
        """Of the blocks that are known; each has a step code of its own."""
        count = self.block >> self._level(band)
        parts = [
            self._scaled(self.latents[band][i * count : (i + 1) * count].astype(np.int64), steps[band])
            for i, steps in enumerate(self.steps_of_blocks)
        ]
        return np.concatenate(parts)

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
