"""CSV tables: a column a channel, with or without a header line and a time column.

Numbers are integers or decimals; the step of each column is found from its values. A time column is recognised by its name
or by being a line, and regenerated on output. Columns of text that seldom change (labels) are carried along as runs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.codec.samples import find_step
from vaecodec.io.csv_layout import MAX_PLACES, TimeColumn, decimals, rate_of, runs, time_column, unit_of_time, unroll
from vaecodec.io.lines import is_number
from vaecodec.io.recording import Recording

__all__ = ["read", "write"]

SEPARATORS = ",;\t|"
# Above this many decimals the digits are those of a binary float, not of a decimal step.
MAX_DECIMALS = 9
# Larger float64 values have no decimals, and rounding them may overflow.
LARGEST_ROUNDED = 2.0**53


# --- reading --------------------------------------------------------------------------------------------------------


def read(data: bytes, rate: Fraction | None = None, columns: Sequence[str] | None = None) -> Recording:
    """Reads a table.

    Args:
        data: content of the file, UTF-8.
        rate: samples a second; taken from the time column unless given.
        columns: names (or numbers from 0) of the columns wanted, besides time; all unless given.

    Raises:
        FormatError: it is no table: rows of different length, or no number in it.
        InputError: a missing value, an unknown column, or a text column that changes too often.
    """
    names, rows, separator = _table(data)
    header = names is not None
    names = names or [f"column {i}" for i in range(len(rows[0]))]
    cells = {i: [row[i].strip() for row in rows] for i in _chosen(names, columns)}
    layout: dict[str, Any] = {"sep": separator} if separator != "," else {}
    layout |= {} if header else {"header": 0}
    channels, text, time, notes = _classify(names, cells, columns is not None)
    if not channels:
        raise FormatError("no column of numbers besides time")
    if time is not None:
        at, line, ticks = time
        layout["time"] = {"at": _place(at, cells), "name": names[at], "start": line.start, "step": line.step, "places": line.places}
        rate = rate or (rate_of(line, ticks) if ticks else None)
    if text:
        layout["text"] = [{"at": _place(i, cells), "name": names[i], "runs": pairs} for i, pairs in text.items()]
    return _recording(names, cells, channels, rate, layout, notes)


def _table(data: bytes) -> tuple[list[str] | None, list[list[str]], str]:
    """Header or None, rows, separator."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"the CSV file is not UTF-8 text: {error.reason} at byte {error.start}") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if row]
    except csv.Error as error:
        raise FormatError(f"the CSV file cannot be parsed: {error}") from error
    if not rows:
        raise InputError("the CSV file is empty")
    if bad := next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None):
        raise FormatError(f"line {bad + 1} has {len(rows[bad])} columns, the first has {len(rows[0])}")
    header = not any(map(is_number, rows[0]))
    if header and len(rows) == 1:
        raise InputError("the CSV file has a header and no rows")
    return ([name.strip() for name in rows[0]] if header else None), rows[header:], separator


def _chosen(names: list[str], columns: Sequence[str] | None) -> list[int]:
    if columns is None:
        return list(range(len(names)))
    keys = {name: i for i, name in reversed(list(enumerate(names)))}
    keys |= {str(i): i for i in range(len(names)) if str(i) not in keys}
    if unknown := [column for column in columns if column not in keys]:
        raise InputError(f"no column {unknown[0]!r}; the file has {', '.join(names)}")
    chosen = {keys[column] for column in columns}
    return sorted(chosen | {i for i, name in enumerate(names) if unit_of_time(name, 0.0)})


