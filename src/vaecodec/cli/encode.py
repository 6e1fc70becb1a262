"""`vaecodec encode`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from vaecodec.cli.files import STDIO, Job, jobs, read_input, refuse_existing, run_all, write_outputs
from vaecodec.cli.options import Offsets, Rate, Seconds, Tile, given

SUFFIX = ".vae"
# What may stand in place of a quality.
TARGETS = ("target_bytes", "target_bpp", "psnr", "prdn", "max_error")
# What means something with --stream alone, and what only without it.
OF_STREAMS = ("packet", "key", "sync", "bitrate", "offset", "shift", "stream_id")
OF_FILES = (*TARGETS, "lossless", "tile", "order", "strip", "threads", "as_json")
# Units in the last place by which a sample without loss may be off.
MOST_ULPS = 4
EFFORT = "1 quantises as a device does, 2 chooses what to leave out, 3..9 decode and choose again: better for its bytes, each a decode slower."

ENGINE = "What runs the analysis; litert: LiteRT on the model's encoder.tflite, whose bytes may differ a little and decode all the same."


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="IN... OUT")
@click.option("-m", "--model", metavar="NAME|FILE", help="Model: a known name (`vaecodec models`) or a .vaemodel file; photos default to photo.")
@click.option("-q", "--quality", type=click.FloatRange(0, 100), help="0 smallest .. 100 best; 60 unless a target is given.")
@click.option("--target-bytes", type=click.IntRange(1), help="Best quality in at most so many bytes.")
@click.option("--target-bpp", type=click.FloatRange(0, min_open=True), help="Best quality in at most so many bits a pixel or sample.")
@click.option("--psnr", type=click.FloatRange(1, 100), help="Smallest file of a picture that decodes with at least so many dB.")
@click.option(
    "--prdn", type=click.FloatRange(0, 100, min_open=True), help="Smallest file of a signal whose error is at most so many % of its deviation."
)
@click.option("--lossless", is_flag=True, help="Every sample of a signal as it is, floats as multiples of a step; no model is needed.")
@click.option("--max-error", type=click.IntRange(0, 65535), help="Every sample of a signal within so many units; no model is needed.")
@click.option("-e", "--effort", type=click.IntRange(1, 9), default=2, show_default=True, help=EFFORT)
@click.option("--engine", type=click.Choice(["c", "litert"]), default="c", show_default=True, help=ENGINE)
@click.option("--rate", type=Rate(), help="Samples a second, for files that do not say.")
@click.option("--stream", is_flag=True, help="One signal, packet by packet as it comes; - is standard input or output.")
@click.option("--packet", type=Seconds(), help="Seconds a packet of a stream, 0.25s..60s; 2s unless given.")
@click.option("--key", type=Seconds(), help="Seconds between packets that decode alone; those between need the ones before. By default all do.")
@click.option("--sync", type=Seconds(), help="Seconds between the places where a reader may join a stream; 60s unless given.")
@click.option("--bitrate", type=click.FloatRange(0, min_open=True), help="Best quality of a stream in so many bits a second.")
@click.option("--offset", type=Offsets(), multiple=True, help="Taken off a stream's samples, one number or one a channel: the scale stays fixed.")
@click.option("--shift", type=click.IntRange(0, 15), help="With --offset, bits dropped from each sample.")
@click.option("--stream-id", type=click.IntRange(0, 65535), help="Tells a stream from others; a CRC of its first samples unless given.")
@click.option("--step", type=click.FloatRange(0, min_open=True), help="Value of one unit of decimals; the model's or the file's own unless given.")
@click.option("--channels", type=click.IntRange(1, 256), default=1, help="Channels of raw int16 input.")
@click.option("--columns", help="Channels to take, by name or number: ax,ay,az.")
@click.option("--tile", type=Tile(), help="Side of independent tiles in pixels, or WIDTHxHEIGHT, rounded up to the model's grid; 0: none.")
@click.option("--order", type=click.Choice(["level", "tile"]), help="Packets of a picture: all tiles coarse to fine (default), or tile by tile.")
@click.option("--input-format", metavar="SUFFIX", help="What the input is, if its name does not say: png, wav, csv, npy, raw, ...")
@click.option("--strip", is_flag=True, help="Leave EXIF and colour profile out.")
@click.option("-j", "--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads: tiles coded at a time.")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print facts of each output as a JSON line.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Compress IN to OUT, or several files into the folder OUT.

    \b
    Pictures: PNG JPEG WebP TIFF BMP NPY. Signals: WFDB (.hea) WAV CSV NPY RAW (int16, with --rate).

    \b
    vaecodec encode photo.jpg photo.vae -q 60
    vaecodec encode photo.png photo.vae --psnr 40 -e 4
    vaecodec encode photos/ compressed/ -m photo --target-bpp 0.5
    vaecodec encode 100.hea 100.vae -m ecg -q 70
    vaecodec encode 100.hea 100.vae -m ecg --prdn 5
    vaecodec encode 100.hea 100.vae --lossless
    vaecodec encode 100.hea 100.vae --max-error 3
    vaecodec encode ride.csv ride.vae -m imu.vaemodel --columns ax,ay,az
    cat photo.png | vaecodec encode - - -m photo > photo.vae

    \b
    Streams: standard input is raw int16, little-endian, channels interleaved, or with --input-format csv a line of numbers a sample.
    sensor | vaecodec encode --stream -m ecg --packet 2s --key 10s - > live.vae
    sensor | vaecodec encode --stream -m ecg --bitrate 200 - | radio
    vaecodec encode --stream -m ecg --packet 1s 100.hea 100.vae
    vaecodec encode --stream -m ecg --offset 1024,960 --stream-id 7 100.hea 100.vae

    With --offset the scale stays fixed, as on a device; samples too far from it saturate, and their number is said at the end. Otherwise it
    follows the signal.
    """
    from vaecodec.codec import rdoq

    _check_stream_options(options)
    if options["stream"]:
        from vaecodec.cli.stream import encode_stream

        return encode_stream(paths, options)
    if len(paths) < 2:
        raise click.UsageError("give at least one input and one output")
    options["max_error"] = _bound(options)
    if options["engine"] != "c" or options["psnr"] is not None or options["prdn"] is not None or rdoq.plan(options["effort"]).refinements:
        from vaecodec.cli.quiet import hush

        hush()
    *inputs, output = paths
    model = options["model"]
    suffixes = _suffixes(model, bounded=options["max_error"] is not None)
    work = jobs(inputs, output, suffixes, lambda path: path.stem + SUFFIX)
    return run_all(work, lambda job: _encode(job, options), "encode")


