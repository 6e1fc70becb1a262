"""What a multiplication of our models' convolutions costs on a core, counted under QEMU: vc_net_conv as a whole, rounding and calls included.

    PYTHONPATH=tests python -m firmware.kernels        writes kernels.json; the tests compare with it

All layers of a bundle, each over its whole grid, weighted by their multiplications; those of the condition, which are constants of a stream, do
not count. Inputs are made up and never 0.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from firmware.cores import BARE, HERE, TARGETS, WARNINGS, Target, build_starts, need, run

from vaecodec.codec.bundle import Bundle
from vaecodec.export.firmware import RUNTIME

CORES = ("M4F", "M55")
# Rows and columns: enough blocks that a key packet's first rows weigh little; a strip of a picture as wide as a small sensor's.
GEOMETRIES = {"ecg": (32, 1), "photo": (32, 320)}
SOURCES = (
    *("vc_conv", "vc_conv_avx2", "vc_conv_dsp", "vc_conv_mve", "vc_crc", "vc_filter", "vc_history", "vc_model", "vc_model_check", "vc_model_load"),
    *("vc_net", "vc_plan", "vc_tables"),
)
ROOM, HOST_ROOM = 470_000, 4 << 20  # bytes of memory


def build(target: Target, bundle: str, folder: Path, *more: str) -> Path:
    """The program of layers.c, with warnings as errors."""
    need(target.compiler, *target.runner[:1])
    program = folder / "layers.elf"
    blob = ", ".join(map(str, Bundle.open(bundle).symbols.blob))
    (folder / "layers.h").write_text(f"#include <stdint.h>\nstatic const uint8_t symbols[] = {{{blob}}};\n")
    rows, cols = GEOMETRIES[bundle]
    options = [f"-DROWS={rows}", f"-DCOLS={cols}", f"-DMEMORY={ROOM if target.script else HOST_ROOM}", *more]
    bare = [*BARE, "-T", str(HERE / target.script)] if target.script else []
    sources = [*(str(RUNTIME / f"{name}.c") for name in SOURCES), str(HERE / "layers.c")]
    include = [f"-I{RUNTIME}", f"-I{folder}", f"-I{HERE}"]
    objects = build_starts(target, folder)
    link = ["-lgcc"] if target.script else []
    command = [target.compiler, *WARNINGS, "-O2", *target.flags, *bare, *include, *options, *sources, *objects, "-o", str(program), *link]
    subprocess.run(command, check=True)
    return program


def checksum(target: Target, bundle: str, folder: Path) -> str:
    """Of what all layers give."""
    return run(target, build(target, bundle, folder, "-DTIMES=1", "-DCHECKED=1"))[1]


def measure(core: str, bundle: str, folder: Path) -> float:
    """Instructions a multiplication."""
    (once, multiplications), (twice, _) = (_count(TARGETS[core], bundle, folder, f"-DTIMES={times}", "-DCHECKED=0") for times in (1, 2))
    return round((twice - once) / multiplications, 3)


def _count(target: Target, bundle: str, folder: Path, *more: str) -> tuple[int, int]:
    """Instructions and multiplications of the program."""
    program, counts, plugin = build(target, bundle, folder, *more), folder / "counts.txt", folder / "count.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", str(HERE / "count.c"), "-o", str(plugin)], check=True)
    lines = run(target, program, ["-plugin", f"{plugin},out={counts},first={target.code}"])
    return sum(int(line.split()[1]) for line in counts.read_text().splitlines()), int(lines[0], 16)


def figures() -> dict[str, dict[str, float]]:
    """Of all bundles and cores."""
    with tempfile.TemporaryDirectory() as name:
        return {bundle: {core: measure(core, bundle, Path(name)) for core in CORES} for bundle in GEOMETRIES}


if __name__ == "__main__":
    found = figures()
    (HERE / "kernels.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
