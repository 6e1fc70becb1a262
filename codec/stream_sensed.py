"""Streams of compressed sensing (docs/format.md, sections 13 and 14): windows in place of blocks, and packets that all decode alone.

    samples ──► offset, shift ──► y = Φx by windows ──► quantiser(t) ──► payload        SensedCoder
    payload ──► z ──► recovery, among windows of one step and scale ──► samples         SensedDecoder, SensedTimeline
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import stream_syntax
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import FormatError, LimitError
from vaecodec.codec.grids import Bands
from vaecodec.codec.rate import SUBSTEPS, step_code
from vaecodec.codec.recordings import MAX_PACKET
from vaecodec.codec.recovery import Recovery
from vaecodec.codec.samples import Integers, rounding_shift
from vaecodec.codec.sensing_model import SenseModel
from vaecodec.codec.stream_order import Ready
from vaecodec.codec.stream_packets import PacketCoder, Window
from vaecodec.codec.stream_syntax import DATA, StreamHeader, StreamPacket
from vaecodec.codec.stream_timeline import Timeline

__all__ = ["SensedCoder", "SensedDecoder", "SensedTimeline"]

# Windows before a gap whose median is held in it.
BASELINE = 8
LARGEST = 32767  # of samples after the shift


class SensedCoder(PacketCoder):
    """From integers to packets: scaling, measurements and prior of one stream. Its coefficients are the samples of whole windows.

    Args:
        bundle: of compressed sensing.
        header: of the first segment.
        is_fixed: whether offset and shift stay as they are; then samples saturate, and measurements do.
    """

    def __init__(self, bundle: Bundle, header: StreamHeader, *, is_fixed: bool) -> None:
        self._model = bundle.sensing
        self._largest = self._model.largest()
        super().__init__(bundle.name, header, self._model.window, self._largest, is_fixed=is_fixed)
        self._step = header.step_code

    def _coefficients(self, window: Window, header: StreamHeader) -> Bands | None:
        x = self._inputs(window, header)
        return [x.astype(np.int16)] if np.abs(x).max() <= self._largest else None

    def _saturated(self, window: Window) -> Bands:
        x = self._inputs(window, self.header)
        self.saturated += int((np.abs(x[: window.samples]) > LARGEST).sum())
        return [np.clip(x, -LARGEST, LARGEST).astype(np.int16)]

    def _inputs(self, window: Window, header: StreamHeader) -> Integers:
        return rounding_shift(window.integers - np.array(header.offsets), header.shift)

    def code(self, coefficients: Bands, number: int, samples: int | None, coded: int) -> bytes:
        """The packet at a setting (see `rate`)."""
        t = step_code(coded)
        z = self._model.measure(coefficients[0], t, max(0, self._model.rounding - coded % SUBSTEPS))
        return self._packet(z, t, number, samples)

    def zeros(self, coefficients: Bands, number: int, samples: int | None) -> bytes:
        """The packet with all measurements 0."""
        windows, channels = len(coefficients[0]) // self._block, coefficients[0].shape[1]
        z = np.zeros((windows, channels, self._model.ratio(self._step).measurements), np.int16)
        return self._packet(z, self._step, number, samples)

    def _packet(self, z: NDArray[np.int16], t: int, number: int, samples: int | None) -> bytes:
        self._step = t
        own = None if t == self.header.step_code else t
        return stream_syntax.write_packet(StreamPacket(DATA, number, self._model.encode(z, t), False, own, samples), self.header)

    def state(self) -> int:
        """What `restore` needs to code the next packet once more."""
        return self._step

    def restore(self, state: int) -> None:
        """Goes back to where this was at a call of `state`."""
        self._step = state


class SensedDecoder:
    """Decodes packets, each alone.

    Args:
        model: the symbol model.
        header: of the stream.

    Raises:
        FormatError: its packets do not all decode alone.
        LimitError: they have more samples than section 10 allows.
    """

    def __init__(self, model: SenseModel, header: StreamHeader) -> None:
        if header.group != 1:
            raise FormatError(f"a group of {header.group} packets; those of compressed sensing have 1")
        samples = header.rows * model.window
        if samples * header.channels > MAX_PACKET:
            raise LimitError(f"{samples} samples in {header.channels} channels a packet; the limit is {MAX_PACKET} in all")
        self._model, self._rows, self._channels = model, header.rows, header.channels

    def decode(self, ready: Ready) -> tuple[Bands, int]:
        """The packet's measurements `[windows, channels, M]`, as the only band, and its step code.

        Raises:
            FormatError: its payload breaks a rule.
        """
        packet = ready.packet
        if packet.delta:
            raise FormatError("a delta packet of compressed sensing")
        t = ready.header.step_code if packet.step_code is None else packet.step_code
        if t >= self._model.codes:
            raise FormatError(f"step code {t}; the model has 0..{self._model.codes - 1}")
        return [self._model.decode(packet.payload, t, self._windows(packet.samples), self._channels)], t

    def _windows(self, samples: int | None) -> int:
        if samples is None:
            return self._rows
        if samples > self._rows * self._model.window:
            raise FormatError(f"a short packet of {samples} samples; expected 1..{self._rows * self._model.window}")
        return -(-samples // self._model.window)


class SensedTimeline(Timeline):
    """Windows to samples. What differs in step code or scale, or was lost, is no context: its measurements are others.

    Args:
        recovery: of the model.
        model: its symbols.
        header: as the next two, as of `Timeline`.
        number: see there.
        ahead: see there.
    """

    def __init__(self, recovery: Recovery, model: SenseModel, header: StreamHeader, number: int, ahead: int | None = None) -> None:
        super().__init__(model.window, recovery.halo, header, number, ahead)
        self._recovery = recovery
        self._windows: list[NDArray[np.int16]] = []  # [channels, M] each
        self._held = np.zeros((0, header.channels))  # the last samples that were no invention

    def _append(self, bands: Bands) -> None:
        self._windows += list(bands[0])

    def _drop(self, blocks: int) -> None:
        del self._windows[:blocks]

    def _made_up(self, blocks: int, t: int) -> Bands:
        return [np.zeros((blocks, *self._windows[-1].shape), np.int16)]

    def _differs(self, block: int) -> bool:
        at = block - self._base
        return super()._differs(block) or bool(self._intact[at] != self._intact[at - 1])

    def _synthesise(self, first: int, last: int) -> NDArray[np.float64]:
        if not self._intact[first - self._base]:
            return np.tile(np.median(self._held, axis=0), ((last - first) * self._block, 1))
        low, high = first, last
        while low > max(self._base, first - self._reach) and not self._differs(low):
            low -= 1
        while high < min(self.end, last + self._ahead) and not self._differs(high):
            high += 1
        z = np.stack(self._windows[low - self._base : high - self._base])
        values = self._recovery.signal(z, int(self._steps[first - self._base]))[(first - low) * self._block : (last - low) * self._block]
        self._held = values[-BASELINE * self._block :]
        return values
