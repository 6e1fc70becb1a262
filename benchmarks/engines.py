"""`vaecodec bench engine`: the integer analysis by the C core and by LiteRT, output by output.

The C core is normative. LiteRT's reference kernels (BUILTIN_REF, those of tflite-micro too) must give the same coefficients on the bundle's
encoder.tflite; of the kernels that LiteRT takes by default, and so of `--engine litert`, the report says how often they do not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaecodec.benchmarks.recordings import channels
from vaecodec.benchmarks.results import Report, environment, find_files, naming, write_report
from vaecodec.benchmarks.tables import table
from vaecodec.benchmarks.ties import Tally, mixed_ties, steered, sums
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.engine import LITERT, C, LitertAnalysis
from vaecodec.codec.errors import VaecodecError
from vaecodec.codec.grids import padded
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.native import SymbolModel
from vaecodec.codec.signal import SignalCodec
from vaecodec.export.symbols import FilterPair, SymbolProgram

__all__ = ["bench_engine", "compare", "noise", "ties"]

Int16 = NDArray[np.int16]
Row = dict[str, Any]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
PIECE = 1 << 16  # samples of a signal that are analysed at a time
SIDE = 256  # of pictures made here
OUTPUTS = 10**6
STEPS, LANES = 16, 8  # of steered inputs: outputs of the deepest level, twice as many at each level before it, and signals beside each other


def bench_engine(
    folder: str | Path,
    model: str | Path,
    out: str | Path | None = None,
    *,
    quality: float = 60,
    limit: int = 8,
    outputs: int = OUTPUTS,
    records: Sequence[str] | None = None,
    as_json: bool = False,
    echo: Callable[[str], None] = print,
) -> Report:
    """Compares the engines of one bundle.

    Args:
        folder: with pictures or recordings, as the bundle codes them.
        model: name or path of the bundle.
        out: folder for `engine.json` and `engine.txt`; nothing is kept unless given.
        quality: 0..100, at which latents are compared.
        limit: files that are encoded with both engines.
        outputs: coefficients to compare at least, of the files and of noise each; the files are gone through again if they give less.
        records: files to take, by stem or pattern, of signals; see `recordings.channels`.
        as_json: print the report as JSON in place of a table.
        echo: takes the text to print.

    Returns:
        The report. `rows`: for "files", "noise" (uniform, at the full range and at a quarter) and "near ties" (see `ties`) the number of
        coefficients, of sums that were on a tie and beside one, and of coefficients in which the reference kernels and the default ones
        differ from the C core. `latents`: of the files encoded with both engines, how many latents there are, and how many differ; each
        file of the other engine was decoded.

    Raises:
        UnsupportedError: the bundle has no encoder.tflite, or LiteRT is not installed.
        VaecodecError: a stream did not come back.
    """
    bundle = Bundle.open(model)
    LitertAnalysis(bundle)  # refuses what has none, before any work
    arrays = list(_arrays(Path(folder), bundle, limit, records))
    program = SymbolProgram.from_bytes(bundle.member("symbols.bin"))
    sources = {
        "files": _enough(lambda: _inputs(bundle.symbols, arrays), outputs),
        "noise": noise(program, outputs),
        "near ties": ties(program),
    }
    rows = {name: compare(bundle, program, inputs) for name, inputs in sources.items()}
    report: Report = {"kind": "engine", "environment": environment(), "model": bundle.name, "quality": quality, "rows": rows}
    report |= {"latents": _latents(bundle, arrays, quality)}
    lines = text(report)
    if out is not None:
        write_report(report, Path(out) / "engine.json")
        (Path(out) / "engine.txt").write_text(lines + "\n", encoding="utf-8")
    echo(json.dumps(report) if as_json else lines)
    return report


def compare(bundle: Bundle, program: SymbolProgram, inputs: Iterator[Int16]) -> Row:
    """Runs the engines on inputs of the analysis; see `bench_engine`."""
    engines = {"reference": LitertAnalysis(bundle, reference=True), "default": LitertAnalysis(bundle)}
    tally, count, differing = Tally(), 0, dict.fromkeys(engines, 0)
    for x in inputs:
        ours = bundle.symbols.analyse(x)
        count += sum(band.size for band in ours)
        for name, analyse in engines.items():
            differing[name] += sum(int((a != b).sum()) for a, b in zip(ours, analyse(x), strict=True))
        for values, shift in sums(program, x):
            tally.add(values, shift)
    return {"outputs": count, "sums": tally.total, "on_tie": tally.on, "beside_tie": tally.beside, "differing": differing}


def text(report: Report) -> str:
    """The table that is printed."""
    head = (report["model"], "outputs", "sums on a tie", "beside one", "reference differs", "default differs")
    rows = [
        (name, str(row["outputs"]), *(str(row[key]) for key in ("on_tie", "beside_tie")), *map(str, row["differing"].values()))
        for name, row in report["rows"].items()
    ]
    latents = report["latents"]
    share = 100 * latents["differing"] / latents["count"]
    said = f"Quality {report['quality']:g}, {latents['files']} files: {latents['differing']} of {latents['count']} latents ({share:.4f} %) differ"
    return f"{table(head, rows)}\n\n{said} with --engine litert; all of its files decode."


# --- inputs of the analysis -----------------------------------------------------------------------------------------


def noise(program: SymbolProgram, outputs: int, seed: int = 0) -> Iterator[Int16]:
    """Uniform noise, in turn over the full range, so that sums saturate, and over a quarter of it."""
    random = np.random.default_rng(seed)
    shape = (SIDE, SIDE, program.colours) if program.rank == 2 else (PIECE, 1)
    for i in range(-(-outputs // int(np.prod(shape)))):
        limit = 1 << (15 - 2 * (i % 2))
        yield random.integers(-limit, limit, shape).astype(np.int16)


def ties(program: SymbolProgram, steps: int = STEPS, lanes: int = LANES, seed: int = 0) -> Iterator[Int16]:
    """Inputs whose sums lie on or beside ties: of every level in turn; see the module `ties`.

    Of pictures the colour mix comes first. Then rows or columns are alike and grey, and sums of the first plane are steered.
    """
    random = np.random.default_rng(seed)
    if program.rank == 1:
        chain = [level[0][0] for level in program.filters]
        for level in range(1, program.levels + 1):
            for lane in _whole(steered(chain[:level], steps << (program.levels - level), lanes, random), program.levels).T:
                yield np.ascontiguousarray(lane[:, None])
        return
    yield mixed_ties(program.mix, SIDE, SIDE, random)
    for level in range(1, program.levels + 1):
        for axis in (0, 1):
            lines = _whole(steered(_chain(program, level, axis), steps << (program.levels - level), max(1, lanes // 4), random), program.levels)
            for line in lines.T:
                alike = np.broadcast_to(line[None, :, None], (SIDE, len(line), program.colours))
                yield np.ascontiguousarray(alike if axis == 0 else alike.swapaxes(0, 1))


def _chain(program: SymbolProgram, level: int, axis: int) -> list[FilterPair | tuple[int, int]]:
    """What happens along one axis to the first plane of a grey picture that is constant along the other."""
    stages: list[FilterPair | tuple[int, int]] = [(sum(program.mix[0].weights), program.mix[0].shift)]
    for filters in program.filters[:level]:
        across = filters[1 - axis][0]
        along, factor = filters[axis][0], (sum(across.low), across.shift_low)
        stages += [along, factor] if axis == 0 else [factor, along]
    return stages[:-1] if axis == 0 else stages


def _whole(lines: Int16, levels: int) -> Int16:
    """Samples [N, lanes], repeated at the end up to what the analysis and the .tflite take."""
    length = max(padded(len(lines), levels), 8 << levels)
    return np.pad(lines, ((0, length - len(lines)), (0, 0)), mode="edge")


def _enough(inputs: Callable[[], Iterator[Int16]], outputs: int) -> Iterator[Int16]:
    """Goes through the inputs as often as it takes, whole inputs at a time."""
    count = 0
    while count < outputs:
        for x in inputs():
            count += x.size
            yield x


def _inputs(model: SymbolModel, arrays: list[NDArray[Any]]) -> Iterator[Int16]:
    """Pictures and signals as the analysis takes them: without their middle, and as large as 16 bits allow."""
    for array in arrays:
        centred = array.astype(np.int64) - (model.in_offset if model.rank == 2 else np.rint(array.mean(0)).astype(np.int64))
        room = max(0, int(np.abs(centred).max()).bit_length() - 15 + max(0, model.in_shift))
        x = np.clip(np.floor(centred * 2.0 ** (model.in_shift - (room if model.rank == 1 else 0)) + 0.5), -32768, 32767).astype(np.int16)
        widths = [(0, -n % (1 << model.levels)) for n in x.shape[: model.rank]] + [(0, 0)] * (x.ndim - model.rank)
        x = np.pad(x, widths, mode="edge")
        yield from [x] if model.rank == 2 else (x[at : at + PIECE] for at in range(0, len(x), PIECE) if len(x) - at >= PIECE or at == 0)


# --- files ----------------------------------------------------------------------------------------------------------


def _arrays(folder: Path, bundle: Bundle, limit: int, records: Sequence[str] | None) -> Iterator[NDArray[Any]]:
    if bundle.content == "signal":
        for channel in channels(folder, records, None, None, limit):
            yield channel.samples[:, None]
        return
    mode = "RGB" if bundle.symbols.colours == 3 else "L"
    for path in find_files(folder, SUFFIXES, limit):
        with naming(path), Image.open(path) as picture:
            pixels = np.asarray(picture.convert(mode))
        yield pixels if mode == "RGB" else pixels[..., None]


def _latents(bundle: Bundle, arrays: list[NDArray[Any]], quality: float) -> Row:
    """Encodes every file with both engines, decodes those of the other one, and counts latents that differ."""
    codec = ImageCodec(bundle) if bundle.content == "image" else SignalCodec(bundle)
    total = {"files": len(arrays), "count": 0, "differing": 0}
    for array in arrays:
        taken: Any = array[..., 0] if bundle.content == "image" and array.shape[2] == 1 else array.astype(np.int32) if array.ndim == 2 else array
        ours, theirs = (codec.encode(taken, quality=quality, engine=engine) for engine in (C, LITERT))
        if codec.decode(theirs).shape != taken.shape:
            raise VaecodecError("a stream of the other engine came back in another shape")
        pairs = list(zip(codec.latents(ours).bands, codec.latents(theirs).bands, strict=True))
        total["count"] += sum(a.size for a, _ in pairs)
        total["differing"] += sum(int((a != b).sum()) for a, b in pairs)
    return total
