"""symbols.bin of a compressed sensing model (docs/format.md, section 14): Φ, quantiser and prior, over the C core's vc_sense.

    model = SenseModel(blob)
    z = model.measure(x, t)                     # int16 [windows, channels, M]
    payload = model.encode(z, t)
    z = model.decode(payload, t, windows, channels)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.errors import InputError, ModelError
from vaecodec.codec.measurements import additions
from vaecodec.codec.native import _bytes, _check, _int16

__all__ = ["MAGIC", "MULTIPLIERS", "Ratio", "SenseModel", "Term"]

Int16 = NDArray[np.int16]

MAGIC = b"VCSS"
# The quantiser multiplies by these over 128: round(128 2^(-i/32)).
MULTIPLIERS = tuple(round(128 * 2 ** (-i / 32)) for i in range(32))
SUBDIVISIONS = 32  # of an octave, in an exponent
BEFORE, MINUS = 0x8000, 0x80
HEAD, ROW = struct.Struct("<4sBBHHBB"), struct.Struct("<hBBBBH")


@dataclass(frozen=True)
class Term:
    """A measurement that a prediction is made from.

    Attributes:
        row: its row.
        before: whether it is that of the window before.
        shift: bits by which it is shifted up, 0..5.
        minus: whether it is subtracted.
    """

    row: int
    before: bool
    shift: int
    minus: bool = False


@dataclass(frozen=True)
class Ratio:
    """What is measured at one ratio.

    Attributes:
        phi: int8 `[M, N]`.
        offsets: what each row adds to the step's exponent, int `[M]`.
        classes: the class of each row, int `[M]`.
        means: terms of each row's mean.
        sizes: terms of each row's size.
        tables: of each class: thresholds, and (scale, spike) numbers `[banks, contexts, 2]`.
    """

    phi: NDArray[np.int8]
    offsets: NDArray[np.int64]
    classes: NDArray[np.int64]
    means: tuple[tuple[Term, ...], ...]
    sizes: tuple[tuple[Term, ...], ...]
    tables: tuple[tuple[tuple[int, ...], NDArray[np.int64]], ...]

    @property
    def measurements(self) -> int:
        """M."""
        return len(self.phi)

    def operations(self, exponent: int) -> dict[str, float]:
        """Integer additions a sample before the coder, by what they are for, at a step of this exponent.

        `sums`: y = Φx. `offset`: what is taken off each sample. `quantiser`: the shifted sums that stand for a product, and the rounding.
        `prior`: means and sizes of neighbours, with the sum that makes a magnitude of each. Comparisons and table look-ups are not counted.
        """
        n = self.phi.shape[1]
        quantiser = sum(MULTIPLIERS[max(0, exponent + int(o)) % SUBDIVISIONS].bit_count() for o in self.offsets)
        prior = sum(max(0, len(m) - 1) + max(0, len(s) - 1) for m, s in zip(self.means, self.sizes, strict=True))
        return {"offset": 1.0, "sums": additions(self.phi), "quantiser": quantiser / n, "prior": prior / n}


class SenseModel:
    """A parsed symbols.bin of the compressed sensing mode.

    Args:
        blob: its bytes.

    Attributes:
        blob: the same bytes.
        window: samples N of a window.
        codes: number of step codes: 0 the finest .. codes - 1 the coarsest.
        dial: (exponent, ratio, bank) of every step code.
        ratios: what is measured at each ratio.
        rounding: rounding offset of our encoder, in 1/256.

    Raises:
        ModelError: the bytes break a rule of the format.
    """

    def __init__(self, blob: bytes) -> None:
        self.blob = bytes(blob)
        self._data = ffi.from_buffer(self.blob)
        self._c = ffi.new("vc_sense *")
        _check(lib.vc_sense_load(self._c, self._data, len(self.blob)))
        self.window: int = self._c.window
        self.codes: int = self._c.codes
        self.rounding: int = self._c.rounding
        steps = [lib.vc_sense_step_of(self._c, t) for t in range(self.codes)]
        self.dial: tuple[tuple[int, int, int], ...] = tuple((s.exponent, s.ratio, s.bank) for s in steps)
        reader = _Reader(self.blob, HEAD.size + 4 * self.codes, self.window)
        self.ratios: tuple[Ratio, ...] = tuple(reader.ratio() for _ in range(self._c.n_ratios))

    @property
    def t_lo(self) -> int:
        """Step code of quality 100."""
        return 0

    @property
    def t_hi(self) -> int:
        """Step code of quality 0."""
        return self.codes - 1

    def ratio(self, t: int) -> Ratio:
        """What is measured at a step code."""
        return self.ratios[self.dial[self._code(t)][1]]

    def steps(self, t: int) -> NDArray[np.float64]:
        """Quantisation step of each row at a step code, in units of the measurements: 2^(7 + shift) / multiplier."""
        exponents = np.maximum(0, self.dial[self._code(t)][0] + self.ratio(t).offsets)
        return np.asarray(2.0 ** (7 + exponents // SUBDIVISIONS) / np.take(MULTIPLIERS, exponents % SUBDIVISIONS))

    def largest(self) -> int:
        """The largest sample whose measurements fit their 16 bits at every step: of the finest steps, and of rows with the most entries."""
        worst = max(float(np.max(np.abs(self.ratio(t).phi).sum(1) / self.steps(t))) for t in range(self.codes))
        return int(min(32767, 32766 / worst))

    def measure(self, x: Int16, t: int, rounding: int | None = None) -> Int16:
        """Measures whole windows.

        Args:
            x: int16 `[windows * N, channels]`, in -32767..32767.
            t: step code.
            rounding: rounding offset in 1/256, 0..255; the model's own unless given.

        Returns:
            int16 `[windows, channels, M]`, in -32767..32767, where they saturate.
        """
        x = self._samples(x)
        channels, rows = x.shape[1], self.ratio(t).measurements
        z = np.empty((len(x) // self.window, channels, rows), np.int16)
        for w in range(len(z)):
            for c in range(channels):
                start = ffi.cast("int16_t *", x[w * self.window :, c].ctypes.data)
                _check(lib.vc_sense_measure(self._c, t, -1 if rounding is None else rounding, start, channels, _int16(z[w, c])))
        return z

    def encode(self, z: Int16, t: int) -> bytes:
        """Codes the measurements `[windows, channels, M]` of a packet; empty if all are zero."""
        z = np.ascontiguousarray(z)
        if z.dtype != np.int16 or z.ndim != 3 or z.shape[2] != self.ratio(t).measurements or not z.size:
            raise InputError(f"expected int16 measurements [windows, channels, {self.ratio(t).measurements}], received {z.dtype} {z.shape}")
        out = np.empty(z.size * lib.VC_SENSE_MOST_BYTES + 8, np.uint8)
        size = _check(lib.vc_sense_encode(self._c, t, z.shape[1], z.shape[0], _int16(z), _bytes(out), out.size))
        return out[:size].tobytes()

    def decode(self, data: bytes, t: int, windows: int, channels: int) -> Int16:
        """The measurements `[windows, channels, M]` of a packet.

        Raises:
            FormatError: no encoder wrote these bytes.
        """
        z = np.empty((windows, channels, self.ratio(t).measurements), np.int16)
        _check(lib.vc_sense_decode(self._c, t, channels, windows, ffi.from_buffer(data), len(data), _int16(z)))
        return z

    def _code(self, t: int) -> int:
        if not 0 <= t < self.codes:
            raise InputError(f"expected a step code of 0..{self.codes - 1}, received {t}")
        return t

    def _samples(self, x: Int16) -> Int16:
        if not isinstance(x, np.ndarray) or x.dtype != np.int16 or x.ndim != 2 or not x.size or len(x) % self.window:
            raise InputError(f"expected int16 samples [N, channels] in whole windows of {self.window}, received {getattr(x, 'shape', type(x))}")
        return np.ascontiguousarray(x)


class _Reader:
    """Reads what vc_sense_load has checked."""

    def __init__(self, blob: bytes, position: int, window: int) -> None:
        self.blob, self.position, self.window = blob, position, window

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.blob, self.position)
        self.position += struct.calcsize("<" + form)
        return values

    def ratio(self) -> Ratio:
        rows, banks, classes = self.take("HBB")
        tables = tuple(self.table(banks) for _ in range(classes))
        parts = [self.row() for _ in range(rows)]
        phi, offsets, numbers, means, sizes = zip(*parts, strict=True)
        return Ratio(np.stack(phi), np.array(offsets), np.array(numbers), means, sizes, tables)

    def table(self, banks: int) -> tuple[tuple[int, ...], NDArray[np.int64]]:
        (contexts,) = self.take("B")
        thresholds = self.take(f"{contexts - 1}H")
        return thresholds, np.array(self.take(f"{2 * contexts * banks}B"), np.int64).reshape(banks, contexts, 2)

    def row(self) -> tuple[NDArray[np.int8], int, int, tuple[Term, ...], tuple[Term, ...]]:
        offset, number, means, sizes, _, entries = self.take("hBBBBH")
        columns = np.array(self.take(f"{entries}H"))
        phi = np.zeros(self.window, np.int8)
        phi[columns & 0x7FFF] = np.where(columns & 0x8000, -1, 1)
        return phi, offset, number, self.terms(means), self.terms(sizes)

    def terms(self, count: int) -> tuple[Term, ...]:
        found = [self.take("HB") for _ in range(count)]
        return tuple(Term(ref & 0x7FFF, bool(ref & BEFORE), how & 0x7F, bool(how & MINUS)) for ref, how in found)


def require_sense(model: object) -> SenseModel:
    """The model of a bundle that must be one of compressed sensing.

    Raises:
        ModelError: it is another.
    """
    if not isinstance(model, SenseModel):
        raise ModelError("this bundle holds no model of compressed sensing")
    return model
