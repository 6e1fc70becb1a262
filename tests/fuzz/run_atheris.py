"""Fuzzes one target with coverage guidance (x86-64 Linux; `pip install atheris`).

    PYTHONPATH=tests python tests/fuzz/run_atheris.py picture_stream corpus/ -max_total_time=600
    PYTHONPATH=tests python tests/fuzz/run_atheris.py --list
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

# Only our own modules are instrumented; NumPy and Pillow would slow everything down.
with atheris.instrument_imports(include=["vaecodec"]):
    from fuzz.targets import TARGETS, one_input


def main(arguments: list[str]) -> None:
    if arguments[1:] == ["--list"]:
        print("\n".join(TARGETS))
        return
    program, name, *rest = arguments
    with tempfile.TemporaryDirectory() as folder:
        for i, seed in enumerate(TARGETS[name][1]()):
            Path(folder, f"seed-{i}").write_bytes(seed)
        atheris.Setup([program, *rest, folder], one_input(name))
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
