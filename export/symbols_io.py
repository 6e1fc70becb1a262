"""Reads and writes the bytes of `symbols.bin` (docs/format.md section 11); what they mean is checked in symbols_check."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np

from vaecodec.codec.errors import ModelError
from vaecodec.export.symbols import (
    Band,
    Blend,
    Code,
    ColourMix,
    Conv,
    FilterPair,
    Match,
    Matching,
    Operation,
    Plane,
    PlaneKind,
    Shuffle,
    Stage,
    Symbol,
    SymbolProgram,
    Term,
    band_count,
)
from vaecodec.export.symbols_check import plane_depths

MAGIC = b"VSYM"
VERSION = 1
MATCHING_VERSION = 2
LAPPED = 1
_CONV, _SHUFFLE, _CODE, _MATCH, _BLEND = 1, 2, 3, 4, 5
_PHASES = 2


def write_program(program: SymbolProgram) -> bytes:
    """The bytes of a program that has been checked."""
    p = program
    version = VERSION if p.matching is None else MATCHING_VERSION
    out = [MAGIC, struct.pack("<BBBB", version, p.rank, p.levels, p.colours)]
    transform = (0, 0) if p.lapped_shift is None else (LAPPED, p.lapped_shift)
    out.append(struct.pack("<HHBBHibBBx", p.t_lo, p.t_hi, p.n_q, len(p.stages), len(p.planes), p.in_offset, p.in_shift, *transform))
    out += [_int8(row.weights) + struct.pack("<B", row.shift) for row in p.mix]
    out += [_filter_bytes(pair) for level in p.filters for axis in level for pair in axis]
    out += [struct.pack("<hBx", band.offset, band.rounding) for band in p.bands]
    out += [] if p.matching is None else [_matching_bytes(p.matching)]
    out += [
        struct.pack("<BBHBx", plane.stage, plane.kind, plane.channels, depth)
        for plane, depth in zip(p.planes, plane_depths(p), strict=True)
    ]
    out += [_stage_bytes(stage) for stage in p.stages]
    return b"".join(out)


def _int8(values: Iterable[int]) -> bytes:
    return np.asarray(tuple(values), np.int8).tobytes()


def _filter_bytes(pair: FilterPair) -> bytes:
    taps = _int8(pair.low) + _int8(pair.high)
    return struct.pack("<B", len(pair.low)) + taps + struct.pack("<BB", pair.shift_low, pair.shift_high)


def _matching_bytes(m: Matching) -> bytes:
    head = struct.pack("<BBBBHH", m.sites, m.shift, m.previous, m.known, m.nearest, m.farthest)
    return head + np.asarray(m.inverse, "<i2").tobytes()


def _stage_bytes(stage: Stage) -> bytes:
    out = [struct.pack("<BBH", stage.level, stage.phases, len(stage.symbols))]
    out += [struct.pack("<HH", symbol.band, symbol.d) for symbol in stage.symbols]
    out.append(struct.pack("<HH", len(stage.prelude), len(stage.rows)))
    out += [_operation_bytes(operation) for operation in (*stage.prelude, *stage.rows)]
    return b"".join(out)


def _operation_bytes(operation: Operation) -> bytes:
    if isinstance(operation, Shuffle):
        return struct.pack("<BHH", _SHUFFLE, operation.source, operation.out)
    if isinstance(operation, Code):
        return struct.pack(
            "<BHHHH", _CODE, operation.parameters, operation.first_parameter, operation.first_symbol, operation.count
        )
    if isinstance(operation, Match):
        return struct.pack("<BHH", _MATCH, operation.first_symbol, operation.count)
    if isinstance(operation, Blend):
        return struct.pack(
            "<BHHHH", _BLEND, operation.parameters, operation.first_parameter, operation.first_symbol, operation.count
        )
    return _conv_bytes(operation)


def _conv_bytes(conv: Conv) -> bytes:
    n = conv.channels
    out = [struct.pack("<BBBxHHH", _CONV, conv.relu, len(conv.terms), conv.out, conv.first, n)]
    for term in conv.terms:
        _, kh, kw, n_in = term.array.shape
        out.append(struct.pack("<HHHBBbbBx", term.plane, term.first, n_in, kh, kw, term.oy, term.ox, term.dilation))
    out.append(np.asarray(conv.shift, np.uint8).tobytes())
    out.append(np.asarray(conv.bias, "<i4").tobytes())
    flat = [term.array.astype(np.int8).reshape(n, -1) for term in conv.terms]
    out.append(np.concatenate(flat, axis=1).tobytes())
    return b"".join(out)


class _Reader:
    """Cursor over a blob; every read past the end is a ModelError."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.position = 0

    def raw(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        if self.position > len(self.blob):
            raise ModelError(f"symbols.bin ends at byte {len(self.blob)}; at least {self.position} expected")
        return self.blob[start : self.position]

    def fields(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack("<" + layout, self.raw(struct.calcsize("<" + layout)))

    def int8(self, n: int) -> tuple[int, ...]:
        return tuple(np.frombuffer(self.raw(n), np.int8).tolist())


def read_program(blob: bytes) -> SymbolProgram:
    """Parses and checks a blob.

    Raises:
        ModelError: wrong magic or version, unknown codes, too short or too long, or a broken rule.
    """
    r = _Reader(blob)
    if r.raw(4) != MAGIC:
        raise ModelError("not a symbols.bin: it does not begin with VSYM")
    version, rank, levels, colours = r.fields("BBBB")
    if version not in (VERSION, MATCHING_VERSION):
        raise ModelError(f"symbols.bin has version {version}; this release reads versions {VERSION} and {MATCHING_VERSION}")
    if rank not in (1, 2) or not 1 <= levels <= 8 or not 1 <= colours <= (4 if rank == 2 else 1):
        raise ModelError(f"symbols.bin: impossible rank {rank}, levels {levels}, colour planes {colours}")
    t_lo, t_hi, n_q, n_stages, n_planes, in_offset, in_shift, transform, shift, zero = r.fields("HHBBHibBBB")
    _zero(zero)
    if transform > LAPPED or (shift and not transform):
        raise ModelError(f"symbols.bin: unknown transform {transform} of shift {shift}")
    mix = tuple(ColourMix(r.int8(colours), *r.fields("B")) for _ in range(colours if rank == 2 else 0))
    filters = tuple(
        tuple(tuple(_read_filter(r) for _ in range(colours)) for _ in range(rank)) for _ in range(0 if transform else levels)
    )
    bands = tuple(_read_band(r) for _ in range(band_count(rank, levels, colours)))
    matching = _read_matching(r, levels) if version == MATCHING_VERSION else None
    planes_depths = [_read_plane(r) for _ in range(n_planes)]
    stages = tuple(_read_stage(r) for _ in range(n_stages))
    if r.position != len(blob):
        raise ModelError(f"symbols.bin: {len(blob) - r.position} bytes after the last operation")
    planes = tuple(plane for plane, _ in planes_depths)
    program = SymbolProgram(
        rank, levels, t_lo, t_hi, n_q, in_offset, in_shift, mix, filters, bands, planes, stages, matching, shift if transform else None
    )
    program.check()
    if [depth for _, depth in planes_depths] != plane_depths(program):
        raise ModelError("symbols.bin: the depth of a plane does not agree with its readers")
    return program


def _zero(value: object) -> None:
    if value:
        raise ModelError("symbols.bin: a reserved field is not zero")


def _read_filter(r: _Reader) -> FilterPair:
    (k,) = r.fields("B")
    low, high = r.int8(k), r.int8(k)
    return FilterPair(low, high, *r.fields("BB"))


def _read_band(r: _Reader) -> Band:
    offset, rounding, zero = r.fields("hBB")
    _zero(zero)
    return Band(offset, rounding)


def _read_matching(r: _Reader, levels: int) -> Matching:
    sites, shift, previous, known, nearest, farthest = r.fields("BBBBHH")
    taps = np.frombuffer(r.raw(levels * sites * 2 * _PHASES * 2), "<i2").reshape(levels, sites, 2, _PHASES).tolist()
    inverse = tuple(tuple(((low[0], low[1]), (high[0], high[1])) for low, high in level) for level in taps)
    return Matching(inverse, shift, previous, known, nearest, farthest)


def _read_plane(r: _Reader) -> tuple[Plane, int]:
    stage, kind, channels, depth, zero = r.fields("BBHBB")
    _zero(zero)
    if kind > max(PlaneKind):
        raise ModelError(f"symbols.bin: unknown kind of plane {kind}")
    return Plane(stage, channels, PlaneKind(kind)), depth


def _read_stage(r: _Reader) -> Stage:
    level, phases, n_sym = r.fields("BBH")
    symbols = tuple(Symbol(*r.fields("HH")) for _ in range(n_sym))
    n_prelude, n_row = r.fields("HH")
    prelude = tuple(_read_operation(r) for _ in range(n_prelude))
    rows = tuple(_read_operation(r) for _ in range(n_row))
    return Stage(level, symbols, rows, prelude, phases)


def _read_operation(r: _Reader) -> Operation:
    (kind,) = r.fields("B")
    if kind == _CONV:
        return _read_conv(r)
    if kind == _SHUFFLE:
        return Shuffle(*r.fields("HH"))
    if kind == _CODE:
        parameters, first_parameter, first_symbol, count = r.fields("HHHH")
        return Code(parameters, first_symbol, count, first_parameter)
    if kind == _MATCH:
        return Match(*r.fields("HH"))
    if kind == _BLEND:
        parameters, first_parameter, first_symbol, count = r.fields("HHHH")
        return Blend(parameters, first_symbol, count, first_parameter)
    raise ModelError(f"symbols.bin: unknown operation {kind}")


def _read_conv(r: _Reader) -> Conv:
    relu, n_terms, zero, out, first, n = r.fields("BBBHHH")
    _zero(zero)
    if relu > 1:
        raise ModelError(f"symbols.bin: relu is 0 or 1, not {relu}")
    heads = [r.fields("HHHBBbbBB") for _ in range(n_terms)]
    shift = np.frombuffer(r.raw(n), np.uint8)
    bias = np.frombuffer(r.raw(4 * n), "<i4")
    sizes = [kh * kw * n_in for _, _, n_in, kh, kw, *_ in heads]
    flat = np.frombuffer(r.raw(n * sum(sizes)), np.int8).reshape(n, sum(sizes))
    terms = []
    for head, end, size in zip(heads, np.cumsum(sizes), sizes, strict=True):
        plane, first_in, n_in, kh, kw, oy, ox, dilation, zero = head
        _zero(zero)
        weights = flat[:, end - size : end].reshape(n, kh, kw, n_in)
        terms.append(Term(plane, weights, first_in, oy, ox, dilation))
    return Conv(out, tuple(terms), shift, bias, bool(relu), first)
