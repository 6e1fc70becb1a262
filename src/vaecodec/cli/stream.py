"""`encode --stream` and `decode --stream`: samples to packets and back, as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
import numpy as np
from numpy.typing import NDArray

from vaecodec.cli.files import STDIO, refuse_existing, write_outputs
from vaecodec.codec.errors import FormatError, InputError
from vaecodec.io.lines import LineReader, RawReader, write_lines, write_raw_samples

__all__ = ["decode_stream", "encode_stream"]

Samples = NDArray[Any]
PIECE = 1 << 16
# Samples handed to the encoder at a time, of files that are read at once.
STRIDE = 1 << 14
RAW, LINES = ("raw", "bin", "s16", "pcm"), ("csv", "txt", "lines")
# Faults after which all samples are still there.
HARMLESS = ("duplicated", "reordered", "joined")


def encode_stream(paths: tuple[str, ...], options: dict[str, Any]) -> int:
    """Encodes one input, packet by packet."""
    from vaecodec.codec.stream_encoder import Encoder

    source, target = _pair(paths)
    if options["model"] is None:
        raise click.UsageError("give the model with -m; `vaecodec models` lists them")
    refuse_existing(target, options["force"])
    names = ("packet", "key", "sync", "quality", "bitrate", "effort")
    given = {name: options[name] for name in names if options[name] is not None}
    parts, facts = _input(source, options)
    encoder = Encoder(options["model"], **given, **facts)
    with _open_output(target) as out:
        for samples in parts:
            _send(out, encoder.feed(samples))
        _send(out, encoder.flush())
    return 0


def decode_stream(paths: tuple[str, ...], options: dict[str, Any]) -> int:
    """Decodes one stream, chunk by chunk; says on stderr what was wrong.

    Returns:
        0, or 3 where samples are missing or made up.
    """
    from vaecodec.codec.stream_decoder import Decoder

    source, target = _pair(paths)
    refuse_existing(target, options["force"])
    decoder = Decoder(options["model"], threads=options["threads"], lookahead=options["lookahead"])
    report = _Report(decoder, options["report"])
    with report:
        if target == STDIO or _format(target, options["output_format"]) in (*RAW, *LINES):
            _write_live(decoder, source, target, options["output_format"], report)
        else:
            _write_whole(decoder, source, target, options, report)
    return FormatError.exit_code if any(kind not in HARMLESS for kind in decoder.tally) else 0


def _pair(paths: tuple[str, ...]) -> tuple[str, str]:
    if len(paths) > 2:
        raise click.UsageError("a stream has one input and one output; - is the standard one, and so is an output that is left away")
    return paths[0], paths[1] if len(paths) == 2 else STDIO


def _format(path: str, given: str | None) -> str:
    return (given or Path(path).suffix).lstrip(".").lower()


# --- encoding -------------------------------------------------------------------------------------------------------


def _input(source: str, options: dict[str, Any]) -> tuple[Iterator[Samples], dict[str, Any]]:
    """Samples in pieces, and what the encoder should know of them."""
    kind = _format(source, options["input_format"]) or ("raw" if source == STDIO else "")
    facts = {} if options["rate"] is None else {"rate": options["rate"]}
    if kind in RAW or (source == STDIO and kind in LINES):
        reader = RawReader(options["channels"]) if kind in RAW else LineReader(options["step"])
        return _pieces(source, reader.feed, reader.finish), {**facts, "step": options["step"]} if options["step"] else facts
    return _recording(source, options)


def _pieces(source: str, feed: Callable[[bytes], Samples], finish: Callable[[], Samples]) -> Iterator[Samples]:
    with _open_input(source) as stream:
        for data in _bytes(stream):
            yield _flat(feed(data))
    yield _flat(finish())


def _flat(samples: Samples) -> Samples:
    """A single channel as `[n]`."""
    return samples[:, 0] if samples.shape[1] == 1 else samples


def _recording(source: str, options: dict[str, Any]) -> tuple[Iterator[Samples], dict[str, Any]]:
    """A file of a format that is read at once."""
    from vaecodec.cli.encode import read_recording

    content = read_recording(source, options)
    facts = {"columns": content.columns, "units": content.units, "extra": content.extra, "step": options["step"] or content.steps}
    known = {name: value for name, value in facts.items() if value}
    if content.rate is not None:
        known["rate"] = content.rate
    samples = content.samples
    return (samples[at : at + STRIDE] for at in range(0, len(samples), STRIDE)), known


def _send(out: BinaryIO, packets: list[bytes]) -> None:
    if packets:
        out.write(b"".join(packets))
        out.flush()


# --- decoding -------------------------------------------------------------------------------------------------------


class _Report:
    """Faults as lines on stderr, and as JSON lines in a file, which also tells of samples that are approximate or made up."""

    def __init__(self, decoder: Any, path: str | None) -> None:
        self._decoder, self._path = decoder, path
        self._file: Any = None
        self._samples: dict[str, int] = {}

    def __enter__(self) -> _Report:
        self._file = None if self._path is None else Path(self._path).open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._line({"samples": self._samples, "faults": dict(self._decoder.tally)})
            self._file.close()

    def take(self, chunk: Any) -> None:
        """Counts a chunk's samples, and tells what was found wrong so far."""
        self._samples[chunk.origin] = self._samples.get(chunk.origin, 0) + len(chunk.samples)
        self.tell()
        if self._file is not None and chunk.origin != "decoded":
            self._line({"origin": chunk.origin, "number": chunk.number, "first": chunk.first, "samples": len(chunk.samples)})

    def tell(self) -> None:
        """Says what was found wrong since the last call."""
        for fault in self._decoder.faults():
            where = "" if fault.number is None else f" at packet {fault.number}"
            what = f"{fault.count} bytes" if fault.kind in ("damaged", "joined") else f"{fault.count} packet{'s' * (fault.count > 1)}"
            click.echo(f"vaecodec: fault: {fault.kind}{where}, {what}", err=True)
            if self._file is not None:
                self._line({"fault": fault.kind, "number": fault.number, "count": fault.count})

    def _line(self, facts: dict[str, Any]) -> None:
        self._file.write(json.dumps(facts) + "\n")
        self._file.flush()


