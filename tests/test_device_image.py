"""The device's encoder of pictures against the codec's: the same file from the same pixels."""

from __future__ import annotations

import numpy as np
import pytest
from device import DeviceError, DeviceImageEncoder, check
from firmware import pictures
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec._native import lib
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.grids import padded
from vaecodec.codec.image import ImageCodec
from vaecodec.export.firmware_image import tile_of
from vaecodec.export.firmware_planes import shrink


@pytest.fixture(scope="module")
def photo():
    return ImageCodec(Bundle.open("photo"))


@pytest.fixture(scope="module")
def mcu():
    return ImageCodec(Bundle.open("photo-mcu"))


def picture(codec, height, width, seed=0):
    """Edges, waves and a little noise."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:height, :width]
    waves = [90 + 60 * np.sin(x / 9 + c) + 40 * np.cos(y / (5 + c)) + 70 * (x + (1 + c) * y > 0.6 * width) for c in range(3)]
    pixels = np.clip(np.rint(np.stack(waves, -1) + rng.normal(0, 3, (height, width, 3))), 0, 255).astype(np.uint8)
    return pixels if codec.bundle.symbols.colours == 3 else pixels[..., 0]


def device(codec, pixels, tile, quality=600, effort=2, **more):
    wide, tall = tile_of(codec.bundle, pixels.shape[1], pixels.shape[0], tile)
    return DeviceImageEncoder(codec.bundle, pixels.shape[1], pixels.shape[0], (wide, tall), quality=quality, effort=effort, **more)


def same(codec, pixels, tile, quality=600, effort=2):
    ours = device(codec, pixels, tile, quality, effort).encode(pixels)
    tile = tile_of(codec.bundle, pixels.shape[1], pixels.shape[0], tile)
    theirs = codec.encode(pixels, quality=quality / 10, effort=effort, tile=tile, order="tile")
    return ours == theirs


@pytest.mark.parametrize("effort", [1, 2])
@pytest.mark.parametrize(
    ("height", "width", "tile"), [(96, 128, (128, 32)), (96, 128, (64, 32)), (70, 45, (64, 64)), (130, 33, (32, 32)), (1, 1, (32, 32))]
)
def test_a_file_is_the_codecs(photo, height, width, tile, effort):
    assert same(photo, picture(photo, height, width), tile, effort=effort)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000), st.sampled_from([1, 2]))
def test_any_size_and_tile_gives_the_same_file(height, width, wide, tall, quality, effort):
    codec = ImageCodec(Bundle.open("photo-mcu"))
    assert same(codec, picture(codec, height, width, height), (16 * wide, 16 * tall), quality, effort)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_and_noise(mcu, value):
    assert same(mcu, np.full((50, 60), value, np.uint8), (64, 16))
    assert same(mcu, np.random.default_rng(value).integers(0, 256, (50, 60)).astype(np.uint8), (32, 32), quality=1000)


def test_tiles_in_another_order_decode_alike(mcu):
    pixels = picture(mcu, 120, 160)
    by_tile, by_level = (mcu.encode(pixels, tile=(160, 32), order=order) for order in ("tile", "level"))
    assert by_tile != by_level
    assert len(by_tile) == len(by_level)
    np.testing.assert_array_equal(mcu.decode(by_tile), mcu.decode(by_level))
    with pytest.raises(InputError, match="tile or level"):
        mcu.encode(pixels, order="random")
    with pytest.raises(InputError, match="a width and a height"):
        mcu.encode(pixels, tile=(1, 2, 3))


@pytest.mark.parametrize("name", ["photo", "photo-ms", "photo-mcu"])
def test_shared_memory_changes_nothing(name):
    codec = ImageCodec(Bundle.open(name))
    pixels = picture(codec, 100, 90)
    small, plain = device(codec, pixels, (64, 64)), device(codec, pixels, (64, 64), shared=False)
    assert small.plan.activations < plain.plan.activations / 2
    assert small.encode(pixels) == plain.encode(pixels)


def test_packets_that_wait_hold_the_rows_back(mcu):
    pixels = picture(mcu, 200, 40)
    encoder = device(mcu, pixels, (48, 16))
    assert encoder.push(pixels[0]) == 0
    file = encoder.next()
    taken = 0
    while encoder.push(pixels[taken]):
        taken += 1
    assert 16 < taken < 200
    assert encoder.push(pixels[taken]) == 0
    while not lib.vc_image_is_done(encoder.e):
        packet = encoder.next()
        file += packet or b""
        if packet is None:
            taken += encoder.push(pixels[taken])
    assert taken == 200
    assert file == mcu.encode(pixels, tile=(48, 16), order="tile")
    assert encoder.next() is None


def test_a_picture_too_rich_for_the_memory_is_refused_and_another_goes_on(mcu):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
    with pytest.raises(DeviceError, match="too small"):
        device(mcu, noise, (112, 32), quality=900, waiting_bytes=2000).encode(noise)
    with pytest.raises(DeviceError, match="too small"):
        device(mcu, noise, (112, 32), quality=900, packet_bytes=300).encode(noise)
    assert device(mcu, noise, (112, 32), quality=0, waiting_bytes=9000).encode(noise)


def test_an_error_stays(mcu):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
    encoder = device(mcu, noise, (112, 32), quality=900, waiting_bytes=500)
    encoder.next()
    with pytest.raises(DeviceError, match="too small"):
        any(not encoder.push(row) for row in noise)
    for again in (lambda: encoder.push(noise[0]), encoder.next):
        with pytest.raises(DeviceError, match="too small"):
            again()


def test_bad_arguments_are_refused(mcu):
    pixels = picture(mcu, 40, 40)
    for wrong in ({"quality": 1001}, {"effort": 0}, {"effort": 3}):
        with pytest.raises(DeviceError, match="outside its range"):
            device(mcu, pixels, (48, 16), **wrong)
    with pytest.raises(DeviceError, match="too small"):
        device(mcu, pixels, (48, 16), memory=device(mcu, pixels, (48, 16)).memory_bytes - 8)
    with pytest.raises(DeviceError, match="too small"):
        device(mcu, pixels, (48, 16), packet_bytes=40)
    with pytest.raises(DeviceError, match="damaged"):
        device(mcu, pixels, (48, 16), damage=True)
    encoder = device(mcu, pixels, (48, 16))
    encoder.encode(pixels)
    with pytest.raises(DeviceError, match="has ended"):
        encoder.push(pixels[0])
    for call in (lambda: lib.vc_image_push(encoder.e, encoder.null), lambda: lib.vc_image_next(encoder.e, encoder.null)):
        with pytest.raises(DeviceError, match="outside its range"):
            check(call())


def test_models_that_reach_further_than_a_device_keeps_are_refused():
    ecg = Bundle.open("ecg")
    with pytest.raises(InputError, match="pictures"):
        shrink(ecg, None)


def test_tiles_are_whole_units_within_the_picture(mcu):
    assert tile_of(mcu.bundle, 160, 120, None) == (160, 32)
    assert tile_of(mcu.bundle, 20, 20, (500, 1)) == (padded(20, 4), 16)
    for wrong in ((0, 32), (32, 0), (32, -1), (32, 1.5), (70000, 32)):
        with pytest.raises(InputError, match="a tile's side"):
            tile_of(mcu.bundle, 160, 120, wrong)


@pytest.mark.parametrize(("quality", "effort", "waiting"), [(400, 1, 15.1e3), (600, 1, 25.1e3), (750, 1, 36.4e3), (900, 1, 51.5e3), (600, 2, 47.3e3)])
def test_latents_of_a_real_photo_wait_in_the_room_that_the_docs_say(photo, quality, effort, waiting):
    pixels = pictures.picture("photo")
    encoder = device(photo, pixels, pictures.TILES["photo"], quality, effort)
    encoder.encode(pixels)
    assert encoder.most_waiting == pytest.approx(waiting, rel=0.01)


def test_wider_tiles_take_fewer_bytes_and_more_memory(photo):
    pixels = pictures.picture("photo")
    narrow, wide = (device(photo, pixels, (width, 32), effort=1, waiting_bytes=51200, packet_bytes=48 * width) for width in (160, 320))
    assert 1 - len(wide.encode(pixels)) / len(narrow.encode(pixels)) == pytest.approx(0.016, abs=0.002)
    assert (wide.memory_bytes - narrow.memory_bytes) / 1000 == pytest.approx(54.8, abs=1)
