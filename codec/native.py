"""The C core (edge_runtime/c) as Python objects: NumPy arrays in and out, errors from the exception tree.

    model = SymbolModel(blob)
    bands = model.quantise(model.analyse(x), t)
    payload = Prior(model, x.shape[:2], t).encode(bands, 0, model.stages - 1)

Calls release the GIL. A SymbolModel may be shared between threads, a Prior may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, VaecodecError

__all__ = ["Bands", "Prior", "SymbolModel", "crc16", "crc32c", "decode_bounded", "decode_rows", "encode_bounded", "encode_rows"]

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Bands = list[Int16]

_KINDS: dict[str, type[VaecodecError]] = {
    "a band's array has the wrong shape": InputError,
    "an argument is outside its range": InputError,
    "a latent is outside -32767..32767": InputError,
    "a stage is coded before the stages it builds on": InputError,
    "blocks are coded before the blocks that they build on": InputError,
    "the grid is too large": LimitError,
    "an escaped latent is outside -32767..32767": FormatError,
}
_FIRST_MODEL_CODE = -20


def _check(code: int) -> int:
    """Gives back what a vc_ function returned, or raises what its error code stands for."""
    if code >= 0:
        return code
    text = ffi.string(lib.vc_error_text(code)).decode()
    kind = ModelError if code <= _FIRST_MODEL_CODE else _KINDS.get(text, VaecodecError)
    raise kind(text)


def crc16(data: bytes, start: int = 0xFFFF) -> int:
    """CRC-16/IBM-3740; `start` continues an earlier piece."""
    return int(lib.vc_crc16(start, ffi.from_buffer(data), len(data)))


def crc32c(data: bytes | bytearray, start: int = 0) -> int:
    """CRC-32C (Castagnoli); `start` continues an earlier piece."""
    return int(lib.vc_crc32c(start, ffi.from_buffer(data), len(data)))


MAX_WEIGHT = 256


class SymbolModel:
    """A parsed symbols.bin: the integer analysis, the quantiser and the prior (docs/format.md section 11).

    Args:
        blob: content of symbols.bin.

    Attributes:
        blob: the same bytes.
        rank: 1 for signals, 2 for pictures.
        levels: L, 1..8.
        colours: colour planes C; 1 for signals.
        lapped: whether the analysis is a lapped transform, not wavelets.
        bands: number of bands.
        stages: number of stages.
        in_offset: subtracted from samples before the analysis.
        in_shift: bits by which samples are shifted up before the analysis; negative: rounded away.
        t_lo: step code of quality 100.
        t_hi: step code of quality 0.
        rounding: rounding offset of each band in 1/256; 128 rounds to nearest, less makes a dead zone.

    Raises:
        ModelError: the blob breaks a rule of the format.
    """

    def __init__(self, blob: bytes) -> None:
        self.blob = bytes(blob)
        self._data = ffi.from_buffer(self.blob)
        self._c = ffi.new("vc_model *")
        _check(lib.vc_model_load(self._c, self._data, len(self.blob)))
        self.rank: int = self._c.rank
        self.levels: int = self._c.levels
        self.colours: int = self._c.colours
        self.lapped: bool = self._c.transform == lib.VC_LAPPED
        self.bands: int = self._c.n_bands
        self.stages: int = self._c.n_stages
        self.in_offset: int = self._c.in_offset
        self.in_shift: int = self._c.in_shift
        self.t_lo: int = self._c.t_lo
        self.t_hi: int = self._c.t_hi
        self.rounding: tuple[int, ...] = tuple(lib.vc_model_band(self._c, b).rounding for b in range(self.bands))

    @property
    def reach(self) -> int:
        """Samples to each side that the coarsest coefficients depend on, rounded up to a multiple of 2^L."""
        if self.lapped:
            return 1 << self.levels
        axes, planes = range(self.rank), range(self.colours)
        taps = [max(lib.vc_model_filter(self._c, level, a, c).taps for a in axes for c in planes) for level in range(1, self.levels + 1)]
        samples = sum((int(k) - 1) // 2 << i for i, k in enumerate(taps))
        return -(-samples >> self.levels) << self.levels

    @cached_property
    def constant_gains(self) -> list[npt.NDArray[np.float64]]:
        """Signals: what the analysis makes of a constant input, over that constant: one array a band, of the sites of a block amid others."""
        bands = self.analyse(np.full((3 << self.levels, 1), 1024, np.int16))
        return [band[len(band) // 3 : 2 * len(band) // 3, 0] / 1024 for band in bands]

    def steps(self, t: int) -> npt.NDArray[np.float64]:
        """Quantisation step of each band at step code t, in units of the band's integer coefficients: 2^(t_b / 16)."""
        codes = [lib.vc_model_step(self._c, b, _step_code(t)) for b in range(self.bands)]
        return np.asarray(np.exp2(np.array(codes) / 16.0))

    def band_shapes(self, shape: tuple[int, int]) -> list[tuple[int, int]]:
        """Rows and columns of each band.

        Args:
            shape: rank 2: padded (height, width); rank 1: padded (samples, channels).

        Raises:
            InputError: a size is not positive or not padded to a multiple of 2^L.
        """
        rows, cols = self._padded(shape)
        levels = [lib.vc_model_band(self._c, b).level for b in range(self.bands)]
        return [(rows >> level, cols >> level if self.rank == 2 else cols) for level in levels]

    def analyse(self, x: Int16) -> Bands:
        """Analysis transform (docs/format.md section 2).

        Args:
            x: int16[H, W, C] (rank 2, one plane also [H, W]) or int16[N, channels], after input offset and shift, padded to
                multiples of 2^L.

        Returns:
            Coefficients, one int16 array a band.

        Raises:
            InputError: wrong dtype or shape.
            LimitError: above 2^28 pixels.
        """
        x = self._samples(x)
        rows, cols = x.shape[:2]
        out = [np.empty(s, np.int16) for s in self.band_shapes((rows, cols))]
        work = np.empty(_check(lib.vc_analysis_memory(self._c, rows, cols)), np.uint8)
        _check(lib.vc_analyse(self._c, _int16(x), rows, cols, self._band_array(out), _bytes(work), work.size))
        return out

    def quantise(self, bands: Sequence[Int16], t: int, rounding: Sequence[int] | None = None) -> Bands:
        """Coefficients to latents (docs/format.md section 3).

        Args:
            bands: one int16 array a band.
            t: step code, 0..255.
            rounding: rounding offset of each band in 1/256, 0..255; 128 rounds to nearest, less makes a dead zone. None: the model's own.
        """
        if rounding is not None and min(rounding, default=0) < 0:
            raise InputError(f"expected rounding offsets of 0..255, received {min(rounding)}")
        offsets = [-1] * self.bands if rounding is None else [int(r) for r in rounding]
        if len(bands) != self.bands or len(offsets) != self.bands:
            raise InputError(f"expected {self.bands} bands and rounding offsets, received {len(bands)} and {len(offsets)}")
        return [self._quantise_band(i, y, _step_code(t), r) for i, (y, r) in enumerate(zip(bands, offsets, strict=True))]

    def excess(self, bands: Sequence[Int16], latents: Sequence[Int16], t: int) -> Bands:
        """By how much coefficients exceed their latents: |y| / step - |z| in 1/256, saturated to int16; for `Prior.encode`.

        Args:
            bands: coefficients, one int16 array a band.
            latents: what `quantise` made of them.
            t: step code, 0..255.

        Raises:
            InputError: wrong numbers or shapes of arrays.
        """
        if not len(bands) == len(latents) == self.bands:
            raise InputError(f"expected {self.bands} bands and their latents, received {len(bands)} and {len(latents)}")
        return [self._excess_band(i, y, z, _step_code(t)) for i, (y, z) in enumerate(zip(bands, latents, strict=True))]

    def macs(self) -> dict[str, float]:
        """Multiplications of the encoder per pixel (rank 2) or sample (rank 1): `analysis`, `prior`, and `matching` where the model has it."""
        macs = {"analysis": self._analysis_macs(), "prior": self._prior_macs()}
        return macs | ({"matching": lib.vc_match_macs(self._c) / (1 << self.levels)} if self._c.has_match else {})

    def _quantise_band(self, band: int, y: Int16, t: int, rounding: int) -> Int16:
        y = _need_int16(y)
        z = np.empty(y.shape, np.int16)
        _check(lib.vc_quantise_band(self._c, band, t, rounding, _int16(y), _int16(z), y.size))
        return z

    def _excess_band(self, band: int, y: Int16, z: Int16, t: int) -> Int16:
        y, z = _need_int16(y), _need_int16(z)
        if y.shape != z.shape:
            raise InputError(f"expected latents of shape {y.shape}, received {z.shape}")
        excess = np.empty(y.shape, np.int16)
        _check(lib.vc_quantise_excess(self._c, band, t, _int16(y), _int16(z), _int16(excess), y.size))
        return excess

    def _padded(self, shape: tuple[int, int]) -> tuple[int, int]:
        unit = 1 << self.levels
        rows, cols = (int(n) for n in shape)
        if rows < 1 or cols < 1 or rows % unit or (self.rank == 2 and cols % unit):
            raise InputError(f"expected sizes padded to multiples of {unit}, received {rows} x {cols}")
        return rows, cols

    def _samples(self, x: Int16) -> Int16:
        x = _need_int16(x)
        if self.rank == 2 and self.colours == 1 and x.ndim == 2:
            x = x[:, :, None]
        if x.ndim != self.rank // 2 + 2 or (self.rank == 2 and x.shape[2] != self.colours):
            wanted = f"[H, W, {self.colours}]" if self.rank == 2 else "[N, channels]"
            raise InputError(f"expected an int16 array {wanted}, received shape {x.shape}")
        return x

    def _band_array(self, bands: Sequence[Int16], writable: bool = True) -> Any:
        """The bands as vc_band[]; the arrays must outlive it."""
        if len(bands) != self.bands:
            raise InputError(f"expected {self.bands} bands, received {len(bands)}")
        out = ffi.new("vc_band[]", self.bands)
        for c, band in zip(out, bands, strict=True):
            _describe(c, band, writable)
        return out

    def _analysis_macs(self) -> float:
        if self.lapped:
            return float((1 << self.levels) + 2)
        total = float(self.colours**2) if self.rank == 2 else 0.0
        for level in range(1, self.levels + 1):
            share = 1.0 / (1 << self.rank * (level - 1))
            total += share * sum(lib.vc_model_filter(self._c, level, a, c).taps for a in range(self.rank) for c in range(self.colours))
        return total

    def _prior_macs(self) -> float:
        unit = 2 << self.levels  # so that two phases divide it as well
        rows, cols = (unit, unit) if self.rank == 2 else (1, 1)
        geometry = ffi.new("vc_geometry *", {"rows": rows, "cols": cols})
        total = 0.0
        for s in range(self.stages):
            grid = lib.vc_plan_grid(self._c, geometry, s)
            total += float(grid.rows * grid.cols * lib.vc_model_stage_macs(self._c, s))
        return total / (rows * cols if self.rank == 2 else 1 << self.levels)


