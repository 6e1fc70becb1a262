"""Pillow opens and saves .vae pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from common import IMAGE_BUNDLE, beats, image_codec, picture, psnr, signal_codec
from PIL import Image, UnidentifiedImageError

import vaecodec.pillow

MODEL = str(IMAGE_BUNDLE)


@pytest.fixture(autouse=True)
def _known_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAECODEC_MODELS", str(IMAGE_BUNDLE.parent))


def saved(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "VAE", model=MODEL, **options)
    return out.getvalue()


@pytest.mark.parametrize(("planes", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_a_picture_goes_there_and_back(planes: int, mode: str) -> None:
    pixels = picture(40, 50, planes)
    data = saved(Image.fromarray(pixels), quality=80)
    assert data == image_codec().encode(pixels, quality=80)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("VAE", mode, (50, 40))
        assert np.array_equal(np.array(image), image_codec().decode(data))


def test_a_file_name_is_enough(tmp_path: Path) -> None:
    pixels = picture(20, 30)
    Image.fromarray(pixels).save(tmp_path / "a.vae", model=MODEL)
    with Image.open(tmp_path / "a.vae") as image:
        image.load()
        image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert psnr(pixels, np.array(image)) > 30


def test_other_modes_are_converted() -> None:
    with Image.open(io.BytesIO(saved(Image.new("CMYK", (9, 7), (10, 20, 30, 40))))) as image:
        assert (image.mode, image.size) == ("RGB", (9, 7))


def test_a_byte_target_holds() -> None:
    assert len(saved(Image.fromarray(picture(90, 90)), target_bytes=900)) <= 900


def test_profile_and_exif_travel_along() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    with Image.open(io.BytesIO(saved(Image.fromarray(picture(9, 9)), icc_profile=b"profile", exif=exif))) as image:
        assert image.info["icc_profile"] == b"profile"
        assert image.getexif()[0x010F] == "maker"


def test_an_orientation_is_applied_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(saved(Image.fromarray(picture(8, 14)), exif=exif))) as image:
        assert image.size == (14, 8)  # given by hand, it says nothing about these pixels
        assert 0x0112 not in image.getexif()
    turned = io.BytesIO()
    Image.fromarray(picture(8, 14)).save(turned, "JPEG", exif=exif)
    with Image.open(turned) as source, Image.open(io.BytesIO(saved(source))) as image:
        assert image.size == (8, 14)
        assert 0x0112 not in image.getexif()


def test_a_thumbnail_decodes_at_a_reduced_size() -> None:
    data = saved(Image.fromarray(picture(160, 200)))
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (50, 40))
        assert image.size == (50, 40)
        assert np.array_equal(np.array(image), image_codec().decode(data, scale=4))
    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail((60, 60))
        assert image.size == (60, 48)


def test_a_signal_is_no_picture() -> None:
    data = signal_codec().encode(beats(100), rate=100)
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(data))


def test_damage_is_an_error_of_the_file() -> None:
    data = saved(Image.fromarray(picture(40, 50)))
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(data[:-3]))


def test_an_unknown_model_is_an_error_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = bytearray(saved(Image.fromarray(picture(40, 50))))
    header, end = vaecodec.pillow.container.read_header(bytes(data))
    other = vaecodec.pillow.container.write_header(type(header)(**{**vars(header), "model_id": 1}))
    with Image.open(io.BytesIO(other + bytes(data[end:]))) as image, pytest.raises(OSError, match="00000001"):
        image.load()


def test_a_psnr_is_met() -> None:
    original = picture(60, 80)
    again = np.asarray(Image.open(io.BytesIO(saved(Image.fromarray(original), psnr=32))))
    assert 32 <= psnr(original, again) < 32.3
