"""`vaecodec bench`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from vaecodec.cli.options import Region, Size


@click.group(no_args_is_help=True)
def command() -> None:
    """Measure rate, distortion and speed against other codecs on the same files."""


def _names(_context: click.Context, _option: click.Parameter, text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _targets(_context: click.Context, _option: click.Parameter, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [click.FloatRange(0, 100, min_open=True)(value, _option, _context) for value in text.split(",")]
    except click.BadParameter as error:
        raise click.BadParameter(f"PRDN are numbers above 0 and at most 100, such as 2,5,9: {error.message}") from error


def _size(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (re.fullmatch("[0-9]{3,5}", width) and re.fullmatch("[0-9]{3,5}", height) and 256 <= int(width) <= 65535 and 256 <= int(height) <= 65535):
        raise click.BadParameter("a size is such as 6000x4000, each side 256..65535")
    return int(width), int(height)


def _common(function: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.argument("folder", type=click.Path(exists=True, file_okay=False)),
        click.option("-m", "--model", metavar="NAME|FILE", help="Model to measure."),
        click.option("-e", "--effort", type=click.IntRange(1, 9), help="Effort of the encoder; its default unless given."),
        click.option("--out", type=click.Path(file_okay=False), help="Folder for tables, JSON and plots."),
        click.option("--limit", type=click.IntRange(1), help="Only the first so many files."),
        click.option("--peers", callback=_names, metavar="NAME,...", help="Only these other codecs, as named in the tables."),
        click.option("--json", "as_json", is_flag=True, help="Print the results as JSON."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command(no_args_is_help=True)
@_common
@click.option("--ms-ssim/--no-ms-ssim", "with_ms_ssim", default=True, help="MS-SSIM takes half of the time.")
@click.option("--size", type=Size(), help="Scale pictures to this size first, as those of a small camera: 160x120.")
@click.option("--tile", type=Size(), help="Tiles of this size, coded one after the other as a device does.")
def images(folder: str, **options: Any) -> None:
    """Pictures of FOLDER: this codec, JPEG, WebP, JPEG 2000, AVIF and JPEG XL.

    \b
    vaecodec bench images kodak/ --out results/
    vaecodec bench images photos/ -m photo-mcu --size 160x120 --tile 160x32
    """
    _bench("bench_images", folder, **options)


@command.command(no_args_is_help=True)
@_common
@click.option("--records", callback=_names, metavar="NAME,...", help="Only these files, by stem or pattern; those of MIT-BIH's report by default.")
@click.option("--prdn", "targets", callback=_targets, metavar="PERCENT,...", help="Errors to reach; 2,5,9 by default.")
@click.option("--lead", type=click.IntRange(0), help="Only this channel of each file.")
@click.option("--bits", type=click.IntRange(1, 32), help="Bit depth of the sensor, where the files do not say.")
@click.option("--together", is_flag=True, help="Code all channels of a file in one of ours, each at the target; the others' bytes are added up.")
@click.option(
    "--r-peaks/--no-r-peaks",
    default=None,
    help="Whether a detector still finds the heartbeats of an ECG; by default where a WFDB record has annotations (.atr) beside it.",
)
@click.option("--cs", is_flag=True, help="Compressed sensing instead: ecg-cs, BSBL-BO, classic random sensing, and the wavelet codec.")
@click.option("--seconds", type=click.FloatRange(1), help="With --cs: length of the part of each file that BSBL-BO gets; 30 unless given.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="With --cs: processes that share the files.")
def signals(folder: str, cs: bool, **options: Any) -> None:
    """Signals of FOLDER: this codec, a DWT coder, a DCT coder, SZ3 and FLAC.

    \b
    vaecodec bench signals mitdb/ --out results/
    vaecodec bench signals audio/ -m speech8k --records "*_[0-4]" --prdn 10
    vaecodec bench signals mitdb/ --cs --out results/
    """
    if cs:
        elsewhere = ("effort", "peers", "r_peaks", "targets", "together")
        if given := [key for key in elsewhere if options.pop(key) not in (None, False)]:
            raise click.UsageError(f"--{given[0].replace('targets', 'prdn').replace('_', '-')} has no meaning with --cs")
    elif options["seconds"] is not None or options["jobs"] is not None:
        raise click.UsageError("--seconds and --jobs are for --cs")
    _bench("bench_sensing" if cs else "bench_signals", folder, **options)


@command.command(no_args_is_help=True)
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("-m", "--model", metavar="NAME|FILE", help="Model to measure.")
@click.option("-e", "--effort", type=click.IntRange(1, 2), help="Effort of the encoder; its default unless given.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the table and JSON.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many files.")
@click.option("--records", callback=_names, metavar="NAME,...", help="Only these files, by stem; the report records of MIT-BIH by default.")
@click.option("--lead", type=click.IntRange(0), help="Only this channel of each file.")
@click.option("--seconds", type=click.FloatRange(10), help="Only so much of each file.")
@click.option("--hours", type=click.FloatRange(0, 1000), help="Length of the long stream; 24 unless given, 0: none.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def stream(folder: str, **options: Any) -> None:
    """Streams of FOLDER's signals: what short packets and a bad line cost, and the memory of a long one.

    \b
    vaecodec bench stream mitdb/ --out results/
    """
    _bench("bench_stream", folder, **options)


@command.command(no_args_is_help=True)
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("-m", "--model", metavar="NAME|FILE", required=True, help="Model to measure.")
@click.option("-q", "--quality", type=click.FloatRange(0, 100), help="Quality at which latents are compared; 60 unless given.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the table and JSON.")
@click.option("--limit", type=click.IntRange(1), help="Files encoded with both engines; 8 unless given.")
@click.option("--outputs", type=click.IntRange(1), help="Coefficients to compare at least, of files and of noise each; a million unless given.")
@click.option("--records", callback=_names, metavar="NAME,...", help="Only these files of signals; the report records of MIT-BIH by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def engine(folder: str, **options: Any) -> None:
    """The analysis of FOLDER's files by the C core and by LiteRT: whether its reference kernels agree, and what `--engine litert` changes.

    \b
    vaecodec bench engine mitdb/ -m ecg --out results/
    """
    _bench("bench_engine", folder, **options)


@command.command(no_args_is_help=True)
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.argument("out", type=click.Path(dir_okay=False))
@click.option("-m", "--model", metavar="NAME|FILE", help="Model to show.")
@click.option("--results", type=click.Path(exists=True, file_okay=False), required=True, help="Folder with signals.json and sensing.json, if any.")
@click.option("--records", callback=_names, metavar="NAME,...", help="Only these records; the report records of MIT-BIH by default.")
def beat(folder: str, out: str, **options: Any) -> None:
    """A picture OUT: ratio against error, and the annotated ventricular beat of FOLDER's records that comes out worst.

    \b
    vaecodec bench signals mitdb/ --out results/
    vaecodec bench beat mitdb/ beat.png --results results/
    """
    _bench("bench_beat", folder, out, **options)


@command.command(no_args_is_help=True)
@click.argument("picture", type=click.Path(exists=True, dir_okay=False))
@click.argument("out", type=click.Path(dir_okay=False))
@click.option("-m", "--model", metavar="NAME|FILE", help="Model to show.")
@click.option("--bpp", type=click.FloatRange(0, min_open=True), default=0.25, show_default=True, help="Bits a pixel of every file.")
@click.option("--crop", type=Region(), help="Show only this part; figures are of the whole picture.")
def sheet(picture: str, out: str, **options: Any) -> None:
    """PICTURE, and what JPEG, AVIF and this codec make of it at equal bytes, as one picture OUT.

    \b
    vaecodec bench sheet kodim07.png sheet.png --bpp 0.25
    """
    _bench("bench_sheet", picture, out, **options)


@command.command()
@click.option("--size", default="10000x10000", show_default=True, metavar="WIDTHxHEIGHT", callback=_size, help="Of the picture, which is made up.")
@click.option("-m", "--model", metavar="NAME|FILE", help="Model to measure.")
@click.option("-q", "--quality", type=click.FloatRange(0, 100), help="Quality; 60 unless given.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def large(size: tuple[int, int], **options: Any) -> None:
    """Memory and time of a large picture: encoding, decoding, a region, a reduced size.

    \b
    vaecodec bench large
    vaecodec bench large --size 6000x4000
    """
    _bench("bench_large", *size, **options)


def _bench(name: str, *positional: Any, **options: Any) -> None:
    from vaecodec.cli.optional import load
    from vaecodec.cli.quiet import hush

    hush()
    load("vaecodec.benchmarks", name, "bench")(*positional, **{k: v for k, v in options.items() if v is not None})
