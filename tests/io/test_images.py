"""Pictures in and out of the formats that Pillow knows."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from common import picture, psnr
from PIL import Image

from vaecodec.codec.errors import FormatError, InputError, LimitError, UnsupportedError
from vaecodec.io import images
from vaecodec.io.recording import Picture


def saved(image: Image.Image, name: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_lossless_formats_bring_every_mode_back(planes: int, suffix: str) -> None:
    pixels = picture(9, 13, planes)
    assert np.array_equal(images.read(images.write(Picture(pixels), suffix)).pixels, pixels)


@pytest.mark.parametrize(("suffix", "planes"), [(".webp", 3), (".webp", 4), (".bmp", 3), (".bmp", 1)])
def test_other_lossless_formats_bring_back_what_they_hold(suffix: str, planes: int) -> None:
    pixels = picture(9, 13, planes)
    assert np.array_equal(images.read(images.write(Picture(pixels), suffix)).pixels, pixels)


def test_jpeg_is_written_well() -> None:
    pixels = picture(64, 64)
    assert psnr(pixels, images.read(images.write(Picture(pixels), ".jpg")).pixels) > 40


def test_jpeg_refuses_transparency() -> None:
    with pytest.raises(InputError, match="transparency"):
        images.write(Picture(picture(8, 8, 4)), ".jpeg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(picture(8, 14)), "PNG", exif=exif)
    assert images.read(data).pixels.shape == ((14, 8, 3) if orientation >= 5 else (8, 14, 3))


@pytest.mark.parametrize(("mode", "shape"), [("1", (5, 7)), ("P", (5, 7, 3)), ("CMYK", (5, 7, 3)), ("L", (5, 7)), ("LA", (5, 7, 2))])
def test_other_modes_become_ones_of_ours(mode: str, shape: tuple[int, ...]) -> None:
    data = saved(Image.new(mode, (7, 5)), "TIFF")
    assert images.read(data).pixels.shape == shape


def test_a_palette_with_transparency_becomes_rgba() -> None:
    data = saved(Image.new("P", (7, 5)), "PNG", transparency=0)
    assert images.read(data).pixels.shape == (5, 7, 4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_reduced_with_a_note(kind: str) -> None:
    deep = np.array([[0, 257, 128, 129, 65535, 65407]], np.uint16)
    read = images.read(saved(Image.fromarray(deep), kind))
    assert read.pixels.tolist() == [[0, 1, 0, 1, 255, 255]]
    assert read.notes == ("16 bits a component are reduced to 8",)


def test_sixteen_bits_of_colour_are_reduced_with_a_note() -> None:
    rows = b"\0" + b"\x12\x34\x56\x78\xff\xff" * 3
    head = struct.pack(">IIBBBBB", 3, 1, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))
    read = images.read(data)
    assert read.pixels.tolist() == [[[0x12, 0x56, 0xFF]] * 3]
    assert read.notes


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_more_than_sixteen_bits_are_refused_with_advice() -> None:
    with pytest.raises(UnsupportedError, match="convert it to 16 or 8 bits"):
        images.read(saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_exif_comes_back_without_the_orientation_that_was_applied(suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    read = images.read(saved(Image.fromarray(picture(8, 14)), "JPEG", exif=exif))
    again = images.read(images.write(read, suffix))
    assert again.pixels.shape == (14, 8, 3)
    found = Image.Exif()
    assert again.exif is not None
    found.load(again.exif)
    assert found.get(0x010F) == "maker"
    assert found.get(0x0112, 1) == 1


def test_a_colour_profile_comes_back() -> None:
    data = images.write(Picture(picture(8, 8), icc=b"profile"), ".png")
    assert images.read(data).icc == b"profile"


def test_a_profile_for_other_colours_than_the_pixels_is_left_out_with_a_note() -> None:
    profile = bytes(16) + b"CMYK" + bytes(108)
    picture_ = images.read(saved(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=profile))
    assert picture_.icc is None
    assert "profile" in picture_.notes[0]


def test_size_is_checked_before_pixels_are_read() -> None:
    with pytest.raises(LimitError, match="20 x 30"):
        images.read(saved(Image.new("RGB", (20, 30))), max_pixels=599)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0\x08\0\0\0", b"BM" + bytes(50)])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="picture"):
        images.read(data)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_pictures_are_refused(name: str) -> None:
    data = saved(Image.fromarray(picture(40, 40)), name)
    for length in range(0, len(data) * 3 // 4, 37):
        with pytest.raises(FormatError):
            images.read(data[:length])
