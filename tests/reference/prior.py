"""Section 4: stages, planes, integer convolutions, and the coding of one tile or packet."""

from __future__ import annotations

from math import log2

import numpy as np

from reference.arithmetic import div, rshift, sat16
from reference.distribution import Distribution
from reference.matching import Matcher
from reference.range_coder import Decoder, Encoder, escape_bits
from vaecodec.export.symbols import CONDITION, Blend, Code, Match, PlaneKind, Shuffle, band_level


def activation(n):
    """A(n), a piecewise linear 256 log2(1 + n)."""
    e = (n + 1).bit_length() - 1
    return 256 * e + (((n + 1) << 8) >> e) - 256


def matched_view(kind, eighths):
    """What MATCH writes into a plane of that kind for values of a symbol at the places found, the best first, in 1/8."""
    mean = (sum(eighths) + 2) >> 2
    if kind == PlaneKind.RAW_MEAN:
        return int(sat16(2 * mean))
    value = eighths[0] if kind == PlaneKind.BEST else mean
    size = activation(abs(value) + 7) - activation(7)
    return size if value >= 0 else -size


def coder_view(kind, z):
    """What the coder writes into a plane of that kind for a known symbol z."""
    if kind == PlaneKind.SIGNED:
        return activation(z) if z >= 0 else -activation(-z)
    if kind == PlaneKind.MAGNITUDE:
        return activation(abs(z))
    return int(sat16(16 * z))


def condition(program, t):
    """The n_q channels q_k of step code t."""
    t = min(max(t, program.t_lo), program.t_hi)
    top = (program.n_q - 1) * 256
    p = div((t - program.t_lo) * top, program.t_hi - program.t_lo)
    p = min(max(p, 0), top)
    return np.array([max(0, 256 - abs(p - 256 * k)) for k in range(program.n_q)], np.int64)


def log2_256(n):
    """256 log2(n), rounded down."""
    return (n**256).bit_length() - 1


class EncodeSymbols:
    """Sends symbols to a range encoder."""

    def __init__(self, encoder):
        self.encoder = encoder

    def symbol(self, distribution, z, _place):
        j, values = z - distribution.first, distribution.values
        inside = 0 <= j < values - 1
        k = j if inside else values - 1
        self.encoder.interval(distribution.cdf(k), distribution.cdf(k + 1))
        for bit in [] if inside else escape_bits(j, values):
            self.encoder.interval(bit, bit + 1, 1)
        return z


class ChooseSymbols(EncodeSymbols):
    """Sends the cheaper of a symbol and its neighbour nearer zero."""

    def __init__(self, encoder, excess, weight):
        super().__init__(encoder)
        self.excess = excess
        self.weight = weight

    def symbol(self, distribution, z, place):
        nearer = z - 1 if z > 0 else z + 1
        if z != 0 and distribution.holds(z) and distribution.holds(nearer):
            band, y, x = place
            more = int(self.excess[band][y, x])
            stay = self._distortion(more) + log2_256(distribution.width(nearer))
            if self._distortion(more + 256) + log2_256(distribution.width(z)) < stay:
                z = nearer
        return super().symbol(distribution, z, place)

    def _distortion(self, excess):
        return (self.weight * excess * excess) >> 16


class DecodeSymbols:
    """Takes symbols from a range decoder."""

    def __init__(self, decoder):
        self.decoder = decoder

    def symbol(self, distribution, _, _place):
        z = distribution.first + self.decoder.row_value(distribution.cdf, distribution.values)
        if abs(z) > 32767:
            raise ValueError("latent out of range")
        return z


class CountBits:
    """Adds up the ideal code lengths."""

    def __init__(self):
        self.bits = 0.0

    def symbol(self, distribution, z, _place):
        j, values = z - distribution.first, distribution.values
        inside = 0 <= j < values - 1
        k = j if inside else values - 1
        self.bits -= log2((distribution.cdf(k + 1) - distribution.cdf(k)) / 65536)
        self.bits += 0 if inside else len(escape_bits(j, values))
        return z


class GuessSymbols:
    """Takes the likeliest of each symbol's middle and zero."""

    def symbol(self, distribution, _z, _place):
        middle = (distribution.mu + 8) >> 4
        return 0 if distribution.holds(0) and distribution.width(0) >= distribution.width(middle) else middle


class AllZero:
    """An empty payload: every symbol is 0."""

    def symbol(self, _distribution, _z, _place):
        return 0


