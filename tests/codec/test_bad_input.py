"""Damaged streams and wrong arguments: always an error of ours, never a crash or a silent wrong result."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from common import beats, flip, image_codec, picture, signal_codec
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec import container
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError, UnsupportedError, VaecodecError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.signal import SignalCodec

# What damage may turn a good stream into: nothing in it is our caller's fault.
DAMAGE = (FormatError, LimitError, ModelError, UnsupportedError)

STREAMS = {
    "picture": (image_codec, lambda: image_codec().encode(picture(13, 18), quality=30)),
    "picture with alpha": (image_codec, lambda: image_codec().encode(picture(9, 9, 4), quality=10)),
    "signal": (signal_codec, lambda: signal_codec().encode(beats(200, 2).astype(np.int16), rate=360, quality=30, packet_blocks=4)),
    "float signal": (signal_codec, lambda: signal_codec().encode(beats(60), rate=1, quality=30, step=0.5, units=["mV"])),
}
each_stream = pytest.mark.parametrize("name", STREAMS)


@each_stream
def test_truncation_at_every_byte_is_an_error(name: str) -> None:
    codec, stream = STREAMS[name][0](), STREAMS[name][1]()
    for length in range(len(stream)):
        with pytest.raises(DAMAGE):
            codec.decode(stream[:length])


@each_stream
def test_every_single_bit_flip_is_an_error(name: str) -> None:
    codec, stream = STREAMS[name][0](), STREAMS[name][1]()
    for bit in range(8 * len(stream)):
        with pytest.raises(DAMAGE):
            codec.decode(flip(stream, bit))


@each_stream
@given(data=st.data())
def test_random_damage_gives_an_error_or_the_same_latents(name: str, data: st.DataObject) -> None:
    codec, stream = STREAMS[name][0](), bytearray(STREAMS[name][1]())
    good = codec.latents(bytes(stream))
    start = data.draw(st.integers(0, len(stream) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    stream[start : start + len(patch)] = patch
    try:
        latents = codec.latents(bytes(stream))
    except DAMAGE:
        return
    assert all(np.array_equal(a, b) for a, b in zip(latents.bands, good.bands, strict=True))


@given(st.binary(max_size=400))
def test_payloads_of_any_bytes_decode_or_fail_as_damage(payload: bytes) -> None:
    codec = signal_codec()
    good = container.read_file(codec.encode(beats(200).astype(np.int16), rate=360))
    packets = (container.Packet(container.DATA, 0, container.varint(200) + payload, short=True),)
    stream = container.write_file(container.File(good.header, packets, (), 200))
    try:
        assert codec.decode(stream).shape == (200,)
    except FormatError:
        pass


def test_a_header_of_2_31_pixels_is_refused_before_anything_is_allocated() -> None:
    header = container.ImageHeader(image_codec().bundle.model_id, 0, 0, 65535, 32769, 3)
    with pytest.raises(LimitError, match="pixels"):
        image_codec().decode(container.write_header(header))


def test_a_codec_may_take_less() -> None:
    stream = image_codec().encode(picture(20, 20))
    with pytest.raises(LimitError, match="399"):
        ImageCodec(image_codec().bundle, max_pixels=399).decode(stream)
    with pytest.raises(LimitError, match="20 x 20"):
        ImageCodec(image_codec().bundle, max_pixels=399).encode(picture(20, 20))
    with pytest.raises(LimitError, match="99"):
        SignalCodec(signal_codec().bundle, max_samples=99).encode(beats(100))


def test_many_tiny_packets_cannot_claim_more_samples_than_allowed() -> None:
    codec = SignalCodec(signal_codec().bundle, max_samples=10000)
    stream = signal_codec().encode(np.zeros(20000, np.int16), rate=1, packet_blocks=4)
    assert len(stream) < 3000
    with pytest.raises(LimitError, match="10000"):
        codec.decode(stream)


def test_another_models_stream_names_its_id() -> None:
    stream = image_codec().encode(picture(8, 8))
    header, end = container.read_header(stream)
    other = container.write_header(container.ImageHeader(**{**vars(header), "model_id": 0xDEADBEEF})) + stream[end:]
    with pytest.raises(ModelError, match="deadbeef"):
        image_codec().decode(other)


def test_a_stream_of_the_other_modality_is_refused() -> None:
    with pytest.raises(ModelError, match="signal"):
        image_codec().decode(signal_codec().encode(beats(20)))
    with pytest.raises(ModelError, match="picture"):
        signal_codec().decode(image_codec().encode(picture(8, 8)))


def test_another_synthesis_decodes_with_a_warning() -> None:
    from vaecodec import SynthesisWarning

    stream = image_codec().encode(picture(8, 8))
    header, end = container.read_header(stream)
    other = container.write_header(container.ImageHeader(**{**vars(header), "synthesis_id": 1})) + stream[end:]
    with pytest.warns(SynthesisWarning, match="0001"):
        decoded = image_codec().decode(other)
    assert np.array_equal(decoded, image_codec().decode(stream))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
        [[1, 2], [3, 4]],
        None,
    ],
    ids=repr,
)
def test_wrong_pictures_are_refused(array: object) -> None:
    with pytest.raises(InputError):
        image_codec().encode(array)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0, np.int16),
        np.zeros((0, 2)),
        np.zeros((5, 0)),
        np.zeros((2, 3, 4)),
        np.array(5.0),
        np.array([1.0, np.nan]),
        np.array([1.0, np.inf]),
        np.array([-np.inf, 0.0], np.float32),
        np.array(["a"]),
        np.array([1j]),
        np.array([None]),
        np.array([2**40]),
        np.array([2**63], np.uint64),
        [1, 2, 3],
    ],
    ids=repr,
)
def test_wrong_signals_are_refused(array: object) -> None:
    with pytest.raises(InputError):
        signal_codec().encode(array)  # type: ignore[arg-type]


def test_too_many_channels_are_refused() -> None:
    with pytest.raises(LimitError, match="samples x channels"):
        signal_codec().encode(np.zeros((2, 257)))


@pytest.mark.parametrize(
    "options",
    [
        {"quality": -1},
        {"quality": 101},
        {"quality": float("nan")},
        {"target_bytes": 0},
        {"target_bpp": -1.0},
        {"quality": "60"},
        {"quality": True},
        {"target_bytes": "9"},
        {"target_bytes": 10**400},
        {"target_bpp": 10**400},
        {"quality": 10**400},
        {"quality": 10**5000},
        {"psnr": 10**5000},
        {"tile": 10**5000},
        {"icc": "5"},
        {"exif": [1]},
        {"tile": 1.5},
        {"tile": "64"},
        {"effort": 0},
        {"effort": 10},
        {"effort": 2.0},
        {"effort": "2"},
    ],
)
def test_wrong_rates_are_refused(options: dict) -> None:
    with pytest.raises(InputError):
        image_codec().encode(picture(8, 8), **options)


def test_two_targets_are_refused() -> None:
    with pytest.raises(InputError, match="one of"):
        signal_codec().encode(beats(10), quality=5, target_bytes=100)


@pytest.mark.parametrize(
    "options",
    [
        {"step": 0.0},
        {"step": -1.0},
        {"step": float("nan")},
        {"step": [1.0, 2.0, 3.0]},
        {"rate": -1},
        {"rate": "360"},
        {"step": "a"},
        {"packet_blocks": 0},
        {"effort": 0},
        {"effort": 10},
        {"columns": ["a", "b"]},
    ],
)
def test_wrong_signal_options_are_refused(options: dict) -> None:
    with pytest.raises(InputError):
        signal_codec().encode(beats(10), **options)


def _nested(levels: int) -> object:
    value: object = 1
    for number in range(levels):
        value = [value] if number % 2 else {"a": value}
    return value


def test_json_deeper_than_a_reader_takes_is_not_written() -> None:
    for levels, fits in ((63, True), (64, False), (900, False)):  # one more is the object itself
        if fits:
            assert signal_codec().decode(signal_codec().encode(beats(10), extra={"b": _nested(levels)})).size
            continue
        with pytest.raises(InputError, match="64 levels"):
            signal_codec().encode(beats(10), extra={"b": _nested(levels)})
    twice: list = []
    twice += [twice, twice]
    with pytest.raises(InputError):
        signal_codec().encode(beats(10), extra={"b": twice})


@pytest.mark.parametrize("most", ["5", float("nan"), -1, 1.5, None, 10**5000], ids=lambda v: type(v).__name__)
def test_wrong_limits_are_refused(most: object) -> None:
    with pytest.raises(InputError, match="max_pixels"):
        ImageCodec(image_codec().bundle, max_pixels=most)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="max_samples"):
        SignalCodec(signal_codec().bundle, max_samples=most)  # type: ignore[arg-type]


@pytest.mark.parametrize("latents", [None, 5, "x"])
def test_what_are_no_latents_is_refused(latents: object) -> None:
    for codec in (image_codec(), signal_codec()):
        for method in (codec.encode_latents, codec.decode_latents):
            with pytest.raises(InputError, match="Latents"):
                method(latents)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, -1, 10**6, 1.5, "2", True, None])
def test_wrong_numbers_of_threads_are_refused(threads: object) -> None:
    for kind, bundle in ((ImageCodec, image_codec().bundle), (SignalCodec, signal_codec().bundle)):
        with pytest.raises(InputError, match="threads"):
            kind(bundle, threads=threads)


@pytest.mark.parametrize("data", ["8b564145", None, 5, [0x8B], np.zeros(4, np.uint8), bytearray(b"\x8bVAE")], ids=repr)
def test_what_are_no_bytes_is_refused(data: object) -> None:
    for codec in (image_codec(), signal_codec()):
        with pytest.raises(InputError, match="bytes"):
            codec.decode(data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part", [{"region": 5}, {"region": (0, 0, 4)}, {"region": (0, 0, 4.0, 4)}, {"region": "abcd"}, {"scale": "2"}, {"scale": 2.0}, {"scale": [2]}]
)
def test_wrong_parts_are_refused(part: dict) -> None:
    stream = image_codec().encode(picture(8, 8))
    with pytest.raises(InputError):
        image_codec().decode(stream, **part)


def test_tiles_above_the_limit_are_refused_in_both_directions() -> None:
    codec = image_codec()
    with pytest.raises(InputError, match="tile"):
        codec.encode(np.zeros((4097, 4097), np.uint8), tile=0)
    header = container.ImageHeader(codec.bundle.model_id, codec.bundle.synthesis_id, 20, 8192, 8192, 3, 0, 0, order=1)
    claim = container.write_file(container.File(header, tuple(container.Packet(container.DATA, i, b"") for i in range(2))))
    with pytest.raises(LimitError, match="8192 x 8192"):
        codec.decode(claim)


def test_errors_are_one_line() -> None:
    for bad in (b"", b"\x8bVAE", b"PK\x03\x04", bytes(1000)):
        with pytest.raises(VaecodecError) as caught:
            image_codec().decode(bad)
        assert "\n" not in str(caught.value)


def test_decoding_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image_codec().decode(image_codec().encode(picture(8, 8)))
