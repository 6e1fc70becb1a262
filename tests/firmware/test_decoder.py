"""The gateway's decoder as it is exported: on every core the latents of the codec, whatever the bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from firmware.cores import BARE_CORES, TARGETS, WARNINGS, build, check_needs_nothing, need, run
from firmware.test_targets import beats
from gateway import DeviceDecoder

import vaecodec
from vaecodec.cli import run as command
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.native import crc32c
from vaecodec.export.firmware import DECODER_SOURCES, Firmware, export_firmware

ROWS, GROUP = 11, 2


@pytest.fixture(scope="module")
def stream() -> bytes:
    """Key and delta packets, one lost, one damaged and one that came twice."""
    encoder = vaecodec.Encoder("ecg", packet=2, key=4, sync=8, offset=1024, stream_id=7)
    packets = encoder.feed(beats(14 * 704 + 100)) + encoder.flush()
    packets[6] = packets[6][:9] + bytes([packets[6][9] ^ 4]) + packets[6][10:]
    return b"".join([*packets[:3], packets[2], *packets[3:11], *packets[12:]])


@pytest.fixture(scope="module")
def library(stream: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firmware") / "model"
    export_firmware(Bundle.open("ecg"), folder, Firmware(name="model", packet=2, key=4, offset=1024, decoder=True))
    (folder / "stream.h").write_text(f"#include <stdint.h>\nstatic const uint8_t stream[] = {{{', '.join(map(str, stream))}}};\n")
    return folder


@pytest.fixture(scope="module")
def expected(stream: bytes) -> list[str]:
    decoder = DeviceDecoder(Bundle.open("ecg"), rows=ROWS, group=GROUP)
    lines = []
    for packet in decoder.feed(stream) + decoder.flush():
        if packet.error:
            lines.append(f"{packet.number} {packet.error}")
        elif packet.bands:
            lines.append(f"{packet.number} {packet.step} {crc32c(b''.join(band.tobytes() for band in packet.bands)):x}")
    assert any("came before" in line for line in lines)
    assert any("build on" in line for line in lines)
    assert len(lines) > 10
    return lines


@pytest.mark.parametrize("name", TARGETS)
def test_every_core_gives_the_latents_of_the_codec(name: str, library: Path, expected: list[str], tmp_path: Path) -> None:
    target, program = TARGETS[name], tmp_path / "program.elf"
    build(target, library, program, source="decode.c")
    assert run(target, program) == expected


@pytest.mark.parametrize("name", BARE_CORES)
def test_a_core_needs_nothing_but_its_compilers_helpers(name: str, library: Path, tmp_path: Path) -> None:
    check_needs_nothing(TARGETS[name], library, tmp_path)


def test_changed_bytes_never_give_other_latents_and_touch_no_memory_beyond(library: Path, tmp_path: Path) -> None:
    target, program = TARGETS["host, sanitized"], tmp_path / "fuzz"
    need(target.compiler)
    sources = [*map(str, sorted((library / "src").glob("*.c"))), str(Path(__file__).parent / "fuzz_decoder.c")]
    include = [f"-I{library / 'src'}", f"-I{library}"]
    subprocess.run([target.compiler, *WARNINGS, "-O1", "-g", *target.flags, *include, *sources, "-o", str(program)], check=True)
    decoded, refused, skipped = map(int, subprocess.run([program], capture_output=True, text=True, check=True).stdout.split())
    assert min(decoded, refused, skipped) > 200


def test_the_example_prints_the_latents(library: Path, stream: bytes, tmp_path: Path) -> None:
    need("gcc")
    program = tmp_path / "gateway"
    sources = map(str, sorted((library / "src").glob("*.c")))
    example = str(library / "examples/gateway/main.c")
    subprocess.run(["gcc", *WARNINGS, "-O1", f"-I{library / 'src'}", example, *sources, "-o", str(program)], check=True)
    done = subprocess.run([program], input=stream, capture_output=True, check=False)
    assert done.returncode == 3, "the stream is damaged"
    decoder = DeviceDecoder(Bundle.open("ecg"), rows=ROWS, group=GROUP)
    packets = [packet for packet in decoder.feed(stream) + decoder.flush() if packet.bands]
    lines = [np.array(line.split(), np.int64) for line in done.stdout.decode().splitlines()]
    assert len(lines) == len(packets)
    for line, packet in zip(lines, packets, strict=True):
        assert np.array_equal(line, np.concatenate([[packet.number, packet.step], *(band.ravel() for band in packet.bands)]))
    assert b"came before" in done.stderr
    assert b"lost" in done.stderr
    assert b"belong to no packet" in done.stderr
    encoder = vaecodec.Encoder("ecg", packet=ROWS * 64 / 360, key=GROUP * ROWS * 64 / 360, offset=1024)
    intact = encoder.feed(beats(3000)) + encoder.flush()
    assert subprocess.run([program], input=b"".join(intact), capture_output=True, check=True).stderr == b""


def test_cmake_builds_it_with_the_decoder_and_without(library: Path, tmp_path: Path) -> None:
    need("cmake")
    for wanted in ("ON", "OFF"):
        folder = tmp_path / wanted
        subprocess.run(["cmake", "-S", str(library), "-B", str(folder), f"-DVAECODEC_WITH_DECODER={wanted}"], check=True, capture_output=True)
        subprocess.run(["cmake", "--build", str(folder)], check=True, capture_output=True)
        members = subprocess.run(["ar", "t", str(folder / "libmodel.a")], capture_output=True, text=True, check=True).stdout
        assert [name for name in DECODER_SOURCES if f"{name}.c" in members] == (list(DECODER_SOURCES) if wanted == "ON" else [])


def test_the_command_adds_the_decoder_only_where_it_is_asked_for(tmp_path: Path) -> None:
    assert command(["export", "firmware", "ecg", "--out", str(tmp_path / "with"), "--decoder"]) == 0
    assert command(["export", "firmware", "ecg", "--out", str(tmp_path / "without")]) == 0
    assert (tmp_path / "with/src/ecg_decoder.h").exists()
    assert "--decoder\n" in (tmp_path / "with/README.md").read_text()
    assert not any((tmp_path / "without/src" / f"{name}.c").exists() for name in DECODER_SOURCES)
    for other in (Bundle.open("ecg-cs"), Bundle.open("photo")):
        with pytest.raises(InputError, match="--decoder"):
            export_firmware(other, tmp_path / "x", Firmware(decoder=True))
