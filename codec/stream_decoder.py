"""Streams to samples, as they come (docs/format.md, section 13).

    bytes ──► packets (stream_reader) ──► in order, faults (stream_order) ──► latents (stream_groups) ──► samples (stream_timeline)

Memory is bounded: by the longest packet, the latents of a group of packets, the packets that wait for their turn, and the synthesis' reach.
"""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from vaecodec.codec import stream_syntax as syntax
from vaecodec.codec.arguments import check_threads, is_number, shown, whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import Cursor
from vaecodec.codec.errors import FormatError, InputError, ModelError
from vaecodec.codec.recordings import check_metadata
from vaecodec.codec.stream_groups import UnusableError, check_streams
from vaecodec.codec.stream_kinds import StreamKind
from vaecodec.codec.stream_order import Event, Fault, Lost, Order, Ready
from vaecodec.codec.stream_reader import Item, Skipped, StreamReader, SyncPoint
from vaecodec.codec.stream_syntax import StreamHeader, StreamPacket
from vaecodec.codec.stream_timeline import Chunk, Timeline
from vaecodec.codec.warn import SynthesisWarning

__all__ = ["Chunk", "Decoder", "Fault"]

# Bytes that a latent takes at most (VC_SENSE_MOST_BYTES; others 7), and what a payload has besides (a step code, a number of samples).
MOST_SYMBOL_BYTES, MORE_BYTES = 8, 16
# Faults that are kept until someone asks for them.
MOST_FAULTS = 4096
# Blocks that are synthesised at once where more bytes are at hand.
BATCH = 256
# Packets of a gap that are made up where the rate, and so their time, is not known.
CONCEALED_PACKETS = 64
# Samples over all channels of a gap that are made up at most, whatever rate a stream claims.
MOST_CONCEALED = 1 << 22