class Prior:
    """The prior at work on one tile or packet: entropy coding of its latents, stage by stage.

    Stages are coded in ascending order, each once all before it are. Beginning again at an earlier one starts over from there: one Prior
    serves any number of tiles of its shape and step code.

    Args:
        model: the parsed model.
        shape: rank 2: padded (height, width) of the tile; rank 1: padded (samples, channels) of the packet.
        t: step code, 0..255.
        portable: use the portable kernels, not the fastest ones this machine runs; the result is the same.

    Raises:
        InputError: a size is not padded to a multiple of 2^L, or t is out of range.
        LimitError: above the format's limits.
    """

    def __init__(self, model: SymbolModel, shape: tuple[int, int], t: int, *, portable: bool = False) -> None:
        rows, cols = model._padded(shape)
        self._model = model
        geometry = ffi.new("vc_geometry *", {"rows": rows if model.rank == 2 else rows >> model.levels, "cols": cols})
        self._memory = np.empty(_check(lib.vc_prior_memory(model._c, geometry)), np.uint8)
        self._c = ffi.new("vc_prior *")
        _check(lib.vc_prior_begin(self._c, model._c, geometry, _step_code(t), _bytes(self._memory), self._memory.size))
        if portable:
            self._c.net.kernel = lib.VC_KERNEL_PORTABLE

    def rows(self, first: int, end: int) -> None:
        """Signals: lets the calls that follow code blocks first..end - 1 of the geometry as one payload.

        A range begins where the one before ended, or at 0, which starts anew. Bands given to these calls have the blocks of the range alone.

        Raises:
            InputError: no such blocks; the coding calls raise it where the range does not continue the one before.
        """
        _check(lib.vc_prior_rows(self._c, first, end))

    def step(self, t: int) -> None:
        """Goes on at another step code, 0..255; what has been coded stays context."""
        _check(lib.vc_prior_step(self._c, _step_code(t)))

    def state(self) -> tuple[Any, npt.NDArray[np.uint8]]:
        """What `restore` needs to code the next range once more."""
        return ffi.new("vc_prior *", self._c[0]), self._memory.copy()

    def restore(self, state: tuple[Any, npt.NDArray[np.uint8]]) -> None:
        """Goes back to where this Prior was at a call of `state`, which may serve several times."""
        self._c[0] = state[0][0]
        self._memory[:] = state[1]

    def encode(
        self, bands: Sequence[Int16], first_stage: int, last_stage: int, excess: Sequence[Int16] | None = None, weight: float = 0.0
    ) -> bytes:
        """Codes the latents of stages first_stage..last_stage (inclusive) as one payload; empty if all are zero.

        With `excess` the quantisation is rate-distortion optimised, greedily in coding order: each latent z is exchanged for its neighbour nearer
        zero where the bits that this saves outweigh `weight` times the squared error that it adds.

        Args:
            bands: one int16 array for each band of the model; those of other stages are not looked at. With `excess` the latents chosen are
                written into them.
            first_stage: first stage, at most one after the last one coded.
            last_stage: last stage.
            excess: arrays of the same shapes and strides, from `SymbolModel.excess`.
            weight: bits that a squared step is worth, below 256; without `excess` it counts for nothing.

        Raises:
            InputError: wrong bands, weight or stages, or a latent of -32768.
        """
        out = np.empty(_check(lib.vc_prior_bound(self._c, first_stage, last_stage)), np.uint8)
        if excess is None:
            kept = [_need_int16(band) for band in bands]
            array = self._model._band_array(kept, writable=False)
            size = _check(lib.vc_prior_encode(self._c, first_stage, last_stage, array, _bytes(out), out.size))
        else:
            array, beside = self._model._band_array(bands), self._model._band_array(excess, writable=False)
            if not 0 <= weight < MAX_WEIGHT:
                raise InputError(f"expected a weight of 0..{MAX_WEIGHT} bits, received {weight}")
            scaled = int(256 * weight)
            size = _check(lib.vc_prior_encode_rdoq(self._c, first_stage, last_stage, array, beside, scaled, _bytes(out), out.size))
        return out[:size].tobytes()

    def decode(self, data: bytes, bands: Sequence[Int16], first_stage: int, last_stage: int) -> None:
        """Fills the bands of stages first_stage..last_stage in place from a payload.

        Args:
            data: the payload.
            bands: one int16 array for each band of the model, rows contiguous; those of other stages are left alone.
            first_stage: first stage, at most one after the last one coded.
            last_stage: last stage.

        Raises:
            FormatError: the payload decodes to a latent that cannot be.
            InputError: wrong bands or stages.
        """
        array = self._model._band_array(bands)
        _check(lib.vc_prior_decode(self._c, first_stage, last_stage, array, ffi.from_buffer(data), len(data)))

    def guess(self, bands: Sequence[Int16], first_stage: int, last_stage: int) -> None:
        """Fills the bands in place with the likeliest latents, each given those before it: a stand-in for a lost payload; errors as `decode`."""
        _check(lib.vc_prior_guess(self._c, first_stage, last_stage, self._model._band_array(bands)))

    def cost(self, bands: Sequence[Int16], first_stage: int, last_stage: int) -> float:
        """Bits that `encode` would use for these stages by the integer CDFs, without coding."""
        kept = [_need_int16(band) for band in bands]
        bits = ffi.new("uint64_t *")
        _check(lib.vc_prior_cost(self._c, first_stage, last_stage, self._model._band_array(kept, writable=False), bits))
        return float(bits[0]) / 65536.0


