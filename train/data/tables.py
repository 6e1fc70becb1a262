"""Reads CSV, TSV, Parquet and NPY files as recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from vaecodec.codec.errors import InputError
from vaecodec.train.data.recording import Recording, plain

CLOCKS = {"time", "timestamp", "index"}  # names of columns that are no signal unless asked for


def read_table(path: Path) -> Recording:
    """Reads the numeric columns of a text table (`.csv`, `.tsv`; comma, semicolon or tab; with or without a header) or `.parquet`.

    Raises:
        InputError: if the file cannot be read or has no numeric column.
    """
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else _read_text(path)
    except ImportError as error:
        raise InputError(f"Expected pyarrow to be installed for {path}: pip install '.[train]'") from error
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"Expected a table. Received: {path} ({error})") from error
    frame = frame.select_dtypes("number")
    if frame.empty:
        raise InputError(f"Expected numeric columns and rows. Received: none in {path}")
    return plain(frame.to_numpy(), tuple(map(str, frame.columns)))


def read_npy(path: Path) -> Recording:
    """Reads an array [N] or [N, channels].

    Raises:
        InputError: if the file is no array of real numbers of that shape.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"Expected an NPY file. Received: {path} ({error})") from error
    if values.ndim not in (1, 2) or values.dtype.kind not in "iuf" or not values.size:
        raise InputError(f"Expected real numbers [N] or [N, channels]. Received: {values.dtype}{list(values.shape)} in {path}")
    return plain(values)


def _read_text(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
    separator = max(",;\t", key=first.count)
    header = None if all(_is_number(cell) for cell in first.split(separator)) else 0
    return pd.read_csv(path, sep=separator, header=header)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
