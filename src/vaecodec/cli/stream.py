"""`encode --stream` and `decode --stream`: samples to packets and back, as they come."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from vaecodec.cli.files import STDIO, write_outputs
from vaecodec.cli.options import given
from vaecodec.cli.stream_files import Output, check_files, is_live, read_pieces
from vaecodec.codec.errors import FormatError, InputError, LimitError, UnsupportedError
from vaecodec.io.lines import LineReader, RawReader, write_lines, write_raw_samples

__all__ = ["decode_stream", "encode_stream"]

Samples = NDArray[Any]
# Samples handed to the encoder at a time, of files that are read at once.
STRIDE = 1 << 14
RAW, LINES = ("raw", "bin", "s16", "pcm"), ("csv", "txt", "lines")
# What is written at once, and the files that each makes.
WHOLE = {"npy": ("npy",), "wav": ("wav",), "tsv": ("tsv",), "hea": ("hea", "dat"), "dat": ("hea", "dat")}
# Faults after which all samples are still there; of a stream that was joined they are if no byte before was skipped.
HARMLESS = ("duplicated", "reordered", "joined")


def encode_stream(paths: tuple[str, ...], options: dict[str, Any]) -> int:
    """Encodes one input, packet by packet."""
    from vaecodec.cli.encode import check_target
    from vaecodec.cli.quiet import hush
    from vaecodec.codec.stream_encoder import Encoder

    source, target = _pair(paths)
    if options["model"] is None:
        raise click.UsageError("give the model with -m; `vaecodec models` lists them")
    check_target(target)
    check_files(source, [target], options["force"])
    parts, facts = _input(source, options)
    if options["engine"] != "c":
        hush()
    encoder = Encoder(options["model"], **_settings(options), **facts)
    with Output(target, is_live(source)) as out:
        try:
            _encode(encoder, parts, out)
        finally:
            _tell_saturated(encoder)
    return 0


def decode_stream(paths: tuple[str, ...], options: dict[str, Any]) -> int:
    """Decodes one stream, chunk by chunk; says on stderr what was wrong.

    Returns:
        0, or 3 where samples are missing or made up, or bytes before the first packet were skipped.
    """
    from vaecodec.codec.stream_decoder import Decoder

    source, target = _pair(paths)
    kind = _output_kind(target, options["output_format"])
    files = _output_files(target, kind)
    check_files(source, files if options["report"] is None else [*files, options["report"]], options["force"])
    conceal = {} if options["conceal"] is None else {"conceal": options["conceal"]}
    decoder = Decoder(options["model"], threads=options["threads"], lookahead=options["lookahead"], **conceal)
    with nullcontext() if options["report"] is None else Output(options["report"], is_live(source)) as lines:
        report = _Report(decoder, lines)
        try:
            _write(decoder, source, target, kind, options, report)
        finally:
            report.finish()
    return FormatError.exit_code if report.harmed else 0


def _pair(paths: tuple[str, ...]) -> tuple[str, str]:
    if len(paths) > 2:
        raise click.UsageError("a stream has one input and one output; - is the standard one, and so is an output that is left away")
    return paths[0], paths[1] if len(paths) == 2 else STDIO


def _format(path: str, named: str | None) -> str:
    return (named or Path(path).suffix).lstrip(".").lower()


# --- encoding -------------------------------------------------------------------------------------------------------


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    names = ("packet", "key", "sync", "quality", "bitrate", "effort", "shift", "stream_id", "engine")
    settings = {name: options[name] for name in names if options[name] is not None}
    if options["offset"]:
        settings["offset"] = [offset for group in options["offset"] for offset in group]
    elif options["shift"]:
        raise click.UsageError("--shift needs --offset, without which the scale follows the signal")
    return settings


def _encode(encoder: Any, parts: Iterator[Samples], out: Output) -> None:
    for samples in parts:
        out.write(b"".join(encoder.feed(samples)))
    out.write(b"".join(encoder.flush()))
    if out.is_empty:
        raise InputError("the input has no samples")


def _tell_saturated(encoder: Any) -> None:
    if encoder.saturated:
        click.echo(f"vaecodec: note: samples too far from --offset, which saturate: {encoder.saturated}; a greater --shift takes them in", err=True)


def _input(source: str, options: dict[str, Any]) -> tuple[Iterator[Samples], dict[str, Any]]:
    """Samples in pieces, and what the encoder should know of them."""
    kind = _format(source, options["input_format"]) or ("raw" if source == STDIO else "")
    is_lines = source == STDIO and kind in LINES
    _refuse_options(kind, is_lines)
    if kind not in RAW and not is_lines:
        return _recording(source, options)
    reader = LineReader(options["step"]) if is_lines else RawReader(options["channels"])
    facts = {name: options[name] for name in ("rate", "step") if options[name] is not None}
    return _pieces(source, reader.feed, reader.finish), facts


def _refuse_options(kind: str, is_lines: bool) -> None:
    """Refuses options that say nothing of such an input."""
    if kind in RAW:
        wrong, what = given("step", "columns"), "raw samples, which are integers without names"
    elif is_lines:
        wrong, what = given("channels", "columns"), "lines of numbers, of which all are taken"
    else:
        wrong, what = given("channels"), "files that say how many they have"
    if wrong:
        raise click.UsageError(f"{wrong[0]} is not for {what}")


def _pieces(source: str, feed: Callable[[bytes], Samples], finish: Callable[[], Samples]) -> Iterator[Samples]:
    for data in read_pieces(source):
        yield _flat(feed(data))
    yield _flat(finish())


def _flat(samples: Samples) -> Samples:
    """A single channel as `[n]`."""
    return samples[:, 0] if samples.shape[1] == 1 else samples


def _recording(source: str, options: dict[str, Any]) -> tuple[Iterator[Samples], dict[str, Any]]:
    """A file of a format that is read at once."""
    from vaecodec.cli.encode import read_recording

    content = read_recording(source, options)
    if options["step"] is not None and content.samples.dtype.kind != "f":
        raise InputError(f"--step is for samples with decimals; these are {content.samples.dtype}")
    facts = {"columns": content.columns, "units": content.units, "extra": content.extra, "step": options["step"] or content.steps}
    known = {name: value for name, value in facts.items() if value}
    if content.rate is not None:
        known["rate"] = content.rate
    samples = content.samples
    return (samples[at : at + STRIDE] for at in range(0, len(samples), STRIDE)), known


# --- decoding -------------------------------------------------------------------------------------------------------


def _output_kind(target: str, named: str | None) -> str:
    kind = _format(target, named) or ("raw" if target == STDIO else "")
    if kind not in (*RAW, *LINES, *WHOLE):
        raise UnsupportedError(f"a stream can be written as {' '.join(sorted((*RAW, *LINES, *WHOLE)))}, not {kind!r}")
    if target == STDIO and kind in WHOLE:
        raise InputError(f"standard output takes raw or csv of a stream, not {kind}")
    return kind


def _output_files(target: str, kind: str) -> list[str]:
    return [str(Path(target).with_suffix("." + suffix)) for suffix in WHOLE[kind]] if kind in WHOLE else [target]


class _Report:
    """Faults as lines on stderr, and as JSON lines in a file, which also tells of samples that are approximate or made up.

    Attributes:
        harmed: whether samples are missing or made up.
    """

    def __init__(self, decoder: Any, out: Output | None) -> None:
        self._decoder, self._out = decoder, out
        self._samples: dict[str, int] = {}
        self._end: int | None = None
        self.harmed = False

    def finish(self) -> None:
        """Sums up, in the file."""
        self._line({"samples": self._samples, "faults": dict(self._decoder.tally)})

    @property
    def is_empty(self) -> bool:
        """Whether no samples have come."""
        return not self._samples

    def take(self, chunk: Any) -> None:
        """Counts a chunk's samples, those left out before it, and tells what was found wrong so far."""
        if self._end is not None and chunk.first > self._end:
            self._samples["missing"] = self._samples.get("missing", 0) + chunk.first - self._end
            self._line({"origin": "missing", "first": self._end, "samples": chunk.first - self._end})
        self._end = chunk.first + len(chunk.samples)
        self._samples[chunk.origin] = self._samples.get(chunk.origin, 0) + len(chunk.samples)
        self.tell()
        if chunk.origin != "decoded":
            self._line({"origin": chunk.origin, "number": chunk.number, "first": chunk.first, "samples": len(chunk.samples)})

    def tell(self) -> None:
        """Says what was found wrong since the last call."""
        for fault in self._decoder.faults():
            where = "" if fault.number is None else f" at packet {fault.number}"
            what = f", {fault.count} bytes" if fault.kind in ("damaged", "joined") else f", {fault.count} packets" if fault.count > 1 else ""
            click.echo(f"vaecodec: fault: {fault.kind}{where}{what}", err=True)
            self._line({"fault": fault.kind, "number": fault.number, "count": fault.count})
            self.harmed |= fault.kind not in HARMLESS or (fault.kind == "joined" and fault.count > 0)

    def _line(self, facts: dict[str, Any]) -> None:
        if self._out is not None:
            self._out.write(json.dumps(facts).encode() + b"\n")