def encode_bounded(x: Int32, max_error: int) -> bytes:
    """Codes one packet of a signal, each sample to within an error (docs/format.md section 12).

    Args:
        x: int32[N, channels].
        max_error: 0 (without loss) .. 65535.

    Raises:
        InputError: another dtype or shape, no channel or more than 256, or another error.
    """
    if not isinstance(x, np.ndarray) or x.dtype != np.int32 or x.ndim != 2:
        raise InputError(f"expected an int32 array [N, channels], received {getattr(x, 'dtype', type(x).__name__)}")
    x = np.ascontiguousarray(x)
    samples, channels = x.shape
    state = ffi.new("vc_bounded_channel[]", channels)
    out = np.empty(x.size * lib.VC_MOST_BYTES + 8, np.uint8)
    size = _check(lib.vc_bounded_encode(state, channels, max_error, _int32(x), samples, _bytes(out), out.size))
    return out[:size].tobytes()


def decode_bounded(data: bytes, samples: int, channels: int, max_error: int) -> Int32:
    """The samples int32[samples, channels] of a packet that `encode_bounded` coded.

    Raises:
        FormatError: no encoder wrote this.
        InputError: arguments as there.
    """
    state = ffi.new("vc_bounded_channel[]", channels)
    x = np.empty((samples, channels), np.int32)
    _check(lib.vc_bounded_decode(state, channels, max_error, ffi.from_buffer(data), len(data), _int32(x), samples))
    return x


