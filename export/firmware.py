"""`vaecodec export firmware`: a signal model as a C library for microcontrollers. Needs no TensorFlow.

    DIR/src         the runtime's sources that an encoder needs, and the model with its plan (`firmware_model`)
    DIR/examples    a whole program
    DIR/...         what CMake, Zephyr, Arduino and PlatformIO look for
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from vaecodec import __version__
from vaecodec.codec._native import lib
from vaecodec.codec.arguments import shown, whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.stream_groups import check_streams
from vaecodec.codec.stream_layout import layout
from vaecodec.export.firmware_model import DeviceModel, Packets

__all__ = ["SOURCES", "Firmware", "export_firmware"]

TEMPLATES = Path(__file__).parent / "templates" / "firmware"
RUNTIME = Path(__file__).parents[1] / "edge_runtime" / "c"
SOURCES = (
    *("vc_conv", "vc_conv_dsp", "vc_conv_mve", "vc_crc", "vc_distribution", "vc_encoder", "vc_filter", "vc_history", "vc_match", "vc_model", "vc_net"),
    *("vc_prior", "vc_prior_encode", "vc_prior_rdoq", "vc_pyramid", "vc_quantise", "vc_range_encoder", "vc_setting", "vc_stream_writer", "vc_tables", "vc_zeros"),
)
"""Sources of the runtime that an encoder of signals needs, without suffix."""

# Template, and where it goes.
PLACES = {
    "README.md": "README.md",
    "CMakeLists.txt": "CMakeLists.txt",
    "module.yml": "zephyr/module.yml",
    "zephyr.cmake": "zephyr/CMakeLists.txt",
    "Kconfig": "zephyr/Kconfig",
    "library.json": "library.json",
    "library.properties": "library.properties",
    "main.c": "examples/filter/main.c",
    "qemu.c": "examples/qemu/main.c",
    "qemu.ld": "examples/qemu/cortex_m4.ld",
}
BYTES_A_SAMPLE, MORE_BYTES = 2, 96  # room for a packet: what its samples would take as they are, and for what it has besides
C_NAME = re.compile(r"(?!vc_)[a-z][a-z0-9_]{0,30}")
C_WORDS = frozenset(
    (
        *("auto", "break", "case", "char", "class", "const", "continue", "default", "delete", "do", "double", "else", "enum", "extern", "float"),
        *("for", "goto", "if", "inline", "int", "long", "new", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct"),
        *("switch", "this", "typedef", "union", "unsigned", "void", "volatile", "while", "main", "memory", "encoder", "settings"),
        *("packet", "samples"),
    )
)


@dataclass(frozen=True)
class Firmware:
    """What the packets of a device are like.

    Attributes:
        name: C identifier of the model, of a-z, 0-9 and _; the bundle's unless given.
        rate: samples a second and channel; the model's own unless given.
        channels: sampled together, 1..16.
        packet: seconds a packet, 0.25..60, rounded to whole blocks.
        key: seconds from a key packet to the next, rounded to whole packets; None: every packet decodes alone.
        sync: seconds from a sync packet to the next.
        room: bytes that a packet may take; None: two for each sample.
        offset: the middle of the sensor's range, for the examples.
    """

    name: str | None = None
    rate: float | None = None
    channels: int = 1
    packet: float = 2.0
    key: float | None = None
    sync: float = 60.0
    room: int | None = None
    offset: int = 0


def export_firmware(bundle: Bundle, out: str | Path, wanted: Firmware, command: str = "") -> list[Path]:
    """Writes a library into a folder, which is made anew: nothing else may lie in it.

    Args:
        bundle: of a signal model.
        out: the folder.
        wanted: what its packets are like.
        command: what the README says it was made with.

    Returns:
        The files written.

    Raises:
        ModelError, InputError, LimitError: the model is none for a device, or an option is out of range.
    """
    check_streams(bundle)
    name = _name(wanted.name or bundle.name)
    packets = _packets(bundle, wanted)
    model = DeviceModel(bundle, packets, name)
    facts = f"{name}: {bundle.name} {bundle.model_id:08x} for packets of {packets.rows} blocks. Made by vaecodec {__version__}; do not edit."
    files = {f"src/{name}.h": model.header(facts), f"src/{name}.c": model.source(facts)}
    files |= {f"src/{path.name}": path.read_text() for path in _runtime()}
    files["src/vc_build.h"] = _build(files["src/vc_build.h"], packets)
    values = _values(bundle, model, wanted, command)
    files |= {place: Template((TEMPLATES / template).read_text()).substitute(values) for template, place in PLACES.items()}
    return _write(Path(out), files)


def _name(given: str) -> str:
    name = given.replace("-", "_").lower()
    if not C_NAME.fullmatch(name) or name in C_WORDS:
        raise InputError(f"a name for C has letters a-z, digits and _, begins with a letter, not with vc_, and is free; got {shown(given)}")
    return name


def _packets(bundle: Bundle, wanted: Firmware) -> Packets:
    times = layout(bundle, wanted.rate, wanted.packet, wanted.key, wanted.sync)
    channels = whole_number(wanted.channels, "channels", 1, lib.VC_MAX_DEVICE_CHANNELS)
    most = (times.rows << bundle.symbols.levels) * channels * BYTES_A_SAMPLE + MORE_BYTES
    room = most if wanted.room is None else whole_number(wanted.room, "room", 128, 1 << 20)
    return Packets(channels, times.rows, times.group, times.sync, times.rate, room)


def _runtime() -> Sequence[Path]:
    """The sources, and all headers that they include."""
    found: dict[str, Path] = {}
    waiting = [f"{name}.c" for name in SOURCES]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = RUNTIME / name
        waiting += re.findall(r'#include "(\w+\.h)"', found[name].read_text())
    return [found[name] for name in sorted(found)]


def _build(text: str, packets: Packets) -> str:
    """vc_build.h of a device."""
    text = text.replace("VC_FOR_DEVICE 0", "VC_FOR_DEVICE 1")
    return text.replace("VC_ONE_COLUMN 0", "VC_ONE_COLUMN 1") if packets.channels == 1 else text


def _values(bundle: Bundle, model: DeviceModel, wanted: Firmware, command: str) -> dict[str, object]:
    p, symbols = model.packets, bundle.symbols
    block = 1 << symbols.levels
    return {
        "name": model.name,
        "upper": model.name.upper(),
        "version": __version__,
        "bundle": bundle.name,
        "model_id": f"{bundle.model_id:08x}",
        "licence": bundle.manifest.get("licence") or "Apache-2.0",
        "command": command or f"{bundle.name} --out {model.name}",
        "channels": p.channels,
        "rate": f"{float(p.rate):g}",
        "rows": p.rows,
        "block": block,
        "seconds": f"{float(p.rows * block / p.rate):.3g}",
        "keys": "each decodes alone" if p.group == 1 else f"one in {p.group} decodes alone",
        "weights": model.weights,
        "memory": model.most_memory,
        "macs": round(sum(symbols.macs().values())),
        "delay": f"{float(symbols.reach / p.rate):.2g}",
        "offset": ", ".join([str(wanted.offset)] * p.channels),
    }


def _write(out: Path, files: dict[str, str]) -> list[Path]:
    """Writes beside the folder and then puts all in place at once."""
    partial = out.with_name(out.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    for name, text in files.items():
        path = partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if out.exists():
        shutil.rmtree(out)
    partial.replace(out)
    return [out / name for name in files]
