"""A short run of every fuzz target: mutations of good inputs, and atheris where it exists."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.targets import TARGETS, one_input

ROUNDS = 300


def mutate(data: bytes, source: random.Random) -> bytes:
    """One to four of: a flipped bit, a changed, removed or doubled piece, an interesting number."""
    out = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at, length = source.randrange(len(out) + 1), source.randint(1, 8)
        choice = source.randrange(5)
        if choice == 0 and at < len(out):
            out[at] ^= 1 << source.randrange(8)
        elif choice == 1:
            out[at : at + length] = source.randbytes(length)
        elif choice == 2:
            del out[at : at + length]
        elif choice == 3:
            out[at:at] = out[at : at + length]
        else:
            out[at : at + length] = source.choice([b"\0", b"\xff", b"\x7f", b"\x80"]) * length
    return bytes(out)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_give_a_result_or_an_error_of_ours(name: str) -> None:
    source, run, seeds = random.Random(name), one_input(name), TARGETS[name][1]()
    for seed in seeds:
        run(seed)
    for _ in range(ROUNDS):
        run(mutate(source.choice(seeds), source))


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has wheels for x86-64 Linux only")
@pytest.mark.parametrize("name", ["picture_stream", "signal_stream", "symbols", "read_csv"])
def test_atheris_finds_nothing_in_a_short_run(name: str, tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    command = [sys.executable, str(tests / "fuzz" / "run_atheris.py"), name, "-runs=3000", "-max_total_time=20", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tests)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
