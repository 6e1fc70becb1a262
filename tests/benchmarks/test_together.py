"""All channels of a recording in one row."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vaecodec.benchmarks import bench_signals
from vaecodec.benchmarks.recordings import Channel, channels
from vaecodec.benchmarks.together import merged, recordings_of, rows_of
from vaecodec.codec.errors import InputError


class Lowering:
    """Decodes to two less than it was given, in two bytes a sample; refuses targets below 10."""

    def encode(self, array: np.ndarray, *, rate: Fraction, prdn: float) -> bytes:
        if prdn < 10:
            raise InputError("no")
        self._array = array
        return bytes(2 * array.size)

    def decode(self, data: bytes) -> np.ndarray:
        return self._array - 2


def group(name: str = "a") -> list[Channel]:
    x = np.arange(100) % 7
    return [Channel(f"{name}/{axis}", 10 * x + axis, Fraction(100), 16, 0.0) for axis in range(3)]


def test_channels_of_a_file_are_a_recording() -> None:
    assert [len(g) for g in recordings_of([*group("a"), *group("b")])] == [3, 3]


def test_ours_is_one_file() -> None:
    row, missed = rows_of(Lowering(), "ours", group(), [60.0, 5.0], {})
    assert (row["record"], row["bytes"], row["cr"], row["samples"]) == ("a", 600, 1.0, 300)
    assert 9 < row["prdn"] < 11
    assert missed["missed"]


def test_bytes_of_peers_are_added_up() -> None:
    rows = [
        {"codec": "P", "record": c.name, "target": 5.0, "prdn": 4.0 + i, "prd": 1.0, "bytes": 50, "sensor_bits": 1600, "cr": 4.0, "samples": 100,
         "within_2_percent": i == 0, "encode_s": 1.0, "decode_s": 1.0}
        for i, c in enumerate(group())
    ]  # fmt: skip
    (row,) = merged(group(), rows)
    assert (row["bytes"], row["cr"], row["prdn"], row["samples"], row["within_2_percent"]) == (150, 4.0, 6.0, 300, False)


def test_the_bench_tells_that_they_are_together(tmp_path) -> None:
    for name in "ab":
        np.savetxt(tmp_path / f"{name}.csv", np.stack([c.samples for c in group()], 1), fmt="%d", delimiter=",", header="x,y,z", comments="")
    told: list[str] = []
    report = bench_signals(tmp_path, Lowering(), together=True, targets=(60.0,), peers=["DCT"], echo=told.append)
    assert [row["record"] for row in report["points"]] == ["a", "b"] * 2
    assert "Channels together" in told[0]


def test_records_may_be_patterns(tmp_path) -> None:
    for name in ("s_1", "s_2", "t_1"):
        np.savetxt(tmp_path / f"{name}.csv", np.arange(9), fmt="%d", header="x", comments="")
    assert [c.name for c in channels(tmp_path, ["s_*"], None, None, None)] == ["s_1", "s_2"]
    with pytest.raises(InputError, match="no record 'u_"):
        channels(tmp_path, ["u_*"], None, None, None)