class Decoder:
    """Decodes a stream from wherever it is joined. Not for several threads at a time.

    Args:
        model: name, path or bundle of the model; found by the stream's model id unless given.
        threads: threads the synthesis may use.
        window: packets that may wait for one that is late before it counts as lost, 0..32; they cost delay only after a gap.
        conceal: seconds of a gap that are made up, 0..3600, but no more than 2^22 samples over all channels; longer ones are left out.
        lookahead: seconds of the signal after a sample that it waits for before it gives the sample out, one block at least. None: all that the
            synthesis may look at, which alone gives the same samples, to a rounding of floats, whatever the pieces that bytes come in. Little of
            it matters: with `ecg` 0.7 s in place of 3.6 s change a PRDN by less than 0.01.

    Attributes:
        header: what the last sync packet said; None before the first.
        tally: how often each kind of fault has come.

    Raises:
        ModelError: there is no such model, or it is for pictures.
        InputError: an argument is out of range.
    """

    def __init__(
        self,
        model: str | Path | Bundle | None = None,
        *,
        threads: int = 1,
        window: int = 2,
        conceal: float = 60.0,
        lookahead: float | None = None,
    ) -> None:
        self._bundle = model if isinstance(model, Bundle) or model is None else Bundle.open(model)
        if self._bundle is not None:
            check_streams(self._bundle)
        self._threads = check_threads(threads)
        self._window = whole_number(window, "window", 0, 32)
        if not is_number(conceal) or not 0 <= conceal <= 3600:
            raise InputError(f"conceal is 0..3600 seconds, got {shown(conceal)}")
        if lookahead is not None and (not is_number(lookahead) or not 0 <= lookahead <= 3600):
            raise InputError(f"lookahead is 0..3600 seconds, got {shown(lookahead)}")
        self._seconds = conceal, lookahead
        self._reader = StreamReader()
        self._faults: deque[Fault] = deque(maxlen=MOST_FAULTS)
        self._joined: _Joined | None = None
        self._kind: StreamKind | None = None
        self._ignored = 0  # bytes before the first sync packet
        self._stranger: SyncPoint | None = None  # the last sync packet of another stream
        self.header: StreamHeader | None = None
        self.tally: Counter[str] = Counter()

    def feed(self, data: bytes) -> list[Chunk]:
        """Takes the stream's next bytes, in pieces of any size; `chunks` as a list.

        Returns:
            The samples that are known now, in order of time.

        Raises:
            InputError: this is no bytes, bytearray or memoryview.
            ModelError: the stream's model is not known, or another one than the caller's; every sync packet of such a stream raises it.
            FormatError: its metadata is not what section 8 says.
            LimitError: more samples between key packets than section 10 allows.

        Warns:
            SynthesisWarning: it was made for other decoder weights of this model.
        """
        return list(self.chunks(data))

    def chunks(self, data: bytes) -> Iterator[Chunk]:
        """As `feed`, but one chunk at a time: a few bytes that nobody vouches for may stand for very many zeros. Exhaust it before the next call."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise InputError(f"a stream comes as bytes, got {type(data).__name__}")
        yield from self._takes(self._reader.feed(data))
        if self._joined is not None:
            yield from self._joined.ready(1)

    def flush(self) -> list[Chunk]:
        """The samples that are left, as no more bytes will come; errors as `feed`."""
        return [*self._takes(self._reader.finish()), *self._close()]

    def faults(self) -> list[Fault]:
        """What was wrong since the last call, the newest 4096; `tally` counts all."""
        found = list(self._faults)
        self._faults.clear()
        return found

    def _takes(self, items: Iterator[Item]) -> Iterator[Chunk]:
        """Takes packet after packet; the reader must know the numbers so far before it reads the next one."""
        for item in items:
            yield from self._take(item)
            if self._joined is not None:
                self._reader.top = self._joined.order.top

    def _take(self, item: Item) -> Iterator[Chunk]:
        if isinstance(item, SyncPoint):
            yield from self._sync(item)
        elif isinstance(item, Skipped):
            if self._joined is None:
                self._ignored += item.count
            else:
                self._note(Fault("damaged", None, item.count))
        elif self._joined is not None:
            if self._stranger is not None and item[1] == self._stranger.header:
                yield from self._restart(self._stranger)
            yield from self._follow(self._joined, self._joined.events(*item))

    def _sync(self, point: SyncPoint) -> Iterator[Chunk]:
        joined = self._joined
        if joined is None:
            self._join(point)
        elif joined.ended:
            yield from self._restart(point)
        elif not joined.takes(point.header):
            self._note(Fault("foreign", point.number))
            self._consider(point)
        else:
            self._reader.hint = point.number
            self._enter(point.header)

    def _consider(self, point: SyncPoint | None) -> None:
        """Leaves a foreign sync packet out, until a packet follows that fits it: then its stream has taken over."""
        self._stranger = point
        self._reader.consider(point)

    def _restart(self, point: SyncPoint) -> Iterator[Chunk]:
        yield from self._close()
        self._note(Fault("restarted", point.number))
        self._join(point)

    def _join(self, point: SyncPoint) -> None:
        self._consider(None)
        bundle = self._bundle if self._bundle is not None else Bundle.find(point.header.model_id)
        _check(bundle, point.header)
        self._joined = _Joined(self._kind_of(bundle), point, self._window, self._seconds)
        if point.number or self._ignored:
            self._note(Fault("joined", point.number, self._ignored))
        self._ignored = 0
        self._reader.allow(self._joined.longest)
        self._reader.top = self._reader.hint = point.number
        self._enter(point.header)

    def _kind_of(self, bundle: Bundle) -> StreamKind:
        """One serves all streams of a model."""
        if self._kind is None or self._kind.model_id != bundle.model_id:
            self._kind = StreamKind(bundle, self._threads)
        return self._kind

    def _enter(self, header: StreamHeader) -> None:
        self._reader.enter(header)
        self.header = header

    def _follow(self, joined: _Joined, events: Iterable[Event]) -> Iterator[Chunk]:
        for event in events:
            if isinstance(event, Fault):
                self._note(event)
            elif isinstance(event, Lost):
                self._note(Fault("lost", event.number, event.count))
                yield from joined.lose(event.count)
            else:
                yield from self._decode(joined, event)

    def _decode(self, joined: _Joined, ready: Ready) -> Iterator[Chunk]:
        try:
            yield from joined.decode(ready)
        except (UnusableError, FormatError) as error:
            self._note(Fault("unusable" if isinstance(error, UnusableError) else "undecodable", ready.number))
            yield from joined.lose(1)

    def _close(self) -> Iterator[Chunk]:
        """Ends the stream, or what there is of it."""
        joined, self._joined = self._joined, None
        if joined is None:
            return
        yield from self._follow(joined, joined.order.finish())
        if not joined.ended:
            self._note(Fault("truncated", joined.order.expected))
            yield from joined.finish()

    def _note(self, fault: Fault) -> None:
        self.tally[fault.kind] += 1
        self._faults.append(fault)


class _Joined:
    """A stream from the sync packet on at which it was joined."""

    def __init__(self, kind: StreamKind, point: SyncPoint, window: int, seconds: tuple[float, float | None]) -> None:
        self._header = header = point.header
        self._kind = kind
        self._groups = kind.decoder(header)
        self._timeline: Timeline | None = None
        self._samples: int | None = None  # where the signal ends, once that is known
        self._packet = header.rows * kind.block
        conceal, lookahead = seconds
        most = MOST_CONCEALED // (self._packet * header.channels)
        self._conceal = min(most, int(conceal * header.rate / self._packet) if header.rate else CONCEALED_PACKETS)
        self._ahead = None if lookahead is None or not header.rate else max(1, int(lookahead * header.rate) // kind.block)
        self.order = Order(point.number, window)
        self.longest = MOST_SYMBOL_BYTES * self._packet * header.channels + MORE_BYTES
        self.ended = False

    def takes(self, header: StreamHeader) -> bool:
        """Whether a segment with this header may be part of the stream."""
        return header.sampling() == self._header.sampling()

    def events(self, packet: StreamPacket, header: StreamHeader) -> Iterator[Event]:
        """What a packet brings about."""
        if self.ended:
            yield Fault("late")
        elif packet.kind != syntax.END:
            yield from self.order.add(packet, header)
        elif (samples := self._total(packet)) is not None:
            self._samples = samples
            yield from self.order.end(packet, header)
        else:
            yield Fault("undecodable")

    def decode(self, ready: Ready) -> Iterator[Chunk]:
        """Takes the packet whose turn has come.

        Raises:
            UnusableError, FormatError: as `GroupDecoder.decode` and `SensedDecoder.decode`.
        """
        if ready.packet.kind == syntax.END:
            self.ended = True
            yield from self._finish(is_end=True)
            return
        bands, t = self._groups.decode(ready)
        if self._timeline is not None and self._timeline.end != ready.number * ready.header.rows:
            yield from self._finish(is_end=False)
        if self._timeline is None:
            self._timeline = self._kind.timeline(ready.header, ready.number, self._ahead)
        self._timeline.add(bands, t, ready.header)
        if ready.packet.samples is not None:
            self._samples = ready.number * self._packet + ready.packet.samples
        yield from self.ready(BATCH)

    def ready(self, least: int) -> Iterator[Chunk]:
        """Samples whose neighbours are there, if there are so many blocks of them: many at once take less time."""
        if self._timeline is not None and self._timeline.pending >= least:
            yield from self._timeline.ready()

    def lose(self, packets: int) -> Iterator[Chunk]:
        """Makes up the packets whose turn it was, or leaves them out if they are too many."""
        if self._timeline is None:
            return
        if packets > self._conceal:
            yield from self._finish(is_end=False)
            return
        self._timeline.conceal(packets)
        yield from self.ready(BATCH)

    def finish(self) -> Iterator[Chunk]:
        """What is left of a stream without an end."""
        yield from self._finish(is_end=False)

    def _finish(self, is_end: bool) -> Iterator[Chunk]:
        if self._timeline is not None:
            yield from self._timeline.finish(self._samples, is_end)
        self._timeline = None

    def _total(self, packet: StreamPacket) -> int | None:
        """Samples that an end packet tells; None if it tells none."""
        cursor = Cursor(packet.payload)
        try:
            samples = syntax.read_long_varint(cursor, "the number of samples")
            cursor.finish("the number of samples")
        except FormatError:
            return None
        return samples if -(-samples // self._packet) == packet.number else None


def _check(bundle: Bundle, header: StreamHeader) -> None:
    """Checks that this bundle can decode such a stream."""
    check_streams(bundle)
    if header.model_id != bundle.model_id:
        raise ModelError(f"this stream needs model {header.model_id:08x}; {bundle.name} is {bundle.model_id:08x}")
    check_metadata(header, header.metadata)
    if header.synthesis_id != bundle.synthesis_id:
        warnings.warn(SynthesisWarning(header.synthesis_id, bundle.synthesis_id), stacklevel=5)
