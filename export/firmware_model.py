"""A model and its plan as constant C: what `export firmware` writes beside the sources of the runtime."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from vaecodec.codec._native import ffi, lib
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, LimitError
from vaecodec.codec.native import crc32c
from vaecodec.codec.recordings import MAX_PACKET

__all__ = ["ALIGNED", "DeviceModel", "Packets", "c_text", "definition", "plan_source", "workspace", "wrapped"]

WIDTH = 140
ALIGNED = 8  # bytes to which an allocation may be rounded up


@dataclass(frozen=True)
class Packets:
    """What a device's packets are like.

    Attributes:
        channels: sampled together.
        rows: blocks of 2^L samples a packet.
        group: packets from a key packet to the next; 1: every packet decodes alone.
        sync: packets from a sync packet to the next.
        rate: samples a second and channel.
        room: bytes that a packet may take; more, and it is lost.
        facts: JSON that travels with every sync packet, or nothing.
    """

    channels: int
    rows: int
    group: int
    sync: int
    rate: Fraction
    room: int
    facts: str = ""


class DeviceModel:
    """The C of a signal model for one kind of packets.

    Args:
        bundle: of a signal model with wavelets.
        packets: what its packets are like.
        name: C identifier that the device model gets.

    Raises:
        InputError: the model is none that a device's encoder runs.
        LimitError: more samples between key packets than the format allows.
    """

    def __init__(self, bundle: Bundle, packets: Packets, name: str) -> None:
        if bundle.modality != "signal" or bundle.symbols.lapped:
            raise InputError(f"{bundle.name}: a device's encoder runs models of signals with wavelets")
        self.name, self.packets = name, packets
        self._bundle, self._model = bundle, bundle.symbols
        geometry = ffi.new("vc_geometry *", {"rows": packets.rows * packets.group, "cols": packets.channels})
        size = lib.vc_plan_memory(self._model._c, geometry)
        if size < 0:
            blocks = packets.rows * packets.group
            raise LimitError(f"{packets.channels} channels of {blocks} blocks between key packets; the limit is {MAX_PACKET} samples")
        self._memory = np.zeros(size, np.uint8)
        self._plan = lib.vc_plan_place(self._model._c, geometry, ffi.cast("void *", self._memory.ctypes.data))
        self._plan.lanes = self._plan.packed = 0  # a device has no room for weights laid out anew

    @property
    def weights(self) -> int:
        """Bytes of the model."""
        return len(self._model.blob)

    @property
    def most_memory(self) -> int:
        """Bytes of workspace where pointers have 64 bits."""
        device = ffi.new("vc_device_model *", {"plan": self._plan, "packet_bytes": self.packets.room})
        return int(lib.vc_encoder_memory(device)) + ALIGNED * len(self._structures())

    def memory(self) -> str:
        """A constant expression of C: bytes of workspace, whatever the sizes of pointers and structures are."""
        return workspace(self.most_memory, self._structures())

    @property
    def most_decoder_memory(self) -> int:
        """Bytes of workspace of a decoder where pointers have 64 bits."""
        device = ffi.new("vc_device_model *", {"plan": self._plan, "packet_bytes": self.packets.room, "rows": self.packets.rows})
        return int(lib.vc_decoder_memory(device)) + ALIGNED * len(self._structures())

    def decoder_memory(self) -> str:
        """A constant expression of C: bytes of workspace of a decoder, which has no analysis."""
        return workspace(self.most_decoder_memory, self._structures() | {"vc_pyramid": 0})

    def _structures(self) -> dict[str, int]:
        """What the workspace has of things whose sizes differ between machines."""
        channels, matched = self.packets.channels, self.packets.channels if self._model._c.has_match else 0
        return {
            "vc_pyramid": channels, "int16_t *": self._plan.most_segments, "vc_cell": self._plan.most_symbols,
            "vc_history_channel": matched, "vc_match_sums": matched,
        }

    def header(self, facts: str) -> str:
        """The header file; `facts` is what its comment says of the model."""
        upper, p = self.name.upper(), self.packets
        return f"""/* {facts} */
#ifndef {upper}_H
#define {upper}_H

#include "vc_encoder.h"

extern const vc_device_model {self.name};

enum {{
    {upper}_CHANNELS = {p.channels},
    {upper}_BLOCK = {1 << self._model.levels}, /* samples a channel that are coded at once */
    {upper}_PACKET = {p.rows << self._model.levels}, /* samples a channel of a packet */
    {upper}_PACKET_BYTES = {p.room} /* room for a packet */
}};

/* Bytes of workspace. */
#define {upper}_MEMORY ({self.memory()})

