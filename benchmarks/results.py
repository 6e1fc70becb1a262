"""What surrounds the figures of a report: machine, versions, files, and writing it all down."""

from __future__ import annotations

import json
import math
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vaecodec.codec.errors import FormatError, InputError, VaecodecError

__all__ = ["Report", "environment", "find_files", "naming", "write_report"]

Report = dict[str, Any]

PACKAGES = ("vaecodec", "numpy", "Pillow", "pillow-jxl-plugin", "PyWavelets", "pysz", "soundfile", "wfdb", "ai-edge-litert", "tflite-runtime")


def environment() -> dict[str, Any]:
    """Command, machine and versions, as a report keeps them."""
    return {
        # Where somebody keeps the data is nobody else's business.
        "command": " ".join(Path(word).name if Path(word).is_absolute() else word for word in sys.argv),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def find_files(folder: Path, suffixes: tuple[str, ...], limit: int | None) -> list[Path]:
    """Files of a folder, by name.

    Raises:
        InputError: there is none, or no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    if not files:
        raise InputError(f"{folder}: no file ends in one of {' '.join(suffixes)}")
    return files[:limit]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts a file's name before the error that reading it raises.

    Raises:
        VaecodecError: of the kind raised within; FormatError where the file, or one that it names, cannot be read.
    """
    try:
        yield
    except VaecodecError as error:
        raise type(error)(f"{path}: {error}") from error
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror or error}") from error


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Writes a report as JSON, numbers rounded to six digits; NaN and infinity become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(report), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
