"""Streams that lie in files: what they hold, and the whole of an intact one at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import container, stream_syntax
from vaecodec.codec.arguments import whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import Cursor, Metadata
from vaecodec.codec.errors import FormatError, LimitError
from vaecodec.codec.grids import Bands
from vaecodec.codec.recordings import MAX_SAMPLES, read_json
from vaecodec.codec.stream_decoder import Chunk, Decoder
from vaecodec.codec.stream_kinds import StreamKind
from vaecodec.codec.stream_layout import block
from vaecodec.codec.stream_order import Ready
from vaecodec.codec.stream_reader import Skipped, StreamReader, SyncPoint
from vaecodec.codec.stream_syntax import StreamHeader, StreamPacket

__all__ = ["StreamFile", "describe_stream"]

# Bytes handed to the decoder at a time.
PIECE = 1 << 16


class StreamFile:
    """Reads intact streams at once, as `SignalCodec` reads files.

    Args:
        bundle: the stream's model.
        threads: threads the synthesis may use.
        max_samples: longer signals (samples over all channels) are refused.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, max_samples: int = MAX_SAMPLES) -> None:
        whole_number(max_samples, "max_samples", 1, 1 << 62)
        self.bundle = bundle
        self._threads, self._max_samples = threads, max_samples

    def decode(self, data: bytes) -> NDArray[Any]:
        """The samples, shaped as the array that was encoded.

        Raises:
            FormatError: anything is missing or damaged; `Decoder` takes what there is.
            ModelError: the stream is of another model.
            LimitError: it holds more samples than allowed.
        """
        return self.read(data)[0]

    def read(self, data: bytes) -> tuple[NDArray[Any], StreamHeader, tuple[Metadata, ...]]:
        """The array, and what travelled along; errors as `decode`."""
        decoder = Decoder(self.bundle, threads=self._threads)
        parts, count = [], 0
        for chunk in _chunks(decoder, data):
            count += chunk.samples.size
            if count > self._max_samples:
                raise LimitError(f"more than {self._max_samples} samples over all channels")
            parts.append(chunk.samples)
            _refuse(decoder)
        _refuse(decoder)
        header = decoder.header
        if header is None or not parts:
            raise FormatError("a stream without samples")
        samples = np.concatenate(parts)
        flat = header.channels == 1 and read_json(header.metadata).get("ndim") != 2
        return samples[:, 0] if flat else samples, header, header.metadata

    def latents(self, data: bytes) -> Iterator[tuple[int, int, Bands]]:
        """Number, step code and latents of each data packet of an intact stream, one after the other.

        Raises:
            FormatError: anything is missing, damaged or out of order.
        """
        reader, kind, groups, expected = StreamReader(), StreamKind(self.bundle), None, 0
        reader.allow(container.MAX_PAYLOAD)
        for item in chain(reader.feed(data), reader.finish()):
            if isinstance(item, Skipped):
                raise FormatError(f"{item.count} bytes belong to no packet")
            if isinstance(item, SyncPoint):
                groups = groups or kind.decoder(item.header)
                reader.enter(item.header)
            elif item[0].kind == stream_syntax.DATA and groups is not None:
                if item[0].number != expected:
                    raise FormatError(f"packet {item[0].number} comes in place of {expected}")
                bands, t = groups.decode(Ready(*item))
                yield expected, t, bands
                reader.top = expected = expected + 1

    def info(self, data: bytes) -> dict[str, Any]:
        """What a stream says about itself; see `vaecodec.info`."""
        return describe_stream(data, self.bundle)


def _chunks(decoder: Decoder, data: bytes) -> Iterator[Chunk]:
    for at in range(0, len(data), PIECE):
        yield from decoder.chunks(data[at : at + PIECE])
    yield from decoder.flush()


def _refuse(decoder: Decoder) -> None:
    """FormatError if anything was wrong."""
    if decoder.tally:
        found = ", ".join(f"{count} {kind}" for kind, count in decoder.tally.items())
        raise FormatError(f"this stream is not whole ({found}); `vaecodec decode --stream` takes what there is")


def describe_stream(data: bytes, bundle: Bundle | None = None) -> dict[str, Any]:
    """Facts of a stream, JSON-ready as those of `info.describe`; every CRC is checked, no latent is decoded.

    Quality and step code are None where packets have their own, as those of a bit rate do.

    Args:
        data: the stream, from its first sync packet on.
        bundle: its model, or None; then the time of a packet is not told.

    Raises:
        FormatError: no sync packet comes first.
    """
    survey = _Survey(data)
    header = survey.header
    packet = None if bundle is None or not header.rate else float(header.rows * block(bundle) / header.rate)
    count = (survey.samples or 0) * header.channels
    facts = read_json(header.metadata)
    steps: dict[str, Any] = {"quality": None, "step_code": None} if survey.count["own step"] else {}
    return steps | {
        "bytes": len(data),
        "packets": survey.count["key"] + survey.count["delta"],
        "delta_packets": survey.count["delta"],
        "sync_packets": survey.count["sync"],
        "payload_bytes": survey.count["payload"],
        "framing_bytes": len(data) - survey.count["payload"] - survey.count["skipped"],
        "skipped_bytes": survey.count["skipped"],
        "metadata_bytes": len(header.facts),
        "packet_seconds": packet,
        "channels": header.channels,
        "samples": survey.samples,
        "rate": float(header.rate) or None,
        "sample_type": facts.get("dtype") or container.SAMPLE_TYPES[header.sample_type],
        "bits_per_sample": round(8 * len(data) / count, 4) if count else None,
        "metadata": facts,
    }


class _Survey:
    """What packets a stream has."""

    def __init__(self, data: bytes) -> None:
        self.count: Counter[str] = Counter()
        self.samples: int | None = None
        found: StreamHeader | None = None
        reader = StreamReader()
        reader.allow(container.MAX_PAYLOAD)
        for item in chain(reader.feed(data), reader.finish()):
            if isinstance(item, SyncPoint):
                found = found or item.header
                self.count["sync"] += 1
                reader.enter(item.header)
                reader.hint = item.number
            elif isinstance(item, Skipped):
                self.count["skipped"] += item.count
            else:
                self._packet(item[0])
                reader.top = max(reader.top, item[0].number + 1)
        if found is None:
            raise FormatError("no sync packet of a stream")
        self.header = found

    def _packet(self, packet: StreamPacket) -> None:
        if packet.kind == stream_syntax.END:
            self.samples = stream_syntax.read_long_varint(Cursor(packet.payload), "the number of samples")
        else:
            self.count["delta" if packet.delta else "key"] += 1
            self.count["payload"] += len(packet.payload)
            self.count["own step"] += packet.step_code is not None
