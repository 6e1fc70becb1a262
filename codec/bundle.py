"""Bundles (`name.vaemodel`): a zip of everything that one model needs, read lazily and checked by hash.

docs/architecture.md lists the members. A bundle comes from a path, from the models that ship with the package, or from a
folder named in the environment variable VAECODEC_MODELS (several with the path separator between them).
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import os
import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from vaecodec.codec.errors import ModelError
from vaecodec.codec.interpreter import Network
from vaecodec.codec.native import SymbolModel
from vaecodec.codec.sensing_model import SenseModel

__all__ = ["SUFFIX", "Bundle", "model_id", "pack", "search_path", "synthesis_id"]

SUFFIX = ".vaemodel"
FORMAT = 1
# Members in the order in which they are stored.
MEMBERS = ("manifest.json", "symbols.bin", "encoder.tflite", "decoder.tflite", "golden.npz", "MODEL_CARD.md")
REQUIRED = ("symbols.bin", "decoder.tflite")
MAX_MEMBER = 1 << 28
MAX_MANIFEST = 1 << 20

# What zipfile and zlib raise on damaged archives; RuntimeError covers what zipfile does not implement.
# What NumPy lets through of a damaged .npy header, which is a Python literal.
HEADER_ERRORS = (ValueError, OverflowError, SyntaxError, RecursionError, tokenize.TokenError)
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError, lzma.LZMAError)


def model_id(symbols: bytes) -> int:
    """Model id of a symbols.bin: four bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(symbols).digest()[:4], "little")


