"""`vaecodec bench large`: memory and time of a large picture, and of its parts.

Encoding and decoding run through the command line in processes of their own, whose peak of resident memory the system reports.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import zoom

from vaecodec.benchmarks.results import Report, environment, write_report
from vaecodec.codec.errors import UnsupportedError, VaecodecError

__all__ = ["bench_large", "landscape"]

TILE = 256
OCTAVES = 8
SHIFT = 37


def bench_large(
    width: int = 10000,
    height: int = 10000,
    model: str | Path = "photo",
    out: str | Path | None = None,
    *,
    quality: float = 60,
    as_json: bool = False,
    echo: Callable[[str], None] = print,
) -> Report:
    """Measures one picture, made here: `landscape`.

    Args:
        width: pixels, at least 256.
        height: pixels, at least 256.
        model: name or path of a bundle.
        out: folder for `large.json`; nothing is kept unless given.
        quality: 0..100.
        as_json: print the report as JSON in place of lines.
        echo: takes the text to print.

    Returns:
        The report. `rows`: for "encode", "decode", "region" (256 x 256 in the middle) and "scale 1/8" the seconds and the peak of resident
        memory in bytes of the whole process, reading and writing included; `share` of the last two: their time over that of the whole
        decode, with what any start of the program takes (`start_seconds`) taken off both.

    Raises:
        UnsupportedError: the system does not tell a process's memory.
        VaecodecError: a command failed.
    """
    if not hasattr(os, "wait4"):
        raise UnsupportedError("this system does not tell the memory of a process")
    named = ["-m", str(model)]
    with tempfile.TemporaryDirectory() as folder:
        picture, stream, result = (str(Path(folder) / name) for name in ("picture.bmp", "picture.vae", "result.bmp"))
        Image.fromarray(landscape(height, width)).save(picture)
        start = _run(["--version"])["seconds"]
        rows = {"encode": _run(["encode", picture, stream, *named, "-q", f"{quality:g}"])}
        region = f"{(width - TILE) // 2},{(height - TILE) // 2},{TILE},{TILE}"
        parts: dict[str, list[str]] = {"decode": [], "region": ["--region", region], "scale 1/8": ["--scale", "1/8"]}
        rows |= {name: _run(["decode", "-f", *options, *named, stream, result]) for name, options in parts.items()}
        size = Path(stream).stat().st_size
    for name in ("region", "scale 1/8"):
        rows[name]["share"] = (rows[name]["seconds"] - start) / (rows["decode"]["seconds"] - start)
    report: Report = {"kind": "large", "environment": environment(), "width": width, "height": height, "quality": quality}
    report |= {"bytes": size, "start_seconds": start, "rows": rows}
    if out is not None:
        write_report(report, Path(out) / "large.json")
    echo(json.dumps(report) if as_json else text(report))
    return report


def text(report: Report) -> str:
    """The lines that are printed."""
    lines = [f"{report['width']} x {report['height']} pixels, quality {report['quality']:g}: {report['bytes']} bytes"]
    for name, row in report["rows"].items():
        share = f", {100 * row['share']:.1f} % of the time of the whole" if "share" in row else ""
        lines.append(f"{name}: {row['seconds']:.1f} s, at most {row['peak_bytes'] / 1e6:.0f} MB{share}")
    return "\n".join(lines)


def landscape(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """`[height, width, 3]` of noise that is smooth at first sight and has some grain, at about the rate of a photo.

    One tile is made and laid side by side; every row of tiles is shifted, so that the codec's tiles are not alike.
    """
    random = np.random.default_rng(seed)
    noise = np.zeros((TILE, TILE, 3), np.float32)
    for octave in range(1, OCTAVES + 1):
        cells = random.normal(0, 40 / 1.5**octave, (2**octave, 2**octave, 3)).astype(np.float32)
        noise += zoom(cells, (TILE / 2**octave, TILE / 2**octave, 1), order=1, mode="grid-wrap", grid_mode=True)
    tile = np.clip(128 + noise, 0, 255).astype(np.uint8)
    row = np.tile(tile, (1, -(-width // TILE), 1))[:, :width]
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, TILE):
        out[top : top + TILE] = np.roll(row, SHIFT * (top // TILE), axis=1)[: height - top]
    return out


def _run(arguments: Sequence[str]) -> dict[str, Any]:
    """Seconds and peak memory of a command in a process of its own."""
    command = [sys.executable, "-c", "from vaecodec.cli import main; main()", *arguments]
    start = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere:
        quiet = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1), (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2)]
        process = os.posix_spawn(sys.executable, command, os.environ, file_actions=quiet)
        _, status, usage = os.wait4(process, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise VaecodecError(f"vaecodec {' '.join(arguments)} ended with {code}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": time.perf_counter() - start, "peak_bytes": usage.ru_maxrss * unit}
