"""What signals of both kinds share: arrays in and out, rates, packets' lengths, and the JSON metadata (docs/format.md, sections 7 and 8)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import container
from vaecodec.codec.arguments import is_number, shown
from vaecodec.codec.container import Metadata, Packet
from vaecodec.codec.errors import FormatError, InputError, LimitError
from vaecodec.codec.samples import CARRIERS, Scaling, clipped, read_steps, read_zeros, restore

Samples = NDArray[Any]


class Sampled(Protocol):
    """A header that says what samples are."""

    @property
    def channels(self) -> int:
        """Number of channels."""

    @property
    def sample_type(self) -> int:
        """A key of `container.SAMPLE_TYPES`."""


MAX_SAMPLES = 1 << 27
"""Samples over all channels that our codecs take unless told otherwise."""
MAX_PACKET = 1 << 22
MAX_NESTING = 64


def pack_json(
    array: Samples, scaling: Scaling, columns: Sequence[str] | None, units: Sequence[str] | None, extra: Mapping[str, Any] | None
) -> tuple[Metadata, ...]:
    """The JSON packet with what the header cannot say, or nothing."""
    channels = 1 if array.ndim == 1 else array.shape[1]
    for name, texts in (("columns", columns), ("units", units)):
        if texts is not None and (not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts)):
            raise InputError(f"{name} are a list of texts, got {shown(texts)}")
        if texts is not None and len(texts) != channels:
            raise InputError(f"{len(texts)} {name} for {channels} channels")
    own = ("step", "zero", "dtype", "ndim", "columns", "units")
    if extra is not None and (not isinstance(extra, Mapping) or any(key in own for key in extra)):
        raise InputError(f"extra is a mapping whose keys are none of {', '.join(own)}")
    facts = {
        "step": scaling.steps and list(scaling.steps),
        "zero": scaling.zeros and list(scaling.zeros),
        "dtype": scaling.dtype if scaling.dtype in CARRIERS else None,
        "ndim": 2 if array.ndim == 2 and channels == 1 else None,
        "columns": columns and list(columns),
        "units": units and list(units),
        **(extra or {}),
    }
    facts = {key: value for key, value in facts.items() if value is not None}
    if not facts:
        return ()
    if _nesting(facts) > MAX_NESTING:
        raise InputError(f"what travels along must be JSON of at most {MAX_NESTING} levels: readers take no more")
    try:
        text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:  # a surrogate, too, is a ValueError
        raise InputError(f"what travels along must be JSON in UTF-8: {error}") from error
    return (Metadata(container.META_JSON, text),)


def _nesting(value: object) -> int:
    """Levels of containers within each other, counted up to the limit and one more; a cycle has them all."""
    level, deepest = [value], 0
    while deepest <= MAX_NESTING:
        containers = {id(v): v for v in level if isinstance(v, (Mapping, list, tuple))}  # one that is met twice counts once
        if not containers:
            break
        level = [inner for v in containers.values() for inner in (v.values() if isinstance(v, Mapping) else v)]
        deepest += 1
    return deepest


def read_json(metadata: Sequence[Metadata]) -> dict[str, Any]:
    """The facts of a stream's JSON metadata; an empty dict if there are none.

    Raises:
        FormatError: it is not a JSON object, or there are two.
    """
    texts = [m.data for m in metadata if m.kind == container.META_JSON]
    if len(texts) > 1:
        raise FormatError(f"{len(texts)} JSON metadata packets; expected one at most")
    try:
        facts = json.loads(texts[0].decode("utf-8")) if texts else {}
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the metadata is not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise FormatError("the JSON metadata is not an object")
    try:
        json.dumps(facts, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the metadata is not text: {error}") from error
    return facts


def check_metadata(header: Sampled, metadata: Sequence[Metadata]) -> None:
    """Checks what the samples' type and values hang on.

    Raises:
        FormatError: the metadata are not as docs/format.md section 8 has them.
    """
    facts = read_json(metadata)
    if header.sample_type >= 6:
        read_steps(facts.get("step"), header.channels)
        read_zeros(facts.get("zero"), header.channels)
    if "dtype" in facts:
        carried(facts["dtype"], header.sample_type)


def carried(name: object, sample_type: int) -> np.dtype[Any]:
    """The dtype that travelled as another one."""
    if not isinstance(name, str) or CARRIERS.get(name) != sample_type:
        raise FormatError(f"dtype {name!r} does not travel as sample type {sample_type}")
    return np.dtype(name)


def finish(values: NDArray[Any], header: Sampled, metadata: Sequence[Metadata]) -> Samples:
    """Decoded values `[N, channels]`, in units of the step, as the array that was encoded had them: type and number of axes."""
    facts = read_json(metadata)
    steps = read_steps(facts.get("step"), header.channels) if header.sample_type >= 6 else None
    zeros = read_zeros(facts.get("zero"), header.channels) if steps else None
    samples = restore(values, header.sample_type, steps, zeros)
    if (name := facts.get("dtype")) is not None:
        samples = clipped(samples, carried(name, header.sample_type))
    return samples[:, 0] if header.channels == 1 and facts.get("ndim") != 2 else samples


def two_dimensional(array: Samples, max_samples: int) -> Samples:
    """A caller's array as `[N, channels]`.

    Raises:
        InputError: another shape, or empty.
        LimitError: too many samples or channels.
    """
    if not isinstance(array, np.ndarray) or array.ndim not in (1, 2):
        raise InputError(f"expected an array [N] or [N, channels]; received {getattr(array, 'shape', type(array).__name__)}")
    if isinstance(array, np.ma.MaskedArray):
        raise InputError("a masked array: fill in what is missing, or leave it out")
    if array.size == 0:
        raise InputError(f"an empty signal: shape {array.shape}")
    if array.size > max_samples:
        raise LimitError(f"{array.size} samples over all channels; the limit is {max_samples}")
    samples = array if array.ndim == 2 else array[:, None]
    if samples.shape[1] > container.MAX_CHANNELS:
        raise LimitError(f"{samples.shape[1]} channels; the limit is {container.MAX_CHANNELS} (shape is samples x channels)")
    return samples


def exact_rate(hertz: float | Fraction) -> Fraction:
    """A rate as the fraction that a header can hold."""
    if not (is_number(hertz) or isinstance(hertz, Fraction)) or not 0 <= hertz < 1 << 32:
        raise InputError(f"a sampling rate is 0..2^32 Hz, got {shown(hertz)}")
    # Both parts of the fraction are varints.
    exact = hertz if isinstance(hertz, Fraction) else Fraction(float(hertz))
    return exact.limit_denominator(max(1, min(1_000_000, ((1 << 32) - 1) // max(1, int(hertz) + 1))))


def packet_spans(packets: Sequence[Packet], full: int, channels: int, max_samples: int) -> Iterator[tuple[int, bytes]]:
    """Samples and coded bytes of each packet of `full` samples a channel; refuses what is too much before anything is allocated."""
    if full * channels > MAX_PACKET:
        raise LimitError(f"packets of {full} samples in {channels} channels; the limit is {MAX_PACKET} samples in all")
    if not packets:
        raise FormatError("a signal without samples")
    if full * channels * (len(packets) - 1) > max_samples:
        raise LimitError(f"more than {max_samples} samples over all channels")
    for packet in packets:
        cursor = container.Cursor(packet.payload)
        count = cursor.varint("a short packet's number of samples") if packet.short else full
        if not 1 <= count <= full:
            raise FormatError(f"a short packet of {count} samples; expected 1..{full}")
        yield count, packet.payload[cursor.position :]
