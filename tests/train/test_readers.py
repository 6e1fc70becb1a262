"""Readers of training data."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from vaecodec.codec.errors import InputError
from vaecodec.train.data.readers import image_suffixes, read_image, read_signal
from vaecodec.train.data.recording import without_gaps
from vaecodec.train.data.wfdb import _unpack_212


def pack_212(values: np.ndarray) -> bytes:
    """Two's complement 12-bit pairs, as signal(5) draws them."""
    u = values.reshape(-1, 2) & 0xFFF
    triples = np.stack([u[:, 0] & 255, (u[:, 0] >> 8) | ((u[:, 1] >> 8) << 4), u[:, 1] & 255], 1)
    return triples.astype(np.uint8).tobytes()


def record(folder: Path, kind: str, values: np.ndarray, gain: str = "200") -> Path:
    raw = pack_212(values) if kind == "212" else values.astype("<i2").tobytes()
    (folder / "r.dat").write_bytes(raw)
    lines = [f"r {values.shape[1]} 360 {len(values)}", "# a comment"]
    lines += [f"r.dat {kind} {gain} 11 1024 0 0 0 lead {i}" for i in range(values.shape[1])]
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    return folder / "r.hea"


@given(st.lists(st.integers(-2047, 2047), min_size=2, max_size=40).filter(lambda v: len(v) % 2 == 0))
def test_format_212_unpacks_what_was_packed(values):
    assert _unpack_212(pack_212(np.array(values))).tolist() == values


@pytest.mark.parametrize("kind", ["212", "16"])
def test_a_wfdb_record_gives_samples_names_rate_and_baseline(tmp_path, kind):
    values = np.random.default_rng(0).integers(-2000, 2000, [50, 2])
    recording = read_signal(record(tmp_path, kind, values))
    np.testing.assert_array_equal(recording.values, values)
    assert (recording.names, recording.rate, recording.baseline) == (("lead 0", "lead 1"), 360.0, (1024.0, 1024.0))


def test_a_baseline_in_the_gain_field_counts(tmp_path):
    recording = read_signal(record(tmp_path, "16", np.zeros([4, 2], int), "200(-7)/mV"))
    assert recording.baseline == (-7.0, -7.0)


def test_samples_that_wfdb_marks_as_missing_hold_the_last_value(tmp_path):
    values = np.array([[1, -32768], [-32768, 5], [3, -32768]])
    recording = read_signal(record(tmp_path, "16", values))
    assert without_gaps(recording.values, tmp_path).tolist() == [[1, 5], [1, 5], [3, 5]]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("r/2 1 360\n", "one segment"),
        ("r 1 360 10\nr.dat 80 200\n", "format 16 or 212"),
        ("r 2 360 10\nr.dat 16 200\n", "Expected 2 signal lines"),
        ("r 1 360 10\n../r.dat 16 200\n", "beside its header"),
        ("r 1 360 10\nnone.dat 16 200\n", "none.dat"),
        ("", "Expected a WFDB record"),
        ("r x\n", "Expected a WFDB record"),
    ],
)
def test_a_wfdb_header_that_cannot_be_followed_is_explained(tmp_path, header, message):
    (tmp_path / "r.hea").write_text(header)
    (tmp_path / "r.dat").write_bytes(bytes(20))
    with pytest.raises(InputError, match=message):
        read_signal(tmp_path / "r.hea")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_gives_signed_integers(tmp_path, width):
    limit = 2 ** (8 * width - 1)
    values = np.array([[0, -limit], [limit - 1, 1], [-1, 5]])
    raw = b"".join(int(v + (limit if width == 1 else 0)).to_bytes(width, "little", signed=width > 1) for v in values.ravel())
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, 8000, 3, "NONE", ""))
        file.writeframes(raw)
    recording = read_signal(tmp_path / "a.wav")
    np.testing.assert_array_equal(recording.values, values)
    assert recording.rate == 8000.0


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_text_table_gives_its_numeric_columns(tmp_path, separator):
    rows = [["time", "x", "label"], ["0", "1.5", "a"], ["1", "-2", "b"]]
    (tmp_path / "a.csv").write_text("\n".join(separator.join(row) for row in rows) + "\n")
    recording = read_signal(tmp_path / "a.csv")
    assert recording.names == ("time", "x")
    assert recording.values.tolist() == [[0, 1.5], [1, -2]]


def test_a_text_table_without_header_numbers_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    recording = read_signal(tmp_path / "a.csv")
    assert (recording.names, recording.values.tolist()) == (("0", "1"), [[1, 2], [3, 4]])


def test_parquet_gives_its_numeric_columns(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"x": [1, 2], "name": ["a", "b"], "y": [0.5, None]}).to_parquet(tmp_path / "a.parquet")
    recording = read_signal(tmp_path / "a.parquet")
    assert recording.names == ("x", "y")
    np.testing.assert_array_equal(without_gaps(recording.values, tmp_path), [[1, 0.5], [2, 0.5]])


def test_npy_gives_one_or_more_channels(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3, dtype=np.int16))
    assert read_signal(tmp_path / "a.npy").values.tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("array", [np.zeros([2, 2, 2]), np.zeros(3, complex), np.zeros([0, 2]), np.array(["a"])])
def test_an_array_that_is_no_signal_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match="Expected real numbers"):
        read_signal(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["a.hea", "a.wav", "a.csv", "a.tsv", "a.parquet", "a.npy"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00garbage\x80"])
def test_damaged_files_are_input_errors(tmp_path, name, content):
    if name == "a.parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_signal(tmp_path / name)


def test_a_pickled_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="Expected an NPY file"):
        read_signal(tmp_path / "a.npy")


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"Expected one of .hea"):
        read_signal(tmp_path / "a.xyz")


def test_a_channel_without_any_sample_is_refused():
    with pytest.raises(InputError, match="without any in here"):
        without_gaps(np.array([[1.0, np.nan], [2.0, np.inf]]), Path("here"))


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_pictures_come_with_the_planes_asked_for(tmp_path, mode, colours):
    Image.new(mode, (5, 4)).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png", colours)
    assert (pixels.shape, pixels.dtype) == ((4, 5, colours), np.uint8)


def test_avif_is_read_where_pillow_has_it(tmp_path):
    if not features.check("avif"):
        assert ".avif" not in image_suffixes()
        return
    Image.new("RGB", (16, 16), (200, 10, 10)).save(tmp_path / "a.avif")
    assert ".avif" in image_suffixes()
    assert read_image(tmp_path / "a.avif", 3).shape == (16, 16, 3)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n broken"])
def test_a_damaged_picture_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="Expected a picture"):
        read_image(tmp_path / "a.png", 3)
