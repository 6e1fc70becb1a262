import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vaecodec.benchmarks import beats
from vaecodec.benchmarks.beats import annotated_beats, detect_beats, detector
from vaecodec.codec.errors import FormatError, InputError, UnsupportedError

RATE = Fraction(360)


def annotations(*marks: tuple[int, int]) -> bytes:
    """An annotation file in MIT format of (samples since the last mark, code), as PhysioNet's manual has it."""
    words = [code << 10 | gap for gap, code in marks]
    return np.array([*words, 0], "<u2").tobytes()


def heartbeat(times: np.ndarray, count: int) -> np.ndarray:
    """QRS complexes of a millivolt at the given samples."""
    n = np.arange(count)[:, None]
    noise = np.random.default_rng(0).normal(0, 0.01, count)
    return np.exp(-(((n - times) / 4.0) ** 2) / 2).sum(1) - 0.3 * np.exp(-(((n - times - 12) / 5.0) ** 2) / 2).sum(1) + noise


def test_the_detector_says_its_name_and_version() -> None:
    assert detector().startswith("XQRS (wfdb ")


def test_it_finds_every_beat() -> None:
    times = np.arange(200, 10_000, 290)
    found = detect_beats(heartbeat(times, 10_200), RATE)
    assert len(found) == len(times)
    assert np.abs(found - times).max() <= 5


@pytest.mark.parametrize("count", [0, 1, 100, 359, 360, 3000])
def test_a_flat_line_has_no_beats(count: int) -> None:
    assert len(detect_beats(np.zeros(count), RATE)) == 0


def test_rates_need_not_be_whole() -> None:
    times = np.arange(200, 10_000, 290)
    assert len(detect_beats(heartbeat(times, 10_200), Fraction(3601, 10))) == len(times)


@pytest.mark.parametrize("rate", [1, 40])
def test_a_rate_too_low_for_heartbeats_is_refused(rate: int) -> None:
    with pytest.raises(InputError, match="more than 40 samples a second"):
        detect_beats(np.zeros(3000), Fraction(rate))


def test_only_beats_are_read_from_annotations(tmp_path: Path) -> None:
    # Rhythm change (28), normal beat (1), noise (14), premature ventricular beat (5), flutter wave (31), paced beat (12).
    marks = ((18, 28), (59, 1), (10, 14), (283, 5), (30, 31), (300, 12))
    (tmp_path / "a.atr").write_bytes(annotations(*marks))
    assert annotated_beats(tmp_path / "a.atr", RATE).tolist() == [77, 370, 700]


def test_long_gaps_and_side_notes_are_skipped(tmp_path: Path) -> None:
    words = [59 << 10, 1, 4464, 1 << 10, 63 << 10 | 3, 0x4E28, 0x0000, 1 << 10 | 7, 0]  # SKIP 70000, a beat, AUX "(N", a beat
    (tmp_path / "a.atr").write_bytes(np.array(words, "<u2").tobytes())
    assert annotated_beats(tmp_path / "a.atr", RATE).tolist() == [70_000, 70_007]


def test_damaged_annotations_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.atr").write_bytes(annotations((77, 1))[:-1])
    with pytest.raises(FormatError, match="bad.atr: no WFDB annotations"):
        annotated_beats(tmp_path / "bad.atr", RATE)


def test_a_missing_detector_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wfdb", None)
    beats._wfdb.cache_clear()
    with pytest.raises(UnsupportedError, match="pip install"):
        detector()
