"""The tree as a package: what setup.cfg lists, what a plain install holds, what an import pulls in."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")
FOLDERS = {
    name: ROOT / folder for name, _, folder in (line.partition(" = ") for line in CONFIG["options"]["package_dir"].strip().splitlines())
}
PACKAGES = CONFIG["options"]["packages"].split()
WITHOUT_TENSORFLOW = [name for name in PACKAGES if not name.startswith("vaecodec.train")]


def packages_in_tree() -> Iterator[str]:
    for name, folder in FOLDERS.items():
        for marker in folder.rglob("__init__.py"):
            yield ".".join([name, *marker.parent.relative_to(folder).parts])


def python(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Runs `code` from the clone's root with the wheel's content in front of all else."""
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONWARNINGS": ""}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def setup(*commands: str) -> None:
    """Runs setup.py, which needs no network as the isolated builds do."""
    done = subprocess.run([sys.executable, "setup.py", "-q", *commands], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain install: the content of the wheel. Everything that the build writes goes to a folder of its own."""
    folder = tmp_path_factory.mktemp("plain")
    wheel = ["bdist_wheel", "--bdist-dir", f"{folder}/bdist", "--dist-dir", f"{folder}"]
    setup("egg_info", "--egg-base", f"{folder}", "build", "--build-base", f"{folder}/build", *wheel)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Paths in the source distribution, below its own top folder."""
    folder = tmp_path_factory.mktemp("sdist")
    setup("egg_info", "--egg-base", f"{folder}", "sdist", "--formats", "gztar", "--dist-dir", f"{folder}")
    (path,) = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_setup_lists_every_package_of_the_tree() -> None:
    assert sorted(PACKAGES) == sorted(packages_in_tree())


def test_no_folder_at_the_root_shadows_the_package() -> None:
    assert not (ROOT / "vaecodec").exists()


@pytest.mark.parametrize("package", WITHOUT_TENSORFLOW)
def test_package_imports_from_the_clone_after_a_plain_install(installed: Path, package: str) -> None:
    done = python(f"import {package} as p; print(p.__file__)", installed)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_plain_install_has_the_sources_a_device_needs(installed: Path) -> None:
    sources = {path.name for path in (ROOT / "edge_runtime" / "c").glob("*.[ch]")}
    assert sources <= {path.name for path in (installed / "vaecodec" / "edge_runtime" / "c").iterdir()}
    example = {path.name for path in (ROOT / "edge_runtime" / "examples").iterdir()}
    assert example == {path.name for path in (installed / "vaecodec" / "edge_runtime" / "examples").iterdir()}


def test_sdist_has_all_that_a_build_needs(sdist: set[str]) -> None:
    needed = [ROOT / "setup.py", ROOT / "setup.cfg", ROOT / "pyproject.toml", *(ROOT / "edge_runtime" / "c").glob("*.[ch]")]
    needed += (ROOT / "edge_runtime" / "examples").iterdir()
    needed += [path for folder in FOLDERS.values() for path in folder.rglob("*.py")]
    needed += [*(ROOT / "codec" / "bundles").glob("*.vaemodel"), *(ROOT / "train" / "configs").glob("*.toml")]
    assert {str(path.relative_to(ROOT)) for path in needed} <= sdist


def test_import_of_the_package_pulls_in_no_heavy_module(installed: Path) -> None:
    heavy = {"tensorflow", "keras", "ai_edge_litert", "tflite_runtime", "scipy", "matplotlib", "pandas"}
    done = python(f"import sys, vaecodec; print(*({heavy!r} & set(sys.modules)))", installed)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