def _classify(
    names: list[str], cells: dict[int, list[str]], selected: bool
) -> tuple[dict[int, NDArray[np.float64]], dict[int, list[list[Any]]], tuple[int, TimeColumn, int | None] | None, list[str]]:
    """Sorts columns into channels, text runs and time."""
    channels: dict[int, NDArray[np.float64]] = {}
    text: dict[int, list[list[Any]]] = {}
    time: tuple[int, TimeColumn, int | None] | None = None
    notes: list[str] = []
    for i, column in cells.items():
        values = _numbers(column, names[i])
        if values is None:
            text[i] = _text_runs(column, names[i])
        elif time is None and (line := _as_time(names[i], column, values, i == 0)) is not None:
            time = (i, line, unit_of_time(names[i], line.start))
            if not line.exact:
                notes.append(f"column {names[i]!r} is not evenly spaced (up to {line.error:.2g} steps off); decoding gives an even one")
        else:
            channels[i] = values
    if not channels and time is not None and time[2] is None:
        # A counter with nothing beside it is the signal.
        channels, time = {time[0]: np.array(cells[time[0]], np.float64)}, None
    return channels, text, time, notes


def _as_time(name: str, cells: list[str], values: NDArray[np.float64], first: bool) -> TimeColumn | None:
    """The line of a column that is time by name, or a counter by its values where it comes first."""
    named = unit_of_time(name, float(values[0])) is not None
    if not named and not first:
        return None
    line = time_column(cells, values)
    return line if line is not None and (line.exact or named) else None


def _numbers(column: list[str], name: str) -> NDArray[np.float64] | None:
    """A column's values, None for text; a hole in a column of numbers is an error."""
    if not any(map(is_number, column)):
        return None
    for row, cell in enumerate(column):
        if not is_number(cell):
            raise InputError(f"row {row + 1} of column {name!r}: expected a number, found {cell!r}; fill the gaps first")
    values = np.array(column, np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"column {name!r} holds NaN or infinity: fill the gaps first")
    return values


def _text_runs(column: list[str], name: str) -> list[list[Any]]:
    pairs = runs(column)
    if pairs is None:
        raise InputError(f"text column {name!r} changes too often to be carried along; name the columns wanted with --columns")
    return pairs


def _place(index: int, cells: dict[int, Any]) -> int:
    """Place of a column among those that are kept."""
    return sorted(cells).index(index)


def _recording(
    names: list[str],
    cells: dict[int, list[str]],
    channels: dict[int, NDArray[np.float64]],
    rate: Fraction | None,
    layout: dict[str, Any],
    notes: list[str],
) -> Recording:
    places = [decimals(cells[i]) for i in channels]
    table = np.stack(list(channels.values()), axis=1)
    whole = all(p == 0 for p in places) and float(np.abs(table).max()) < 1 << 53
    steps = None
    if not whole:
        steps = [find_step(column) or 0.0 for column in channels.values()]
        layout["places"] = [_places(p, s, float(abs(c).max())) for p, s, c in zip(places, steps, channels.values(), strict=True)]
        steps = steps if all(steps) else None
    samples: NDArray[Any] = _narrow(table.astype(np.int64)) if whole else table
    named = [names[i] for i in channels] if "header" not in layout else None
    return Recording(samples if len(channels) > 1 else samples[:, 0], rate, named, None, steps, {"csv": layout}, tuple(notes))


def _narrow(samples: NDArray[np.int64]) -> NDArray[Any]:
    """Integers in the narrowest type of the format that holds them with room for overshoot."""
    low, high = int(samples.min()), int(samples.max())
    for dtype in (np.int16, np.int32):
        if low >= np.iinfo(dtype).min // 2 and high <= np.iinfo(dtype).max // 2:
            return samples.astype(dtype)
    return samples


def _places(places: int | None, step: float, largest: float = 1.0) -> int:
    """Decimals to print: those of the file, or as many as the step or the largest value needs where the file has a binary float's."""
    if places is not None and places <= MAX_DECIMALS:
        return places
    if step > 0:
        return min(MAX_PLACES, max(0, 2 - int(np.floor(np.log10(step)))))
    return MAX_DECIMALS if not 0 < largest < 1 else min(MAX_PLACES, MAX_DECIMALS - int(np.floor(np.log10(largest))))


# --- writing --------------------------------------------------------------------------------------------------------


