"""Writes a trained model as one .vaemodel file (docs/architecture.md, "Bundle").

    weights.npz ──► Trained ──► Exported ──► symbols.bin, encoder.tflite, decoder.tflite ──► + golden.npz, report, card ──► bundle

Files are made in memory, and written only when the bundle has passed its own self-test.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecodec.codec.bundle import SUFFIX, Bundle, pack
from vaecodec.codec.errors import InputError
from vaecodec.codec.native import SymbolModel
from vaecodec.export.decoder_tflite import decoder_tflite, halo
from vaecodec.export.encoder_tflite import encoder_tflite
from vaecodec.export.facts import PACKET_SECONDS, Facts
from vaecodec.export.golden import golden_vectors
from vaecodec.export.lapped import LappedAnalysis, lapped_decoder
from vaecodec.export.model_card import model_card
from vaecodec.export.report import Report, measure
from vaecodec.export.sensing_bundle import sensing_bundle
from vaecodec.export.trained import Exported, Trained, convert, from_model
from vaecodec.train import weights
from vaecodec.train.data.examples import load_examples
from vaecodec.train.data.files import split
from vaecodec.train.model import CodecModel
from vaecodec.train.run_folder import RunFolder
from vaecodec.train.sensing import RecoveryModel
from vaecodec.train.sensing_config import Config

Array = npt.NDArray[Any]

PACKET_BLOCKS = 128  # where no sampling rate says how long a block is
_ENCODER_SIDE = 256


@dataclass(frozen=True)
class Result:
    """An exported bundle.

    Attributes:
        blob: its bytes.
        report: what the export cost, or None where no data was given.
    """

    blob: bytes
    report: Report | None = None


def export_bundle(trained: Trained, facts: Facts, samples: Sequence[Array] = ()) -> Result:
    """Converts, measures and packs.

    Args:
        trained: the model.
        facts: what the manifest and the card say.
        samples: held-out pictures (uint8 [H, W, 3]) or signals (integers [N, channels]) to measure the cost of the conversion on.

    Returns:
        The bundle; the same weights, facts and samples give the same bytes.

    Raises:
        ModelError: the weights cannot be represented.
    """
    exported = convert(trained)
    members = {"symbols.bin": exported.program.to_bytes()} | _networks(trained, exported)
    manifest = _manifest(trained, exported, facts)
    report = measure(trained, exported, Bundle(pack(manifest, members)), samples) if len(samples) else None
    if report is not None:
        report.check()
    manifest["figures"] |= _figures(exported, report, facts)
    members["golden.npz"] = golden_vectors(Bundle(pack(manifest, members)), trained.config.sensor.bits)
    members["MODEL_CARD.md"] = model_card(manifest, trained, exported, report).encode()
    return Result(pack(manifest, members), report)


def _networks(trained: Trained, exported: Exported) -> dict[str, bytes]:
    """The .tflite members; a lapped analysis, whose weights have 16 bits, is none that a kernel of TFLite computes exactly."""
    if isinstance(exported.filters, LappedAnalysis):
        (layer,) = exported.levels
        return {"decoder.tflite": lapped_decoder(layer, exported.filters, exported.steps)}
    decoder = decoder_tflite(exported.levels, exported.filters, exported.steps, exported.unmix, float(trained.config.sensor.offset))
    return {"encoder.tflite": encoder_tflite(exported.program, _encoder_shape(exported)), "decoder.tflite": decoder}


def write_bundle(run: str | Path, out: str | Path, facts: Facts, *, data: str | Path | None = None, samples: int = 4) -> Result:
    """Exports the weights of a training run to a file, after the bundle has passed its own self-test.

    Args:
        run: folder of the run, or a weights file.
        out: the .vaemodel file to write; its name without the suffix is the model's unless `facts` has another.
        facts: what the bundle says about itself; the command is filled in here.
        data: folder as for training: its validation files serve to measure what the conversion costs.
        samples: at most so many of them.

    Raises:
        InputError: no weights, or a wrong name of the output.
        ModelError: the weights cannot be represented, or the bundle fails its self-test.
    """
    path = Path(out)
    if path.suffix != SUFFIX:
        raise InputError(f"a bundle's name ends in {SUFFIX}, not {path.name}")
    model, steps = load_model(run)
    held_out = load_samples(model.config, data, samples) if data is not None else []
    command = facts.command or _command(run, path, data, samples)
    facts = replace(facts, name=facts.name or path.stem, command=command)
    if isinstance(model, RecoveryModel):
        result = Result(sensing_bundle(model, steps, facts, held_out))
    else:
        result = export_bundle(from_model(model, steps), facts, held_out)
    Bundle(result.blob).verify()
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(result.blob)
    partial.replace(path)
    return result


def load_run(run: str | Path) -> Trained:
    """The model of a run's folder or of a weights file.

    Raises:
        InputError: no weights there, or damaged ones.
    """
    model, steps = load_model(run)
    if isinstance(model, RecoveryModel):
        raise InputError(f"Expected a model with a filter bank. Received: {run}, a model of compressed sensing")
    return from_model(model, steps)


def load_model(run: str | Path) -> tuple[CodecModel | RecoveryModel, int]:
    """The Keras model of a run's folder or of a weights file, and its training steps; errors as `load_run`."""
    path = Path(run)
    return weights.load(RunFolder(path).weights if path.is_dir() else path)