class Prior:
    """One tile or packet in flight; the same interface as `vaecodec.codec.native.Prior`."""

    def __init__(self, program, shape, t):
        self.program = program
        self.shape = shape
        self.t = t
        self.q = condition(program, t)
        self.matchers = []
        self.span = None
        self.planes = [np.zeros((*self.grid(plane.stage), plane.channels), np.int64) for plane in program.planes]

    def grid(self, stage):
        """Rows and columns of a stage's sites."""
        unit = 1 << self.program.levels
        if self.program.rank == 1:
            return self.shape[0] // unit, self.shape[1]
        level, phases = self.program.stages[stage].level, self.program.stages[stage].phases
        return self.shape[0] >> level, -(-(self.shape[1] >> level) // phases)

    def rows(self, first, end):
        """Signals: only blocks first..end - 1 from now on, which the bands then have alone."""
        self.span = first, end

    def step(self, t):
        """Another step code from now on."""
        self.t = t
        for matcher in self.matchers:
            matcher.step(t)
        self.q = condition(self.program, t)

    def guess(self, bands, first_stage, last_stage):
        """The likeliest latents, each given those before it."""
        self._run(GuessSymbols(), bands, first_stage, last_stage)

    def encode(self, bands, first_stage, last_stage, excess=None, weight=0.0):
        """Payload of stages first..last, both included; b"" if all their latents are zero."""
        if not self._any(bands, first_stage, last_stage):
            self._run(AllZero(), bands, first_stage, last_stage)
            return b""
        encoder = Encoder()
        coder = EncodeSymbols(encoder) if excess is None else ChooseSymbols(encoder, excess, int(256 * weight))
        self._run(coder, bands, first_stage, last_stage)
        return (encoder.finalise() or b"\0") if self._any(bands, first_stage, last_stage) else b""

    def decode(self, data, bands, first_stage, last_stage):
        """Fills the bands of stages first..last in place."""
        coder = DecodeSymbols(Decoder(data)) if data else AllZero()
        self._run(coder, bands, first_stage, last_stage)

    def cost(self, bands, first_stage, last_stage):
        """Ideal code length in bits of stages first..last."""
        counter = CountBits()
        self._run(counter, bands, first_stage, last_stage)
        return counter.bits

    def _any(self, bands, first_stage, last_stage):
        stages = self.program.stages[first_stage : last_stage + 1]
        return any(bands[symbol.band].any() for stage in stages for symbol in stage.symbols)

    def _run(self, coder, bands, first_stage, last_stage):
        for number in range(first_stage, last_stage + 1):
            stage = self.program.stages[number]
            for operation in stage.prelude:
                self._prelude(operation)
            first, end = self.span or (0, self.grid(number)[0])
            if first == 0 and self.program.matching:
                self._begin_matching()
            for row in range(first, end):
                for operation in stage.rows:
                    self._row(coder, operation, number, row, bands)
                for matcher in self.matchers:
                    matcher.learn()

    def _begin_matching(self):
        self.known = [np.zeros(shape, np.int64) for shape in band_shapes(self.program, self.shape)]
        self.matchers = [Matcher(self.program, self.t, [band[:, c] for band in self.known]) for c in range(self.shape[1])]

    def _row(self, coder, operation, number, row, bands):
        if isinstance(operation, Code):
            self._code(coder, operation, number, row, bands)
        elif isinstance(operation, Match):
            self._match(operation, row)
        elif isinstance(operation, Blend):
            self._blend(operation, row)
        else:
            self._conv_row(operation, row)

    def _match(self, match, row):
        symbols = range(match.first_symbol, match.first_symbol + match.count)
        for column, matcher in enumerate(self.matchers):
            found = matcher.find(row, match.first_symbol)
            for plane, data in zip(self.program.planes, self.planes, strict=True):
                if plane.kind == PlaneKind.DISTANCE:
                    data[row, column, match.first_symbol] = activation((found[0][1] if found else 2**31 - 1) >> 6)
                elif plane.kind >= PlaneKind.BEST:
                    for symbol in symbols if found else ():
                        eighths = matcher.values(row, symbol, found)
                        data[row, column, symbol] = matched_view(plane.kind, eighths + eighths[:1] * (4 - len(eighths)))

    def _blend(self, blend, row):
        raw = next(i for i, plane in enumerate(self.program.planes) if plane.kind == PlaneKind.RAW_MEAN)
        wanted = self.planes[raw][row, :, blend.first_symbol : blend.first_symbol + blend.count]
        parameters = self.planes[blend.parameters][row, :, blend.first_parameter :]
        mean, gate = parameters[:, : blend.count], np.clip(parameters[:, 3 * blend.count : 4 * blend.count], 0, 256)
        mean += (gate * (wanted - mean) + 128) >> 8

    def _prelude(self, operation):
        if isinstance(operation, Shuffle):
            self._shuffle(operation)
            return
        for row in range(len(self.planes[operation.out])):
            self._conv_row(operation, row)

    def _shuffle(self, operation):
        source, out = self.planes[operation.source], self.planes[operation.out]
        k = out.shape[2]
        for r, c in np.ndindex(out.shape[:2]):
            i, j = r % 2, c % 2
            out[r, c] = source[r // 2, c // 2, (2 * i + j) * k : (2 * i + j + 1) * k]

    def _conv_row(self, conv, row):
        out = self.planes[conv.out]
        total = np.tile(np.asarray(conv.bias, np.int64), (out.shape[1], 1))
        for term in conv.terms:
            total += self._term(term, row)
        value = sat16(rshift(total, np.asarray(conv.shift)))
        out[row, :, conv.first : conv.first + conv.channels] = np.maximum(value, 0) if conv.relu else value

    def _term(self, term, row):
        weights = term.array.astype(np.int64)
        n, kh, kw, n_in = weights.shape
        if term.plane == CONDITION:
            return weights[:, 0, 0] @ self.q[term.first : term.first + n_in]
        plane = self.planes[term.plane]
        rows, columns = plane.shape[:2]
        total = np.zeros((columns, n), np.int64)
        for i, j, c in np.ndindex(kh, kw, columns):
            y, x = row + term.oy + i * term.dilation, c + term.ox + j
            if 0 <= y < rows and 0 <= x < columns:
                total[c] += weights[:, i, j] @ plane[y, x, term.first : term.first + n_in]
        return total

    def _code(self, coder, code, number, row, bands):
        parameters = self.planes[code.parameters][row, :, code.first_parameter :]
        for column in range(self.grid(number)[1]):
            mean, scale, spike = np.split(parameters[column, : 3 * code.count], 3)
            for i in range(code.count):
                symbol = code.first_symbol + i
                place = self._place(number, symbol, row - (self.span or (0,))[0], column)
                z = 0
                if place is not None:
                    band, y, x = place
                    distribution = Distribution(int(mean[i]), int(scale[i]), int(spike[i]))
                    z = coder.symbol(distribution, int(bands[band][y, x]), place)
                    bands[band][y, x] = z
                    if self.matchers:
                        self.known[band][self._place(number, symbol, row, column)[1:]] = z
                self._publish(number, symbol, row, column, z)

    def _place(self, number, symbol, row, column):
        """Band, row and column of a symbol's latent, or None where there is none."""
        stage, p = self.program.stages[number], self.program
        band, d = stage.symbols[symbol].band, stage.symbols[symbol].d
        if p.rank == 1:
            return band, (row << (p.levels - band_level(1, p.levels, 1, band))) + d, column
        x = stage.phases * column + d
        return (band, row, x) if x < self.shape[1] >> stage.level else None

    def _publish(self, number, symbol, row, column, z):
        for plane, data in zip(self.program.planes, self.planes, strict=True):
            if plane.stage == number and PlaneKind.SIGNED <= plane.kind <= PlaneKind.RAW:
                data[row, column, symbol] = coder_view(plane.kind, z)


def encode_stages(program, shape, t, bands, first_stage=0, last_stage=None):
    """Payload of stages first..last of a fresh tile or packet."""
    last_stage = len(program.stages) - 1 if last_stage is None else last_stage
    return Prior(program, shape, t).encode(bands, first_stage, last_stage)


def decode_stages(program, shape, t, data, first_stage=0, last_stage=None):
    """Bands decoded from a payload; those of other stages are zero."""
    last_stage = len(program.stages) - 1 if last_stage is None else last_stage
    bands = [np.zeros(s, np.int16) for s in band_shapes(program, shape)]
    Prior(program, shape, t).decode(data, bands, first_stage, last_stage)
    return bands


def band_shapes(program, shape):
    """Shapes of all bands of a padded picture (H, W) or signal (N, channels)."""
    levels = [band_level(program.rank, program.levels, program.colours, b) for b in range(len(program.bands))]
    if program.rank == 1:
        return [(shape[0] >> level, shape[1]) for level in levels]
    return [(shape[0] >> level, shape[1] >> level) for level in levels]
