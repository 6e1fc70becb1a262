"""Payloads of a stream's packets to latents: key packets alone, delta packets after the one before them (docs/format.md, section 13)."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import FormatError, LimitError, ModelError
from vaecodec.codec.grids import Bands
from vaecodec.codec.native import Prior, SymbolModel
from vaecodec.codec.recordings import MAX_PACKET
from vaecodec.codec.stream_order import Ready
from vaecodec.codec.stream_syntax import StreamHeader

__all__ = ["Group", "GroupDecoder", "UnusableError", "check_streams"]


def check_streams(bundle: Bundle) -> None:
    """ModelError unless the model codes streams."""
    if bundle.content != "signal":
        raise ModelError(f"{bundle.name} is a model of pictures; streams take one of signals, such as ecg")


class UnusableError(Exception):
    """A delta packet that builds on one that is missing."""


class Group:
    """The prior that codes a key packet and all its delta packets.

    Args:
        model: the symbol model.
        header: of the stream.

    Raises:
        LimitError: more samples than section 10 allows between key packets.
    """

    def __init__(self, model: SymbolModel, header: StreamHeader) -> None:
        samples = header.rows * header.group << model.levels
        if samples * header.channels > MAX_PACKET:
            raise LimitError(f"{samples} samples in {header.channels} channels between key packets; the limit is {MAX_PACKET} in all")
        self.prior = Prior(model, (samples, header.channels), header.step_code)
        self._step = header.step_code

    def select(self, first: int, end: int, t: int) -> None:
        """Turns to blocks first .. end - 1, coded with step code t."""
        self.prior.rows(first, end)
        if t != self._step:
            self.prior.step(t)
        self._step = t

    def state(self) -> tuple[Any, int]:
        """What `restore` needs to code the next packet once more."""
        return self.prior.state(), self._step

    def restore(self, state: tuple[Any, int]) -> None:
        """Goes back to where this was at a call of `state`."""
        prior, self._step = state
        self.prior.restore(prior)


class GroupDecoder:
    """Decodes packets in order; one that is left out breaks the chain up to the next key packet.

    Args:
        model: the symbol model.
        header: of the stream.
    """

    def __init__(self, model: SymbolModel, header: StreamHeader) -> None:
        self._model, self._channels = model, header.channels
        self._rows, self._size = header.rows, header.group
        self._group = Group(model, header)
        self._next: tuple[int, StreamHeader] | None = None  # the only packet that a delta packet may be
        self._place = 0  # of the next packet within its group
        self._step = header.step_code

    def decode(self, ready: Ready) -> tuple[Bands, int]:
        """The packet's latents, of as many blocks as it has, and its step code.

        Raises:
            UnusableError: it builds on a packet that was not decoded.
            FormatError: its payload breaks a rule.
        """
        packet = ready.packet
        expected, self._next = self._next, None
        if packet.delta:
            if expected != (ready.number, ready.header):
                raise UnusableError
            if self._place >= self._size:
                raise FormatError(f"more than {self._size - 1} delta packets follow a key packet")
        else:
            self._place, self._step = 0, ready.header.step_code
        self._step = self._step if packet.step_code is None else packet.step_code
        first, blocks = self._place * self._rows, self._blocks(packet.samples)
        bands = [np.zeros(shape, np.int16) for shape in self._model.band_shapes((blocks << self._model.levels, self._channels))]
        self._group.select(first, first + blocks, self._step)
        self._group.prior.decode(packet.payload, bands, 0, 0)
        self._place += 1
        if packet.samples is None:
            self._next = ready.number + 1, ready.header
        return bands, self._step

    def _blocks(self, samples: int | None) -> int:
        if samples is None:
            return self._rows
        if samples > self._rows << self._model.levels:
            raise FormatError(f"a short packet of {samples} samples; expected 1..{self._rows << self._model.levels}")
        return -(-samples >> self._model.levels)