def encode_rows(cdfs: Sequence[Sequence[int]], index: Sequence[int], value: Sequence[int]) -> bytes:
    """Codes integers with plain CDF rows; for tests of the range coder against other implementations.

    Args:
        cdfs: rows from 0 to a power of two up to 2^16; a row's last interval is the escape.
        index: row of each value.
        value: values; those below 0 or from the escape's on are sent after it as Elias gamma.
    """
    out = ffi.new("uint8_t[]", 8 * len(value) + 8)
    e = ffi.new("vc_range_encoder *")
    lib.vc_range_start(e, out, len(out))
    for i, v in zip(index, value, strict=True):
        row = cdfs[i]
        last = len(row) - 2
        j = v if 0 <= v < last else last
        lib.vc_range_encode(e, row[j], row[j + 1], row[-1].bit_length() - 1)
        if j == last:
            lib.vc_range_encode_escaped(e, v, last)
    _check(lib.vc_range_finish(e))
    return bytes(ffi.buffer(out, e.size))


def decode_rows(cdfs: Sequence[Sequence[int]], index: Sequence[int], data: bytes, n: int) -> npt.NDArray[np.int32]:
    """Decodes n integers that `encode_rows` coded.

    Raises:
        FormatError: an escape code is too long.
    """
    d = ffi.new("vc_range_decoder *")
    lib.vc_range_open(d, ffi.from_buffer(data), len(data))
    return np.array([_decode_row(d, cdfs[i]) for i in index[:n]], np.int32)


