"""The signal codec: arrays of samples to streams and back.

    [N] or [N, channels] ──► integers ──► analysis ──► quantiser(t) ──► SignalLatents ──► packets of `rows` blocks ──► bytes
                                                                             │
    [N] or [N, channels] ◄───────────── synthesis ◄──────────────────────────┘
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

from vaecodec.codec import container, rdoq
from vaecodec.codec.arguments import check_kind, check_threads, shown, whole_number
from vaecodec.codec.balance import channel_prdn, fit_channels, level_gains, made_smaller
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import BoundedHeader, File, Metadata, Packet, SensedHeader, SignalHeader
from vaecodec.codec.engine import Analysis, C, analysis_of, refuse_litert
from vaecodec.codec.errors import FormatError, InputError, ModelError
from vaecodec.codec.grids import Bands, padded
from vaecodec.codec.lapped import LappedSynthesis
from vaecodec.codec.native import Prior
from vaecodec.codec.rate import encode_at, fit_prdn, only_one, step_code
from vaecodec.codec.recordings import MAX_PACKET, MAX_SAMPLES, check_metadata, exact_rate, finish, pack_json, packet_spans, two_dimensional
from vaecodec.codec.samples import Integers, Scaling, rounding_shift, to_integers
from vaecodec.codec.stream_syntax import is_stream
from vaecodec.codec.synthesis import Synthesis
from vaecodec.codec.warn import StepWarning, SynthesisWarning

__all__ = ["SignalCodec", "SignalLatents"]

Samples = NDArray[Any]

# Blocks a packet where the manifest does not say.
DEFAULT_ROWS = 16


@dataclass(frozen=True)
class SignalLatents:
    """A signal as integers: everything that its stream holds.

    Attributes:
        header: rate, sample type, offsets, step code, ids.
        bands: int16 latents `[N / 2^l, channels]` of the padded signal, in the order of docs/format.md section 1.
        samples: true number of samples a channel.
        metadata: JSON and so on, as packets carry them.
    """

    header: SignalHeader
    bands: Bands
    samples: int
    metadata: tuple[Metadata, ...] = ()


class SignalCodec:
    """Codes signals with one bundle. Threads may share one, but synthesise one at a time.

    Args:
        bundle: a signal bundle.
        threads: threads the synthesis may use.
        max_samples: longer signals (samples over all channels) are refused, in both directions.

    Raises:
        ModelError: the bundle is damaged or codes pictures.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, max_samples: int = MAX_SAMPLES) -> None:
        if bundle.modality != "signal":
            raise ModelError(f"{bundle.name} codes pictures, not signals")
        check_threads(threads)
        whole_number(max_samples, "max_samples", 1, 1 << 62)
        self.bundle = bundle
        self._model = bundle.symbols
        self._threads = threads
        self._max_samples = max_samples
        self._synthesis: Synthesis | LappedSynthesis | None = None
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
        effort: int = rdoq.DEFAULT_EFFORT,
        step: float | Sequence[float] | None = None,
        packet_blocks: int | None = None,
        columns: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        engine: str = C,
    ) -> bytes:
        """Compresses a signal.

        Args:
            array: `[N]` or `[N, channels]`, any integer or float dtype whose values fit 32 bits (floats: in units of the step).
            rate: samples a second and channel; the model's own unless given.
            quality: 0..100, 100 the finest; 60 unless a target is given.
            target_bytes: the finest quality whose stream has at most so many bytes.
            target_bpp: the same in bits a sample.
            prdn: the coarsest quality at which the root-mean-square error of every channel is at most so many per cent (up to 100) of the
                channel's standard deviation; constant channels do not count.
            max_error: in place of a quality or target, the most by which any sample may be off: 0 is without loss. Integer samples: in their own
                units; float samples: in units of the step, so that without loss they are still rounded to it. The model then gives only the
                defaults of rate and step, the effort counts for nothing, and the stream decodes without any model, to the same samples everywhere.
            effort: 1 quantises as a device does; 2 lets the entropy coder choose what to leave out; 3..9 decode and choose again
                `effort` - 2 times (at one quality for some bytes more and an error that falls by more); their bytes may depend on the machine.
            step: for float samples, the value of one unit: one for all channels or one each. Unless given, it is the
                model's own; where that has none, the step of which all values are multiples; else the range is divided.
            packet_blocks: blocks of 2^L samples a packet; the model's own unless given.
            columns: a name for each channel, to be carried along.
            units: a unit for each channel, to be carried along.
            extra: more to carry along, as JSON.
            engine: what runs the analysis: "c" (the same bytes everywhere), or "litert" on the bundle's encoder.tflite, whose latents may differ
                here and there; any decoder takes both.

        Returns:
            A vaecodec file (docs/format.md).

        Raises:
            InputError: wrong shape, dtype, NaN or infinite values, an empty signal, or a target that cannot be reached.
            LimitError: too many samples or channels.
            UnsupportedError: "litert" with `max_error`, of a signal of a few blocks of 2^L, of a bundle without encoder.tflite, or where LiteRT
                is not installed.
        """
        samples = two_dimensional(array, self._max_samples)
        only_one(quality, target_bytes, target_bpp, prdn, max_error)
        if max_error is not None:
            refuse_litert(engine, "a signal of bounded error")
            own = self._step(samples, step, columns)
            length = None if packet_blocks is None else self._rows(packet_blocks, samples.shape[1]) << self._model.levels
            return self._bounded.encode(
                array, max_error=max_error, rate=self._rate(rate), step=own, packet_samples=length, columns=columns, units=units, extra=extra
            )
        integers, scaling = to_integers(samples, 15 - self._model.in_shift, self._step(samples, step, columns))
        hertz, rows = self._rate(rate), self._rows(packet_blocks, samples.shape[1])
        metadata = pack_json(array, scaling, columns, units, extra)
        plan = rdoq.plan(effort)
        steps = self._model.t_lo, self._model.t_hi
        gains = self._gains(integers)
        analyse = analysis_of(self.bundle, engine, self._threads)
        header, coefficients = self._analyse(analyse, integers, scaling, hertz, rows, gains)

        def latents(setting: int) -> tuple[bytes, SignalLatents]:
            coded = replace(header, step_code=step_code(setting))
            offsets, weight = plan.offsets(setting, self._model.rounding), plan.bits(setting)
            packets, chosen = self._choose(coded, coefficients, offsets, weight, len(samples))
            for _ in range(plan.refinements):
                targets = rdoq.corrected(self._model, chosen, self._error(analyse, coded, integers, chosen), coded.step_code)
                packets, chosen = self._choose(coded, targets, offsets, weight, len(samples))
            stream = self._file(coded, packets, metadata, len(samples))
            return stream, SignalLatents(coded, chosen, len(samples), metadata)

        def errors(found: SignalLatents) -> NDArray[np.float64]:
            return channel_prdn(samples, self.decode_latents(found).reshape(samples.shape))

        def tried(gains: Sequence[int], setting: int) -> tuple[bytes, NDArray[np.float64]]:
            nonlocal header, coefficients
            header, coefficients = self._analyse(analyse, integers, scaling, hertz, rows, gains)
            stream, found = latents(setting)
            return stream, errors(found)

        def measured(setting: int) -> tuple[bytes, float]:
            stream, found = latents(setting)
            return stream, float(errors(found).max())

        def at(setting: int) -> bytes:
            return latents(setting)[0]

        if prdn is not None and len(gains) > 1:
            return fit_channels(tried, measured, gains, prdn, steps)
        if prdn is not None:
            return fit_prdn(measured, prdn, steps)
        return encode_at(at, steps, samples.size, quality=quality, target_bytes=target_bytes, target_bits=target_bpp)

    def decode(self, data: bytes) -> Samples:
        """Reconstructs a signal; shape and dtype are those of the array that was encoded. Intact streams of packets (`Encoder`) are taken as well.

        Raises:
            FormatError: the stream is damaged.
            ModelError: it was made with another model.
            LimitError: it claims more samples than allowed.

        Warns:
            SynthesisWarning: it was made for other decoder weights of this model.
        """
        if isinstance(data, (bytes, bytearray)) and is_stream(data):
            from vaecodec.codec.stream_file import StreamFile

            return StreamFile(self.bundle, threads=self._threads, max_samples=self._max_samples).decode(data)
        if isinstance(container.read_header(data)[0], BoundedHeader):
            return self._bounded.decode(data)
        return self.decode_latents(self.latents(data))

    # --- latents ---

    def latents(self, data: bytes) -> SignalLatents:
        """Decodes the integers of a stream; errors as `decode`."""
        file = container.read_file(data)
        header = self._check_header(file.header)
        check_metadata(header, file.metadata)
        spans = list(packet_spans(file.packets, self._full(header), header.channels, self._max_samples))
        total = sum(count for count, _ in spans)
        if total != file.total:
            raise FormatError(f"the packets hold {total} samples, the end packet says {file.total}")
        length = padded(total, self._model.levels)
        bands = [np.zeros(shape, np.int16) for shape in self._model.band_shapes((length, header.channels))]
        row = 0
        for count, payload in spans:
            blocks = padded(count, self._model.levels) >> self._model.levels
            self._prior(blocks, header).decode(payload, _rows(bands, row, blocks), 0, 0)
            row += blocks
        return SignalLatents(header, bands, total, file.metadata)

    def encode_latents(self, latents: SignalLatents) -> bytes:
        """Writes latents as a stream; the inverse of `latents`.

        Raises:
            InputError: the bands do not fit the header.
        """
        check_kind(latents, SignalLatents)
        header = self._own(latents.header)
        length = padded(latents.samples, self._model.levels)
        shapes = [tuple(shape) for shape in self._model.band_shapes((length, header.channels))]
        if [band.shape for band in latents.bands] != shapes or any(band.dtype != np.int16 for band in latents.bands):
            raise InputError(f"latents of {latents.samples} samples are {len(shapes)} int16 arrays of shapes {shapes}")
        packets = tuple(self._packets(header, latents.bands, latents.samples))
        return self._file(header, packets, latents.metadata, latents.samples)

    def decode_latents(self, latents: SignalLatents) -> Samples:
        """Turns latents into the samples that their stream decodes to."""
        check_kind(latents, SignalLatents)
        header = self._check_header(latents.header)
        with self._lock:
            values = self._synthesiser().signal(latents.bands, header.step_code)[: latents.samples]
        values = values * header.scales + np.asarray(header.offsets, np.float64)
        return finish(values, header, latents.metadata)

    def info(self, data: bytes) -> dict[str, Any]:
        """What a stream says about itself; see `vaecodec.info`."""
        from vaecodec.codec.info import describe

        return describe(data, self.bundle)

    # --- steps ---

    def _step(
        self, samples: Samples, step: float | Sequence[float] | None, columns: Sequence[str] | None
    ) -> float | Sequence[float] | None:
        """The caller's step, or for float samples what the model was trained with: by name where both sides name channels, else by place."""
        own: float | list[float] | None = self.bundle.manifest.get("step")
        if step is not None or own is None or samples.dtype.kind != "f":
            return step
        if np.size(own) == 1:
            return own
        assert isinstance(own, list)
        names: list[str] | None = self.bundle.manifest.get("columns")
        if names and columns:
            if set(columns) <= set(names):
                return [own[names.index(column)] for column in columns]
        elif len(own) == samples.shape[1]:
            return own
        warnings.warn(StepWarning(names or [f"channel {i}" for i in range(len(own))]), stacklevel=3)
        return None

    def _rate(self, value: float | Fraction | None) -> Fraction:
        return exact_rate(self.bundle.manifest.get("rate") or 0 if value is None else value)

    def _rows(self, wanted: int | None, channels: int) -> int:
        """Blocks a packet: as wanted or as the model says, but no more than a packet may hold."""
        most = MAX_PACKET // (channels << self._model.levels)
        rows = self.bundle.manifest.get("packet_blocks") or DEFAULT_ROWS if wanted is None else wanted
        if not isinstance(rows, int) or rows < 1 or (wanted is not None and rows > most):
            raise InputError(f"a packet of this signal has 1..{most} blocks, got {shown(rows)}")
        return max(1, min(rows, most))

    def _gains(self, integers: Integers) -> tuple[int, ...]:
        """What brings every channel's standard deviation down to the model's, if it has one."""
        wanted = self.bundle.manifest.get("deviation")
        return level_gains(integers, float(wanted)) if wanted else ()

    def _analyse(
        self, analyse: Analysis, integers: Integers, scaling: Scaling, hertz: Fraction, rows: int, gains: Sequence[int]
    ) -> tuple[SignalHeader, Bands]:
        """Offsets, the smallest shift at which nothing saturates, and the coefficients."""
        offsets = np.rint(integers.mean(0)).astype(np.int64)
        centred = np.pad(integers - offsets, ((0, padded(len(integers), self._model.levels) - len(integers)), (0, 0)), mode="edge")
        for shift in range(32):
            x = rounding_shift(made_smaller(rounding_shift(centred, shift), gains) - self._model.in_offset, -self._model.in_shift)
            if np.abs(x).max() <= 32767:
                bands = analyse(x.astype(np.int16))
                if all(np.abs(band.astype(np.int32)).max() < 32767 for band in bands):
                    break
        else:
            raise ModelError(f"model {self.bundle.name!r} saturates on every scale of this signal; its filters or input shift are wrong")
        ids = self.bundle.model_id, self.bundle.synthesis_id, 0
        return SignalHeader(*ids, hertz, scaling.sample_type, rows, shift, tuple(offsets.tolist()), tuple(gains)), bands

    def _choose(
        self, header: SignalHeader, coefficients: Bands, offsets: Sequence[int], weight: float, samples: int
    ) -> tuple[tuple[Packet, ...], Bands]:
        """Quantises and codes; with the latents that were chosen."""
        latents = self._model.quantise(coefficients, header.step_code, offsets)
        excess = self._model.excess(coefficients, latents, header.step_code) if weight else None
        return tuple(self._packets(header, latents, samples, excess, weight)), latents

    def _error(self, analyse: Analysis, header: SignalHeader, integers: Integers, latents: Bands) -> Bands:
        """Analysis of what the latents decode to wrongly."""
        with self._lock:
            decoded = self._synthesiser().signal(latents, header.step_code)[: len(integers)]
        errors = (integers - np.asarray(header.offsets)) / header.scales - decoded
        below = padded(len(integers), self._model.levels) - len(integers)
        x = np.pad(np.clip(np.rint(errors * 2.0**self._model.in_shift), -32768, 32767), ((0, below), (0, 0)))
        return analyse(x.astype(np.int16))

    def _packets(
        self, header: SignalHeader, bands: Bands, samples: int, excess: Bands | None = None, weight: float = 0.0
    ) -> Iterator[Packet]:
        """Codes packet by packet; with `excess` the latents chosen are written back (see `Prior.encode`)."""
        block = 1 << self._model.levels
        full = self._full(header)
        for number, start in enumerate(range(0, samples, full)):
            count = min(full, samples - start)
            row, blocks = start // block, -(-count // block)
            beside = excess and _rows(excess, row, blocks)
            payload = self._prior(blocks, header).encode(_rows(bands, row, blocks), 0, 0, beside, weight)
            short = count < full
            yield Packet(container.DATA, number & 255, (container.varint(count) if short else b"") + payload, short)

    def _full(self, header: SignalHeader) -> int:
        """Samples a channel that a full packet holds; a brief file's only one may hold whatever a packet may."""
        return header.rows << self._model.levels if header.rows else MAX_PACKET // header.channels

    def _file(self, header: SignalHeader, packets: tuple[Packet, ...], metadata: tuple[Metadata, ...], samples: int) -> bytes:
        """The stream: a brief file where the bundle allows it and all is said in one packet."""
        wanted = header.rows == 0 or (self.bundle.manifest.get("brief") and len(packets) == 1)
        if wanted:
            packet = packets[0] if packets[0].short else replace(packets[0], payload=container.varint(samples) + packets[0].payload, short=True)
            if header.rows == 0 or container.fits_brief(header, packet.payload, metadata):
                rate = None if header.rate == self._rate(None) else header.rate
                return container.write_file(File(replace(header, rows=0, rate=rate), (packet,), metadata, samples))
        return container.write_file(File(header, packets, metadata, samples))

    def _prior(self, blocks: int, header: SignalHeader) -> Prior:
        return Prior(self._model, (blocks << self._model.levels, header.channels), header.step_code)

    def _check_header(self, header: container.Header) -> SignalHeader:
        header = self._own(header)
        if header.synthesis_id != self.bundle.synthesis_id:
            warnings.warn(SynthesisWarning(header.synthesis_id, self.bundle.synthesis_id), stacklevel=3)
        return header

    def _own(self, header: container.Header) -> SignalHeader:
        """Checks that this codec can take a stream with such a header."""
        if isinstance(header, BoundedHeader):
            raise ModelError("this stream holds samples of bounded error, no latents")
        if not isinstance(header, SignalHeader):
            raise ModelError(f"this stream holds a picture; {self.bundle.name} codes signals")
        if isinstance(header, SensedHeader):
            raise ModelError(f"this stream holds sums of samples; {self.bundle.name} codes filter banks' coefficients")
        if header.model_id != self.bundle.model_id:
            raise ModelError(f"this stream needs model {header.model_id:08x}; {self.bundle.name} is {self.bundle.model_id:08x}")
        return header if header.rate is not None else replace(header, rate=self._rate(None))

    def _synthesiser(self) -> Synthesis | LappedSynthesis:
        if self._synthesis is None:
            kind = LappedSynthesis if self._model.lapped else Synthesis
            self._synthesis = kind(self.bundle.network(self._threads), self._model, self.bundle.manifest["halo"])
        return self._synthesis


def _rows(bands: Bands, row: int, blocks: int) -> Bands:
    """Views of the bands' parts that belong to blocks row .. row + blocks; contiguous, as rows are outermost."""
    scales = [len(band) // len(bands[0]) for band in bands]
    return [band[row * scale : (row + blocks) * scale] for band, scale in zip(bands, scales, strict=True)]
