"""The codec of bounded error: arrays of every type, what travels along, packets, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from common import beats, flip, image_codec, signal_codec
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import vaecodec
from vaecodec.codec import container
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.container import BoundedHeader, File, Packet
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, VaecodecError

CODEC = BoundedCodec()
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]


def off(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference of integers."""
    return int(np.abs(a.astype(np.int64) - b.astype(np.int64)).max())


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("shape", [(1,), (700,), (700, 1), (50, 3), (9, 64)])
def test_integers_come_back_as_they_were(name: str, shape: tuple[int, ...]) -> None:
    limits = np.iinfo(name) if name != "bool" else np.iinfo("uint8")
    low, high = max(limits.min, -(2**31)), min(limits.max, 2**31 - 1)
    x = np.random.default_rng(1).integers(low, high, shape, endpoint=True).astype(name)
    back = CODEC.decode(CODEC.encode(x))
    assert back.dtype == x.dtype
    assert back.shape == x.shape
    assert np.array_equal(back, x)


@given(
    hnp.arrays(np.int16, hnp.array_shapes(min_dims=1, max_dims=2, max_side=30)),
    st.integers(0, 65535),
    st.integers(1, 40),
)
def test_no_sample_is_off_by_more_than_the_bound(x: np.ndarray, max_error: int, packet: int) -> None:
    back = CODEC.decode(CODEC.encode(x, max_error=max_error, packet_samples=packet))
    assert (back.dtype, back.shape) == (x.dtype, x.shape)
    assert off(back, x) <= max_error


@pytest.mark.parametrize("max_error", [0, 2])
def test_the_bound_of_float_samples_counts_in_steps(max_error: int) -> None:
    x = np.round(beats(3000, 2) / 300, 3)
    back = CODEC.decode(CODEC.encode(x, max_error=max_error, step=0.001))
    assert back.dtype == np.float64
    assert np.abs(back - x).max() < (max_error + 1e-6) * 0.001 + 1e-12
    assert np.array_equal(np.rint(back * 1000), np.rint(x * 1000)) == (max_error == 0)


def test_a_larger_bound_takes_fewer_bytes() -> None:
    x = np.rint(beats(5000)).astype(np.int16)
    sizes = [len(CODEC.encode(x, max_error=e)) for e in (0, 1, 3, 10)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 2


def test_what_travels_along_comes_back() -> None:
    x = np.zeros((20, 2), np.int16)
    stream = CODEC.encode(x, rate=Fraction(1000, 3), columns=["a", "b"], units=["mV", "mV"], extra={"wav": {"bits": 16}})
    facts = vaecodec.info(stream)
    assert facts["rate"] == pytest.approx(1000 / 3)
    assert facts["max_error"] == 0
    assert facts["samples"] == 20
    assert facts["metadata"] == {"columns": ["a", "b"], "units": ["mV", "mV"], "wav": {"bits": 16}}


def test_no_bundle_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vaecodec.api.Bundle, "find", lambda _: pytest.fail("a bundle was looked for"))
    x = np.arange(10)
    stream = CODEC.encode(x)
    assert np.array_equal(vaecodec.decode(stream), x)
    assert vaecodec.info(stream)["model"] == "none"


def test_a_models_codec_does_it_too_and_gives_its_rate_and_step() -> None:
    codec, x = signal_codec(), np.rint(beats(900)).astype(np.int16)
    stream = codec.encode(x, max_error=0)
    assert np.array_equal(codec.decode(stream), x)
    assert vaecodec.info(stream)["rate"] == (codec.bundle.manifest["rate"] or None)
    assert off(codec.decode(codec.encode(x, max_error=4)), x) <= 4


def test_a_model_reads_no_latents_from_it() -> None:
    with pytest.raises(ModelError, match="no latents"):
        signal_codec().latents(CODEC.encode(np.arange(9)))
    with pytest.raises(ModelError):
        image_codec().decode(CODEC.encode(np.arange(9)))


def test_it_reads_nothing_else() -> None:
    with pytest.raises(ModelError, match="needs model"):
        CODEC.decode(signal_codec().encode(beats(100)))


