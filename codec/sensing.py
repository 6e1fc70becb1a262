"""Signals sensed compressively: a device that only adds, a server that recovers (docs/format.md, section 14).

    [N] or [N, channels] ──► integers ──► y = Φx by windows ──► quantiser(t) ──► SensedLatents ──► packets of `rows` windows ──► bytes
                                                                                    │
    [N] or [N, channels] ◄── consistency ◄── linear estimate + network ◄────────────┘
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import container
from vaecodec.codec.arguments import check_kind, check_threads, shown, whole_number
from vaecodec.codec.balance import channel_prdn
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import BoundedHeader, File, Metadata, Packet, SensedHeader
from vaecodec.codec.engine import C, refuse_litert
from vaecodec.codec.errors import FormatError, InputError, ModelError
from vaecodec.codec.rate import SUBSTEPS, encode_at, fit_prdn, only_one, step_code
from vaecodec.codec.recordings import MAX_PACKET, MAX_SAMPLES, check_metadata, exact_rate, finish, pack_json, packet_spans, two_dimensional
from vaecodec.codec.recovery import Recovery
from vaecodec.codec.samples import Integers, Scaling, rounding_shift, to_integers
from vaecodec.codec.warn import SynthesisWarning

__all__ = ["SensedLatents", "SensingCodec"]

Samples = NDArray[Any]

DEFAULT_ROWS = 80
# Float samples that lie on no grid get this resolution of their range.
BITS = 15
MOST_EFFORT = 2  # what an encoder that never decodes may be asked for


@dataclass(frozen=True)
class SensedLatents:
    """A sensed signal as integers: everything that its stream holds.

    Attributes:
        header: rate, sample type, offsets, step code, ids.
        z: quantised measurements, int16 `[windows, channels, M]`.
        samples: true number of samples a channel.
        metadata: JSON, as packets carry it.
    """

    header: SensedHeader
    z: NDArray[np.int16]
    samples: int
    metadata: tuple[Metadata, ...] = ()

    @property
    def bands(self) -> list[NDArray[np.int16]]:
        """The measurements, as latents of other kinds have their bands."""
        return [self.z]


class SensingCodec:
    """Codes signals with a bundle of compressed sensing. Threads may share one, but recover one at a time.

    Args:
        bundle: a bundle of modality "sensing".
        threads: threads the recovery may use.
        max_samples: longer signals (samples over all channels) are refused, in both directions.

    Raises:
        ModelError: the bundle is damaged or of another modality.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, max_samples: int = MAX_SAMPLES) -> None:
        if bundle.modality != "sensing":
            raise ModelError(f"{bundle.name} is no model of compressed sensing")
        check_threads(threads)
        whole_number(max_samples, "max_samples", 1, 1 << 62)
        self.bundle = bundle
        self._model = bundle.sensing
        self._threads = threads
        self._max_samples = max_samples
        self._recovery: Recovery | None = None
        self._bounded = BoundedCodec(max_samples=max_samples)
        self._lock = Lock()  # an interpreter serves one thread at a time

    # --- arrays <-> bytes ---

    def encode(
        self,
        array: Samples,
        *,
        rate: float | Fraction | None = None,
        quality: float | None = None,
        target_bytes: int | None = None,
        target_bpp: float | None = None,
        prdn: float | None = None,
        max_error: int | None = None,
        effort: int = MOST_EFFORT,
        step: float | Sequence[float] | None = None,
        packet_windows: int | None = None,
        columns: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        engine: str = C,
    ) -> bytes:
        """Compresses a signal.

        Args:
            array: `[N]` or `[N, channels]`, any integer or float dtype whose values fit 32 bits (floats: in units of the step).
            rate: samples a second and channel; the model's own unless given.
            quality: 0..100, 100 the finest; 60 unless a target is given. It sets both the number of measurements and their step.
            target_bytes: the finest quality whose stream has at most so many bytes.
            target_bpp: the same in bits a sample.
            prdn: the coarsest quality at which the error of every channel is at most so many per cent of its deviation.
            max_error: in place of a quality or target, the most by which any sample may be off; no model is used then (`BoundedCodec`).
            effort: 1 or 2, which are the same: an encoder that only adds has nothing to choose from.
            step: for float samples, the value of one unit: one for all channels or one each.
            packet_windows: windows a packet; the model's own unless given.
            columns: a name for each channel, to be carried along.
            units: a unit for each channel, to be carried along.
            extra: more to carry along, as JSON.
            engine: "c"; sums need no other.

        Returns:
            A vaecodec file (docs/format.md).

        Raises:
            InputError: wrong shape, dtype or effort, NaN or infinite values, an empty signal, or a target that cannot be reached.
            LimitError: too many samples or channels.
            UnsupportedError: another engine.
        """
        refuse_litert(engine, "compressed sensing")
        samples = two_dimensional(array, self._max_samples)
        only_one(quality, target_bytes, target_bpp, prdn, max_error)
        _check_effort(effort)
        own = self.bundle.manifest.get("step") if step is None and samples.dtype.kind == "f" else step
        if max_error is not None:
            return self._bounded.encode(
                array, max_error=max_error, rate=self._rate(rate), step=own, columns=columns, units=units, extra=extra
            )
        integers, scaling = to_integers(samples, BITS, own)
        header, x = self._prepared(integers, scaling, self._rate(rate), self._rows(packet_windows, samples.shape[1]))
        metadata = pack_json(array, scaling, columns, units, extra)

        def latents(setting: int) -> SensedLatents:
            return self._measured(replace(header, step_code=step_code(setting)), x, setting % SUBSTEPS, len(samples), metadata)

        def stream(setting: int) -> bytes:
            return self.encode_latents(latents(setting))

        def measured(setting: int) -> tuple[bytes, float]:
            found = latents(setting)
            return self.encode_latents(found), float(channel_prdn(samples, self.decode_latents(found).reshape(samples.shape)).max(initial=0.0))

        steps = self._model.t_lo, self._model.t_hi
        if prdn is not None:
            return fit_prdn(measured, prdn, steps)
        return encode_at(stream, steps, samples.size, quality=quality, target_bytes=target_bytes, target_bits=target_bpp)

    def decode(self, data: bytes) -> Samples:
        """Reconstructs a signal; shape and dtype are those of the array that was encoded.

        Raises:
            FormatError: the stream is damaged.
            ModelError: it was made with another model.
            LimitError: it claims more samples than allowed.

        Warns:
            SynthesisWarning: it was made for other decoder weights of this model.
        """
        if isinstance(container.read_header(data)[0], BoundedHeader):
            return self._bounded.decode(data)
        return self.decode_latents(self.latents(data))

    # --- latents ---

    def latents(self, data: bytes) -> SensedLatents:
        """Decodes the integers of a stream; errors as `decode`."""
        file = container.read_file(data)
        header = self._check_header(file.header)
        check_metadata(header, file.metadata)
        spans = list(packet_spans(file.packets, header.rows * self._model.window, header.channels, self._max_samples))
        total = sum(count for count, _ in spans)
        if total != file.total:
            raise FormatError(f"the packets hold {total} samples, the end packet says {file.total}")
        parts = [self._model.decode(payload, header.step_code, self._windows(count), header.channels) for count, payload in spans]
        return SensedLatents(header, np.concatenate(parts), total, file.metadata)

    def encode_latents(self, latents: SensedLatents) -> bytes:
        """Writes latents as a stream; the inverse of `latents`.

        Raises:
            InputError: the measurements do not fit the header.
        """
        check_kind(latents, SensedLatents)
        header = self._own(latents.header)
        shape = self._windows(latents.samples), header.channels, self._model.ratio(header.step_code).measurements
        if latents.z.shape != shape or latents.z.dtype != np.int16:
            raise InputError(f"latents of {latents.samples} samples are int16 of shape {shape}")
        return container.write_file(File(header, tuple(self._packets(latents)), latents.metadata, latents.samples))

    def decode_latents(self, latents: SensedLatents) -> Samples:
        """Turns latents into the samples that their stream decodes to."""
        check_kind(latents, SensedLatents)
        header = self._check_header(latents.header)
        with self._lock:
            values = self._recoverer().signal(latents.z, header.step_code)[: latents.samples]
        values = values * 2.0**header.shift + np.asarray(header.offsets, np.float64)
        return finish(values, header, latents.metadata)

    def info(self, data: bytes) -> dict[str, Any]:
        """What a stream says about itself; see `vaecodec.info`."""
        from vaecodec.codec.info import describe

        return describe(data, self.bundle)

    # --- steps ---

    def _rate(self, value: float | Fraction | None) -> Fraction:
        return exact_rate(self.bundle.manifest.get("rate") or 0 if value is None else value)

    def _rows(self, wanted: int | None, channels: int) -> int:
        """Windows a packet: as wanted or as the model says, but no more than a packet may hold."""
        most = MAX_PACKET // (channels * self._model.window)
        rows = self.bundle.manifest.get("packet_blocks") or DEFAULT_ROWS if wanted is None else wanted
        if not isinstance(rows, int) or rows < 1 or (wanted is not None and rows > most):
            raise InputError(f"a packet of this signal has 1..{most} windows, got {shown(rows)}")
        return max(1, min(rows, most))

    def _windows(self, samples: int) -> int:
        return -(-samples // self._model.window)

    def _prepared(self, integers: Integers, scaling: Scaling, hertz: Fraction, rows: int) -> tuple[SensedHeader, NDArray[np.int16]]:
        """Samples int16 in whole windows, after offsets and the smallest shift at which no measurement saturates."""
        offsets = np.rint(integers.mean(0)).astype(np.int64)
        lacking = self._windows(len(integers)) * self._model.window - len(integers)
        centred = np.pad(integers - offsets, ((0, lacking), (0, 0)), mode="edge")
        largest, most = int(np.abs(centred).max()), self._model.largest()
        shift = next(s for s in range(33) if (largest + (1 << s >> 1)) >> s <= most)
        if shift > 31:
            raise InputError("samples of more than 32 bits around their mean")
        x = rounding_shift(centred, shift).astype(np.int16)
        ids = self.bundle.model_id, self.bundle.synthesis_id, 0
        return SensedHeader(*ids, hertz, scaling.sample_type, rows, shift, tuple(offsets.tolist())), x

    def _measured(self, header: SensedHeader, x: NDArray[np.int16], part: int, samples: int, metadata: tuple[Metadata, ...]) -> SensedLatents:
        z = self._model.measure(x, header.step_code, max(0, self._model.rounding - part))
        return SensedLatents(header, z, samples, metadata)

    def _packets(self, latents: SensedLatents) -> Iterator[Packet]:
        header, full = latents.header, latents.header.rows * self._model.window
        for number, start in enumerate(range(0, latents.samples, full)):
            count = min(full, latents.samples - start)
            first = start // self._model.window
            payload = self._model.encode(latents.z[first : first + self._windows(count)], header.step_code)
            short = count < full
            yield Packet(container.DATA, number & 255, (container.varint(count) if short else b"") + payload, short)

    def _check_header(self, header: container.Header) -> SensedHeader:
        header = self._own(header)
        if header.synthesis_id != self.bundle.synthesis_id:
            warnings.warn(SynthesisWarning(header.synthesis_id, self.bundle.synthesis_id), stacklevel=3)
        return header

    def _own(self, header: container.Header) -> SensedHeader:
        """Checks that this codec can take a stream with such a header."""
        if not isinstance(header, SensedHeader):
            raise ModelError(f"this stream holds no sensed signal, and {self.bundle.name} codes nothing else")
        if header.model_id != self.bundle.model_id:
            raise ModelError(f"this stream needs model {header.model_id:08x}; {self.bundle.name} is {self.bundle.model_id:08x}")
        if header.step_code >= self._model.codes:
            raise FormatError(f"step code {header.step_code}; {self.bundle.name} has 0..{self._model.codes - 1}")
        return header

    def _recoverer(self) -> Recovery:
        if self._recovery is None:
            self._recovery = Recovery(self.bundle.network(self._threads), self._model, self.bundle.manifest["halo"])
        return self._recovery


def _check_effort(effort: int) -> None:
    if not isinstance(effort, int) or isinstance(effort, bool) or not 1 <= effort <= 9:
        raise InputError(f"effort is a whole number in 1..9, got {shown(effort)}")
    if effort > MOST_EFFORT:
        raise InputError(f"effort {effort}: compressed sensing measures in one way; leave the effort away, or use a model such as ecg")
