"""`vaecodec export firmware`: checks, the export, and what it says."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.export.firmware import Firmware, export_firmware

__all__ = ["write_firmware"]

MARK = "src/vc_build.h"  # what tells a folder of ours


def write_firmware(bundle: str, out: str, force: bool, as_json: bool, options: dict[str, Any]) -> None:
    """Writes the library and says what it needs."""
    _refuse(Path(out), force)
    given = {name: value for name, value in options.items() if value is not None}
    defaults = Firmware()
    words = [f"--{name}" if value is True else f"--{name}={_word(value)}" for name, value in given.items() if value != getattr(defaults, name)]
    files = export_firmware(Bundle.open(bundle), out, Firmware(**given), shlex.join([bundle, "--out", Path(out).name, *words]))
    if as_json:
        click.echo(json.dumps({"folder": out, "files": [str(path.relative_to(out)) for path in files]}))
    else:
        click.echo(f"{out}: {len(files)} files; README.md says what it needs and how to add it to a project")


def _refuse(out: Path, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not force:
        raise InputError(f"{out} exists; -f replaces it")
    if not (out / MARK).is_file():
        raise InputError(f"{out} is no folder of an earlier export; it stays as it is")


def _word(value: Any) -> str:
    """A value as it is written on the command line."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
