"""Samples to streams, as they come (docs/format.md, section 13).

    samples ──► integers ──► buffer ──► analysis of a packet and `reach` samples around it ──► quantiser ──► prior ──► packets

A packet is made once its samples and `reach` more have come, so that its coefficients are those of the signal as a whole: there are no seams.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import rdoq, stream_syntax
from vaecodec.codec.arguments import whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.engine import Analysis, C, analysis_of, refuse_litert
from vaecodec.codec.errors import InputError
from vaecodec.codec.grids import Bands
from vaecodec.codec.rate import DEFAULT_QUALITY, SUBSTEPS, only_one, setting, step_code
from vaecodec.codec.recordings import MAX_PACKET, pack_json, two_dimensional
from vaecodec.codec.samples import Integers, Scaling, rounding_shift, to_integers
from vaecodec.codec.stream_groups import Group, check_streams
from vaecodec.codec.stream_layout import block, layout
from vaecodec.codec.stream_packets import PacketCoder, Window
from vaecodec.codec.stream_rate import Reservoir
from vaecodec.codec.stream_sensed import SensedCoder
from vaecodec.codec.stream_syntax import DATA, END, StreamHeader, StreamPacket, long_varint

__all__ = ["Encoder"]

Samples = NDArray[Any]

SYNC_SECONDS = 60.0
EFFORTS = (1, 2)


class Encoder:
    """Encodes a signal as it comes. Not for several threads at a time.

    Args:
        model: name, path or bundle of the model.
        rate: samples a second and channel; the model's own unless given.
        packet: seconds a packet, 0.25..60, rounded to whole blocks of 2^L samples. A packet leaves once its samples and `delay` more have come.
        key: seconds from a key packet to the next, at most 60, rounded to whole packets: the packets between them are delta packets, which take
            fewer bytes but need every packet since the key packet. Unless given, every packet is a key packet and decodes alone. Compressed sensing
            has no others.
        sync: seconds between sync packets, from which a reader can join; rounded up to a key packet.
        quality: 0..100, 100 the finest; 60 unless given.
        bitrate: in place of a quality, the bits a second to keep, everything included; see `stream_rate.Reservoir`.
        reservoir: seconds of the bit rate by which a stretch may exceed it.
        effort: 1 or 2, as `SignalCodec.encode`.
        offset: what is taken off every sample: one number, or one a channel. With it the scale stays the same throughout, as on a device, and
            samples more than 2^(15 - in_shift + shift) units away from it saturate (`saturated` counts them); otherwise it follows the signal.
        shift: with `offset`, bits to drop from each sample, 0..15.
        stream_id: tells this stream from others of the same device, 0..65535; random unless given, so that a reader sees a restart whatever the
            samples.
        step: of float samples, the value of one unit: one for all channels or one each; the model's own unless given.
        columns: a name for each channel, to be carried along; so are the next two.
        units: a unit for each channel.
        extra: more, as JSON. All of it is repeated in every sync packet.
        engine: "c" or "litert", as `SignalCodec.encode`; with the latter a stream has at least a few blocks of 2^L samples.

    Raises:
        ModelError: there is no such model, or it is for pictures.
        InputError: an argument is out of range.
        UnsupportedError: "litert", of a bundle without encoder.tflite or where LiteRT is not installed.
    """

    def __init__(
        self,
        model: str | Path | Bundle,
        *,
        rate: float | Fraction | None = None,
        packet: float = 2.0,
        key: float | None = None,
        sync: float = SYNC_SECONDS,
        quality: float | None = None,
        bitrate: float | None = None,
        reservoir: float = 10.0,
        effort: int = rdoq.DEFAULT_EFFORT,
        offset: int | Sequence[int] | None = None,
        shift: int = 0,
        stream_id: int | None = None,
        step: float | Sequence[float] | None = None,
        columns: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        engine: str = C,
    ) -> None:
        bundle = model if isinstance(model, Bundle) else Bundle.open(model)
        check_streams(bundle)
        only_one(quality, bitrate)
        self._bundle, self._steps, self._analyse = bundle, bundle.step_codes, _analysis(bundle, engine)
        times = layout(bundle, rate, packet, key, sync)
        self._rate, self._rows, self._group, self._sync = times.rate, times.rows, times.group, times.sync
        self._block, self._reach = block(bundle), 0 if bundle.modality == "sensing" else bundle.symbols.reach
        self._packet = self._rows * self._block
        self._setting = setting(DEFAULT_QUALITY if quality is None else quality, *self._steps)
        self._plan = rdoq.plan(whole_number(effort, "effort", *EFFORTS))
        self._fixed = None if offset is None else (_offsets(offset), whole_number(shift, "shift", 0, 15))
        if offset is None and shift:
            raise InputError("a shift takes an offset as well")
        self._stream_id = secrets.randbelow(1 << 16) if stream_id is None else whole_number(stream_id, "stream_id", 0, 0xFFFF)
        self._step, self._texts = step, (columns, units, extra)
        self._reservoir = None if bitrate is None else Reservoir(bitrate, reservoir, self._rate / self._packet)
        self._input: _Input | None = None
        self._coder: PacketCoder | None = None
        self._pending: Integers = np.empty((0, 0), np.int64)
        self._start = 0  # index of the first pending sample
        self._number = 0  # of the next packet
        self._next_sync = 0
        self._closed = False

    @property
    def delay(self) -> float:
        """Seconds that the last sample of a packet waits for those after it, on which its coefficients depend."""
        return float(self._reach / self._rate)

    @property
    def saturated(self) -> int:
        """Samples so far that lay beyond what a given offset allows."""
        return 0 if self._coder is None else self._coder.saturated

    @property
    def packet_samples(self) -> int:
        """Samples a packet and channel."""
        return self._packet

    def feed(self, samples: Samples) -> list[bytes]:
        """Takes the next samples.

        Args:
            samples: `[n]` or `[n, channels]`, any n; of one number of channels and dtype throughout.

        Returns:
            The packets that are complete now, each to be sent whole.

        Raises:
            InputError: another shape or dtype than before, NaN, values beyond 32 bits, or float samples without a step.
        """
        if self._closed:
            raise InputError("the stream has been flushed; a new one takes a new Encoder")
        if isinstance(samples, np.ndarray) and samples.ndim in (1, 2) and len(samples) == 0:
            return []
        if self._input is None:
            self._open(samples)
        assert self._input is not None
        self._pending = np.concatenate([self._pending, self._input.integers(samples)])
        packets = list(self._packets())
        keep = max(0, self._number * self._packet - self._reach - self._start)
        self._pending, self._start = self._pending[keep:].copy(), self._start + keep
        return packets

    def flush(self) -> list[bytes]:
        """Ends the stream: the packets that are left, and the end packet. Nothing if nothing was fed."""
        closed, self._closed = self._closed, True
        if closed or self._coder is None:
            return []
        total = self._start + len(self._pending)
        packets = list(self._packets())
        while self._number * self._packet < total:
            packets += self._make(total)
        end = StreamPacket(END, self._number, long_varint(total))
        return [*packets, stream_syntax.write_packet(end, self._coder.header)]

    def _open(self, samples: Samples) -> None:
        """Learns from the first samples what all will be like."""
        step = self._bundle.manifest.get("step") if self._step is None else self._step
        taken = _Input(samples, step)
        channels = taken.channels
        if self._packet * self._group * channels > MAX_PACKET:
            raise InputError(f"{channels} channels leave at most {MAX_PACKET // channels} samples from key packet to key packet")
        columns, units, extra = self._texts
        metadata = pack_json(samples, taken.scaling, columns, units, extra)
        facts = metadata[0].data if metadata else b""
        ids = self._bundle.model_id, self._bundle.synthesis_id, step_code(self._setting)
        offsets, shift = self._scaling(channels)
        header = StreamHeader(*ids, self._rate, taken.scaling.sample_type, self._rows, self._group, shift, offsets, self._stream_id, facts=facts)
        self._pending = np.empty((0, channels), np.int64)
        self._coder = self._packet_coder(header)
        self._input = taken
        if self._reservoir is not None:
            self._reservoir.reserve(8 * len(stream_syntax.write_sync(header, 0)) / self._sync)

    def _packet_coder(self, header: StreamHeader) -> PacketCoder:
        fixed = self._fixed is not None
        if self._analyse is None:
            return SensedCoder(self._bundle, header, is_fixed=fixed)
        return _PacketCoder(self._bundle, header, self._plan, self._analyse, is_fixed=fixed)

    def _scaling(self, channels: int) -> tuple[tuple[int, ...], int]:
        """Offsets and shift to begin with."""
        if self._fixed is None:
            return (0,) * channels, 0
        offsets, shift = self._fixed
        if len(offsets) not in (1, channels):
            raise InputError(f"{len(offsets)} offsets for {channels} channels")
        return offsets * (channels // len(offsets)), shift

    def _packets(self) -> Iterator[bytes]:
        while (self._number + 1) * self._packet + self._reach <= self._start + len(self._pending):
            yield from self._make(None)

    def _make(self, total: int | None) -> Iterator[bytes]:
        """The next packet, and a sync packet before it where it is time for one. `total` is where the signal ends, if it does within reach."""
        assert self._coder is not None
        coder, first = self._coder, self._number * self._packet
        samples = None if total is None or total - first >= self._packet else total - first
        window = self._window(first, total)
        bands, moved = coder.analyse(window, self._number)
        if moved or (coder.is_key(self._number) and self._number >= self._next_sync):
            self._next_sync = self._number + (1 if moved and self._number else self._sync)
            yield self._spend(stream_syntax.write_sync(coder.header, self._number))
        yield self._spend(self._code(coder, bands, samples))
        self._number += 1

    def _spend(self, packet: bytes) -> bytes:
        if self._reservoir is not None:
            self._reservoir.spend(len(packet))
        return packet

    def _code(self, coder: PacketCoder, bands: Bands, samples: int | None) -> bytes:
        if self._reservoir is None:
            return coder.code(bands, self._number, samples, self._setting)
        return self._reservoir.fit(coder.trials(bands, self._number, samples), self._steps)

    def _window(self, first: int, total: int | None) -> Window:
        """The packet's samples with those around them that count."""
        reach, block = self._reach, self._block
        low = max(0, first - reach)
        high = first + self._packet + reach if total is None else min(total, first + self._packet + reach)
        part = self._pending[low - self._start : high - self._start]
        padding = -len(part) % block
        blocks = min(self._rows, -(-(high - first) // block))
        padded = np.pad(part, ((0, padding), (0, 0)), mode="edge") if padding else part
        return Window(padded, (first - low) // block, blocks, min(self._packet, high - first))


class _Input:
    """Arrays as the first one was, to integers."""

    def __init__(self, samples: Samples, step: float | Sequence[float] | None) -> None:
        table = two_dimensional(samples, 1 << 40)
        self._dtype, self.channels = table.dtype, table.shape[1]
        self._step = step if table.dtype.kind == "f" else None
        if self._step is None and table.dtype.kind == "f":
            raise InputError("float samples that come bit by bit do not tell their step: give the value of one unit")
        self.scaling: Scaling = self._convert(table)[1]

    def integers(self, samples: Samples) -> Integers:
        """The samples as integers `[n, channels]`."""
        table = two_dimensional(samples, 1 << 40)
        if table.dtype != self._dtype or table.shape[1] != self.channels:
            raise InputError(f"the stream has {self.channels} channels of {self._dtype}; received {table.shape[1]} of {table.dtype}")
        return self._convert(table)[0]

    def _convert(self, table: Samples) -> tuple[Integers, Scaling]:
        integers, scaling = to_integers(table, 15, self._step)
        if scaling.zeros is not None:
            more = "" if self._step is None else ", in units of the step,"
            raise InputError(f"values{more} must fit 32 bits" + ("; give a larger step" if more else ""))
        return integers, scaling


class _PacketCoder(PacketCoder):
    """From integers to packets: scaling, analysis, quantiser and prior of one stream."""

    def __init__(self, bundle: Bundle, header: StreamHeader, plan: rdoq.Effort, engine: Analysis, *, is_fixed: bool) -> None:
        model = bundle.symbols
        super().__init__(bundle.name, header, 1 << model.levels, 32768 >> max(0, model.in_shift), is_fixed=is_fixed)
        self._model, self._plan, self._engine = model, plan, engine
        self._group = Group(bundle.symbols, header)
        self._key = 0  # number of the last key packet
        self._step = header.step_code

    def _coefficients(self, window: Window, header: StreamHeader) -> Bands | None:
        """Coefficients of the packet's blocks; None where samples saturate, of those around it as well: the decoder's neighbours are not cut off."""
        x = self._inputs(window, header)
        if np.abs(x).max() > 32767:
            return None
        bands = self._analyse(window, x)
        return bands if all(np.abs(band.astype(np.int32)).max() < 32767 for band in bands) else None

    def _saturated(self, window: Window) -> Bands:
        x = self._inputs(window, self.header)
        own = x[window.first * self._block :][: window.samples]
        self.saturated += int(((own > 32767) | (own < -32768)).sum())
        return self._analyse(window, x)

    def _inputs(self, window: Window, header: StreamHeader) -> Integers:
        centred = rounding_shift(window.integers - np.array(header.offsets), header.shift)
        return rounding_shift(centred - self._model.in_offset, -self._model.in_shift)

    def _analyse(self, window: Window, x: Integers) -> Bands:
        bands = self._engine(np.clip(x, -32768, 32767).astype(np.int16))
        scales, last = [len(band) // len(bands[0]) for band in bands], window.first + window.blocks
        return [np.ascontiguousarray(band[window.first * scale : last * scale]) for band, scale in zip(bands, scales, strict=True)]

    def code(self, coefficients: Bands, number: int, samples: int | None, coded: int) -> bytes:
        """The packet at a setting (see `rate`)."""
        t = step_code(coded)
        latents = self._model.quantise(coefficients, t, self._plan.offsets(coded, self._model.rounding))
        weight = self._plan.bits(coded)
        excess = self._model.excess(coefficients, latents, t) if weight else None
        delta = not self.is_key(number)
        if not delta:
            self._key = number
        first = (number - self._key) * self.header.rows
        self._group.select(first, first + len(coefficients[0]), t)
        payload = self._group.prior.encode(latents, 0, 0, excess, weight)
        usual = self._step if delta else self.header.step_code
        self._step = t
        packet = StreamPacket(DATA, number, payload, delta, None if t == usual else t, samples)
        return stream_syntax.write_packet(packet, self.header)

    def state(self) -> tuple[Any, ...]:
        """What `restore` needs to code the next packet once more."""
        return self._group.state(), self._step

    def restore(self, state: tuple[Any, ...]) -> None:
        """Goes back to where this was at a call of `state`."""
        group, self._step = state
        self._group.restore(group)

    def zeros(self, coefficients: Bands, number: int, samples: int | None) -> bytes:
        """The packet with all latents 0, at the step of the packet before."""
        return self.code([np.zeros_like(band) for band in coefficients], number, samples, SUBSTEPS * self._step)


def _offsets(offset: int | Sequence[int]) -> tuple[int, ...]:
    """Offsets as given, each of at most 31 bits."""
    given = tuple(offset) if isinstance(offset, Sequence) else (offset,)
    return tuple(whole_number(value, "offset", -(1 << 30), 1 << 30) for value in given)


def _analysis(bundle: Bundle, engine: str) -> Analysis | None:
    """What turns samples into coefficients; None where there is nothing but sums."""
    if bundle.modality == "sensing":
        refuse_litert(engine, "compressed sensing")
        return None
    return analysis_of(bundle, engine)