def _check_stream_options(options: dict[str, Any]) -> None:
    """Refuses options of streams without --stream, and with it those that only whole files can keep."""
    if options["stream"]:
        wrong, why = given(*OF_FILES), "is for whole files, not for --stream"
    else:
        wrong, why = given(*OF_STREAMS), "is for streams: give --stream"
    if wrong:
        raise click.UsageError(f"{wrong[0]} {why}")


def _bound(options: dict[str, Any]) -> int | None:
    """The greatest error that is asked for, or None; it leaves nothing for a quality or a target to say."""
    if not options["lossless"] and options["max_error"] is None:
        return None
    given = [f"--{key.replace('_', '-')}" for key in ("quality", "target_bytes", "target_bpp", "psnr", "prdn") if options[key] is not None]
    given += ["--max-error"] if options["lossless"] and options["max_error"] is not None else []
    if given:
        raise click.UsageError(f"{'--lossless' if options['lossless'] else '--max-error'} decides the quality; leave {given[0]} away")
    return 0 if options["lossless"] else int(options["max_error"])


def _suffixes(model: str | None, bounded: bool) -> tuple[str, ...]:
    """What to take from a folder for this model; a record's .dat comes with its .hea. Without a model only pictures have one to fall back on."""
    from vaecodec.codec.bundle import Bundle
    from vaecodec.io.files import IMAGE_SUFFIXES, SIGNAL_SUFFIXES

    if model is None and not bounded:
        return IMAGE_SUFFIXES
    chosen = SIGNAL_SUFFIXES if model is None or Bundle.open(model).content == "signal" else IMAGE_SUFFIXES
    return (*(s for s in chosen if s != ".dat"), ".npy")


