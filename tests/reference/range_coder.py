"""Section 6: the range coder and the escape code."""

from __future__ import annotations

PRECISION = 16
WORD = 1 << 32


def escape_bits(j, values):
    """Bits of the Elias gamma code of row value j, which is negative or at least values - 1."""
    n, sign = (-j, 1) if j < 0 else (j - (values - 1) + 1, 0)
    b = n.bit_length() - 1
    return [0] * b + [(n >> k) & 1 for k in range(b, -1, -1)] + [sign]


class Encoder:
    def __init__(self):
        self.base, self.size1, self.delay = 0, WORD - 1, 0
        self.out = bytearray()

    def interval(self, lo, hi, precision=PRECISION):
        size = self.size1 + 1
        a = (size * lo) >> precision
        b = ((size * hi) >> precision) - 1
        self.base = (self.base + a) % WORD
        self.size1 = b - a
        overflow = self.base < a
        if self.base + self.size1 >= WORD:
            if self.size1 < 1 << 16:
                self._shift()
                self.delay += 0x20000
            return
        if self.delay:
            self._flush(overflow)
        if self.size1 < 1 << 16:
            top = self.base >> 16
            self._shift()
            if self.base + self.size1 < WORD:
                self.out += top.to_bytes(2, "big")
            else:
                self.delay = top + 1

    def value(self, row, j):
        """Codes row value j by a whole CDF row; outside the row's values but the last, by the escape."""
        values = len(row) - 1
        inside = 0 <= j < values - 1
        symbol = j if inside else values - 1
        self.interval(row[symbol], row[symbol + 1])
        if not inside:
            for bit in escape_bits(j, values):
                self.interval(bit, bit + 1, 1)

    def finalise(self):
        if self.delay:
            self._tail(self.delay)
        elif self.base:
            self._name_base()
        return bytes(self.out)

    def _shift(self):
        self.base = (self.base << 16) % WORD
        self.size1 = (self.size1 << 16) | 0xFFFF

    def _flush(self, overflow):
        if not overflow:
            self.delay -= 1
        self.out += (self.delay & 0xFFFF).to_bytes(2, "big")
        self.out += (b"\0" if overflow else b"\xff") * (self.delay >> 16)
        self.delay = 0

    def _name_base(self):
        byte = ((self.base - 1) >> 24) + 1
        if byte <= (self.base + self.size1) >> 24:
            self.out.append(byte)
        else:
            self._tail(((self.base - 1) >> 16) + 1)

    def _tail(self, v):
        self.out.append((v >> 8) & 0xFF)
        if v & 0xFF:
            self.out.append(v & 0xFF)


class Decoder:
    def __init__(self, data):
        self.data, self.position = data, 0
        self.base, self.size1, self.value = 0, WORD - 1, 0
        self._read()
        self._read()

    def symbol(self, cdf, values, precision=PRECISION):
        """The j with cdf(j) <= target < cdf(j + 1), found by bisection."""
        size = self.size1 + 1
        target = ((((self.value - self.base) % WORD) + 1) * (1 << precision) - 1) // size
        low, high = 0, values
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if cdf(middle) <= target else (low, middle)
        a = (size * cdf(low)) >> precision
        b = ((size * cdf(high)) >> precision) - 1
        self.base = (self.base + a) % WORD
        self.size1 = b - a
        if self.size1 < 1 << 16:
            self.base = (self.base << 16) % WORD
            self.size1 = (self.size1 << 16) | 0xFFFF
            self._read()
        return low

    def row_value(self, cdf, values):
        """Row value, by the escape where the last symbol comes."""
        j = self.symbol(cdf, values)
        return j if j < values - 1 else self._escape(values)

    def _escape(self, values):
        zeros = 0
        while not self._bit():
            zeros += 1
            if zeros > 17:
                raise ValueError("escape too long")
        n = 1
        for _ in range(zeros):
            n = 2 * n + self._bit()
        return -n if self._bit() else n - 1 + values - 1

    def _bit(self):
        return self.symbol(lambda j: j, 2, 1)

    def _read(self):
        word = self.data[self.position : self.position + 2].ljust(2, b"\0")
        self.position += 2
        self.value = ((self.value << 16) % WORD) | int.from_bytes(word, "big")
