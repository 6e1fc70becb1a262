"""The picture codec, from arrays to streams and back."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from common import image_codec, picture, psnr
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import container
from vaecodec.codec.errors import InputError, UnsupportedError
from vaecodec.codec.image import ImageLatents
from vaecodec.codec.image_encoder import Coded, ImageEncoder
from vaecodec.codec.rdoq import plan
from vaecodec.codec.tiling import Coefficients

SHAPES = [(1, 1), (1, 40), (40, 1), (7, 9), (8, 8), (33, 64), (150, 131)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("planes", [1, 2, 3, 4])
def test_shape_and_dtype_come_back(shape: tuple[int, int], planes: int) -> None:
    pixels = picture(*shape, planes)
    decoded = image_codec().decode(image_codec().encode(pixels, quality=80))
    assert decoded.shape == pixels.shape
    assert decoded.dtype == np.uint8
    assert psnr(pixels, decoded) > 33


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.integers(0, 100), st.sampled_from([None, 0, 8, 17]))
def test_any_geometry_decodes(height: int, width: int, planes: int, quality: int, tile: int | None) -> None:
    pixels = picture(height, width, planes)
    assert image_codec().decode(image_codec().encode(pixels, quality=quality, tile=tile)).shape == pixels.shape


def test_quality_buys_fidelity_with_bytes() -> None:
    pixels = picture(64, 64)
    streams = [image_codec().encode(pixels, quality=q) for q in (0, 25, 50, 75, 100)]
    figures = [psnr(pixels, image_codec().decode(stream)) for stream in streams]
    assert [len(s) for s in streams] == sorted(len(s) for s in streams)
    assert figures == sorted(figures)
    assert figures[-1] > 44


def test_alpha_is_kept_exactly() -> None:
    pixels = picture(30, 41, 4)
    assert np.array_equal(image_codec().decode(image_codec().encode(pixels, quality=0))[..., 3], pixels[..., 3])


def test_grey_costs_hardly_more_than_one_plane() -> None:
    grey = picture(64, 64, 1)
    stream = image_codec().encode(grey, quality=50)
    rgb = image_codec().encode(np.repeat(grey[..., None], 3, axis=2), quality=50)
    assert len(stream) <= len(rgb)


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: a[::-1][::-1], lambda a: np.concatenate([a, a])[: len(a)]])
def test_memory_layout_does_not_matter(layout) -> None:
    pixels = picture(20, 30)
    assert image_codec().encode(layout(pixels)) == image_codec().encode(pixels)


def test_read_only_input_is_left_alone() -> None:
    pixels = picture(20, 30)
    pixels.setflags(write=False)
    image_codec().encode(pixels)


def test_tiles_give_the_same_latents_and_no_seams() -> None:
    pixels = picture(70, 90)
    whole, tiled = (image_codec().encode(pixels, effort=1, tile=tile) for tile in (0, 16))
    assert len(container.read_file(tiled).packets) > len(container.read_file(whole).packets)
    for a, b in zip(image_codec().latents(whole).bands, image_codec().latents(tiled).bands, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(image_codec().decode(whole), image_codec().decode(tiled))


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("effort", [1, 2, 4])
def test_every_effort_takes_every_picture(planes: int, effort: int) -> None:
    pixels = picture(37, 70, planes)
    stream = image_codec().encode(pixels, quality=80, effort=effort, tile=24)
    assert psnr(pixels, image_codec().decode(stream)) > 33
    latents = image_codec().latents(stream)
    assert image_codec().encode_latents(latents) == stream


def test_the_error_is_that_of_the_picture_and_0_where_nobody_sees_it() -> None:
    codec, pixels = image_codec(), picture(41, 50)
    stream = codec.encode(pixels, quality=30)
    latents = codec.latents(stream)
    encoder = ImageEncoder(codec.bundle.symbols, pixels, latents.header, plan(3), codec._synthesise, 1, codec.bundle.symbols.analyse)
    error = encoder._error(Coded(latents.header, [], latents.bands), 8, 48).astype(float)
    assert not error[33:].any()
    assert not error[:, 50:].any()
    expected = pixels[8:].astype(int) - codec.decode(stream)[8:]
    assert np.abs(error[:33, :50] / 2.0**codec.bundle.symbols.in_shift - expected).max() <= 0.6


@pytest.mark.parametrize("effort", [1, 2, 4])
def test_an_encoded_picture_leaves_nothing_behind(effort: int) -> None:
    gc.collect()
    gc.disable()
    try:
        image_codec().encode(picture(40, 50), effort=effort)
        assert not [kept for kept in gc.get_objects() if isinstance(kept, (ImageEncoder, Coefficients))]
    finally:
        gc.enable()


def test_a_psnr_is_met_at_every_effort() -> None:
    pixels = picture(60, 90)
    streams = [image_codec().encode(pixels, psnr=36, effort=effort) for effort in (1, 2, 4)]
    assert all(36 <= psnr(pixels, image_codec().decode(stream)) < 36.3 for stream in streams)
    assert len(streams[2]) < len(streams[0])


def test_both_packet_orders_decode_to_the_same() -> None:
    latents = image_codec().latents(image_codec().encode(picture(40, 50), tile=16))
    streams = [image_codec().encode_latents(replace(latents, header=replace(latents.header, order=order))) for order in (0, 1)]
    assert streams[0] != streams[1]
    assert np.array_equal(*(image_codec().decode(stream) for stream in streams))


def test_latents_go_out_and_in() -> None:
    stream = image_codec().encode(picture(21, 34), quality=70)
    latents = image_codec().latents(stream)
    assert image_codec().encode_latents(latents) == stream
    assert np.array_equal(image_codec().decode_latents(latents), image_codec().decode(stream))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_any_latents_survive(seed: int) -> None:
    random = np.random.default_rng(seed)
    latents = image_codec().latents(image_codec().encode(picture(21, 34)))
    bands = [(random.standard_cauchy(band.shape) * 3).clip(-32767, 32767).astype(np.int16) for band in latents.bands]
    decoded = image_codec().latents(image_codec().encode_latents(replace(latents, bands=bands)))
    assert all(np.array_equal(a, b) for a, b in zip(decoded.bands, bands, strict=True))


def test_latents_of_another_geometry_are_refused() -> None:
    latents = image_codec().latents(image_codec().encode(picture(21, 34)))
    for bad in (latents.bands[1:], [band.astype(np.int32) for band in latents.bands], [band[:-1] for band in latents.bands]):
        with pytest.raises(InputError):
            image_codec().encode_latents(ImageLatents(latents.header, bad))  # type: ignore[arg-type]


def test_a_colour_profile_travels_along() -> None:
    stream = image_codec().encode(picture(8, 8), icc=b"profile", exif=b"exif")
    kinds = {m.kind: m.data for m in image_codec().latents(stream).metadata}
    assert kinds == {container.META_ICC: b"profile", container.META_EXIF: b"exif"}


def test_flat_pictures_have_empty_payloads() -> None:
    stream = image_codec().encode(np.full((64, 64, 3), 128, np.uint8))
    assert [p.payload for p in container.read_file(stream).packets] == [b""] * 4


@pytest.mark.parametrize("target", [400, 1000, 3000])
def test_a_byte_target_is_met_and_used(target: int) -> None:
    stream = image_codec().encode(picture(64, 64), target_bytes=target)
    assert 0.9 * target < len(stream) <= target


def test_a_target_in_bits_a_pixel_is_met() -> None:
    assert 8 * len(image_codec().encode(picture(64, 64), target_bpp=1.5)) / 64**2 <= 1.5


def test_a_target_out_of_reach_says_what_is_in_reach() -> None:
    with pytest.raises(InputError, match="smallest"):
        image_codec().encode(picture(64, 64), target_bytes=20)


def test_info_says_what_was_encoded() -> None:
    stream = image_codec().encode(picture(21, 34, 4), quality=40)
    facts = image_codec().info(stream)
    assert (facts["width"], facts["height"], facts["mode"], facts["bytes"]) == (34, 21, "rgb+alpha", len(stream))
    assert abs(facts["quality"] - 40) < 1


@pytest.mark.parametrize("planes", [1, 3, 4])
@pytest.mark.parametrize("wanted", [31.0, 38.5])
def test_a_psnr_is_met_closely(planes: int, wanted: float) -> None:
    original = picture(70, 90, planes)
    colours = original[..., :3] if planes == 4 else original
    stream = image_codec().encode(original, psnr=wanted)
    decoded = image_codec().decode(stream)
    reached = psnr(colours, decoded[..., :3] if planes == 4 else decoded)
    assert wanted <= reached < wanted + 0.3


def test_a_psnr_holds_for_tiled_pictures() -> None:
    original = picture(100, 130)
    stream = image_codec().encode(original, psnr=33, tile=64)
    assert 33 <= psnr(original, image_codec().decode(stream)) < 33.3


@pytest.mark.parametrize("wanted", [0, -5, 101, float("nan"), "40", 99])
def test_a_psnr_that_cannot_be_is_refused(wanted: object) -> None:
    with pytest.raises(InputError):
        image_codec().encode(picture(16, 16), psnr=wanted)  # type: ignore[arg-type]


def test_a_psnr_and_a_quality_are_too_much() -> None:
    with pytest.raises(InputError, match="one of"):
        image_codec().encode(picture(16, 16), psnr=30, quality=50)


def test_a_bundle_without_a_fast_decoder_says_so() -> None:
    with pytest.raises(UnsupportedError, match="fast"):
        image_codec().decode(image_codec().encode(picture(16, 16)), fast=True)
