"""WFDB records, beside the wfdb package."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.errors import FormatError, UnsupportedError, VaecodecError
from vaecodec.io import wfdb
from vaecodec.io.recording import Recording

HEADER = b"100 2 360 4\n100.dat 212 200 11 1024 995 -22131 0 MLII\n100.dat 212 200(1000)/uV 11 1024 1011 20052 0 V5 lead\n# 69 M\n"


HEADER16 = b"100 2 360 4\n100.dat 16 200 16 0 0 0 0 a\n100.dat 16 200 16 0 0 0 0 b\n"


def read(header: bytes, data: bytes) -> Recording:
    return wfdb.read(header, lambda name: data)


@pytest.mark.parametrize("form", sorted(wfdb.FORMATS))
@given(data=st.data())
def test_packed_samples_come_back(form: str, data: st.DataObject) -> None:
    low, high = wfdb.FORMATS[form][0]
    flat = np.array(data.draw(st.lists(st.integers(low, high), min_size=1, max_size=20)), np.int32)
    assert np.array_equal(wfdb.unpack(wfdb.pack(flat[:, None], form), form, 1)[:, 0], flat)


def test_header_fields_are_read() -> None:
    recording = read(HEADER, wfdb.pack(np.arange(8, dtype=np.int32).reshape(4, 2), "212"))
    assert recording.rate == 360
    assert recording.columns == ["MLII", "V5 lead"]
    assert recording.units == ["mV", "uV"]
    assert recording.samples.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    facts = recording.extra["wfdb"]
    assert (facts["gain"], facts["baseline"], facts["zero"], facts["comments"]) == ([200.0, 200.0], [1024, 1000], [1024, 1024], ["69 M"])


def test_a_record_comes_back_byte_for_byte() -> None:
    samples = np.arange(8, dtype=np.int32).reshape(4, 2)
    first = wfdb.write(read(HEADER, wfdb.pack(samples, "212")), "r1")
    again = wfdb.write(read(first["r1.hea"], first["r1.dat"]), "r1")
    assert first == again
    assert first["r1.dat"] == wfdb.pack(samples, "212")


@pytest.mark.parametrize(
    ("form", "packed"),
    [("212", "e3030f"), ("16", "e3030f00"), ("61", "03e3000f"), ("80", "638f"), ("24", "e303000f0000"), ("32", "e30300000f000000")],
)
def test_packing_is_the_specifications(form: str, packed: str) -> None:
    # Format 212: the first sample's low byte, its high nibble below the second's, the second's low byte.
    samples = np.array([[0x3E3 if form != "80" else -29], [15]], np.int32)
    assert wfdb.pack(samples, form).hex() == packed


def test_a_wrong_checksum_is_noted() -> None:
    samples = np.array([[5, -5], [2000, 7], [0, 0], [1, 1]], np.int32)
    recording = read(HEADER, wfdb.pack(samples, "212"))
    assert len(recording.notes) == 2
    files = wfdb.write(recording, "x")
    assert read(files["x.hea"], files["x.dat"]).notes == ()


def test_decimals_become_integers_with_a_gain() -> None:
    recording = Recording(np.array([0.5, -0.25, 0.0]), Fraction(100), steps=[0.25])
    again = wfdb.write(recording, "x")
    assert b" 4/NU " in again["x.hea"]
    assert read(again["x.hea"], again["x.dat"]).samples.tolist() == [2, -1, 0]


def test_overshoot_of_the_decoder_is_clipped_to_the_format() -> None:
    recording = Recording(np.array([2100, -2100], np.int16), Fraction(100), extra={"wfdb": {"format": "212"}})
    files = wfdb.write(recording, "x")
    assert read(files["x.hea"], files["x.dat"]).samples.tolist() == [2047, -2047]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"100",
        b"100 x",
        b"100 2 360\n100.dat 16",
        b"100 1 0 4\nx.dat 16",
        b"100 1 -5 4\nx.dat 16",
        b"100 1 360 -4\nx.dat 16",
        b"100 1 360 4\nx.dat",
        b"100 1 360 4\nx.dat sixteen",
        b"100 1 360 4\n~ 0",
        b"100 1 360/ 4\nx.dat 16 200 a",
        b"100 999 360 4\n" + b"x.dat 16\n" * 999,
        b"\xff\xfe\x00",
    ],
)
def test_damaged_headers_are_refused(header: bytes) -> None:
    with pytest.raises(FormatError):
        read(header, bytes(8))


@pytest.mark.parametrize("header", [b"a/3 1 360 4\na1 2\n", b"a 1 360 4\nx.dat 16x4\n", b"a 1 360 4\nx.dat 310\n"])
def test_what_we_do_not_read_says_so(header: bytes) -> None:
    with pytest.raises(UnsupportedError):
        read(header, bytes(8))


def test_missing_samples_are_an_error() -> None:
    with pytest.raises(FormatError, match="announces 4 samples"):
        read(HEADER, bytes(11))


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_bytes_give_a_record_or_an_error_of_ours(header: bytes, data: bytes) -> None:
    try:
        read(header, data)
    except VaecodecError:
        pass


def test_missing_samples_repeat_the_one_before() -> None:
    samples = np.array([[-32768, 5], [7, -32768], [-32768, -32768], [9, 6]], np.int32)
    recording = read(HEADER16, wfdb.pack(samples, "16"))
    assert recording.samples.tolist() == [[7, 5], [7, 5], [7, 5], [9, 6]]
    assert sum("missing samples" in note for note in recording.notes) == 2