#endif
"""

    def source(self, facts: str) -> str:
        """The source file: weights, model and plan, all constant."""
        lines = [f"/* {facts} */", f'#include "{self.name}.h"', "", *plan_source(self._model, self._plan), *self._device()]
        return "\n".join(lines)

    def _device(self) -> Iterable[str]:
        p, bundle = self.packets, self._bundle
        values = {
            "plan": "&vc_own_plan", "model_id": f"{bundle.model_id:#x}", "synthesis_id": f"{bundle.synthesis_id:#x}", "rows": p.rows,
            "group": p.group, "sync": p.sync, "rate": p.rate.numerator, "rate_divisor": p.rate.denominator, "packet_bytes": p.room,
            "blob_crc": f"{crc32c(self._model.blob):#x}", "facts": c_text(p.facts),
        }
        yield from definition("vc_device_model", self.name, values)


def workspace(most: int, structures: dict[str, int]) -> str:
    """A constant expression of C.

    Args:
        most: bytes where pointers have 64 bits.
        structures: what is in them of types whose sizes differ between machines, and how many.
    """
    fixed = most - sum(n * ffi.sizeof(kind) for kind, n in structures.items())
    return " + ".join([str(fixed), *(f"{n} * sizeof({kind})" for kind, n in structures.items() if n)])


def definition(kind: str, name: str, values: dict[str, Any]) -> Iterable[str]:
    """A constant structure, field by field."""
    yield f"const {kind} {name} = {{"
    yield from (f"    {value}, /* {field} */" for field, value in values.items())
    yield "};\n"


def plan_source(model: Any, plan: Any) -> Iterable[str]:
    """A model's weights, what the core has read of them, and a plan: constant C.

    Args:
        model: SymbolModel.
        plan: its vc_plan.
    """
    c = model._c
    yield f"static const uint8_t vc_own_weights[{len(model.blob)}] = {{"
    yield from wrapped(map(str, model.blob))
    yield "};\n"
    yield f"static const vc_model vc_own_model = {_text(c[0], {'blob': 'vc_own_weights'})};\n"
    yield from _table("vc_plane", "planes", [plan.planes[i] for i in range(c.n_planes)])
    stages = range(c.n_stages)
    for number in stages:
        yield from _stage_source(model, plan, number)
    own = {"model": "&vc_own_model", "planes": "vc_own_planes", "layers": _names("layers", stages), "symbols": _names("symbols", stages)}
    yield f"static const vc_plan vc_own_plan = {_text(plan[0], own)};\n"


def _names(what: str, stages: Iterable[int]) -> str:
    return "{" + ", ".join(f"vc_own_{what}_{number}" for number in stages) + "}"


def _stage_source(model: Any, plan: Any, number: int) -> Iterable[str]:
    stage = model._c.stages[number]
    layers = [plan.layers[number][i] for i in range(stage.n_prelude + stage.n_row)]
    segments = [layer.segments[i] for layer in layers for i in range(layer.n_segments + layer.n_conditions)]
    yield from _table("vc_segment", f"segments_{number}", segments)
    yield f"static const vc_layer vc_own_layers_{number}[] = {{"
    first = 0
    for layer in layers:
        count = layer.n_segments + layer.n_conditions
        yield f"    {_layer_text(model, layer, f'vc_own_segments_{number} + {first}' if count else 'NULL')},"
        first += count
    yield "};\n"
    yield from _table("vc_symbol", f"symbols_{number}", [plan.symbols[number][i] for i in range(stage.n_symbols)])


def _layer_text(model: Any, layer: Any, segments: str) -> str:
    base = ffi.cast("uint8_t *", model._data)
    known = {name: "NULL" if getattr(layer.o, name) == ffi.NULL else f"vc_own_weights + {getattr(layer.o, name) - base}"
             for name in ("terms", "shifts", "bias", "weights")}
    return _text(layer, {"o": _text(layer.o, known), "segments": segments})


def _table(kind: str, name: str, items: list[Any]) -> Iterable[str]:
    yield f"static const {kind} vc_own_{name}[] = {{"
    yield from (f"    {_text(item)}," for item in items)
    yield "};\n"


def _text(value: Any, known: dict[str, str] | None = None) -> str:
    """A structure, an array or a number as an initialiser; `known` has texts of a structure's fields, which are then named."""
    if isinstance(value, int):
        return str(value)
    kind = ffi.typeof(value)
    if kind.kind == "array":
        items = list(map(_text, value))
        while len(items) > 1 and not items[-1].strip("{}0, "):
            items.pop()  # what is left out is zero
        return "{" + ", ".join(items) + "}"
    fields = [name for name, _ in sorted(kind.fields, key=lambda field: field[1].offset)]
    if known is None:
        return "{" + ", ".join(_text(getattr(value, name)) for name in fields) + "}"
    return "{" + ", ".join(f".{name} = {known.get(name) or _text(getattr(value, name))}" for name in fields) + "}"


def c_text(text: str) -> str:
    """A string as a literal of C, NULL where it is empty."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if text else "NULL"


def wrapped(words: Iterable[str]) -> Iterable[str]:
    """Words of a list in lines."""
    return textwrap.wrap(", ".join(words), WIDTH, initial_indent="    ", subsequent_indent="    ")
