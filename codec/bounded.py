"""Signals whose every sample is right, or within a bound: no model, integers only (docs/format.md, section 12).

    [N] or [N, channels] ──► integers ──► packets, each predicted and coded from its own past ──► bytes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import container
from vaecodec.codec.arguments import whole_number
from vaecodec.codec.container import BoundedHeader, File, Metadata, Packet
from vaecodec.codec.errors import FormatError, ModelError
from vaecodec.codec.native import decode_bounded, encode_bounded
from vaecodec.codec.recordings import MAX_PACKET, MAX_SAMPLES, check_metadata, exact_rate, finish, pack_json, packet_spans, two_dimensional
from vaecodec.codec.samples import to_integers

__all__ = ["BoundedCodec"]

Samples = NDArray[Any]

# Prediction begins anew in every packet: at 30 s that costs some 1 % of the bytes of an ECG, 2 % where errors are allowed. Slow signals need samples,
# not seconds, to learn from.
PACKET_SECONDS = 30
LEAST_PACKET = 4096
# Float samples that lie on no grid get this resolution of their range, as the models' codecs give them.
BITS = 15


class BoundedCodec:
    """Codes signals to within an error, without a model. Threads may share one.

    Args:
        max_samples: longer signals (samples over all channels) are refused, in both directions.
    """

    bundle = None

    def __init__(self, *, max_samples: int = MAX_SAMPLES) -> None:
        whole_number(max_samples, "max_samples", 1, 1 << 62)
        self._max_samples = max_samples

    def encode(
        self,
        array: Samples,
        *,
        max_error: int = 0,
        rate: float | Fraction | None = None,
        step: float | Sequence[float] | None = None,
        packet_samples: int | None = None,
        columns: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Compresses a signal.

        Args:
            array: `[N]` or `[N, channels]`, any integer or float dtype whose values fit 32 bits (floats: in units of the step).
            max_error: the most by which any sample may be off, 0 (without loss) .. 65535: for integer samples in their own units, for float
                samples in units of the step, to which they are rounded first.
            rate: samples a second and channel.
            step: for float samples, the value of one unit: one for all channels or one each. Unless given, the step of which all values are
                multiples; else the range is divided.
            packet_samples: samples a packet and channel, each packet decoding alone; 30 s, but at least 4096, unless given.
            columns: a name for each channel, to be carried along.
            units: a unit for each channel, to be carried along.
            extra: more to carry along, as JSON.

        Raises:
            InputError: wrong shape, dtype or error, NaN or infinite values, an empty signal.
            LimitError: too many samples or channels.
        """
        samples = two_dimensional(array, self._max_samples)
        bound = whole_number(max_error, "max_error", 0, container.MAX_ERROR)
        integers, scaling = to_integers(samples, BITS, step)
        channels, hertz = samples.shape[1], exact_rate(0 if rate is None else rate)
        header = BoundedHeader(bound, channels, hertz, scaling.sample_type, _packet_samples(packet_samples, hertz, channels))
        metadata = pack_json(array, scaling, columns, units, extra)
        return container.write_file(File(header, tuple(_packets(header, integers.astype(np.int32))), metadata, len(samples)))

    def decode(self, data: bytes) -> Samples:
        """Reconstructs a signal; shape and dtype are those of the array that was encoded.

        Raises:
            FormatError: the stream is damaged.
            ModelError: it is of another kind.
            LimitError: it claims more samples than allowed.
        """
        return self.read(data)[0]

    def read(self, data: bytes) -> tuple[Samples, BoundedHeader, tuple[Metadata, ...]]:
        """The array, and what travelled along; errors as `decode`."""
        file = container.read_file(data)
        header = file.header
        if not isinstance(header, BoundedHeader):
            raise ModelError(f"this stream needs model {header.model_id:08x}")
        check_metadata(header, file.metadata)
        spans = list(packet_spans(file.packets, header.packet_samples, header.channels, self._max_samples))
        total = sum(count for count, _ in spans)
        if total != file.total:
            raise FormatError(f"the packets hold {total} samples, the end packet says {file.total}")
        integers = np.empty((total, header.channels), np.int32)
        start = 0
        for count, payload in spans:
            integers[start : start + count] = decode_bounded(payload, count, header.channels, header.max_error)
            start += count
        return finish(integers, header, file.metadata), header, file.metadata

    def info(self, data: bytes) -> dict[str, Any]:
        """What a stream says about itself; see `vaecodec.info`."""
        from vaecodec.codec.info import describe

        return describe(data)


def _packet_samples(wanted: int | None, hertz: Fraction, channels: int) -> int:
    """Samples a packet and channel: as wanted or as usual, but no more than a packet may hold."""
    most = MAX_PACKET // channels
    if wanted is None:
        return min(max(LEAST_PACKET, round(PACKET_SECONDS * hertz)), most)
    return whole_number(wanted, "packet_samples", 1, most)


def _packets(header: BoundedHeader, integers: NDArray[np.int32]) -> Iterator[Packet]:
    full = header.packet_samples
    for number, start in enumerate(range(0, len(integers), full)):
        part = integers[start : start + full]
        short = len(part) < full
        payload = encode_bounded(part, header.max_error)
        yield Packet(container.DATA, number & 255, (container.varint(len(part)) if short else b"") + payload, short)
