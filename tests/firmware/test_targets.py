"""Firmware as it is exported: on every core the packets of the Python encoder, and nothing needed from outside."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from firmware.cores import BARE, BARE_CORES, TARGETS, WARNINGS, build, check_needs_nothing, export, need, run

import vaecodec
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.export.firmware import Firmware, export_firmware
from vaecodec.export.firmware_model import Packets
from vaecodec.export.firmware_sensing import SensingDevice

PACKETS = Packets(1, 6, 1, 28, Fraction(360), 480)


def beats(samples: int) -> np.ndarray:
    """Something with beats, in 11 bits."""
    n, rng = np.arange(samples), np.random.default_rng(4)
    shape = 1000 + 400 * np.exp(-0.5 * ((n % 287 - 140) / 6.0) ** 2) + 50 * np.sin(n / 500)
    return np.clip(np.rint(shape + rng.normal(0, 3, samples)), 0, 2047).astype(np.int16)


SETTINGS = {"ecg": {"packet": 2, "key": 4}, "ecg-cs": {"packet": 2, "quality": 50}}
SAMPLES = 5 * 704 + 100


@pytest.fixture(scope="module", params=SETTINGS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def library(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firmware") / "model"
    wanted = {name: value for name, value in SETTINGS[model].items() if name != "quality"}
    export(folder, beats(SAMPLES), Firmware(name="model", offset=1024, **wanted), model)
    return folder


def packets(model: str, samples: np.ndarray, stream_id: int, **other: float) -> list[bytes]:
    """Those of the codec."""
    encoder = vaecodec.Encoder(model, offset=1024, stream_id=stream_id, **{**SETTINGS[model], **other})
    return encoder.feed(samples) + encoder.flush()


@pytest.mark.parametrize("name", TARGETS)
def test_every_core_makes_the_packets_of_the_codec(name: str, model: str, library: Path, tmp_path: Path) -> None:
    target, program = TARGETS[name], tmp_path / "program.elf"
    build(target, library, program)
    assert run(target, program) == [packet.hex() for packet in packets(model, beats(SAMPLES), 7)]


@pytest.mark.parametrize("name", BARE_CORES)
def test_a_core_needs_nothing_but_its_compilers_helpers(name: str, library: Path, tmp_path: Path) -> None:
    check_needs_nothing(TARGETS[name], library, tmp_path)


def test_calls_in_any_order_in_any_memory(library: Path, tmp_path: Path) -> None:
    target, program = TARGETS["host, sanitized"], tmp_path / "abuse"
    build(target, library, program, source="abuse.c")
    assert run(target, program) == ["ended well"]


def examples_quality(model: str) -> float:
    """Quality of the examples: 60, or the best of the ratio."""
    return 60 if model == "ecg" else SensingDevice(Bundle.open(model), PACKETS, 32, "model").qualities[1] / 10


def test_the_example_reads_samples_and_writes_a_stream(model: str, library: Path, tmp_path: Path) -> None:
    need("gcc")
    program, samples = tmp_path / "filter", beats(2500)
    sources = map(str, sorted((library / "src").glob("*.c")))
    example = str(library / "examples/filter/main.c")
    subprocess.run(["gcc", *WARNINGS, "-O1", f"-I{library / 'src'}", example, *sources, "-o", str(program)], check=True)
    stream = subprocess.run([program], input=samples.tobytes(), capture_output=True, check=True).stdout
    assert stream == b"".join(packets(model, samples, 1, quality=examples_quality(model)))


def test_the_example_for_qemu_makes_a_file_of_the_codecs_packets(model: str, library: Path, tmp_path: Path) -> None:
    target, program, samples = TARGETS["M4F"], tmp_path / "ecg.elf", beats(2500)
    need(target.compiler, target.runner[0])
    (tmp_path / "samples.raw").write_bytes(samples.tobytes())
    example, sources = library / "examples/qemu", map(str, sorted((library / "src").glob("*.c")))
    flags = [*target.flags, "-O2", *BARE, "-T", str(example / "cortex_m4.ld"), f"-I{library / 'src'}"]
    subprocess.run([target.compiler, *flags, str(example / "main.c"), *sources, "-lgcc", "-o", str(program)], check=True)
    subprocess.run([*target.runner, str(program)], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "packets.vae").read_bytes() == b"".join(packets(model, samples, 1, quality=examples_quality(model)))


def test_an_export_is_whole_or_not_there(tmp_path: Path) -> None:
    bundle = Bundle.open("ecg")
    names = ({"name": name} for name in ("2nd", "vc_x", "int"))
    for wrong in (*names, {"channels": 0}, {"channels": 17}, {"packet": 0.1}, {"packet": 61}, {"key": 1}, {"room": 10}, {"key": -1}, {"ratio": 32}):
        with pytest.raises(InputError):
            export_firmware(bundle, tmp_path / "x", Firmware(**wrong))
    sensing = Bundle.open("ecg-cs")
    for wrong in ({"ratio": 33}, {"ratio": 0}, {"key": 4}, {"channels": 17}, {"packet": 61}, {"room": 10}):
        with pytest.raises(InputError):
            export_firmware(sensing, tmp_path / "x", Firmware(**wrong))
    with pytest.raises(InputError, match="--size"):
        export_firmware(Bundle.open("photo"), tmp_path / "x", Firmware())
    for name, options in (("ecg", {"tile": (32, 32)}), ("ecg", {"ratio": 32}), ("photo", {"size": (64, 64), "key": 4}), ("ecg-cs", {"ratio": 5})):
        with pytest.raises(InputError):
            export_firmware(Bundle.open(name), tmp_path / "x", Firmware(**options))
    with pytest.raises(InputError, match="wavelets"):
        export_firmware(Bundle.open("speech8k"), tmp_path / "x", Firmware())
    assert not list(tmp_path.iterdir())


def test_an_export_of_pictures_is_whole_or_not_there(tmp_path: Path) -> None:
    bundle = Bundle.open("photo-mcu")
    sides = ({"size": (0, 5)}, {"size": (5000, 5)}, {"tile": (0, 32)}, {"tile": (32, 0)})
    for wrong in (*sides, {"waiting": 0}, {"room": 1}, {"room": 1 << 25}, {"name": "row"}, {"name": "fail"}):
        with pytest.raises(InputError):
            export_firmware(bundle, tmp_path / "x", Firmware(**({"size": (64, 64)} | wrong)))
    assert not list(tmp_path.iterdir())
    export_firmware(Bundle.open("photo"), tmp_path / "x", Firmware(size=(4096, 4096), tile=(4096, 4096)))
