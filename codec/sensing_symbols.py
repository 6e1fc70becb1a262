"""Writes symbols.bin of a compressed sensing model (docs/format.md, section 14). Needs no TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from vaecodec.codec.sensing_model import BEFORE, HEAD, MAGIC, MINUS, ROW, Ratio, SenseModel, Term

__all__ = ["sensing_symbols"]

VERSION = 1


def sensing_symbols(ratios: Sequence[Ratio], dial: Sequence[tuple[int, int, int]], rounding: int) -> bytes:
    """The bytes of a model.

    Args:
        ratios: what is measured at each ratio.
        dial: (exponent, ratio, bank) of every step code, the finest first.
        rounding: rounding offset of the encoder, in 1/256.

    Raises:
        ModelError: a field breaks a rule of the format.
    """
    head = HEAD.pack(MAGIC, VERSION, len(ratios), ratios[0].phi.shape[1], len(dial), rounding, 0)
    blob = head + b"".join(struct.pack("<HBB", *entry) for entry in dial) + b"".join(map(_ratio, ratios))
    SenseModel(blob)
    return blob


def _ratio(ratio: Ratio) -> bytes:
    banks = len(ratio.tables[0][1])
    parts = [struct.pack("<HBB", ratio.measurements, banks, len(ratio.tables))]
    for thresholds, table in ratio.tables:
        parts += [struct.pack(f"<B{len(thresholds)}H", len(thresholds) + 1, *thresholds), table.astype(np.uint8).tobytes()]
    parts += [_row(ratio, row) for row in range(ratio.measurements)]
    return b"".join(parts)


def _row(ratio: Ratio, row: int) -> bytes:
    columns = np.flatnonzero(ratio.phi[row])
    entries = np.where(ratio.phi[row][columns] < 0, columns | 0x8000, columns)
    means, sizes = ratio.means[row], ratio.sizes[row]
    head = ROW.pack(int(ratio.offsets[row]), int(ratio.classes[row]), len(means), len(sizes), 0, len(entries))
    return head + entries.astype("<u2").tobytes() + b"".join(map(_term, (*means, *sizes)))


def _term(term: Term) -> bytes:
    return struct.pack("<HB", term.row | (BEFORE if term.before else 0), term.shift | (MINUS if term.minus else 0))
