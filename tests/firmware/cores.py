"""Builds firmware as it is exported, for several cores, and runs it under QEMU: what tests and figures share."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import missing

from vaecodec.codec.bundle import Bundle
from vaecodec.export.firmware import Firmware, export_firmware

HERE = Path(__file__).parent
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
BARE = ["-ffreestanding", "-fno-tree-loop-distribute-patterns", "-nostdlib", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
# What GCC calls for integers where a core lacks the instruction: by name, as those for floating point and for memory differ by a letter.
HELPERS = frozenset(
    (
        *(f"__aeabi_{name}" for name in ("idiv", "idivmod", "uidiv", "uidivmod", "ldivmod", "uldivmod")),
        *(f"__aeabi_{name}" for name in ("lmul", "llsl", "llsr", "lasr", "lcmp", "ulcmp")),
        *(f"__{name}{size}3" for name in ("div", "mod", "udiv", "umod", "mul", "ashl", "lshr", "ashr") for size in ("si", "di")),
        *(f"__{name}{size}2" for name in ("clz", "ctz") for size in ("si", "di")),
    )
)
BARE_CORES = "M0+", "M4F", "M55", "RV32IMC"
QUALITIES = {"ecg": 600, "ecg-cs": 500}  # in tenths
SEMIHOSTING = (
    *("-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=sh,mux=off"),
    *("-semihosting-config", "enable=on,target=native,chardev=sh"),
)


@dataclass(frozen=True)
class Target:
    """A core: how to build for it and what runs it.

    Attributes:
        compiler: its GCC.
        flags: what tells the compiler the core.
        runner: the emulator and its arguments before the program; nothing for this machine.
        start: the file that starts it.
        script: how it is linked, if it is bare.
        code: where code lies.
    """

    compiler: str
    flags: tuple[str, ...]
    runner: tuple[str, ...]
    start: str
    script: str | None = None
    code: int = 0


def _cortex(core: str, board: str, *flags: str) -> Target:
    runner = "qemu-system-arm", "-M", board, *SEMIHOSTING, "-kernel"
    return Target("arm-none-eabi-gcc", ("-mthumb", f"-mcpu={core}", *flags), runner, "start_arm.c", "cortex_m.ld")


TARGETS = {
    "M0+": _cortex("cortex-m0plus", "mps2-an385"),
    "M4F": _cortex("cortex-m4", "mps2-an386", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "M7": _cortex("cortex-m7", "mps2-an500", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "M55": _cortex("cortex-m55", "mps3-an547", "-mfloat-abi=hard"),
    "RV32IMC": Target("riscv64-unknown-elf-gcc", ("-march=rv32imc", "-mabi=ilp32", "-mcmodel=medany"),
                      ("qemu-system-riscv32", "-M", "virt", "-bios", "none", *SEMIHOSTING, "-kernel"), "start_riscv.c", "riscv_virt.ld", 0x80000000),
    "aarch64": Target("aarch64-linux-gnu-gcc", ("-static",), ("qemu-aarch64",), "start_linux.c"),
    "armhf": Target("arm-linux-gnueabihf-gcc", ("-static",), ("qemu-arm",), "start_linux.c"),
    "host, sanitized": Target("clang", ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"), (), "start_linux.c"),
}


def need(*tools: str) -> None:
    """Skips where a compiler or an emulator is missing; in CI that is a failure."""
    for tool in tools:
        if shutil.which(tool) is None:
            missing(tool)


def export(folder: Path, samples: np.ndarray, wanted: Firmware, model: str = "ecg") -> None:
    """Exports a model with the name `model`, and the samples beside it with what program.c needs to know."""
    bundle = Bundle.open(model)
    export_firmware(bundle, folder, wanted)
    numbers = ", ".join(map(str, samples.ravel()))
    encoder = "vc_sense_encoder" if bundle.modality == "sensing" else "vc_encoder"
    defined = f"#define ENCODER {encoder}\n#define SETTINGS {{{QUALITIES[model]}, 2, 0, 7, {{1024}}}}"
    (folder / "samples.h").write_text(f"#include <stdint.h>\nstatic const int16_t samples[] = {{{numbers}}};\n{defined}\n")


def build(target: Target, library: Path, program: Path, *more: str, source: str = "program.c") -> None:
    """The program of a file here, with warnings as errors."""
    need(target.compiler, *target.runner[:1])
    bare = [*BARE, "-T", str(HERE / target.script)] if target.script else []
    sources = [*map(str, sorted((library / "src").glob("*.c"))), str(HERE / source)]
    include = [f"-I{library / 'src'}", f"-I{library}", f"-I{HERE}"]
    objects = build_starts(target, program.parent, *more)
    link = ["-lgcc"] if target.script else []
    subprocess.run([target.compiler, *WARNINGS, "-O2", *target.flags, *bare, *include, *sources, *objects, "-o", str(program), *link], check=True)


def build_starts(target: Target, folder: Path, *more: str) -> list[str]:
    """What starts a program, as objects."""
    starts = [HERE / name for name in (target.start, *(["start_bare.c"] if target.script else []))]
    objects = [str(folder / f"{start.stem}.o") for start in starts]
    begin = [target.compiler, "-std=gnu99", "-O1", *target.flags, *(BARE[:2] if target.script else []), f"-I{HERE}", *more]
    for start, made in zip(starts, objects, strict=True):
        subprocess.run([*begin, "-c", str(start), "-o", made], check=True)
    return objects


def run(target: Target, program: Path, more: Sequence[str] = ()) -> list[str]:
    """What it prints, by lines."""
    done = subprocess.run([*target.runner, str(program), *more], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def check_needs_nothing(target: Target, library: Path, folder: Path) -> None:
    """A library leaves nothing open but helpers for integers of its compiler, and has no variables."""
    need(target.compiler)
    whole = folder / "whole.o"
    sources = map(str, sorted((library / "src").glob("*.c")))
    flags = [*WARNINGS, "-Os", *target.flags, "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    subprocess.run([target.compiler, *flags, "-nostdlib", "-r", *sources, "-o", str(whole)], check=True)
    nm = target.compiler.replace("gcc", "nm")
    symbols = subprocess.run([nm, str(whole)], capture_output=True, text=True, check=True).stdout.splitlines()
    missing = {line.split()[-1] for line in symbols if line.split()[0] == "U"}
    assert missing <= HELPERS, missing - HELPERS
    assert not [line for line in symbols if line.split()[-2] in "bBdDC"], "no variables: all state is the caller's"