def synthesis_id(decoder: bytes) -> int:
    """Synthesis id of a decoder.tflite: two bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(decoder).digest()[:2], "little")


def pack(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """Builds the bytes of a bundle; the same input gives the same bytes.

    Args:
        manifest: fields of manifest.json; format, ids and hashes are filled in here.
        members: symbols.bin, decoder.tflite and whichever of the others there are.

    Raises:
        ModelError: a required member is missing or one is unknown.
    """
    if missing := [name for name in REQUIRED if name not in members]:
        raise ModelError(f"a bundle needs {missing}")
    if unknown := sorted(set(members) - set(MEMBERS[1:])):
        raise ModelError(f"a bundle has no members {unknown}")
    full = {
        **manifest,
        "format": FORMAT,
        "model_id": f"{model_id(members['symbols.bin']):08x}",
        "synthesis_id": f"{synthesis_id(members['decoder.tflite']):04x}",
        "sha256": {name: hashlib.sha256(members[name]).hexdigest() for name in MEMBERS[1:] if name in members},
    }
    blobs = {"manifest.json": json.dumps(full, indent=1).encode(), **members}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in MEMBERS:
            if name in blobs:
                info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                archive.writestr(info, blobs[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


class Bundle:
    """One model: its manifest now, everything else when it is first asked for.

    Args:
        source: the bytes of a .vaemodel file, or its path.

    Raises:
        ModelError: it cannot be read, or its manifest is not one.
    """

    def __init__(self, source: bytes | Path) -> None:
        self._source = source
        self.manifest: dict[str, Any] = self._read_manifest()

    @classmethod
    def open(cls, source: str | Path) -> Bundle:
        """Opens a bundle by path (anything with a path separator or the suffix .vaemodel) or by name ("photo", "ecg")."""
        text = str(source)
        if isinstance(source, Path) or text.endswith(SUFFIX) or os.sep in text:
            return cls(Path(source))
        for folder in search_path():
            if (path := folder / (text + SUFFIX)).is_file():
                return cls(path)
        known = ", ".join(sorted({path.stem for path in installed()})) or "none"
        raise ModelError(f"no model is called {text!r}; known: {known}; a path to a {SUFFIX} file works too")

    @classmethod
    def find(cls, model_id: int) -> Bundle:
        """The known bundle with this model id.

        Raises:
            ModelError: none has it.
        """
        wanted = f"{model_id:08x}"
        for path in installed():
            try:
                bundle = cls(path)
            except ModelError:
                continue
            if bundle.manifest["model_id"] == wanted:
                return bundle
        where = f"name its {SUFFIX} file (-m), or put it into a folder of $VAECODEC_MODELS"
        raise ModelError(f"this stream needs the model with id {wanted}, which is not among the known ones: {where}")

    @property
    def name(self) -> str:
        """Its name, as in `vaecodec.load(name)`."""
        return str(self.manifest["name"])

    @property
    def modality(self) -> str:
        """One of "image", "signal", and "sensing" (signals that are sensed compressively)."""
        return str(self.manifest["modality"])

    @property
    def content(self) -> str:
        """What it codes: "image" or "signal"."""
        return "image" if self.modality == "image" else "signal"

    @property
    def step_codes(self) -> tuple[int, int]:
        """Step codes of quality 100 and of quality 0."""
        model = self.sensing if self.modality == "sensing" else self.symbols
        return model.t_lo, model.t_hi

    @cached_property
    def model_id(self) -> int:
        """Names all that decides symbols; streams carry it."""
        return int(self.manifest["model_id"], 16)

    @cached_property
    def synthesis_id(self) -> int:
        """Names the decoder weights; streams carry it."""
        return int(self.manifest["synthesis_id"], 16)

    @cached_property
    def symbols(self) -> SymbolModel:
        """The parsed symbols.bin of a picture's or signal's model.

        Raises:
            ModelError: it is missing, damaged, or not the one that the manifest names.
        """
        model = SymbolModel(self._symbols())
        if (model.rank == 2) != (self.modality == "image"):
            raise ModelError(f"{self.name}: a model of rank {model.rank} cannot code modality {self.modality!r}")
        return model

    @cached_property
    def sensing(self) -> SenseModel:
        """The parsed symbols.bin of a compressed sensing model; errors as `symbols`."""
        return SenseModel(self._symbols())

    def network(self, threads: int = 1) -> Network:
        """A new interpreter of decoder.tflite."""
        blob = self.member("decoder.tflite")
        if synthesis_id(blob) != self.synthesis_id:
            raise ModelError(f"{self.name}: decoder.tflite is not the one its manifest names")
        return Network(blob, threads)

    def member(self, name: str) -> bytes:
        """The bytes of a member, checked against the manifest's hash.

        Raises:
            ModelError: it is missing, too large, or damaged.
        """
        blob = self._read(name, MAX_MEMBER)
        expected = self.manifest["sha256"].get(name)
        if hashlib.sha256(blob).hexdigest() != expected:
            raise ModelError(f"{self.name}: {name} does not match the manifest's hash: the bundle is damaged")
        return blob

    def verify(self) -> None:
        """Checks every member's hash, loads the model and the decoder, and runs the golden self-test.

        Raises:
            ModelError: something is wrong; the message says what.
        """
        for name in self.manifest["sha256"]:
            self.member(name)
        self.step_codes  # noqa: B018  parses and checks
        self.network()
        if "golden.npz" in self.manifest["sha256"]:
            from vaecodec.codec import golden

            golden.check(self)

    def _symbols(self) -> bytes:
        blob = self.member("symbols.bin")
        if model_id(blob) != self.model_id:
            raise ModelError(f"{self.name}: symbols.bin is not the one its manifest names")
        return blob

    def _read(self, name: str, most: int) -> bytes:
        where = "the bundle" if isinstance(self._source, bytes) else str(self._source)
        try:
            file = io.BytesIO(self._source) if isinstance(self._source, bytes) else self._source
            with zipfile.ZipFile(file) as archive, archive.open(name) as member:
                blob = member.read(most + 1)
        except KeyError:
            raise ModelError(f"{where} has no {name}") from None
        except ZIP_ERRORS as error:
            raise ModelError(f"cannot read {name} of {where}: {error}") from error
        if len(blob) > most:
            raise ModelError(f"{name} of {where} is larger than {most} bytes")
        return blob

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads(self._read("manifest.json", MAX_MANIFEST))
        except (ValueError, RecursionError) as error:
            raise ModelError(f"manifest.json is not JSON: {error}") from error
        _check_manifest(manifest)
        return dict(manifest)


def _check_manifest(manifest: Any) -> None:
    """Checks the fields that the codec relies on."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(f"the manifest is not of bundle format {FORMAT}")
    texts = all(isinstance(manifest.get(key), str) for key in ("name", "modality", "model_id", "synthesis_id"))
    hashes = manifest.get("sha256")
    if not texts or not isinstance(hashes, dict) or not all(isinstance(h, str) for h in hashes.values()):
        raise ModelError("the manifest lacks a name, a modality, ids or hashes")
    if manifest["modality"] not in ("image", "signal", "sensing"):
        raise ModelError(f"modality {manifest['modality']!r}; expected 'image', 'signal' or 'sensing'")
    if not _is_hex(manifest["model_id"], 8) or not _is_hex(manifest["synthesis_id"], 4):
        raise ModelError("the manifest's ids are not hexadecimal")
    if not isinstance(manifest.get("halo"), int) or not 0 <= manifest["halo"] <= 64:
        raise ModelError("the manifest's halo is not a whole number in 0..64")
    rate, step, blocks, columns = (manifest.get(key) for key in ("rate", "step", "packet_blocks", "columns"))
    if rate is not None and not (_is_number(rate) and rate < 1 << 32):
        raise ModelError(f"the manifest's rate is no number of Hz: {rate!r}")
    if step is not None and not all(_is_number(value) for value in (step if isinstance(step, list) and step else [step])):
        raise ModelError(f"the manifest's step is no positive number, nor a list of them: {step!r}")
    if blocks is not None and (type(blocks) is not int or blocks < 1):
        raise ModelError(f"the manifest's packet_blocks is no whole number from 1 on: {blocks!r}")
    deviation, brief = manifest.get("deviation"), manifest.get("brief")
    if deviation is not None and not (_is_number(deviation) and deviation <= 1 << 15):
        raise ModelError(f"the manifest's deviation is no positive number up to 2^15: {deviation!r}")
    if brief not in (None, True, False):
        raise ModelError(f"the manifest's brief is neither true nor false: {brief!r}")
    if columns is not None and not (isinstance(columns, list) and all(isinstance(name, str) for name in columns)):
        raise ModelError(f"the manifest's columns are no list of names: {columns!r}")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= sys.float_info.max  # type: ignore[operator]


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and all(c in "0123456789abcdef" for c in text)


def search_path() -> list[Path]:
    """Folders in which models are looked for by name: those of VAECODEC_MODELS, then the package's own."""
    extra = [Path(folder) for folder in os.environ.get("VAECODEC_MODELS", "").split(os.pathsep) if folder]
    return [*extra, Path(__file__).with_name("bundles")]


def installed() -> Iterator[Path]:
    """Paths of all known bundles; of two with the same name only the first counts."""
    seen = set()
    for folder in search_path():
        for path in sorted(folder.glob("*" + SUFFIX)):
            if path.stem not in seen:
                seen.add(path.stem)
                yield path
