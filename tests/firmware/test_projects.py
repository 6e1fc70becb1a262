"""An export drops into projects: what CMake, Zephyr, Arduino and PlatformIO look for is there and builds."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from firmware.cores import need

from vaecodec.codec.bundle import Bundle
from vaecodec.export.firmware import Firmware, export_firmware

KINDS = {"ecg": Firmware(name="model"), "ecg-cs": Firmware(name="model"), "photo-mcu": Firmware(name="model", size=(160, 120))}
# What Zephyr's CMake functions do, as far as a module needs them.
ZEPHYR = """
cmake_minimum_required(VERSION 3.13)
project(app C)
set(CONFIG_VAECODEC_MODEL y)
add_library(zephyr_interface INTERFACE)
macro(zephyr_library)
  add_library(module STATIC)
  target_link_libraries(module PUBLIC zephyr_interface)
endmacro()
macro(zephyr_library_sources)
  target_sources(module PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endmacro()
add_subdirectory(MODULE/zephyr module)
add_executable(app main.c)
target_link_libraries(app PRIVATE module)
"""
PLAIN = """
cmake_minimum_required(VERSION 3.13)
project(app C)
add_subdirectory(MODULE library)
add_executable(app main.c)
target_link_libraries(app PRIVATE model)
"""


@pytest.fixture(scope="module", params=KINDS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "somewhere"
    export_firmware(Bundle.open(request.param), folder, KINDS[request.param])
    return folder


@pytest.mark.parametrize("project", [PLAIN, ZEPHYR], ids=["CMake", "Zephyr"])
def test_a_project_builds_with_it(library: Path, project: str, tmp_path: Path) -> None:
    need("cmake")
    (tmp_path / "CMakeLists.txt").write_text(project.replace("MODULE", str(library)))
    (tmp_path / "main.c").write_text('#include "model.h"\nint main(void)\n{\n    return model.model_id == 0 || MODEL_MEMORY == 0;\n}\n')
    for arguments in (["-S", ".", "-B", "build"], ["--build", "build"]):
        subprocess.run(["cmake", *arguments], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([tmp_path / "build/app"], check=True)


def test_zephyr_finds_its_module(library: Path) -> None:
    places = dict(re.findall(r"^  (cmake|kconfig): (\S+)$", (library / "zephyr/module.yml").read_text(), re.M))
    assert places == {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}
    assert (library / "zephyr/CMakeLists.txt").is_file()
    assert "config VAECODEC_MODEL\n" in (library / "zephyr/Kconfig").read_text()


def test_arduino_and_platformio_find_their_library(library: Path) -> None:
    properties = dict(line.split("=", 1) for line in (library / "library.properties").read_text().splitlines())
    needed = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert needed <= set(properties)
    assert (library / "src" / properties["includes"]).is_file()
    manifest = json.loads((library / "library.json").read_text())
    assert manifest["name"] == "model"
    assert (library / manifest["build"]["srcDir"]).is_dir()


def test_what_a_model_does_not_need_is_not_there(library: Path) -> None:
    names = {path.stem for path in (library / "src").glob("*.c")}
    kinds = {"vc_encoder": "vc_pyramid", "vc_sense_encoder": "vc_sense_quantise", "vc_image_encoder": "vc_latents"}
    (kind,) = names & set(kinds)
    assert all((part in names) == (own == kind) for own, part in kinds.items())
    assert ("vc_match" in names) == (kind == "vc_encoder")
