"""Where the heartbeats of an ECG are: by a detector, and by the cardiologists who annotated the record."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError, UnsupportedError

__all__ = ["annotated_beats", "detect_beats", "detector"]

Times = NDArray[np.int64]

# PhysioNet's beat annotations (https://archive.physionet.org/physiobank/annotations.shtml); all others mark rhythm, noise or waves.
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
# The detector's band ends at 20 Hz.
LEAST_RATE = 40


def detector() -> str:
    """Name and version of the detector.

    Raises:
        UnsupportedError: it is not installed.
    """
    _wfdb()
    return f"XQRS (wfdb {version('wfdb')})"


def detect_beats(millivolts: NDArray[np.float64], rate: Fraction) -> Times:
    """R-peaks by XQRS, PhysioNet's detector, in its default setting.

    It band-passes to 5..20 Hz, learns its thresholds from the first eight beats and then runs from the start, so that no
    beat is lost to the learning; where it cannot learn, its thresholds are millivolts.

    Args:
        millivolts: samples `[N]`.
        rate: samples a second.

    Returns:
        Indices of samples, ascending; none where the signal is too short to filter.

    Raises:
        InputError: the rate is too low for the detector's filter.
        UnsupportedError: the package is not installed.
    """
    wfdb = _wfdb()
    if rate <= LEAST_RATE:
        raise InputError(f"R-peaks need more than {LEAST_RATE} samples a second, got {float(rate):g}; leave them out with --no-r-peaks")
    if len(millivolts) < float(rate):
        return np.zeros(0, np.int64)
    found = wfdb.processing.xqrs_detect(millivolts, _number(rate), verbose=False)
    return np.asarray(found, np.int64)


def annotated_beats(path: Path, rate: Fraction, symbols: frozenset[str] = BEATS) -> Times:
    """The beats of a WFDB annotation file; marks of rhythm, noise, waves and ventricular flutter are no beats.

    Args:
        path: such as `100.atr`.
        rate: samples a second of the record; a file that counts in other ticks says so.
        symbols: of the kinds of beats that are wanted.

    Returns:
        Indices of samples, ascending.

    Raises:
        FormatError: the file is damaged.
        UnsupportedError: the package is not installed.
    """
    wfdb = _wfdb()
    try:
        found = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
    except Exception as error:  # the reader has no exceptions of its own: damage ends in whatever the damage breaks
        raise FormatError(f"{path}: no WFDB annotations: {error}") from error
    times = np.asarray(found.sample, np.float64) * (float(rate) / float(found.fs or rate))
    beats: Times = np.rint(times[[symbol in symbols for symbol in found.symbol]]).astype(np.int64)
    return beats


@cache
def _wfdb() -> Any:
    try:
        import wfdb
        import wfdb.processing
    except ImportError as error:
        raise UnsupportedError(f"R-peaks need the package {error.name!r}: pip install '.[bench]'") from error
    return wfdb


def _number(rate: Fraction) -> int | float:
    """The detector cuts its windows to whole samples itself."""
    return rate.numerator if rate.denominator == 1 else float(rate)