def load_samples(config: Config, data: str | Path, count: int) -> list[Array]:
    """Held-out pictures (uint8 [H, W, C]) or signals (int32 [N, 1]) of a data folder, at most `count`, spread over its validation files.

    Raises:
        InputError: no such folder, or nothing to validate on.
    """
    _, paths = split(config, data)
    paths = [paths[i * len(paths) // count] for i in range(count)] if len(paths) > count else paths
    examples = load_examples(config, paths).fixed(config.validation.length, count)
    return [example if config.rank == 2 else example.astype(np.int32) for example in examples]


def _command(run: str | Path, out: Path, data: str | Path | None, samples: int) -> str:
    """The command line without the folders, which are nobody's business."""
    words = ["vaecodec", "export", "bundle", Path(run).name, out.name]
    if data is not None:
        words += ["--data", Path(data).name, "--samples", str(samples)]
    return shlex.join(words)


def _encoder_shape(exported: Exported) -> tuple[int, int]:
    """A size for encoder.tflite, whose graph is for one: a 256 x 256 tile, or 16 blocks of one channel."""
    unit = 1 << exported.program.levels
    if exported.program.rank == 1:
        return 16 * unit, 1
    side = max(unit, _ENCODER_SIDE)
    return side, side


def _manifest(trained: Trained, exported: Exported, facts: Facts) -> dict[str, Any]:
    config = trained.config
    sensor = config.sensor
    signal = config.rank == 1
    return {
        "name": facts.name or config.name,
        "version": facts.version,
        "description": facts.description,
        "modality": config.modality,
        "levels": config.levels,
        "rate": sensor.rate or None if signal else None,
        "step": _resolution(config.data.resolution) if signal else None,
        "columns": _names(config.data.columns) if signal else None,
        "units": sensor.units,
        "bits": sensor.bits,
        "packet_blocks": packet_blocks(sensor.rate, config.levels) if signal else None,
        "deviation": config.data.deviation or None,
        "brief": signal or None,
        "halo": halo(exported.levels),
        "steps": trained.steps,
        "figures": {},
        "data": list(facts.sources),
        "licence": facts.licence,
        "tool": f"vaecodec {version('vaecodec')}",
    }


def _resolution(values: tuple[float, ...]) -> float | list[float] | None:
    """Value of one unit of float samples: none given, one for all channels, or one each."""
    return None if not values else values[0] if len(values) == 1 else list(values)


def _names(columns: tuple[str | int, ...]) -> list[str] | None:
    """Names of the channels trained on; None where they have none."""
    names = [str(column) for column in columns if isinstance(column, str)]
    return names if names and len(names) == len(columns) else None


def packet_blocks(rate: float, levels: int) -> int:
    """Blocks of 2^levels samples in a packet of at most 30 seconds."""
    return max(1, int(PACKET_SECONDS * rate) >> levels) if rate else PACKET_BLOCKS


def _figures(exported: Exported, report: Report | None, facts: Facts) -> dict[str, Any]:
    macs = SymbolModel(exported.program.to_bytes()).macs()
    figures: dict[str, Any] = {"encoder_macs": {name: round(value, 1) for name, value in macs.items()}}
    if report is not None:
        figures["export"] = report.to_json()
    if facts.command:
        figures["command"] = facts.command
    return figures
