"""`vaecodec decode`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from vaecodec.cli.files import STDIO, Job, jobs, read_input, refuse_existing, run_all, write_outputs
from vaecodec.cli.options import Region, Scale, Seconds, given

# What means something with --stream alone, and what only without it.
OF_STREAMS = ("report", "lookahead", "conceal")
OF_FILES = ("region", "scale", "partial", "fast", "as_json")


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="IN... OUT")
@click.option("-m", "--model", metavar="NAME|FILE", help="Model, if it is not among the known ones; found by the stream's id otherwise.")
@click.option("--output-format", metavar="SUFFIX", help="What to write, if the output's name does not say: png, npy, wav, csv, hea, ...")
@click.option("--region", type=Region(), help="Only this part of a picture.")
@click.option("--scale", type=Scale(), default="1", help="A picture of 1/2, 1/4, 1/8 .. of the size.")
@click.option("--allow-partial", "partial", is_flag=True, help="Decode what there is of a picture that is cut off or damaged.")
@click.option("--fast", is_flag=True, help="About twice as fast for a picture, at the cost of some tenths of a dB.")
@click.option("--stream", is_flag=True, help="A stream as it comes, whatever is missing; - is standard input or output.")
@click.option("--conceal", type=Seconds(), help="Longest gap of a stream that is made up, 60 s unless given; longer ones are left out of the output.")
@click.option("--lookahead", type=Seconds(), help="Seconds a stream's samples wait for those after them; all that may matter unless given.")
@click.option("--report", type=click.Path(dir_okay=False), help="File for faults of a stream and what is approximate or made up, as JSON lines.")
@click.option("-j", "--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads.")
@click.option("--max-size", type=click.IntRange(1), help="Refuse streams of more pixels or samples; 2^27 unless given.")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print facts of each input as a JSON line.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Reconstruct OUT from IN, or several files into the folder OUT.

    The output's suffix says what to write; in a folder, what the original was.

    \b
    vaecodec decode photo.vae photo.png
    vaecodec decode 100.vae 100.hea
    vaecodec decode photo.vae thumbnail.png --scale 1/8
    vaecodec decode photo.vae face.png --region 820,310,256,256
    vaecodec decode compressed/ restored/
    vaecodec decode - - --output-format csv < ride.vae

    \b
    Streams: standard output is raw int16, little-endian, channels interleaved, or with --output-format csv a line of numbers a sample. What is
    lost is made up; each fault is a line on stderr, and the exit code is 3 if samples are missing or made up, or bytes before the first packet
    were skipped.
    radio | vaecodec decode --stream - > samples.raw
    vaecodec decode --stream live.vae live.csv --report faults.json
    """
    from vaecodec.cli.quiet import hush

    if options["stream"]:
        from vaecodec.cli.stream import decode_stream

        if wrong := given(*OF_FILES):
            raise click.UsageError(f"{wrong[0]} is not for --stream")
        hush()
        return decode_stream(paths, options)
    if wrong := given(*OF_STREAMS):
        raise click.UsageError(f"{wrong[0]} is for streams: give --stream")
    if len(paths) < 2:
        raise click.UsageError("give at least one input and one output")
    hush()
    *inputs, output = paths
    work = jobs(inputs, output, (".vae",), lambda path: path.stem)
    return run_all(work, lambda job: _decode(job, options), "decode")


def _decode(job: Job, options: dict[str, Any]) -> None:
    from vaecodec import api
    from vaecodec.codec.info import describe
    from vaecodec.io.files import default_suffix, write
    from vaecodec.io.recording import Picture
    from vaecodec.io.streams import content

    start = time.perf_counter()
    if Path(job.target).suffix:
        refuse_existing(job.target, options["force"])
    data = read_input(job.source)
    codec = api.codec_for(data, model=options["model"], threads=options["threads"], max_size=options["max_size"])
    facts = describe(data, codec.bundle, partial=options["partial"])
    path = _named(job.target, options["output_format"] or default_suffix(facts))
    refuse_existing(job.target if job.target == STDIO else str(path), options["force"])
    part = {key: options[key] for key in ("region", "scale", "partial", "fast")}
    decoded = content(codec, data, **part)
    write_outputs(job.target, write(decoded, path.suffix, path.stem), options["force"])
    if isinstance(decoded, Picture):
        facts["height"], facts["width"] = decoded.pixels.shape[:2]
    _report(Job(job.source, job.target if job.target == STDIO else str(path)), facts, time.perf_counter() - start, options["as_json"])


def _named(target: str, suffix: str) -> Path:
    """The output's path: with the suffix added where it has none.

    Raises:
        UnsupportedError: it has one that we cannot write.
    """
    from vaecodec.codec.errors import UnsupportedError
    from vaecodec.io.files import CSV_SUFFIXES, IMAGE_SUFFIXES, RAW_SUFFIXES, SIGNAL_SUFFIXES

    path = Path("stdout" if target == STDIO else target)
    known = (*IMAGE_SUFFIXES, *SIGNAL_SUFFIXES, *CSV_SUFFIXES, *RAW_SUFFIXES, ".npy")
    if target != STDIO and path.suffix.lower() in known:
        return path
    if path.suffix[1:].isalpha():
        raise UnsupportedError(f"cannot write {path.suffix}; one of {' '.join(sorted(set(known)))}")
    return path.with_name(path.name + "." + suffix.lstrip("."))


def _report(job: Job, facts: dict[str, Any], seconds: float, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"input": job.source, "output": job.target, "seconds": round(seconds, 3), **facts}), err=job.target == STDIO)
        return
    shape = f"{facts['width']} x {facts['height']} pixels" if "width" in facts else f"{facts['samples']} samples x {facts['channels']}"
    click.echo(f"{job.source} -> {job.target}: {shape}, {seconds:.2f} s", err=True)