def _decode_row(d: Any, row: Sequence[int]) -> int:
    precision = row[-1].bit_length() - 1
    j = next(k for k in range(len(row) - 1) if lib.vc_range_is_below(d, row[k + 1], precision))
    lib.vc_range_narrow(d, lib.vc_range_scale(d, row[j], precision), lib.vc_range_scale(d, row[j + 1], precision))
    if j < len(row) - 2:
        return j
    value = ffi.new("int32_t *")
    _check(lib.vc_range_decode_escaped(d, j, value))
    return int(value[0])


def _step_code(t: int) -> int:
    if not 0 <= t <= 255:
        raise InputError(f"expected a step code of 0..255, received {t}")
    return int(t)


def _need_int16(a: Int16) -> Int16:
    """The array, contiguous."""
    if not isinstance(a, np.ndarray) or a.dtype != np.int16:
        raise InputError(f"expected an int16 array, received {getattr(a, 'dtype', type(a).__name__)}")
    return np.ascontiguousarray(a)


def _describe(c: Any, band: Int16, writable: bool) -> None:
    """Fills a vc_band. Rows must be contiguous, but may lie apart, so that a view of a larger band will do."""
    fits = isinstance(band, np.ndarray) and band.dtype == np.int16 and band.ndim == 2 and band.flags.aligned
    if not fits or (writable and not band.flags.writeable):
        raise InputError(f"expected {'writable ' if writable else ''}int16 arrays of rank 2 for bands")
    rows, cols = band.shape
    gap = band.strides[0] if rows > 1 else 2 * cols
    if (cols > 1 and band.strides[1] != 2) or gap < 2 * cols or gap % 2:
        raise InputError("expected bands with contiguous rows; numpy.ascontiguousarray makes them so")
    c.data, c.rows, c.cols, c.stride = _int16(band), rows, cols, gap // 2


def _int16(a: Int16) -> Any:
    return ffi.cast("int16_t *", a.ctypes.data)


def _int32(a: Int32) -> Any:
    return ffi.cast("int32_t *", a.ctypes.data)


def _bytes(a: npt.NDArray[np.uint8]) -> Any:
    return ffi.cast("uint8_t *", a.ctypes.data)
