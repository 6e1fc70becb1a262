"""What `ecg` and `ecg-cs` cost on a core, counted under QEMU: instructions, flash, memory and stack.

    PYTHONPATH=tests python -m firmware.figures        (or with a name) writes figures.json and figures_sensing.json; the tests compare with them

A minute of the ECG that SciPy ships, in packets of 2 s; GCC at -O2. Instructions are not cycles. Flash is all that the linker kept of the library,
weights and the compiler's helpers included; memory is the workspace and the encoder; the stack is that of the whole program.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from firmware.cores import HERE, TARGETS, Target, build, export, run

from vaecodec.demo_data import ecg
from vaecodec.export.firmware import Firmware

CORES = ("M0+", "M4F", "M7", "M55", "RV32IMC")
RATE, SECONDS = 360, 60
KEPT = {"ecg": HERE / "figures.json", "ecg-cs": HERE / "figures_sensing.json"}
# What is the test's own.
SCAFFOLD = (
    *("samples", "picture", "vectors", "settings", "digits.0", "run", "print", "leave", "call", "start_in_c", "reset", "fault"),
    *("print_packet", "print_waiting"),
)


def heart() -> np.ndarray:
    """A minute of a real ECG, int16 in 200 units a millivolt around 1024."""
    return ecg()[0][: RATE * SECONDS]


def measure(core: str, library: Path, samples: int, folder: Path, source: str = "program.c") -> dict[str, float]:
    """Figures of one core, for each of so many samples or pixels."""
    target, program, counts = TARGETS[core], folder / "program.elf", folder / "counts.txt"
    build(target, library, program, "-DMEASURE", source=source)
    plugin = folder / "count.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", str(HERE / "count.c"), "-o", str(plugin)], check=True)
    lines = run(target, program, ["-plugin", f"{plugin},out={counts},first={target.code}"])
    symbols = _symbols(target, program)
    ran = sum(count for name, count in _by_symbol(symbols, counts).items() if name not in SCAFFOLD)
    size = sum(n for name, _, n, kind in symbols if kind in "tTrRdD" and name not in SCAFFOLD)
    memory = sum(n for name, _, n, kind in symbols if name in ("memory", "encoder"))
    stack = int(next(line for line in lines if line.startswith("stack ")).split()[1], 16)
    return {"instructions": round(ran / samples, 1), "flash": size, "memory": memory, "stack": stack}


def _symbols(target: Target, program: Path) -> list[tuple[str, int, int, str]]:
    """Name, address, size and kind of what the program has, by address."""
    nm = target.compiler.replace("gcc", "nm")
    listed = subprocess.run([nm, "-S", "-n", str(program)], capture_output=True, text=True, check=True).stdout.splitlines()
    fields = [line.split() for line in listed]
    return [(name, int(address, 16) & ~1, int(size, 16), kind) for address, size, kind, name in (f for f in fields if len(f) == 4)]


def _by_symbol(symbols: list[tuple[str, int, int, str]], counts: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    functions = [(address, address + size, name) for name, address, size, kind in symbols if kind in "tTwW"]
    for line in counts.read_text().splitlines():
        address, count = int(line.split()[0], 16), int(line.split()[1])
        name = next((name for first, end, name in functions if first <= address < end), "helpers without a size")
        found[name] = found.get(name, 0) + count
    return found


def figures(model: str) -> dict[str, dict[str, float]]:
    """Of all cores."""
    samples = heart()
    with tempfile.TemporaryDirectory() as name:
        library = Path(name) / "model"
        export(library, samples, Firmware(name="model", packet=2, offset=1024), model)
        return {core: measure(core, library, len(samples), Path(name)) for core in CORES}


if __name__ == "__main__":
    for model in sys.argv[1:] or KEPT:
        found = json.dumps(figures(model), indent=1)
        KEPT[model].write_text(found + "\n")
        print(model, found)
