"""An adaptive range coder for lists of integers: the entropy stage of the DWT peer.

Each list (a subband) has its own order-0 model. Counts start from a two-sided geometric guess whose width is in the
header, learn from what was coded, and forget slowly, so that a signal that changes may win against its own
stationary entropy. Frequencies are taken from the counts once a block, by integers only.

    header of a list: zigzag varint of the smallest value, varint of largest - smallest, u8 width of the guess
    then one range-coded stream for all lists in turn
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_lists", "encode_lists", "ideal_bits"]

Integers = NDArray[np.int64]

PRECISION = 15
FIRST_BLOCK, BLOCK = 16, 128
GAIN = 32
GUESS_WEIGHT = 24 * GAIN
MEMORY = 4096 * GAIN
TOP, BOTTOM = 1 << 32, 1 << 24


def encode_lists(lists: Sequence[Integers]) -> bytes:
    """Codes the lists; `decode_lists` needs their lengths."""
    header = bytearray()
    coder = _Encoder()
    for values in lists:
        low, span, width = _shape(values)
        header += _varint(2 * low if low >= 0 else -2 * low - 1) + _varint(span)
        if not span:
            continue
        header.append(width)
        model = _Model(low, span, width)
        symbols = (values - low).tolist()
        for start, stop in _blocks(len(symbols)):
            table = model.table()
            part = symbols[start:stop]
            for symbol in part:
                coder.encode(table[symbol], table[symbol + 1])
            model.learn(part)
    return bytes(header) + coder.finish()


def decode_lists(data: bytes, lengths: Sequence[int]) -> list[Integers]:
    """The inverse of `encode_lists`.

    Args:
        data: what `encode_lists` returned.
        lengths: the number of values of each list.
    """
    models: list[tuple[int, _Model | None]] = []
    position = 0
    for _ in lengths:
        zigzag, position = _read_varint(data, position)
        span, position = _read_varint(data, position)
        low = -(zigzag + 1) // 2 if zigzag & 1 else zigzag // 2
        models.append((low, _Model(low, span, data[position]) if span else None))
        position += 1 if span else 0
    decoder = _Decoder(data, position)
    return [_decode_list(decoder, low, model, length) for (low, model), length in zip(models, lengths, strict=True)]


def ideal_bits(values: Integers) -> float:
    """Bits of the list under its own empirical distribution: order-0 entropy times length, the tables free of charge."""
    _, counts = np.unique(values, return_counts=True)
    return float(np.sum(counts * np.log2(len(values) / counts))) if len(values) else 0.0


def _decode_list(decoder: _Decoder, low: int, model: _Model | None, length: int) -> Integers:
    if model is None:
        return np.full(length, low, dtype=np.int64)
    symbols: list[int] = []
    for start, stop in _blocks(length):
        table = model.table()
        part = [decoder.decode(table) for _ in range(stop - start)]
        model.learn(part)
        symbols += part
    return np.array(symbols, dtype=np.int64) + low


def _blocks(length: int) -> Iterator[tuple[int, int]]:
    """Ranges that share a table: short at first, when each value teaches much."""
    start, size = 0, FIRST_BLOCK
    while start < length:
        yield start, min(length, start + size)
        start, size = start + size, min(BLOCK, size * 2)


def _shape(values: Integers) -> tuple[int, int, int]:
    """Smallest value, span, and width of the guess: 8 log2(1 + mean magnitude * 16)."""
    if not len(values):
        return 0, 0, 0
    low, high = int(values.min()), int(values.max())
    return low, high - low, min(255, round(8 * float(np.log2(1 + 16 * np.abs(values).mean()))))


class _Model:
    """Counts of one list's symbols, in units of 1 / GAIN of an occurrence."""

    def __init__(self, low: int, span: int, width: int) -> None:
        mean = (2 ** (width / 8) - 1) / 16
        distance = np.abs(np.arange(low, low + span + 1, dtype=np.float64))
        guess = (mean / (1 + mean)) ** distance
        self._counts = np.floor(guess / guess.sum() * GUESS_WEIGHT).astype(np.int64)
        self._size = span + 1

    def table(self) -> list[int]:
        """Cumulative frequencies, from 0 to 2^PRECISION, every symbol at least 1."""
        spare = (1 << PRECISION) - self._size
        if spare <= 0:
            raise ValueError(f"{self._size} different values; the coder takes fewer than {1 << PRECISION}")
        cumulated = np.cumsum(self._counts)
        total = max(1, int(cumulated[-1]))
        edges = cumulated * spare // total + np.arange(1, self._size + 1)
        edges[-1] = 1 << PRECISION
        return [0, *edges.tolist()]

    def learn(self, symbols: Sequence[int]) -> None:
        self._counts += GAIN * np.bincount(symbols, minlength=self._size)
        if self._counts.sum() > MEMORY:
            self._counts -= self._counts >> 1


class _Encoder:
    """A 32-bit range coder with carry, after Schindler (1998)."""

    def __init__(self) -> None:
        self._low, self._range = 0, TOP - 1
        self._out = bytearray()

    def encode(self, low: int, high: int) -> None:
        """Narrows the interval to [low, high) of 2^PRECISION."""
        step = self._range >> PRECISION
        self._low += low * step
        self._range = (high - low) * step
        if self._low >= TOP:
            self._carry()
        while self._range < BOTTOM:
            self._out.append(self._low >> 24)
            self._low = (self._low << 8) & (TOP - 1)
            self._range <<= 8

    def finish(self) -> bytes:
        """The shortest bytes that lie in the interval, zeros after them being implied."""
        for count in range(5):
            unit = 1 << (32 - 8 * count)
            value = -(-self._low // unit) * unit
            if value < self._low + self._range:
                break
        self._low = value
        if self._low >= TOP:
            self._carry()
        tail = self._low.to_bytes(4, "big")[:count]
        return bytes(self._out + tail).rstrip(b"\0")

    def _carry(self) -> None:
        self._low -= TOP
        place = len(self._out) - 1
        while self._out[place] == 255:
            self._out[place] = 0
            place -= 1
        self._out[place] += 1


class _Decoder:
    """Follows `_Encoder`; `value` is the code minus the interval's lower end."""

    def __init__(self, data: bytes, position: int) -> None:
        self._bytes = iter(data[position:])
        self._range = TOP - 1
        self._value = 0
        for _ in range(4):
            self._value = self._value << 8 | next(self._bytes, 0)

    def decode(self, table: Sequence[int]) -> int:
        step = self._range >> PRECISION
        symbol = bisect_right(table, min(self._value // step, (1 << PRECISION) - 1)) - 1
        self._value -= table[symbol] * step
        self._range = (table[symbol + 1] - table[symbol]) * step
        while self._range < BOTTOM:
            self._value = self._value << 8 | next(self._bytes, 0)
            self._range <<= 8
        return symbol


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position, value, shift = position + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, position