def _encode(job: Job, options: dict[str, Any]) -> None:
    from vaecodec.codec.rate import DEFAULT_QUALITY

    check_target(job.target)
    refuse_existing(job.target, options["force"])
    start = time.perf_counter()
    source = _record(job.source)
    data = read_input(source)
    suffix = _suffix(source, data, options)
    codec = _codec(suffix, options)
    content = _read(data, source, suffix, "signal" if codec.bundle is None else codec.bundle.content, options)
    del data  # a large picture has better use for the memory
    stream = _compress(codec, content, source, options)
    write_outputs(job.target, {Path(job.target).name: stream}, options["force"])
    facts = codec.info(stream)
    if all(options[key] is None for key in TARGETS):  # a stream knows only its step code
        facts["quality"] = DEFAULT_QUALITY if options["quality"] is None else options["quality"]
    _report(job, facts, time.perf_counter() - start, options["as_json"])


def check_target(target: str) -> None:
    """Refuses names of originals: whoever leaves OUT away must not lose the last input."""
    from vaecodec.codec.errors import InputError
    from vaecodec.io.files import IMAGE_SUFFIXES, SIGNAL_SUFFIXES

    if Path(target).suffix.lower() in (*IMAGE_SUFFIXES, *SIGNAL_SUFFIXES, ".npy", ".vaemodel"):
        raise InputError(f"{target}: what comes out is a stream; give an output such as {Path(target).stem}{SUFFIX}, or a folder")


def _record(source: str) -> str:
    """The header of a WFDB record that was named by its samples or by its bare name."""
    path = Path(source)
    header = path.with_suffix(".hea")
    return str(header) if source != STDIO and path.suffix in (".dat", "") and header.is_file() else source


def _suffix(source: str, data: bytes, options: dict[str, Any]) -> str:
    from vaecodec.io.files import sniff

    if options["input_format"]:
        return "." + str(options["input_format"]).lstrip(".").lower()
    if source != STDIO:
        return Path(source).suffix.lower()
    model = options["model"]
    return sniff(data, _load(model).bundle.content if model else "image" if options["max_error"] is None else "signal")


def _default_model(suffix: str) -> str:
    from vaecodec.io.files import IMAGE_SUFFIXES

    if suffix in IMAGE_SUFFIXES:
        return "photo"
    raise click.UsageError(f"give the model with -m ({suffix or 'this file'} does not say which); `vaecodec models` lists them")


def _codec(suffix: str, options: dict[str, Any]) -> Any:
    """The model's codec, or the one that needs no model.

    Raises:
        InputError: a bound for a picture.
        UnsupportedError: a bound with another engine than the C core, which alone knows such signals.
    """
    from vaecodec.codec.bounded import BoundedCodec
    from vaecodec.codec.engine import refuse_litert
    from vaecodec.codec.errors import InputError
    from vaecodec.io.files import IMAGE_SUFFIXES

    model, bounded = options["model"], options["max_error"] is not None
    if bounded:
        refuse_litert(options["engine"], "a signal of bounded error")
    if bounded and model is None and suffix not in IMAGE_SUFFIXES:
        return BoundedCodec()
    codec = _load(model or _default_model(suffix), options["threads"])
    if bounded and codec.bundle.content == "image":
        raise InputError("--lossless and --max-error are for signals; a picture takes -q, --psnr or a target of bytes")
    return codec


def _load(model: str, threads: int = 1) -> Any:
    from vaecodec import api

    return api.cached(model, threads)


def _read(data: bytes, source: str, suffix: str, modality: str, options: dict[str, Any]) -> Any:
    from vaecodec.io.files import ReadOptions, read

    columns = options["columns"] and [name.strip() for name in options["columns"].split(",")]
    reading = ReadOptions(options["rate"], options["channels"], columns)
    return read(data, suffix, modality, reading, lambda name: _neighbour(source, name))