@pytest.mark.parametrize("target", [{"quality": 50}, {"target_bytes": 100}, {"target_bpp": 1.0}])
def test_a_bound_takes_no_target(target: dict[str, float]) -> None:
    with pytest.raises(InputError, match="not several"):
        signal_codec().encode(beats(100), max_error=0, **target)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [-1, 65536, 1.5, True, "3"])
def test_bounds_outside_the_format_are_refused(bad: object) -> None:
    with pytest.raises(InputError, match="max_error"):
        CODEC.encode(np.zeros(5, np.int16), max_error=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("x", [np.zeros(0), np.zeros((2, 2, 2)), np.array([np.nan]), np.array([2**31]), np.zeros(3, complex)])
def test_other_arrays_are_refused(x: np.ndarray) -> None:
    with pytest.raises(InputError):
        CODEC.encode(x)


def test_limits_hold_in_both_directions() -> None:
    x = np.zeros((50, 3), np.int16)
    with pytest.raises(LimitError):
        BoundedCodec(max_samples=149).encode(x)
    stream = CODEC.encode(x, packet_samples=10)
    with pytest.raises(LimitError):
        BoundedCodec(max_samples=100).decode(stream)
    with pytest.raises(LimitError):
        vaecodec.decode(stream, max_size=100)


# --- streams that no encoder writes ------------------------------------------------------------------------------------


def stream_of(header: BoundedHeader, *packets: Packet, total: int) -> bytes:
    return container.write_file(File(header, packets, (), total))


def head(**fields: object) -> BoundedHeader:
    return BoundedHeader(**{"max_error": 0, "channels": 1, "rate": Fraction(1), "sample_type": 3, "packet_samples": 5, **fields})  # type: ignore[arg-type]


def test_a_packet_decodes_alone() -> None:
    x = np.rint(beats(300)).astype(np.int16)
    file = container.read_file(CODEC.encode(x, packet_samples=100))
    last = stream_of(file.header, Packet(container.DATA, 0, file.packets[2].payload), total=100)  # type: ignore[arg-type]
    assert np.array_equal(CODEC.decode(last), x[200:])


@pytest.mark.parametrize("fields", [{"max_error": 65536}, {"channels": 0}, {"sample_type": 8}, {"packet_samples": 0}])
def test_headers_outside_the_format_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(FormatError):
        CODEC.decode(stream_of(head(**fields), Packet(container.DATA, 0, b""), total=5))


@pytest.mark.parametrize("fields", [{"channels": 257}, {"packet_samples": 2**22 + 1}, {"packet_samples": 2**15, "channels": 129}])
def test_headers_above_limits_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(LimitError):
        CODEC.decode(stream_of(head(**fields), Packet(container.DATA, 0, b""), total=5))


def test_a_model_that_is_named_but_not_needed_is_refused() -> None:
    header = head()
    object.__setattr__(header, "model_id", 7)
    with pytest.raises(FormatError, match="model 00000007"):
        CODEC.decode(stream_of(header, Packet(container.DATA, 0, b""), total=5))


@pytest.mark.parametrize(("payload", "short", "total"), [(b"\0", True, 0), (b"\6", True, 6), (b"", True, 5), (b"", False, 4), (b"\4", True, 5)])
def test_packets_that_do_not_add_up_are_refused(payload: bytes, short: bool, total: int) -> None:
    with pytest.raises(FormatError):
        CODEC.decode(stream_of(head(), Packet(container.DATA, 0, payload, short), total=total))


def test_a_signal_without_packets_is_refused() -> None:
    with pytest.raises(FormatError, match="without samples"):
        CODEC.decode(stream_of(head(), total=0))


@given(st.data())
def test_one_flipped_bit_never_passes(data: st.DataObject) -> None:
    stream = CODEC.encode(np.rint(beats(60)).astype(np.int16))
    with pytest.raises(VaecodecError):
        CODEC.decode(flip(stream, data.draw(st.integers(0, 8 * len(stream) - 1))))
