"""CSV tables: what is read, and that the same table comes back."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec.errors import FormatError, InputError, VaecodecError
from vaecodec.io import csv_files
from vaecodec.io.recording import Recording


def table(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def same(data: bytes) -> Recording:
    """Reads a table and checks that writing gives it back."""
    recording = csv_files.read(data)
    assert csv_files.write(recording) == data
    return recording


def test_integers_with_a_header() -> None:
    recording = same(table(["a,b"] + [f"{i},{-3 * i}" for i in (5, 2, 9, -4)]))
    assert recording.samples.dtype == np.int16
    assert recording.columns == ["a", "b"]
    assert recording.samples.tolist() == [[5, -15], [2, -6], [9, -27], [-4, 12]]
    assert recording.rate is None


def test_no_header() -> None:
    recording = same(table(["5,1", "3,0", "4,7"]))
    assert recording.columns is None
    assert recording.samples.shape == (3, 2)


def test_one_column() -> None:
    assert same(table(["x", "5", "3", "8"])).samples.tolist() == [5, 3, 8]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_recognised(separator: str) -> None:
    assert same(table([separator.join(row) for row in (("a", "b"), ("5", "1"), ("3", "0"))])).columns == ["a", "b"]


def test_decimals_keep_their_places_and_step() -> None:
    recording = same(table(["mv,g"] + [f"{0.005 * i:.3f},{0.1 * i:.1f}" for i in (5, -2, 0, 9, 4)]))
    assert recording.steps == pytest.approx([0.005, 0.1])


@pytest.mark.parametrize(
    ("name", "cells", "rate"),
    [
        ("time", [f"{i / 360:.6f}" for i in range(50)], 360),
        ("t", [f"{i * 0.01:.2f}" for i in range(50)], 100),
        ("time_ms", [str(20 * i) for i in range(50)], 50),
        ("Time [s]", [f"{7 + i / 3:.4f}" for i in range(50)], 3),
        ("timestamp", [str(1657533977813 + 10 * i) for i in range(50)], 100),
        ("timestamp", [str(1657533977 + i) for i in range(50)], 1),
    ],
)
def test_a_time_column_gives_the_rate_and_comes_back(name: str, cells: list[str], rate: float) -> None:
    recording = same(table([f"{name},v"] + [f"{cell},{i * i % 17}" for i, cell in enumerate(cells)]))
    assert recording.columns == ["v"]
    assert float(recording.rate or 0) == pytest.approx(rate, rel=1e-4)
    assert recording.notes == ()


def test_a_time_column_may_stand_anywhere() -> None:
    recording = same(table(["a,time,b"] + [f"{i % 3},{i * 0.5:.1f},{i % 5}" for i in range(20)]))
    assert recording.columns == ["a", "b"]
    assert recording.rate == 2


def test_a_counter_in_front_is_regenerated_and_gives_no_rate() -> None:
    recording = same(table(["sample,v"] + [f"{100 + i},{i % 7}" for i in range(20)]))
    assert recording.columns == ["v"]
    assert recording.rate is None


def test_jitter_of_the_time_column_is_noted_and_smoothed() -> None:
    ticks = [10 * i + (i * 7 % 5) for i in range(100)]
    recording = csv_files.read(table(["timestamp_ms,v"] + [f"{tick},{i % 7}" for i, tick in enumerate(ticks)]))
    assert "evenly" in recording.notes[0]
    assert float(recording.rate or 0) == pytest.approx(100, rel=0.01)
    again = [int(line.split(",")[0]) for line in csv_files.write(recording).decode().splitlines()[1:]]
    assert max(abs(a - b) for a, b in zip(again, ticks, strict=True)) <= 4


def test_the_callers_rate_wins() -> None:
    data = table(["time,v"] + [f"{i},{i % 5}" for i in range(9)])
    assert csv_files.read(data, Fraction(50)).rate == 50


def test_labels_travel_along() -> None:
    recording = same(table(["v,label"] + [f"{i % 5},{'walk' if i < 7 else 'sit, down'}" for i in range(7)]))
    assert recording.columns == ["v"]


def test_text_that_changes_too_often_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="comment"):
        csv_files.read(table(["v,comment"] + [f"{i % 5},note {i}" for i in range(5000)]))


def test_columns_can_be_chosen_by_name_and_number() -> None:
    data = table(["time,a,b,c"] + [f"{i},{i % 3},{i % 5},{i % 7}" for i in range(20)])
    for wanted in (["c", "a"], ["1", "3"]):
        recording = csv_files.read(data, columns=wanted)
        assert recording.columns == ["a", "c"]
        assert recording.rate == 1


def test_an_unknown_column_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="a, b"):
        csv_files.read(table(["a,b", "1,2"]), columns=["z"])


@pytest.mark.parametrize("cell", ["1_000", "\u0663", "", "x", "nan", "inf", "-"])
def test_holes_are_refused_with_their_place(cell: str) -> None:
    with pytest.raises(InputError, match="'b'"):
        csv_files.read(table(["a,b", "1,5", f"2,{cell}", "7,5"]))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n"])
def test_empty_tables_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        csv_files.read(data)


@pytest.mark.parametrize("data", [b"a,b\n1,2\n3\n", b"\xff\xfe1,2\n", b"a,b\nx,y\n", b"time\n0\n1\n2\n3\n"])
def test_what_is_no_table_of_samples_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        csv_files.read(data)


def test_recordings_of_other_formats_get_a_header_and_time() -> None:
    text = csv_files.write(Recording(np.array([5, 7], np.int16), Fraction(4), ["MLII"], ["mV"])).decode()
    assert text == "time,MLII [mV]\n0.000000,5\n0.250000,7\n"


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-999, 999), st.integers(-999, 999)), min_size=3, max_size=30), st.integers(0, 4))
def test_any_decimal_table_comes_back(rows: list[tuple[int, int]], places: int) -> None:
    lines = [",".join(f"{value / 10**places + 0.0:.{places}f}" for value in row) for row in rows]
    recording = csv_files.read(table(["a,b", *lines]))
    assert csv_files.write(recording) == table(["a,b", *lines])


@given(st.text(max_size=200))
def test_any_text_gives_a_table_or_an_error_of_ours(text: str) -> None:
    try:
        csv_files.read(text.encode("utf-8", "surrogatepass"))
    except VaecodecError:
        pass


def test_a_wfdb_record_is_written_in_its_units():
    facts = {"wfdb": {"gain": [200.0], "baseline": [1024]}}
    recording = Recording(np.array([1024, 1025, 824], np.int16), Fraction(2), ["MLII"], ["mV"], extra=facts)
    assert csv_files.write(recording).decode() == "time,MLII [mV]\n0.000000,0.00000\n0.500000,0.00500\n1.000000,-1.00000\n"


@pytest.mark.parametrize("gain", ["x", [0.0], [200.0, 1.0]])
def test_wfdb_facts_that_do_not_fit_are_left_aside(gain):
    assert csv_files.write(wfdb_sample(gain)).decode() == "MLII [mV]\n1024\n"


@pytest.mark.parametrize("gain", [[None], ["x"]])
def test_damaged_wfdb_facts_are_refused(gain):
    with pytest.raises(FormatError, match="WFDB"):
        csv_files.write(wfdb_sample(gain))


def wfdb_sample(gain: object) -> Recording:
    """One sample of a record with this gain."""
    return Recording(np.array([1024], np.int16), None, ["MLII"], ["mV"], extra={"wfdb": {"gain": gain, "baseline": [1024]}})


@pytest.mark.parametrize("first", ["time", "x"])
def test_a_cell_of_a_hundred_thousand_digits_costs_little(first: str) -> None:
    rows = [f"{i}.{'0' * (10**5 if i == 5 else 1)},{i * i}" for i in range(200)]
    recording = csv_files.read("\n".join([f"{first},y", *rows]).encode())
    assert len(csv_files.write(recording)) < 20_000


def test_numbers_too_large_to_round_are_written_as_they_are() -> None:
    layout = {"csv": {"places": [9]}}
    text = csv_files.write(Recording(np.array([1e300, -1.7e308, 0.25]), None, ["x"], None, None, layout)).decode()
    assert [float(line) for line in text.splitlines()[1:]] == [1e300, -1.7e308, 0.25]


def test_very_small_numbers_keep_their_digits() -> None:
    values = [1e-11, 5e-11, 3e-11, 8e-11]
    again = csv_files.write(csv_files.read(table(["v", *(f"{v:.12f}" for v in values)]))).decode().splitlines()
    assert [float(cell) for cell in again[1:]] == pytest.approx(values, rel=1e-3)
