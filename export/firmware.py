"""`vaecodec export firmware`: a model as a C library for microcontrollers. Needs no TensorFlow.

    DIR/src         the runtime's sources that an encoder needs, and the model with its plan or tables (`firmware_model`, `firmware_image`,
                    `firmware_sensing`)
    DIR/examples    a whole program
    DIR/...         what CMake, Zephyr, Arduino and PlatformIO look for
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from vaecodec import __version__
from vaecodec.codec._native import lib
from vaecodec.codec.arguments import shown, whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.stream_groups import check_streams
from vaecodec.codec.stream_layout import block, layout
from vaecodec.export.firmware_image import IMAGE_SOURCES, DeviceImageModel, Pictures, tile_of
from vaecodec.export.firmware_model import DeviceModel, Packets
from vaecodec.export.firmware_sensing import SensingDevice, ratios

__all__ = ["DECODER_SOURCES", "SENSING_SOURCES", "SOURCES", "Firmware", "export_firmware"]

TEMPLATES = Path(__file__).parent / "templates" / "firmware"
RUNTIME = Path(__file__).parents[1] / "edge_runtime" / "c"
SOURCES = (
    *("vc_conv", "vc_conv_dsp", "vc_conv_mve", "vc_conv_sparse", "vc_crc", "vc_distribution", "vc_divide", "vc_encoder", "vc_filter", "vc_model"),
    *("vc_net", "vc_prior", "vc_prior_encode", "vc_prior_rdoq", "vc_pyramid", "vc_quantise", "vc_range_encoder", "vc_score", "vc_setting"),
    *("vc_stream_head", "vc_stream_writer", "vc_tables", "vc_zeros"),
)
"""Sources of the runtime that an encoder of signals needs, without suffix."""
MATCHING_SOURCES = "vc_history", "vc_match", "vc_prior_match"
"""Those that it needs besides where the model matches."""
DECODER_SOURCES = ("vc_decoder", "vc_distribution_decode", "vc_prior_decode", "vc_range_decoder", "vc_stream_reader")
"""Those that a decoder of signals needs besides."""
SENSING_SOURCES = (
    *("vc_crc", "vc_distribution", "vc_divide", "vc_range_encoder", "vc_score", "vc_sense_encoder", "vc_sense_quantise", "vc_stream_head"),
    *("vc_stream_writer", "vc_tables"),
)
"""Those that one of compressed sensing needs."""

# Template, and where it goes.
COMMON_PLACES = {
    "CMakeLists.txt": "CMakeLists.txt",
    "module.yml": "zephyr/module.yml",
    "zephyr.cmake": "zephyr/CMakeLists.txt",
    "Kconfig": "zephyr/Kconfig",
    "library.json": "library.json",
    "library.properties": "library.properties",
    "qemu.ld": "examples/qemu/cortex_m4.ld",
    "qemu_machine.h": "examples/qemu/machine.h",
}
PLACES = {**COMMON_PLACES, "README.md": "README.md", "main.c": "examples/filter/main.c", "qemu.c": "examples/qemu/main.c"}
# What a decoder has besides.
DECODER_PLACES = {"decoder.h": "src/{name}_decoder.h", "gateway.c": "examples/gateway/main.c"}
IMAGE_PLACES = {**COMMON_PLACES, "image_README.md": "README.md", "image_main.c": "examples/filter/main.c", "image_qemu.c": "examples/qemu/main.c"}
# Room for a packet: what its samples, or measurements, would take as they are, and for what it has besides.
BYTES_A_NUMBER, MORE_BYTES = 2, 96
SMALL_ROOM, SMALL_PICTURE = 1024, 8192  # of pictures: the least room for a packet, and for latents that wait, unless told otherwise
MOST_ROOM = 1 << 24  # of pictures
STRUCTURES_AND_STACK = 16 << 10  # of the examples, besides the workspace
QUALITY = 600  # of the examples, in tenths, or the nearest that there is
OF_PICTURES = "size", "tile", "waiting"
C_NAME = re.compile(r"(?!vc_)[a-z][a-z0-9_]{0,30}")
C_WORDS = frozenset(
    (
        *("auto", "break", "case", "char", "class", "const", "continue", "default", "delete", "do", "double", "else", "enum", "extern", "float"),
        *("for", "goto", "if", "inline", "int", "long", "new", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct"),
        *("switch", "this", "typedef", "union", "unsigned", "void", "volatile", "while", "main", "memory", "encoder", "settings"),
        *("packet", "samples", "row", "code", "file", "in", "out", "block", "run", "check", "call", "leave", "fail"),
    )
)


@dataclass(frozen=True)
class Firmware:
    """What the packets, or pictures, of a device are like.

    Attributes:
        name: C identifier of the model, of a-z, 0-9 and _; the bundle's unless given.
        rate: samples a second and channel; the model's own unless given.
        channels: sampled together, 1..16.
        packet: seconds a packet, 0.25..60, rounded to whole blocks.
        key: seconds from a key packet to the next, rounded to whole packets; None, as with compressed sensing: every packet decodes alone.
        sync: seconds from a sync packet to the next.
        room: bytes that a packet may take; None: two for each sample or measurement, half a byte for each pixel and colour of a tile.
        offset: the middle of the sensor's range, for the examples.
        decoder: models of signals with wavelets: whether the library decodes streams as well, for gateways.
        ratio: of compressed sensing, the measurements a window; None: the middle one of those that the model has. It tells what qualities there are.
        size: pictures: width and height in pixels.
        tile: pictures: width and height of tiles in pixels, rounded up to the model's grid; None: as wide as the picture, 32 rows high.
        waiting: pictures: bytes for latents that wait for their tile; None: a byte for each pixel of the rows that wait.
    """

    name: str | None = None
    rate: float | None = None
    channels: int = 1
    packet: float = 2.0
    key: float | None = None
    sync: float = 60.0
    room: int | None = None
    offset: int = 0
    decoder: bool = False
    ratio: int | None = None
    size: tuple[int, int] | None = None
    tile: tuple[int, int] | None = None
    waiting: int | None = None


def export_firmware(bundle: Bundle, out: str | Path, wanted: Firmware, command: str = "") -> list[Path]:
    """Writes a library into a folder, which is made anew: nothing else may lie in it.

    Args:
        bundle: of a model of signals or pictures.
        out: the folder.
        wanted: what its packets are like.
        command: what the README says it was made with.

    Returns:
        The files written.

    Raises:
        ModelError, InputError, LimitError: the model is none for a device, or an option is out of range.
    """
    name = _name(wanted.name or bundle.name)
    make = {"image": _pictures, "sensing": _sensing}.get(bundle.modality, _signals)
    made = make(bundle, wanted, name)
    facts = f"{name}: {bundle.name} {bundle.model_id:08x} for {made.what}. Made by vaecodec {__version__}; do not edit."
    files = {f"src/{name}.h": made.model.header(facts), f"src/{name}.c": made.model.source(facts)}
    files |= {f"src/{path.name}": path.read_text() for path in _runtime(made.sources)}
    one_column, matches = bundle.modality == "signal" and wanted.channels == 1, set(MATCHING_SOURCES) <= set(made.sources)
    files["src/vc_build.h"] = _build(files["src/vc_build.h"], VC_FOR_DEVICE=1, VC_WITH_MATCH=int(matches), VC_ONE_COLUMN=int(one_column))
    values = _values(bundle, made.model, command) | made.values
    files |= {place: Template((TEMPLATES / template).read_text()).substitute(values) for template, place in made.places.items()}
    return _write(Path(out), files)


@dataclass(frozen=True)
class _Made:
    """What differs between kinds of models.

    Attributes:
        what: what the model is laid out for, for comments.
        model: writes its C.
        sources: of the runtime, without suffix.
        places: templates, and where they go.
        values: more of what templates name.
    """

    what: str
    model: DeviceModel | DeviceImageModel | SensingDevice
    sources: Sequence[str]
    places: dict[str, str]
    values: dict[str, object]


def _refuse(wanted: Firmware, names: Sequence[str], why: str) -> None:
    """Options that mean nothing to a model are errors."""
    usual = Firmware()
    for name in names:
        if getattr(wanted, name) != getattr(usual, name):
            raise InputError(f"--{name} is for {why}")


def _signals(bundle: Bundle, wanted: Firmware, name: str) -> _Made:
    _refuse(wanted, OF_PICTURES, "models of pictures")
    _refuse(wanted, ("ratio",), "models of compressed sensing")
    check_streams(bundle)
    model = DeviceModel(bundle, _packets(bundle, wanted, block(bundle)), name)
    rows = {
        "weights (flash, constant)": f"{model.weights} bytes",
        "workspace (RAM, yours)": f"`{name.upper()}_MEMORY`: at most {model.most_memory} bytes, and `sizeof(vc_encoder)`",
        "multiplications a sample": f"{sum(bundle.symbols.macs().values()):.0f}",
        "a packet leaves": f"{float(bundle.symbols.reach / model.packets.rate):.2g} s after its last sample",
    }
    values = {"encoder": "vc_encoder", "quality": QUALITY, "figures": _table(rows), "ram": _ram(model.most_memory), "gateway": ""}
    sources = SOURCES + MATCHING_SOURCES if bundle.symbols._c.has_match else SOURCES
    made = _Made(f"packets of {model.packets.rows} blocks", model, sources, PLACES, _stream_values(bundle, model.packets, wanted) | values)
    return _with_decoder(made, model) if wanted.decoder else made


def _with_decoder(made: _Made, model: DeviceModel) -> _Made:
    """The same library with what a gateway needs."""
    values: dict[str, object] = {"decoder_memory": model.decoder_memory(), "most_decoder_memory": model.most_decoder_memory}
    text = Template((TEMPLATES / "gateway.md").read_text()).substitute(values, upper=model.name.upper())
    places = made.places | {template: place.format(name=model.name) for template, place in DECODER_PLACES.items()}
    return replace(made, sources=(*made.sources, *DECODER_SOURCES), places=places, values=made.values | values | {"gateway": text})


def _sensing(bundle: Bundle, wanted: Firmware, name: str) -> _Made:
    _refuse(wanted, OF_PICTURES, "models of pictures")
    _refuse(wanted, ("decoder",), "models of signals with wavelets")
    measurements = _ratio(bundle, wanted)
    model = SensingDevice(bundle, _packets(bundle, wanted, measurements), measurements, name)
    worst, best = model.qualities
    rows = {
        "measurements": f"{model.fields['measurements']} of each window of {model.fields['window']} samples",
        "quality": f"{worst / 10:g} to {best / 10:g} (`{name.upper()}_QUALITY_MIN`, `_MAX`: tenths)",
        "tables (flash, constant)": f"{model.weights} bytes, and 1.2 KB that all models have",
        "workspace (RAM, yours)": f"`{name.upper()}_MEMORY`: {model.memory} bytes, and `sizeof(vc_sense_encoder)`",
        "additions a sample, before the coder": f"{sum(model.additions().values()):.3g}, and no multiplication",
        "a packet leaves": "with its last sample",
    }
    quality = min(max(QUALITY, worst), best)
    values = {"encoder": "vc_sense_encoder", "quality": quality, "figures": _table(rows), "ram": _ram(model.memory), "gateway": ""}
    return _Made(f"packets of {model.packets.rows} windows", model, SENSING_SOURCES, PLACES, _stream_values(bundle, model.packets, wanted) | values)


def _ratio(bundle: Bundle, wanted: Firmware) -> int:
    """Measurements a window: as wanted, or the middle one."""
    known = sorted(ratios(bundle.sensing))
    if wanted.ratio is not None and wanted.ratio not in known:
        raise InputError(f"{bundle.name} measures {', '.join(map(str, known))} of {bundle.sensing.window} samples, not {shown(wanted.ratio)}")
    return known[len(known) // 2] if wanted.ratio is None else wanted.ratio


def _pictures(bundle: Bundle, wanted: Firmware, name: str) -> _Made:
    _refuse(wanted, ("rate", "channels", "packet", "key", "sync", "offset", "ratio", "decoder"), "models of signals")
    if wanted.size is None:
        raise InputError("a device's pictures are of one size: give --size, such as 320x240")
    width, height = (whole_number(side, "a picture's side", 1, lib.VC_MAX_IMAGE_SIDE) for side in wanted.size)
    wide, tall = tile_of(bundle, width, height, wanted.tile)
    colours, waiting_rows = bundle.symbols.colours, min(height, tall + bundle.symbols.reach)
    waiting = max(SMALL_PICTURE, waiting_rows * width) if wanted.waiting is None else wanted.waiting
    room = min(MOST_ROOM, max(SMALL_ROOM, wide * tall * colours // 2)) if wanted.room is None else wanted.room
    pictures = Pictures(width, height, wide, tall, whole_number(waiting, "waiting", 64, MOST_ROOM), whole_number(room, "room", 128, MOST_ROOM))
    model = DeviceImageModel(bundle, pictures, name)
    values = {
        "width": width,
        "height": height,
        "tile": f"{wide}x{tall}",
        "colours": colours,
        "pixels": "RGB" if colours == 3 else "grey",
        "format": 6 if colours == 3 else 5,
        "rows": bundle.symbols.reach,
        "waiting": pictures.waiting,
        "room": pictures.room,
        "weights": model.weights,
        "memory": model.most_memory,
        "ram": _ram(model.most_memory),
        "macs": round(sum(bundle.symbols.macs().values())),
    }
    return _Made(f"pictures of {width} x {height} in tiles of {wide} x {tall}", model, IMAGE_SOURCES, IMAGE_PLACES, values)


def _name(given: str) -> str:
    name = given.replace("-", "_").lower()
    if not C_NAME.fullmatch(name) or name in C_WORDS:
        raise InputError(f"a name for C has letters a-z, digits and _, begins with a letter, not with vc_, and is free; got {shown(given)}")
    return name


def _packets(bundle: Bundle, wanted: Firmware, numbers: int) -> Packets:
    """Packets of blocks that have so many numbers to code."""
    times = layout(bundle, wanted.rate, wanted.packet, wanted.key, wanted.sync)
    channels = whole_number(wanted.channels, "channels", 1, lib.VC_MAX_DEVICE_CHANNELS)
    most = times.rows * numbers * channels * BYTES_A_NUMBER + MORE_BYTES
    room = most if wanted.room is None else whole_number(wanted.room, "room", 128, 1 << 20)
    return Packets(channels, times.rows, times.group, times.sync, times.rate, room)


def _runtime(sources: Sequence[str]) -> Sequence[Path]:
    """The sources, and all headers that they include."""
    found: dict[str, Path] = {}
    waiting = [f"{name}.c" for name in sources]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = RUNTIME / name
        waiting += re.findall(r'#include "(\w+\.h)"', found[name].read_text())
    return [found[name] for name in sorted(found)]


def _build(text: str, **switches: int) -> str:
    """vc_build.h with other values of its switches."""
    for name, value in switches.items():
        text = re.sub(rf"(#define {name}) \d+", rf"\1 {value}", text)
    return text


def _values(bundle: Bundle, model: DeviceModel | DeviceImageModel | SensingDevice, command: str) -> dict[str, object]:
    """What all templates name."""
    return {
        "name": model.name,
        "upper": model.name.upper(),
        "version": __version__,
        "bundle": bundle.name,
        "model_id": f"{bundle.model_id:08x}",
        "licence": bundle.manifest.get("licence") or "Apache-2.0",
        "command": command or f"{bundle.name} --out {model.name}",
    }


def _stream_values(bundle: Bundle, p: Packets, wanted: Firmware) -> dict[str, object]:
    samples = block(bundle)
    return {
        "channels": p.channels,
        "rate": f"{float(p.rate):g}",
        "rows": p.rows,
        "block": samples,
        "seconds": f"{float(p.rows * samples / p.rate):.3g}",
        "keys": "each decodes alone" if p.group == 1 else f"one in {p.group} decodes alone",
        "offset": ", ".join([str(whole_number(wanted.offset, "offset", -32768, 32767))] * p.channels),
    }


def _table(rows: dict[str, str]) -> str:
    return "\n".join(f"| {what} | {value} |" for what, value in rows.items())


def _ram(workspace: int) -> int:
    """KB of memory that the example's machine has."""
    return -(-(workspace + STRUCTURES_AND_STACK) // 65536) * 64


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