def _decoded(decoder: Any, source: str, report: _Report) -> Iterator[Any]:
    with _open_input(source) as stream:
        for data in _bytes(stream):
            for chunk in decoder.chunks(data):
                report.take(chunk)
                yield chunk
            report.tell()
    for chunk in decoder.flush():
        report.take(chunk)
        yield chunk
    report.tell()


def _write_live(decoder: Any, source: str, target: str, output_format: str | None, report: _Report) -> None:
    kind = _format(target, output_format) or "raw"
    if kind not in (*RAW, *LINES):
        raise InputError(f"standard output takes raw or csv of a stream, not {kind}")
    write = write_raw_samples if kind in RAW else write_lines
    with _open_output(target) as out:
        for chunk in _decoded(decoder, source, report):
            out.write(write(chunk.samples))
            out.flush()


def _write_whole(decoder: Any, source: str, target: str, options: dict[str, Any], report: _Report) -> None:
    """A file of a format that is written at once."""
    from vaecodec.codec.recordings import MAX_SAMPLES
    from vaecodec.io.files import write
    from vaecodec.io.streams import stream_recording

    most, parts, count = options["max_size"] or MAX_SAMPLES, [], 0
    for chunk in _decoded(decoder, source, report):
        count += chunk.samples.size
        if count > most:
            raise InputError(f"more than {most} samples do not go into one file: write raw or csv, or raise --max-size")
        parts.append(chunk.samples)
    if not parts:
        raise FormatError("no samples came: nothing is written")
    recording = stream_recording(np.concatenate(parts), decoder.header)
    kind = _format(target, options["output_format"])
    path = Path(target)
    write_outputs(target, write(recording, "." + kind, path.stem), options["force"])


# --- standard streams -----------------------------------------------------------------------------------------------


def _bytes(stream: BinaryIO) -> Iterator[bytes]:
    """What is there, without waiting for a full buffer."""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    while data := read(PIECE):
        yield data


class _Standard:
    """A standard stream, which stays open."""

    def __init__(self, stream: Any, name: str) -> None:
        if stream is None:
            raise InputError(f"standard {name} is closed")
        self._stream: BinaryIO = stream.buffer

    def __enter__(self) -> BinaryIO:
        return self._stream

    def __exit__(self, *_: object) -> None:
        """Leaves it open."""


def _open_input(source: str) -> Any:
    if source == STDIO:
        return _Standard(sys.stdin, "input")
    if not Path(source).is_file():
        raise InputError(f"no such file: {source}")
    return Path(source).open("rb")


def _open_output(target: str) -> Any:
    """The output, which grows as packets or samples are done."""
    return _Standard(sys.stdout, "output") if target == STDIO else Path(target).open("wb")
