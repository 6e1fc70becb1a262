"""One ratio of a compressed sensing model as constant C: what `export firmware` writes of it beside the sources of the runtime."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec._native import lib
from vaecodec.codec.arguments import shown
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, LimitError
from vaecodec.codec.native import crc32c
from vaecodec.codec.rate import SUBSTEPS, setting
from vaecodec.codec.recordings import MAX_PACKET
from vaecodec.codec.sensing_model import Ratio, SenseModel
from vaecodec.export.firmware_model import Packets, c_text, wrapped

__all__ = ["SensingDevice", "ratios"]

ALIGNMENT = 3  # bytes that the workspace may lose to be aligned
AROUND = 18  # bytes around a packet's payload: see packet_room in vc_sense_encoder.c
MOST_WINDOWS = 65535  # a packet
MOST_PLACES = 255  # of one sign in a row
BANKS_UNIT = 1024  # a step code's word: exponent + 1024 bank


def ratios(model: SenseModel) -> dict[int, int]:
    """Measurements a window of each ratio that step codes use, and its number."""
    return {model.ratios[number].measurements: number for number in sorted({number for _, number, _ in model.dial})}


class SensingDevice:
    """The C of one ratio for one kind of packets (vc_sense_encoder.h says what its tables hold).

    Args:
        bundle: of compressed sensing.
        packets: what its packets are like; `rows` are windows.
        measurements: M of the ratio.
        name: C identifier that the device gets.

    Attributes:
        words: tables of 16 bits.
        bytes: tables of 8 bits.
        classes: (contexts, where thresholds begin, where distributions begin) of each class in each bank, banks first.
        fields: the other fields of vc_sense_device that are numbers, by name.

    Raises:
        InputError: the model has no such ratio, or one that no device takes.
        LimitError: more samples a packet than the format allows.
    """

    def __init__(self, bundle: Bundle, packets: Packets, measurements: int, name: str) -> None:
        self.name, self.packets = name, packets
        self._bundle, self._model = bundle, bundle.sensing
        known = ratios(self._model)
        if self._model.window > lib.VC_SENSE_MOST_SAMPLES or measurements > lib.VC_SENSE_MOST_ROWS:
            most = f"{lib.VC_SENSE_MOST_ROWS} of {lib.VC_SENSE_MOST_SAMPLES}"
            raise InputError(f"{bundle.name} measures {measurements} of {self._model.window} samples; a device at most {most}")
        if measurements not in known:
            raise InputError(f"{bundle.name} measures {', '.join(map(str, known))} of {self._model.window} samples, not {shown(measurements)}")
        if packets.rows * self._model.window * packets.channels > MAX_PACKET or packets.rows > MOST_WINDOWS:
            raise LimitError(f"{packets.channels} channels of {packets.rows} windows a packet; at most {MAX_PACKET} samples, {MOST_WINDOWS} windows")
        number = known[measurements]
        self._ratio = self._model.ratios[number]
        self._codes = [t for t, (_, own, _) in enumerate(self._model.dial) if own == number]
        if self._codes != list(range(self._codes[0], self._codes[-1] + 1)):
            raise InputError(f"{bundle.name} has ratio {measurements} at qualities with others between them, which no device can turn to")
        self.words, self.bytes, self.classes = self._tables()
        self.fields = self._fields()

    @property
    def qualities(self) -> tuple[int, int]:
        """Lowest and highest quality of this ratio, in tenths."""
        steps = self._model.t_lo, self._model.t_hi
        found = [tenths for tenths in range(1001) if setting(tenths / 10, *steps) // SUBSTEPS in range(self._codes[0], self._codes[-1] + 1)]
        return found[0], found[-1]

    @property
    def memory(self) -> int:
        """Bytes of workspace."""
        return 4 * self.packets.channels * (self._model.window + self._ratio.measurements) + self.packets.room + AROUND + ALIGNMENT

    @property
    def weights(self) -> int:
        """Bytes of the tables."""
        return 2 * len(self.words) + len(self.bytes)

    def additions(self) -> dict[str, float]:
        """Additions a sample before the coder, at the step code that takes the most: `Ratio.operations`, but with sums made of running sums."""
        costs = [self._ratio.operations(self._model.dial[t][0]) for t in self._codes]
        differences = sum(len(added) + len(taken) - 1 for added, taken in map(_places, self._ratio.phi))
        return max(costs, key=lambda cost: sum(cost.values())) | {"sums": 1 + differences / self._model.window}

    def _tables(self) -> tuple[list[int], list[int], list[tuple[int, int, int]]]:
        banks = [self._model.dial[t][2] for t in self._codes]
        words = [self._model.dial[t][0] + BANKS_UNIT * (bank - min(banks)) for t, bank in zip(self._codes, banks, strict=True)]
        numbers, classes = list(_runs(self._ratio)), []
        for bank in range(min(banks), max(banks) + 1):
            for thresholds, table in self._ratio.tables:
                pairs = _shortened(table[bank].tolist())
                classes.append((len(pairs), _placed(words, thresholds[: len(pairs) - 1]), len(numbers)))
                numbers += chain.from_iterable(pairs)
        return words, numbers, classes

    def _fields(self) -> dict[str, int]:
        p, model = self.packets, self._model
        checked = struct.pack(f"<{len(self.words)}H", *self.words) + bytes(self.bytes)
        return {
            "n_words": len(self.words), "n_bytes": len(self.bytes), "crc": crc32c(checked),
            "window": model.window, "measurements": self._ratio.measurements, "coarsest": model.t_hi, "first_code": self._codes[0],
            "n_codes": len(self._codes), "rounding": model.rounding, "channels": p.channels, "n_classes": len(self._ratio.tables),
            "model_id": self._bundle.model_id, "synthesis_id": self._bundle.synthesis_id, "windows": p.rows, "sync": p.sync, "rate": p.rate.numerator,
            "rate_divisor": p.rate.denominator, "packet_bytes": p.room,
        }

    def header(self, facts: str) -> str:
        """The header file; `facts` is what its comment says of the model."""
        upper, p, (worst, best) = self.name.upper(), self.packets, self.qualities
        return f"""/* {facts} */