def read_recording(source: str, options: dict[str, Any]) -> Any:
    """A signal's file, as `encode` reads it."""
    path = _record(source)
    data = read_input(path)
    content = _read(data, path, _suffix(path, data, options), "signal", options)
    for note in content.notes:
        click.echo(f"vaecodec: note: {source}: {note}", err=True)
    return content


def _compress(codec: Any, content: Any, source: str, options: dict[str, Any]) -> bytes:
    from vaecodec.codec.errors import InputError
    from vaecodec.io.recording import Picture

    target = {key: options[key] for key in ("quality", "target_bytes", "target_bpp", "effort", "engine")}
    for note in content.notes:
        click.echo(f"vaecodec: note: {source}: {note}", err=True)
    if isinstance(content, Picture):
        if options["prdn"] is not None:
            raise InputError("--prdn is for signals; a picture takes --psnr")
        if options["step"] is not None:
            raise InputError("--step is for signals with decimals, not for pictures")
        if options["order"]:
            target["order"] = options["order"]
        extra = {} if options["strip"] else {"icc": content.icc, "exif": content.exif}
        return bytes(codec.encode(content.pixels, **target, psnr=options["psnr"], tile=options["tile"], **extra))
    if options["psnr"] is not None:
        raise InputError("--psnr is for pictures; a signal takes --prdn")
    for name in ("tile", "order"):
        if options[name] is not None:
            raise InputError(f"--{name} is for pictures")
    if options["step"] is not None and content.samples.dtype.kind != "f":
        raise InputError(f"--step is for samples with decimals; these are {content.samples.dtype}")
    facts = {"rate": content.rate, "columns": content.columns, "units": content.units, "extra": content.extra, "step": options["step"]}
    if options["max_error"] is not None:
        stream = bytes(codec.encode(content.samples, max_error=options["max_error"], **facts))
        if options["lossless"]:
            _check_lossless(stream, content, source)
        return stream
    own = codec.bundle.manifest.get("rate")
    if own and content.rate and not 0.8 < content.rate / own < 1.25:
        click.echo(f"vaecodec: note: {source} has {float(content.rate):g} Hz, {codec.bundle.name} was trained on {own:g} Hz", err=True)
    return bytes(codec.encode(content.samples, **target, prdn=options["prdn"], **facts))


def _check_lossless(stream: bytes, content: Any, source: str) -> None:
    """Says where float samples do not come back to the last bit.

    Raises:
        InputError: they are off by more than their own rounding, so they are no multiples of the step.
    """
    import numpy as np

    from vaecodec.codec.bounded import BoundedCodec
    from vaecodec.codec.errors import InputError

    samples = content.samples
    if samples.dtype.kind != "f":
        return
    again = BoundedCodec().decode(stream)
    # A multiple of a decimal step, which no binary float holds exactly, is off by a bit or two.
    if (np.abs(again - samples) > MOST_ULPS * np.spacing(np.abs(samples))).any():
        raise InputError("--lossless: the samples are no whole multiples of one step: give the step of their grid with --step, or --max-error")
    if (again != samples).any() and "csv" not in content.extra:
        click.echo(f"vaecodec: note: {source}: multiples of a step that {samples.dtype} cannot hold: the last bits of samples may differ", err=True)


def _neighbour(source: str, name: str) -> bytes:
    """A file beside the input; a header may not point elsewhere."""
    from vaecodec.codec.errors import FormatError

    if source == STDIO or Path(name).name != name:
        raise FormatError(f"the record's samples lie in {name!r}, which is not a file beside its header")
    return read_input(str(Path(source).with_name(name)))


def _report(job: Job, facts: dict[str, Any], seconds: float, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"input": job.source, "output": job.target, "seconds": round(seconds, 3), **facts}), err=job.target == STDIO)
        return
    bits = f"{facts['bpp']} bpp" if "bpp" in facts else f"{facts['bits_per_sample']} bits/sample"
    close = f"quality {facts['quality']:g}" if "quality" in facts else f"max error {facts['max_error']}" if facts["max_error"] else "lossless"
    click.echo(f"{job.source} -> {job.target}: {facts['bytes']} bytes, {bits}, {close}, {seconds:.2f} s", err=True)
