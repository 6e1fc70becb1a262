"""Firmware as it is exported: on every core the packets of the Python encoder, and nothing needed from outside."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import vaecodec
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, ModelError
from vaecodec.export.firmware import Firmware, export_firmware

HERE = Path(__file__).parent
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
BARE = ["-ffreestanding", "-fno-tree-loop-distribute-patterns", "-nostdlib", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
SEMIHOSTING = (
    *("-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=sh,mux=off"),
    *("-semihosting-config", "enable=on,target=native,chardev=sh"),
)
HELPERS = ("__aeabi_", "__clz", "__ctz", "__udiv", "__umod", "__div", "__mod", "__mul", "__ashl", "__lshr", "__ashr")


@dataclass(frozen=True)
class Target:
    """A core: how to build for it and what runs it."""

    compiler: str
    flags: tuple[str, ...]
    runner: tuple[str, ...]
    start: str
    script: str | None = None


def cortex(core: str, board: str, *flags: str) -> Target:
    runner = "qemu-system-arm", "-M", board, *SEMIHOSTING, "-kernel"
    return Target("arm-none-eabi-gcc", ("-mthumb", f"-mcpu={core}", *flags), runner, "start_arm.c", "cortex_m.ld")


TARGETS = {
    "M0+": cortex("cortex-m0plus", "mps2-an385"),
    "M4F": cortex("cortex-m4", "mps2-an386", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "M7": cortex("cortex-m7", "mps2-an500", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "M55": cortex("cortex-m55", "mps3-an547", "-mfloat-abi=hard"),
    "RV32IMC": Target("riscv64-unknown-elf-gcc", ("-march=rv32imc", "-mabi=ilp32", "-mcmodel=medany"),
                      ("qemu-system-riscv32", "-M", "virt", "-bios", "none", *SEMIHOSTING, "-kernel"), "start_riscv.c", "riscv_virt.ld"),
    "aarch64": Target("aarch64-linux-gnu-gcc", ("-static",), ("qemu-aarch64",), "start_linux.c"),
    "armhf": Target("arm-linux-gnueabihf-gcc", ("-static",), ("qemu-arm",), "start_linux.c"),
    "host, sanitized": Target("clang", ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"), (), "start_linux.c"),
}


def beats(samples: int) -> np.ndarray:
    """Something with beats, in 11 bits."""
    n, rng = np.arange(samples), np.random.default_rng(4)
    shape = 1000 + 400 * np.exp(-0.5 * ((n % 287 - 140) / 6.0) ** 2) + 50 * np.sin(n / 500)
    return np.clip(np.rint(shape + rng.normal(0, 3, samples)), 0, 2047).astype(np.int16)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firmware") / "model"
    export_firmware(Bundle.open("ecg"), folder, Firmware(name="model", packet=2, key=4, offset=1024))
    samples = beats(5 * 704 + 100)
    (folder / "samples.h").write_text(
        "#include <stdint.h>\nstatic const int16_t samples[] = {" + ", ".join(map(str, samples)) + "};\n#define SETTINGS {600, 2, 0, 7, {1024}}\n"
    )
    return folder


@pytest.fixture(scope="module")
def expected() -> list[str]:
    encoder = vaecodec.Encoder("ecg", packet=2, key=4, offset=1024, stream_id=7)
    return [packet.hex() for packet in encoder.feed(beats(5 * 704 + 100)) + encoder.flush()]


def need(*tools: str) -> None:
    """Skips where a compiler or an emulator is missing; CI has them all."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def build(target: Target, library: Path, program: Path) -> None:
    need(target.compiler, *target.runner[:1])
    bare = [*BARE, "-T", str(HERE / target.script)] if target.script else []
    sources = [*map(str, sorted((library / "src").glob("*.c"))), str(HERE / "program.c")]
    include = [f"-I{library / 'src'}", f"-I{library}", f"-I{HERE}"]
    start = program.with_suffix(".start.o")
    begin = [target.compiler, "-std=gnu99", "-O1", *target.flags, *bare[:1], f"-I{HERE}"]
    subprocess.run([*begin, "-c", str(HERE / target.start), "-o", str(start)], check=True)
    link = ["-lgcc"] if target.script else []
    subprocess.run([target.compiler, *WARNINGS, "-O2", *target.flags, *bare, *include, *sources, str(start), "-o", str(program), *link], check=True)


@pytest.mark.parametrize("name", TARGETS)
def test_every_core_makes_the_packets_of_the_codec(name: str, library: Path, expected: list[str], tmp_path: Path) -> None:
    target, program = TARGETS[name], tmp_path / "program.elf"
    build(target, library, program)
    done = subprocess.run([*target.runner, str(program)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == expected


@pytest.mark.parametrize("name", ["M0+", "M4F", "M55", "RV32IMC"])
def test_a_core_needs_nothing_but_its_compilers_helpers(name: str, library: Path, tmp_path: Path) -> None:
    target = TARGETS[name]
    need(target.compiler)
    whole = tmp_path / "whole.o"
    sources = map(str, sorted((library / "src").glob("*.c")))
    flags = [*WARNINGS, "-Os", *target.flags, "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    subprocess.run([target.compiler, *flags, "-nostdlib", "-r", *sources, "-o", str(whole)], check=True)
    nm = target.compiler.replace("gcc", "nm")
    symbols = subprocess.run([nm, str(whole)], capture_output=True, text=True, check=True).stdout.splitlines()
    missing = [line.split()[-1] for line in symbols if line.split()[0] == "U"]
    assert all(name.startswith(HELPERS) and "f" not in name.removeprefix("__aeabi_")[:1] for name in missing), missing
    assert not [line for line in symbols if line.split()[-2] in "bBdDC"], "no variables: all state is the caller's"


def test_the_example_reads_samples_and_writes_a_stream(library: Path, tmp_path: Path) -> None:
    need("gcc")
    program, samples = tmp_path / "filter", beats(2500)
    sources = map(str, sorted((library / "src").glob("*.c")))
    example = str(library / "examples/filter/main.c")
    subprocess.run(["gcc", *WARNINGS, "-O1", f"-I{library / 'src'}", example, *sources, "-o", str(program)], check=True)
    stream = subprocess.run([program], input=samples.tobytes(), capture_output=True, check=True).stdout
    encoder = vaecodec.Encoder("ecg", packet=2, key=4, offset=1024, stream_id=1)
    assert stream == b"".join(encoder.feed(samples) + encoder.flush())


def test_an_export_is_whole_or_not_there(tmp_path: Path) -> None:
    bundle = Bundle.open("ecg")
    names = ({"name": name} for name in ("2nd", "vc_x", "int"))
    for wrong in (*names, {"channels": 0}, {"channels": 17}, {"packet": 0.1}, {"packet": 1e9}, {"room": 10}, {"key": -1}):
        with pytest.raises(InputError):
            export_firmware(bundle, tmp_path / "x", Firmware(**wrong))
    with pytest.raises(ModelError):
        export_firmware(Bundle.open("photo"), tmp_path / "x", Firmware())
    with pytest.raises(InputError, match="wavelets"):
        export_firmware(Bundle.open("speech8k"), tmp_path / "x", Firmware())
    assert not list(tmp_path.iterdir())