#ifndef {upper}_H
#define {upper}_H

#include "vc_sense_encoder.h"

extern const vc_sense_device {self.name};

enum {{
    {upper}_CHANNELS = {p.channels},
    {upper}_BLOCK = {self._model.window}, /* samples a channel that are measured at once */
    {upper}_PACKET = {p.rows * self._model.window}, /* samples a channel of a packet */
    {upper}_PACKET_BYTES = {p.room}, /* room for a packet */
    {upper}_QUALITY_MIN = {worst}, /* qualities at which it measures {self._ratio.measurements} of {self._model.window}, in tenths */
    {upper}_QUALITY_MAX = {best},
    {upper}_MEMORY = {self.memory} /* bytes of workspace */
}};

#endif
"""

    def source(self, facts: str) -> str:
        """The source file: tables and what points to them, all constant."""
        return "\n".join([f"/* {facts} */", f'#include "{self.name}.h"', "", *self._numbers(), *self._device()])

    def _numbers(self) -> Iterable[str]:
        for kind, name, values in (("uint16_t", "words", self.words), ("uint8_t", "bytes", self.bytes)):
            yield f"static const {kind} vc_own_{name}[{len(values)}] = {{"
            yield from wrapped(map(str, values))
            yield "};\n"
        yield f"static const vc_sense_class vc_own_classes[{len(self.classes)}] = {{"
        yield from (f"    {{{contexts}, {thresholds}, {distributions}}}," for contexts, thresholds, distributions in self.classes)
        yield "};\n"

    def _device(self) -> Iterable[str]:
        pointers = {"words": "vc_own_words", "bytes": "vc_own_bytes", "classes": "vc_own_classes"}
        in_hex = "crc", "model_id", "synthesis_id"
        values = pointers | {name: f"{value:#x}" if name in in_hex else str(value) for name, value in self.fields.items()}
        yield f"const vc_sense_device {self.name} = {{"
        yield from (f"    {value}, /* {name} */" for name, value in values.items())
        yield f"    {c_text(self.packets.facts)}, /* facts */"
        yield "};\n"


def _shortened(pairs: list[list[int]]) -> list[list[int]]:
    """Contexts of a class without those at the end that are like the one before."""
    while len(pairs) > 1 and pairs[-1] == pairs[-2]:
        pairs = pairs[:-1]
    return pairs


def _placed(words: list[int], thresholds: Sequence[int]) -> int:
    """Where thresholds are among the words: where others begin with them, or at the end."""
    wanted, count = list(thresholds), len(thresholds)
    for at in range(len(words) - count + 1):
        if words[at : at + count] == wanted:
            return at
    words += wanted
    return len(words) - count


def _runs(ratio: Ratio) -> Iterable[int]:
    """The bytes of all rows, in runs of one class and offset."""
    kinds = list(zip(ratio.classes.tolist(), ratio.offsets.tolist(), strict=True))
    for (number, offset), rows in groupby(range(len(kinds)), key=lambda r: kinds[r]):
        run = list(rows)
        yield from (len(run), number, *(offset & 0xFFFF).to_bytes(2, "little"))
        for r in run:
            yield from _row(ratio, r)


def _row(ratio: Ratio, r: int) -> Iterable[int]:
    added = [term for term in ratio.means[r] if not term.minus]
    taken = [term for term in ratio.means[r] if term.minus]
    for terms in (added, taken, ratio.sizes[r]):
        yield 2 * len(terms)
        for term in terms:
            yield from (term.row + ratio.measurements * term.before, term.shift)
    for places in _places(ratio.phi[r]):
        if len(places) > MOST_PLACES:
            raise InputError(f"row {r} of the measurements has more than {MOST_PLACES} changes of sign")
        yield from (len(places), *places)


def _places(row: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """The running sums that make a row of Φ, those to be added and those to be taken off: sum i is that of samples 0 .. i."""
    changes = row.astype(np.int64) - np.append(row[1:], 0)
    return np.repeat(np.arange(len(row)), np.maximum(changes, 0)).tolist(), np.repeat(np.arange(len(row)), np.maximum(-changes, 0)).tolist()
