"""Section 12: signals of bounded error, packet by packet, written from the page."""

from __future__ import annotations

import re
from pathlib import Path

from .distribution import Distribution, clamp
from .range_coder import Decoder, Encoder

SOURCE = (Path(__file__).parents[2] / "edge_runtime" / "c" / "vc_predict_tables.h").read_text()
ROWS = SOURCE.split("vc_first_mixers[VC_MIXERS][VC_INPUTS] = {")[1].split("};")[0]
FIRST = [[int(v) for v in row.split(",")] for row in re.findall(r"\{([^{}]*)\}", ROWS)]
RECIPROCAL = [round(256 / (1 + (i + 0.5) / 32)) for i in range(32)]
MOST = 2**23
INT32 = 2**31


def lim(v):
    return clamp(v, -MOST, MOST)


def log2(v):
    return v.bit_length() - 1


def log8(v):
    return 8 * log2(v) + (v >> log2(v) - 3 & 7)


def log4(v):
    m = v >> log2(v) - 7
    return 4 * log2(v) + (m >= 153) + (m >= 182) + (m >= 216)


def shape(v, usual):
    return (4 * abs(v) >= usual) + (abs(v) >= usual) + (abs(v) >= 3 * usual) + (4 if v < 0 else 0)


def wrapped(v):
    """v modulo 2^32, signed."""
    return (v + INT32) % (2 * INT32) - INT32


def learn(weights, error, inputs, rate):
    p = 4096 + sum(v * v for v in inputs)
    n = log2(p)
    s = n + rate - 12
    for i, v in enumerate(inputs):
        change = error * RECIPROCAL[p >> n - 5 & 31] * v + (1 << s - 1) >> s
        for w in weights:
            w[i] = clamp(w[i] + change, -MOST, MOST)


class Channel:
    """State of one channel of a packet."""

    def __init__(self, max_error):
        self.e, self.d = max_error, 2 * max_error + 1
        self.x, self.started = 0, False
        self.g, self.c, self.a = [0] * 12, [0] * 16, [0] * 16
        self.w = [[v << 13 for v in row] for row in FIRST]
        self.fast = self.slow = 1 << 14
        self.means = {}

    def expect(self, before):
        """Predicts; gives the distribution of the residual's upper bits."""
        usual = (self.slow * self.d >> 8) + 8
        self.most = min(4 * usual, MOST)
        trend = clamp(log8(self.fast) - log8(self.slow) + 32 >> 2, 0, 15)
        k = clamp(log2(self.fast) - 9, 0, 31), 32 + trend, 48 + shape(self.g[0], usual) + 8 * shape(self.c[0], usual)
        self.mixers = [self.w[i] for i in k]
        filtered = lim(self.g[0] + (2**19 + sum(a * c for a, c in zip(self.a, self.c, strict=True)) >> 20))
        self.u = [filtered, *self.g, *(before.g[:2] if before else (0, 0))]
        self.move = lim(2**19 + sum(sum(w) * u for *w, u in zip(*self.mixers, self.u, strict=True)) >> 20)
        at = clamp(16 * self.x + self.move, -16 * INT32, 16 * (INT32 - 1))
        self.p = at + 8 >> 4
        self.centre = (at - 16 * self.p) * ((65536 + self.e) // self.d) + 32768 >> 16
        size = 5 * self.fast + 3 * self.slow >> 3
        self.low = max(0, log2(size) - 18)
        self.met = clamp((log8(self.slow) >> 2) - 2 * self.low - 18, 0, 31), trend
        mean = self.means.setdefault(self.met, size >> self.low)
        at = self.centre if self.low == 0 else (self.centre + 8 >> self.low) - 8
        return Distribution(at, 64 * (log4(201 * mean >> 8) - 48), -2048)

    def residual(self, x):
        """The residual of a sample."""
        error = x - self.p
        if self.e == 0:
            return wrapped(error)
        return (abs(error) + self.e) // self.d * (1 if error > 0 else -1)

    def take(self, q):
        """Learns from a residual; gives the sample."""
        x = wrapped(self.p + q) if self.e == 0 else clamp(self.p + q * self.d, -INT32, INT32 - 1)
        if self.started:
            self._learn(q, lim(16 * (x - self.x)))
        self.x, self.started = x, True
        return x

    def _learn(self, q, slope):
        size = max(512, abs(16 * q - self.centre) << 8)
        self.means[self.met] += clamp(size >> self.low, 512, 1 << 27) - self.means[self.met] >> 6
        self.fast += size - self.fast >> 3
        self.slow += min(size, 16 * self.slow) - self.slow >> 7
        learn([self.a], clamp(slope - self.u[0], -self.most, self.most), self.c, 10)
        learn(self.mixers, clamp(slope - self.move, -self.most, self.most), self.u, 6)
        self.c = [lim(slope - self.g[0]), *self.c[:-1]]
        self.g = [slope, *self.g[:-1]]


def encode(rows, max_error):
    """The payload of samples [time][channel]."""
    channels, coder = [Channel(max_error) for _ in rows[0]], Encoder()
    for row in rows:
        for i, (channel, x) in enumerate(zip(channels, row, strict=True)):
            distribution = channel.expect(channels[i - 1] if i else None)
            q = channel.residual(int(x))
            z = q >> channel.low
            extreme = abs(z) > 32766
            coder.value(distribution.row(), (clamp(z, -32767, 32767)) - distribution.first)
            for bit in range(31 if extreme else channel.low - 1, -1, -1):
                coder.interval(q >> bit & 1, (q >> bit & 1) + 1, 1)
            channel.take(q)
    return coder.finalise()


def decode(data, samples, count, max_error):
    """Samples [time][channel] of a payload."""
    channels, coder = [Channel(max_error) for _ in range(count)], Decoder(data)
    rows = []
    for _ in range(samples):
        row = []
        for i, channel in enumerate(channels):
            distribution = channel.expect(channels[i - 1] if i else None)
            z = coder.row_value(distribution.cdf, distribution.values) + distribution.first
            extreme = abs(z) > 32766
            bits = 0
            for _ in range(32 if extreme else channel.low):
                bits = 2 * bits + coder._bit()
            q = wrapped(bits) if extreme else (z << channel.low) + bits
            if abs(z) > 32767 or wrapped(q) != q:
                raise ValueError("no such residual")
            row.append(channel.take(q))
        rows.append(row)
    return rows
