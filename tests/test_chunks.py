"""Arrays of pictures and signals through numcodecs and Zarr."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE, beats, image_codec, picture, prdn, psnr, signal_codec

from vaecodec.chunks import pack, unpack
from vaecodec.codec.errors import FormatError, InputError, LimitError
from vaecodec.numcodecs import VaeCodec

IMAGE, SIGNAL = str(IMAGE_BUNDLE), str(SIGNAL_BUNDLE)


def pictures(count: int, planes: int = 3) -> np.ndarray:
    return np.stack([picture(24, 40, planes, seed) for seed in range(count)])


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 3])
def test_chunks_of_pictures_come_back(planes: int, count: int) -> None:
    array = pictures(count, planes)
    again = unpack(pack(array, IMAGE, 90), IMAGE).reshape(array.shape)
    assert psnr(array, again) > 36


def test_a_chunk_of_one_picture_is_a_file() -> None:
    assert pack(picture(24, 40), IMAGE, 70) == image_codec().encode(picture(24, 40), quality=70)


def test_a_line_of_pixels_is_no_picture() -> None:
    with pytest.raises(InputError, match=r"received shape \(5,\)"):
        pack(np.zeros(5, np.uint8), IMAGE)


@pytest.mark.parametrize("cut", [5, 9, 30, -1])
def test_damaged_chunks_are_refused(cut: int) -> None:
    data = pack(pictures(2), IMAGE)
    with pytest.raises(FormatError):
        unpack(data[:cut], IMAGE)
    with pytest.raises(FormatError):
        unpack(data + b"x", IMAGE)


def test_numcodecs_finds_the_codec_by_its_name() -> None:
    codec = numcodecs.get_codec({"id": "vaecodec", "model": IMAGE, "quality": 80})
    assert codec.get_config() == {"id": "vaecodec", "model": IMAGE, "quality": 80.0}
    array = picture(24, 40)
    out = np.empty_like(array)
    codec.decode(codec.encode(array), out=out)
    assert np.array_equal(out, codec.decode(codec.encode(array)))
    assert psnr(array, out) > 34


def made(folder: Path, zarr_format: int, model: str, **options: Any) -> Any:
    """An array that our codec serves."""
    if zarr_format == 2:
        codecs = {"compressors": VaeCodec(model, 80), "filters": None}
    else:
        from vaecodec.zarr import VaeCodec as Serializer

        codecs = {"serializer": Serializer(model, 80), "compressors": None}
    return zarr.create_array(folder / "a.zarr", zarr_format=zarr_format, **codecs, **options)


needs_zarr_3 = pytest.mark.skipif(zarr.__version__.startswith("2."), reason="CPython 3.10 has no Zarr 3")


@needs_zarr_3
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_arrays_of_pictures(tmp_path: Path, zarr_format: int) -> None:
    array = pictures(5)
    made(tmp_path, zarr_format, IMAGE, shape=array.shape, chunks=(2, 24, 40, 3), dtype="uint8")[:] = array
    again = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert psnr(array, again[:]) > 34
    assert sum(p.stat().st_size for p in (tmp_path / "a.zarr").rglob("*") if p.is_file()) < array.nbytes / 2


@needs_zarr_3
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_arrays_of_signals(tmp_path: Path, zarr_format: int) -> None:
    samples = np.rint(beats(3000, 2)).astype(np.int16)
    made(tmp_path, zarr_format, SIGNAL, shape=samples.shape, chunks=(1000, 2), dtype="int16")[:] = samples
    assert prdn(samples, zarr.open_array(tmp_path / "a.zarr", mode="r")[:]) < 4


def test_a_chunk_is_refused_by_its_headers_before_anything_is_decoded() -> None:
    flat = image_codec().encode(np.zeros((2000, 2000), np.uint8), quality=0)
    many = b"VAES" + struct.pack("<36I", 35, *[len(flat)] * 35) + flat * 35
    with pytest.raises(LimitError, match="35 pictures"):
        unpack(many, IMAGE)


def test_a_chunk_of_pictures_and_signals_is_refused() -> None:
    streams = [image_codec().encode(picture(8, 8)), signal_codec().encode(beats(60))]
    with pytest.raises(FormatError, match="one shape"):
        unpack(b"VAES" + struct.pack("<3I", 2, *map(len, streams)) + b"".join(streams), IMAGE)


@pytest.mark.parametrize("array", [np.zeros((0, 8, 8), np.uint8), np.zeros((4, 0, 8), np.uint8), None, [[1, 2]]], ids=repr)
def test_arrays_that_hold_nothing_are_refused(array: object) -> None:
    with pytest.raises(InputError):
        pack(array, IMAGE)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        unpack(array, IMAGE)  # type: ignore[arg-type]