def _write(decoder: Any, source: str, target: str, kind: str, options: dict[str, Any], report: _Report) -> None:
    from vaecodec.codec.recordings import MAX_SAMPLES

    most = options["max_size"] or (MAX_SAMPLES if kind in WHOLE else math.inf)
    chunks = _limited(_decoded(decoder, source, report), most)
    if kind in WHOLE:
        _write_whole(chunks, decoder, target, kind, options["force"])
        return
    write = write_raw_samples if kind in RAW else write_lines
    with Output(target, is_live(source)) as out:
        for chunk in chunks:
            out.write(write(chunk.samples))


def _decoded(decoder: Any, source: str, report: _Report) -> Iterator[Any]:
    """What the input decodes to.

    Raises:
        FormatError: that is nothing.
    """
    size = 0
    for data in read_pieces(source):
        size += len(data)
        for chunk in decoder.chunks(data):
            report.take(chunk)
            yield chunk
        report.tell()
    for chunk in decoder.flush():
        report.take(chunk)
        yield chunk
    report.tell()
    if decoder.header is None:
        raise FormatError(f"no stream: no sync packet in {size} bytes")
    if report.is_empty:
        raise FormatError("no samples came: nothing is written")


def _limited(chunks: Iterator[Any], most: float) -> Iterator[Any]:
    count = 0
    for chunk in chunks:
        count += chunk.samples.size
        if count > most:
            raise LimitError(f"more than {most} samples over all channels: raise --max-size")
        yield chunk


def _write_whole(chunks: Iterator[Any], decoder: Any, target: str, kind: str, force: bool) -> None:
    """A file of a format that is written at once."""
    from vaecodec.io.files import write
    from vaecodec.io.streams import stream_recording

    samples = np.concatenate([chunk.samples for chunk in chunks])
    recording = stream_recording(samples, decoder.header)
    write_outputs(target, write(recording, "." + kind, Path(target).stem), force)
