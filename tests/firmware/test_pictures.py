"""Firmware for cameras as it is exported: on every core the codec's file, and what it costs stays what figures_pictures.json says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from firmware import pictures
from firmware.cores import BARE, BARE_CORES, TARGETS, WARNINGS, build, check_needs_nothing, need, run
from PIL import Image

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.image import ImageCodec

KEPT = json.loads(pictures.KEPT.read_text())
SLACK = 0.02  # compilers differ a little
SMALL = (72, 50)
# Memory and stack together, in bytes: 160 KB for `photo` on a Cortex-M7, 64 KB for `photo-mcu` on a Cortex-M4F.
BUDGET = {("photo", "M7"): 160 << 10, ("photo-mcu", "M4F"): 64 << 10}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "model"
    pictures.export(folder, "photo-mcu", pictures.picture("photo-mcu", SMALL), (48, 32))
    return folder


def expected(model: str, size: tuple[int, int], tile: tuple[int, int]) -> str:
    codec = ImageCodec(Bundle.open(model))
    return codec.encode(pictures.picture(model, size), quality=60, effort=1, tile=tile, order="tile").hex()


@pytest.mark.parametrize("name", TARGETS)
def test_every_core_makes_the_file_of_the_codec(name: str, library: Path, tmp_path: Path) -> None:
    target, program = TARGETS[name], tmp_path / "program.elf"
    build(target, library, program, source="picture.c")
    assert "".join(run(target, program)) == expected("photo-mcu", SMALL, (48, 32))


@pytest.mark.parametrize("name", BARE_CORES)
def test_a_core_needs_nothing_but_its_compilers_helpers(name: str, library: Path, tmp_path: Path) -> None:
    check_needs_nothing(TARGETS[name], library, tmp_path)


SHAPES = ("photo-mcu", (1, 1), (16, 16)), ("photo-mcu", (33, 90), (16, 48)), ("photo", (70, 33), (32, 64))


@pytest.mark.parametrize(("model", "size", "tile"), SHAPES)
def test_memory_is_enough_for_any_shape_where_pointers_have_32_bits(model: str, size: tuple[int, int], tile: tuple[int, int], tmp_path: Path) -> None:
    target, program = TARGETS["M4F"], tmp_path / "program.elf"
    pictures.export(tmp_path / "model", model, pictures.picture(model, size), tile)
    build(target, tmp_path / "model", program, source="picture.c")
    assert "".join(run(target, program)) == expected(model, size, tile)


@pytest.mark.parametrize(("model", "size", "tile"), [("photo-mcu", (45, 61), (32, 16)), ("photo", (40, 70), (64, 32))])
def test_calls_in_any_order_with_any_room_and_memory(model: str, size: tuple[int, int], tile: tuple[int, int], tmp_path: Path) -> None:
    target, program = TARGETS["host, sanitized"], tmp_path / "abuse"
    pictures.export(tmp_path / "model", model, pictures.picture(model, size), tile)
    build(target, tmp_path / "model", program, source="abuse_pictures.c")
    assert run(target, program) == ["ended well", "ran out of room"]


def test_pictures_in_colour(tmp_path: Path) -> None:
    target, program = TARGETS["M7"], tmp_path / "program.elf"
    pictures.export(tmp_path / "model", "photo", pictures.picture("photo", SMALL), (64, 32))
    build(target, tmp_path / "model", program, source="picture.c")
    assert "".join(run(target, program)) == expected("photo", SMALL, (64, 32))


def test_the_example_reads_a_picture_and_writes_a_file(library: Path, tmp_path: Path) -> None:
    need("gcc")
    program, source = tmp_path / "filter", tmp_path / "picture.pgm"
    Image.fromarray(pictures.picture("photo-mcu", SMALL)).save(source)
    sources = map(str, sorted((library / "src").glob("*.c")))
    example = str(library / "examples/filter/main.c")
    subprocess.run(["gcc", *WARNINGS, "-O1", f"-I{library / 'src'}", example, *sources, "-o", str(program)], check=True)
    made = subprocess.run([program], input=source.read_bytes(), capture_output=True, check=True).stdout
    assert made.hex() == expected("photo-mcu", SMALL, (48, 32))
    failed = subprocess.run([program], input=source.read_bytes()[:100], capture_output=True, check=False)
    assert failed.returncode == 1
    assert b"too early" in failed.stderr


def test_the_example_for_qemu_makes_a_file(library: Path, tmp_path: Path) -> None:
    target, program = TARGETS["M4F"], tmp_path / "camera.elf"
    need(target.compiler, target.runner[0])
    (tmp_path / "picture.raw").write_bytes(pictures.picture("photo-mcu", SMALL).tobytes())
    example, sources = library / "examples/qemu", map(str, sorted((library / "src").glob("*.c")))
    flags = [*target.flags, "-O2", *BARE, "-T", str(example / "cortex_m4.ld"), f"-I{library / 'src'}"]
    subprocess.run([target.compiler, *flags, str(example / "main.c"), *sources, "-lgcc", "-o", str(program)], check=True)
    subprocess.run([*target.runner, str(program)], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "picture.vae").read_bytes().hex() == expected("photo-mcu", SMALL, (48, 32))


@pytest.mark.parametrize(("model", "core"), [(model, core) for model, cores in pictures.CORES.items() for core in cores])
def test_figures_are_those_kept(model: str, core: str, tmp_path: Path) -> None:
    need(TARGETS[core].compiler, TARGETS[core].runner[0], "gcc")
    assert pictures.figures(model, core, tmp_path) == pytest.approx(KEPT[model][core], rel=SLACK)


@pytest.mark.parametrize(("model", "core"), BUDGET)
def test_memory_keeps_its_budget(model: str, core: str) -> None:
    assert KEPT[model][core]["memory"] + KEPT[model][core]["stack"] <= BUDGET[model, core]
