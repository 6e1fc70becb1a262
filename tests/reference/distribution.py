"""Section 5: three parameters to the CDF row of a symbol."""

from __future__ import annotations

from math import ceil, exp

SCALES = [2 ** ((i - 16) / 4) for i in range(48)]
INV = [round(2**17 / s) for s in SCALES]
HALF = [ceil(12 * s) + 1 for s in SCALES]
T = [round(65536 / (1 + exp(-n / 32))) for n in range(385)]
SPIKE = [round(65536 / (1 + exp(-(n - 32) / 4))) for n in range(64)]


def clamp(x, low, high):
    return min(max(x, low), high)


class Distribution:
    """Distribution of one symbol from its mean, scale and spike (int16).

    Attributes:
        first: the z of row value 0.
        values: V, the number of row values, the escape included.
    """

    def __init__(self, mean, scale, spike):
        self.mu = mean
        self.i = clamp(((scale + 32) >> 6) + 16, 0, 47)
        self.w = SPIKE[clamp(((spike + 32) >> 6) + 32, 0, 63)]
        middle, half = (self.mu + 8) >> 4, HALF[self.i]
        if not middle - half <= 0 <= middle + half:
            self.w = 0
        self.first = middle - half
        self.values = 2 * half + 2

    def cdf(self, j):
        """Element j of the CDF row, j = 0..V."""
        if j == 0:
            return 0
        if j == self.values:
            return 65536
        return j + ((self._probability_below(self.first + j) * (65536 - self.values)) >> 16)

    def holds(self, z):
        """Whether z has a row value of its own."""
        return 0 <= z - self.first < self.values - 1

    def width(self, z):
        """Width of the interval of such a z."""
        j = z - self.first
        return self.cdf(j + 1) - self.cdf(j)

    def row(self):
        """The whole CDF row."""
        return [self.cdf(j) for j in range(self.values + 1)]

    def _probability_below(self, z):
        spike = self.w if z > 0 else 0
        return (((65536 - self.w) * self._g(16 * z - 8 - self.mu)) >> 16) + spike

    def _g(self, u):
        return self._logistic(u) if u >= 0 else 65536 - self._logistic(-u)

    def _logistic(self, u):
        a = (u * INV[self.i]) >> 8
        n, f = a >> 8, a & 255
        return 65536 if n >= 384 else T[n] + (((T[n + 1] - T[n]) * f) >> 8)