def write(recording: Recording) -> bytes:
    """Writes a table; of a recording that was none, with a header and, if there is a rate, a time column in seconds."""
    table, length = recording.table, len(recording.table)
    layout = recording.extra.get("csv")
    known = isinstance(layout, dict)
    facts: dict[str, Any] = layout if isinstance(layout, dict) else {}
    physical = None if known else _physical(recording)
    columns = physical or [_format(table[:, i], _list_item(facts.get("places"), i, None)) for i in range(table.shape[1])]
    names = recording.columns or [f"channel_{i}" for i in range(table.shape[1])]
    if not known and recording.units:
        names = [f"{name} [{unit}]" for name, unit in zip(names, recording.units, strict=True)]
    extra = _extra_columns(facts, length) if known else _seconds(recording, length)
    for at, name, column in sorted(extra, key=lambda item: item[0]):
        names, columns = [*names[:at], name, *names[at:]], [*columns[:at], column, *columns[at:]]
    out = io.StringIO(newline="")
    separator = facts.get("sep")
    writer = csv.writer(out, delimiter=separator if separator in tuple(SEPARATORS) else ",", lineterminator="\n")
    if facts.get("header", 1):
        writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().encode("utf-8")


def _physical(recording: Recording) -> list[list[str]] | None:
    """Cells of a WFDB record in its units, `(adc - baseline) / gain`; None for anything else."""
    facts = recording.extra.get("wfdb")
    gains, baselines = (facts.get("gain"), facts.get("baseline")) if isinstance(facts, dict) else (None, None)
    table = recording.table
    if table.dtype.kind not in "iu" or not isinstance(gains, list) or not isinstance(baselines, list):
        return None
    if not len(gains) == len(baselines) == table.shape[1]:
        return None
    try:
        scales = [(float(gain), int(baseline)) for gain, baseline in zip(gains, baselines, strict=True)]
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"the stream's WFDB facts are damaged: {error!r}") from error
    if not all(np.isfinite(gain) and gain > 0 for gain, _ in scales):
        return None
    return [_format((table[:, i] - np.float64(baseline)) / gain, _places(None, 1 / gain)) for i, (gain, baseline) in enumerate(scales)]


def _format(column: NDArray[Any], places: int | None) -> list[str]:
    if column.dtype.kind != "f":
        return [str(value) for value in column.tolist()]
    if places is None:
        return [repr(value) for value in column.tolist()]
    # Adding 0.0 turns -0.0 into 0.0, which prints without a sign.
    values = column.astype(np.float64)
    rounded = np.where(np.abs(values) < LARGEST_ROUNDED, np.round(np.clip(values, -LARGEST_ROUNDED, LARGEST_ROUNDED), places), values)
    return [f"{value + 0.0:.{places}f}" for value in rounded.tolist()]


def _extra_columns(facts: dict[str, Any], length: int) -> list[tuple[int, str, list[str]]]:
    """Time and text columns that the layout describes: place, name, cells."""
    out: list[tuple[int, str, list[str]]] = []
    try:
        if time := facts.get("time"):
            line = float(time["start"]) + np.arange(length) * float(time["step"])
            out.append((int(time["at"]), str(time["name"]), [f"{v:.{min(MAX_PLACES, max(0, int(time['places'])))}f}" for v in line.tolist()]))
        for column in facts.get("text", ()):
            out.append((int(column["at"]), str(column["name"]), unroll(column["runs"], length)))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise FormatError(f"the stream's CSV layout is damaged: {error!r}") from error
    return out


def _seconds(recording: Recording, length: int) -> list[tuple[int, str, list[str]]]:
    if not recording.rate:
        return []
    return [(0, "time", [f"{float(i / recording.rate):.6f}" for i in range(length)])]


def _list_item(values: object, i: int, default: Any) -> Any:
    value = values[i] if isinstance(values, list) and i < len(values) else default
    return value if isinstance(value, int) and 0 <= value <= MAX_PLACES else default
