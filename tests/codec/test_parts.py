"""Parts of pictures: regions, reduced sizes, files cut short, rows of tiles, threads."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from common import IMAGE_BUNDLE, image_codec, picture, psnr
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import container, image, tiling
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import FormatError, InputError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.native import Prior
from vaecodec.codec.warn import PartialWarning

HEIGHT, WIDTH = 150, 131


@cache
def stream(planes: int = 3, tile: int = 0) -> bytes:
    return image_codec().encode(picture(HEIGHT, WIDTH, planes), quality=80, tile=tile)


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


@settings(max_examples=40)
@given(st.data(), st.integers(1, 4), st.sampled_from([0, 24, 60]))
def test_a_region_is_that_part_of_the_picture(data: st.DataObject, planes: int, tile: int) -> None:
    x, y = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    width, height = data.draw(st.integers(1, WIDTH - x)), data.draw(st.integers(1, HEIGHT - y))
    full = image_codec().decode(stream(planes, tile))
    part = image_codec().decode(stream(planes, tile), region=(x, y, width, height))
    assert part.shape == (height, width, *full.shape[2:])
    assert apart(part, full[y : y + height, x : x + width]) <= 1


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("scale", [2, 4])
def test_a_reduced_picture_looks_like_the_mean_of_squares(planes: int, scale: int) -> None:
    pixels = picture(HEIGHT, WIDTH, planes)
    small = image_codec().decode(stream(planes), scale=scale)
    rows, cols = -(-HEIGHT // scale), -(-WIDTH // scale)
    assert small.shape == (rows, cols, *pixels.shape[2:])
    squares = pixels[: rows // 2 * scale, : cols // 2 * scale].reshape(rows // 2, scale, cols // 2, scale, *pixels.shape[2:])
    assert psnr(squares.mean((1, 3)), small[: rows // 2, : cols // 2]) > 22


def test_a_region_of_a_reduced_picture_is_that_part_of_it() -> None:
    small = image_codec().decode(stream(4, 40), scale=4)
    part = image_codec().decode(stream(4, 40), region=(41, 30, 50, 61), scale=4)
    assert apart(part, small[30 // 4 : 23, 41 // 4 : 23]) <= 1


@pytest.mark.parametrize("region", [(-1, 0, 5, 5), (0, 0, 0, 5), (0, 0, WIDTH + 1, 5), (WIDTH, 0, 1, 1), (0, HEIGHT - 1, 1, 2)])
def test_a_region_outside_the_picture_is_refused(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match=r"does not lie within 131 x 150 pixels"):
        image_codec().decode(stream(), region=region)


@pytest.mark.parametrize("scale", [0, 3, -2, 16])
def test_a_scale_that_is_not_there_is_refused(scale: int) -> None:
    with pytest.raises(InputError, match="a scale is one of 1, 2, 4, 8, got"):
        image_codec().decode(stream(), scale=scale)


def count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The (first, last) stages of every payload decoded from now on."""
    calls: list[tuple[int, int]] = []
    real = Prior.decode

    def counted(self: Prior, data: bytes, bands: list, first: int, last: int) -> None:
        calls.append((first, last))
        real(self, data, bands, first, last)

    monkeypatch.setattr(Prior, "decode", counted)
    return calls


def test_a_region_decodes_only_the_tiles_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    data = image_codec().encode(picture(600, 600), quality=50, tile=100)
    calls = count_decoded(monkeypatch)
    image_codec().decode(data, region=(250, 250, 20, 20))
    assert 0 < sum(first == 0 for first, _ in calls) <= 9


def test_a_reduced_picture_decodes_only_the_stages_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_decoded(monkeypatch)
    image_codec().decode(stream(), scale=8)
    assert {last for _, last in calls} == {0}


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
def test_a_file_cut_short_gives_a_coarser_picture(kept: float) -> None:
    pixels = picture(HEIGHT, WIDTH)
    data = image_codec().encode(pixels, quality=80, tile=60)
    first = container.read_header(data)[1]
    least = container.read_packet(data, first)[1]
    cut = data[: max(least, int(kept * len(data)))]
    with pytest.raises(FormatError):
        image_codec().decode(cut)
    with pytest.warns(PartialWarning, match=r"\d+ of \d+ packets came"):
        coarse = image_codec().decode(cut, partial=True)
    assert coarse.shape == pixels.shape
    assert psnr(pixels, coarse) <= psnr(pixels, image_codec().decode(data)) + 0.1


def test_more_of_a_file_gives_more_of_the_picture() -> None:
    pixels = picture(HEIGHT, WIDTH)
    data = image_codec().encode(pixels, quality=80)
    ends = [container.read_header(data)[1]]
    while ends[-1] < len(data):
        ends.append(container.read_packet(data, ends[-1])[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PartialWarning)
        figures = [psnr(pixels, image_codec().decode(data[:end], partial=True)) for end in ends[1:]]
    assert figures == sorted(figures)
    assert len(set(figures)) == len(figures) > 2


def test_a_file_without_any_packet_is_refused_even_so() -> None:
    data = stream()
    with pytest.raises(FormatError):
        image_codec().decode(data[: container.read_header(data)[1] + 2], partial=True)


def test_an_intact_file_decodes_the_same_with_and_without_leave_to_be_partial() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PartialWarning)
        assert np.array_equal(image_codec().decode(stream(), partial=True), image_codec().decode(stream()))


@settings(max_examples=25)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([4, 12, 32]))
def test_rows_of_tiles_have_the_coefficients_of_the_whole_picture(height: int, width: int, tile: int) -> None:
    pixels = picture(height, width)
    tiled, one = (image_codec().latents(image_codec().encode(pixels, quality=90, effort=1, tile=side)).bands for side in (tile, 0))
    for a, b in zip(tiled, one, strict=True):
        assert np.array_equal(a, b)


def test_a_picture_in_strips_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    data = stream(tile=40)
    one = image_codec().decode(data)
    monkeypatch.setattr(image, "WHOLE_PIXELS", 1)
    monkeypatch.setattr(image, "STRIP_ROWS", 7)
    assert apart(image_codec().decode(data), one) <= 1


def test_a_rate_search_that_keeps_no_coefficients_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = picture(90, 90)
    kept = image_codec().encode(pixels, target_bytes=1500, tile=32)
    monkeypatch.setattr(tiling, "KEPT_PIXELS", 0)
    assert image_codec().encode(pixels, target_bytes=1500, tile=32) == kept


def test_threads_change_nothing() -> None:
    many = ImageCodec(Bundle.open(IMAGE_BUNDLE), threads=3)
    pixels = picture(HEIGHT, WIDTH)
    data = many.encode(pixels, quality=70, tile=24)
    assert data == image_codec().encode(pixels, quality=70, tile=24)
    assert apart(many.decode(data), image_codec().decode(data)) <= 1
