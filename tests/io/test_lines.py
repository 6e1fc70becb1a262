"""Raw samples and lines of numbers, in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.io.lines import LineReader, RawReader, write_lines, write_raw_samples

SAMPLES = np.arange(-60, 60, dtype=np.int16).reshape(-1, 3)


def read(reader: RawReader | LineReader, data: bytes, size: int) -> np.ndarray:
    parts = [reader.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return np.concatenate([*parts, reader.finish()])


@given(st.integers(1, 50))
def test_raw_samples_come_back_in_any_pieces(size: int) -> None:
    np.testing.assert_array_equal(read(RawReader(3), write_raw_samples(SAMPLES), size), SAMPLES)


@given(st.integers(20, 50))
def test_lines_come_back_in_any_pieces(size: int) -> None:
    np.testing.assert_array_equal(read(LineReader(), write_lines(SAMPLES), size), SAMPLES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_decimals_come_back(dtype: str) -> None:
    samples = (SAMPLES / 7).astype(dtype)
    np.testing.assert_allclose(read(LineReader(0.001), write_lines(samples), 1000), samples, rtol=1e-8)


@pytest.mark.parametrize("text", [b"1,2\n3,4", b"1 2\n\n# x\n3\t4\n", b"a;b\r\n1;2\r\n3;4\r\n", b"\n1 ,2\n 3, 4 \n"])
def test_lines_may_look_differently(text: bytes) -> None:
    assert read(LineReader(), text, 1000).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"1,2\n3\n", InputError),
        (b"1.5\n", InputError),
        (b"1e30\n", InputError),
        (b"9" * 30 + b"\n", InputError),
        (b"1\nx\n", FormatError),
        (b"1,x\n", FormatError),
        (b"1_000\n", FormatError),
        ("1\n\u0663\n".encode(), FormatError),
        ("\u0663\n".encode(), FormatError),
        (b"x" * 70000, FormatError),
    ],
)
def test_lines_that_are_no_samples_are_refused(text: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(LineReader(), text, 1 << 20)


@pytest.mark.parametrize("text", [b"1,2\n,\n", b"1;2\n ; ;\n"])
def test_a_line_of_separators_is_named(text: bytes) -> None:
    with pytest.raises(FormatError, match="line 2 has separators and no number"):
        read(LineReader(), text, 1)


@pytest.mark.parametrize("number", ["1_000.5", "\u0663"])
def test_a_number_of_python_alone_is_named_with_its_line(number: str) -> None:
    with pytest.raises(FormatError, match="line 2 is no numbers"):
        read(LineReader(0.5), f"1\n{number}\n".encode(), 1000)


def test_a_frame_that_is_cut_off_is_refused() -> None:
    with pytest.raises(FormatError, match="inside a frame of 6 bytes"):
        read(RawReader(3), bytes(10), 4)


@pytest.mark.parametrize("samples", [np.array([[40000]]), np.array([[1.5]])])
def test_what_does_not_fit_int16_is_not_written_raw(samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="csv"):
        write_raw_samples(samples)
