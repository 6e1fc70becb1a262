"""`vaecodec edge`: the client of Linux-class devices."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from vaecodec.cli.options import Offsets, Rate, Seconds

FORMATS = ("raw", "csv")
POLICIES = ("auto", "wait", "drop-oldest")
ENCODING = ("rate", "packet", "key", "sync", "quality", "bitrate", "effort", "engine", "shift", "step")
UNITS = {"": 1, "k": 1000, "M": 10**6, "G": 10**9}
LOSING = 1  # exit code: samples were read that nobody will have


class Bytes(click.ParamType[int]):
    """A size: 64MB, 500kB, 1GB or 65536."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parses the size."""
        text = str(value).removesuffix("B")
        number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS and text[-1:] else (text, "")
        if not (number.isascii() and number.isdigit() and len(number) < 13):
            self.fail(f"{value!r} is no size such as 64MB, 500kB or 65536", param, ctx)
        return int(number) * UNITS[unit]


def _link_options(function: Any) -> Any:
    """What `run` and `send` have in common."""
    options = (
        click.option("--device", metavar="NAME", help="What the receiver calls this device; its host name unless given."),
        click.option("--secret-file", type=click.Path(exists=True, dir_okay=False), help="Holds the bearer token (HTTP) or the password (MQTT)."),
        click.option("--ca", "authority", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust, PEM; the system's by default."),
        click.option("--timeout", type=Seconds(), default="30s", show_default=True, help="How long the receiver may take for an answer."),
        click.option("--most-wait", type=Seconds(), default="60s", show_default=True, help="Longest time between tries while the link is down."),
        click.option("--max-disk", type=Bytes(), default="64MB", show_default=True, help="What the spool may take on the disk."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(no_args_is_help=True)
def command() -> None:
    """Run a device: encode a sensor, keep the packets on the disk until a receiver has them.

    \b
    vaecodec edge run -m ecg --source serial:/dev/ttyUSB0 --spool /var/spool/ecg --to https://server/
    vaecodec edge status /var/spool/ecg
    vaecodec edge send /var/spool/ecg --to https://server/
    """


@command.command(no_args_is_help=True)
@click.option("-m", "--model", required=True, metavar="NAME|FILE", help="Model of a signal: a known name (`vaecodec models`) or a .vaemodel file.")
@click.option("--source", required=True, metavar="SOURCE", help="file:PATH, serial:PORT, or - for standard input.")
@click.option("--spool", required=True, type=click.Path(file_okay=False), help="Folder for this source's packets; made if need be.")
@click.option("--to", "url", metavar="URL", help="http(s)://HOST/ or mqtt(s)://[USER@]HOST[/TOPIC]; without it packets stay in the spool.")
@_link_options
@click.option("--when-full", type=click.Choice(POLICIES), default="auto", show_default=True, help="At --max-disk: stop reading, or drop packets.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="int16 or lines of numbers; by the file's name, lines from a serial port.")
@click.option("--channels", type=click.IntRange(1, 256), default=1, help="Channels of raw samples.")
@click.option("--baud", type=click.IntRange(1), default=115200, show_default=True, help="Speed of a serial port.")
@click.option("--follow", is_flag=True, help="Wait at a file's end for more, as it grows.")
@click.option("--acks", is_flag=True, help="Write a JSON line to standard output whenever more samples are safe on the disk.")
@click.option("--rate", type=Rate(), help="Samples a second; the model's own unless given.")
@click.option("--packet", type=Seconds(), help="Seconds a packet, 0.25s..60s; 2s unless given.")
@click.option("--key", type=Seconds(), help="Seconds between packets that decode alone; by default all do.")
@click.option("--sync", type=Seconds(), help="Seconds between the places where a reader may join; 60s unless given.")
@click.option("-q", "--quality", type=click.FloatRange(0, 100), help="0 smallest .. 100 best; 60 unless given.")
@click.option("--bitrate", type=click.FloatRange(0, min_open=True), help="In place of a quality, bits a second.")
@click.option("-e", "--effort", type=click.IntRange(1, 2), help="1 is quicker, 2 (the default) takes fewer bytes.")
@click.option("--engine", type=click.Choice(["c", "litert"]), help="Runs the analysis: the C core, or the model's .tflite in LiteRT.")
@click.option("--offset", type=Offsets(), help="Taken off the samples, one number or one a channel: the scale stays fixed.")
@click.option("--shift", type=click.IntRange(0, 15), help="With --offset, bits dropped from each sample.")
@click.option("--step", type=click.FloatRange(0, min_open=True), help="Value of one unit of numbers with decimals.")
def run(url: str | None, **options: Any) -> int:
    """Encode SOURCE into the spool, and send what is in the spool.

    A file is read on from where the last run ended, after a power cut too. It ends with the source, once all is delivered; SIGTERM and
    SIGINT end it at once, and nothing that is in the spool is lost.

    \b
    vaecodec edge run -m ecg --source serial:/dev/ttyUSB0 --spool /var/spool/ecg --to https://server/ --secret-file /etc/vaecodec/token
    vaecodec edge run -m ecg --source file:day.raw --spool spool --to mqtt://broker/hospital
    sensor | vaecodec edge run -m imu --source - --channels 3 --spool spool --to http://127.0.0.1:8000/
    vaecodec edge run -m ecg --source file:log.csv --follow --spool spool --max-disk 1GB --when-full drop-oldest
    """
    from vaecodec.edge_runtime.client import EdgeClient

    encoder, transport = _encoder(options), None if url is None else _transport(url, options)
    with closing(_source(options)) as source, _opened(options["spool"], options["max_disk"]) as spool, _stopping() as stop:
        spool.belong_to(_source_name(options))
        sender = None if transport is None else _sender(spool, transport, options)
        client = EdgeClient(source, encoder, spool, sender, when_full=options["when_full"], acknowledged=_teller(options["acks"]), log=_log)
        summary = client.run(stop)
        _log(f"end: {summary.packets} packets spooled, {spool.waiting} wait, {spool.dropped} dropped; {spool.position} samples are safe")
        if summary.unspooled:
            _log(f"{summary.unspooled} samples found no room before the end and are lost")
    return LOSING if summary.unspooled else 0


@command.command(no_args_is_help=True)
@click.argument("spool", type=click.Path(exists=True, file_okay=False))
@click.option("--to", "url", required=True, metavar="URL", help="http(s)://HOST/ or mqtt(s)://[USER@]HOST[/TOPIC].")
@_link_options
def send(spool: str, url: str, **options: Any) -> int:
    """Send what waits in SPOOL, until nothing does.

    \b
    vaecodec edge send /var/spool/ecg --to https://server/ --device ward-7
    """
    transport = _transport(url, options)
    with _opened(spool, options["max_disk"]) as opened, _stopping() as stop:
        sender = _sender(opened, transport, options)
        sender.drain(stop)
        _log(f"end: {sender.sent} packets acknowledged, {opened.waiting} wait")
        return 0 if not opened.waiting else 1


@command.command(no_args_is_help=True)
@click.argument("spool", type=click.Path(exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def status(spool: str, as_json: bool) -> None:
    """Say what SPOOL holds; it may be in use.

    \b
    vaecodec edge status /var/spool/ecg --json
    """
    from vaecodec.edge_runtime.status import inspect

    facts = inspect(Path(spool))
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<18} {value}")


@command.command(no_args_is_help=True)
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
def example(out: str, force: bool) -> None:
    """Write the client in C, for devices without Python, over a library of `vaecodec export firmware`.

    \b
    vaecodec export firmware ecg --out ecg_encoder --offset 1024
    vaecodec edge example --out edge_c
    make -C edge_c FIRMWARE=$PWD/ecg_encoder MODEL=ecg
    """
    from importlib.resources import files

    from vaecodec.cli.files import refuse_existing

    sources = [path for path in files("vaecodec.edge_runtime").joinpath("examples").iterdir() if path.is_file()]
    targets = [Path(out) / source.name for source in sources]
    for target in targets:
        refuse_existing(str(target), force)
    Path(out).mkdir(parents=True, exist_ok=True)
    for source, target in zip(sources, targets, strict=True):
        target.write_bytes(source.read_bytes())
    click.echo(f"{out}: {len(targets)} files; its Makefile says how to build", err=True)


def _log(line: str) -> None:
    click.echo(f"vaecodec: edge: {' '.join(line.split())}", err=True)


def _teller(wanted: bool) -> Any:
    """Tells on standard output what is safe."""
    return (lambda samples: click.echo(json.dumps({"samples": samples}))) if wanted else (lambda _: None)


@contextmanager
def _opened(folder: str, most: int) -> Iterator[Any]:
    from vaecodec.edge_runtime.spool import Spool

    spool = Spool(Path(folder), most, _log)
    try:
        yield spool
    finally:
        spool.close()


@contextmanager
def _stopping() -> Iterator[Any]:
    """A stop that SIGTERM and SIGINT set; a second one ends the program as ever."""
    from vaecodec.edge_runtime.stop import Stop

    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


def _transport(url: str, options: dict[str, Any]) -> Any:
    """The line to the receiver, not yet used: made before the spool, so that what cannot be leaves none behind."""
    from vaecodec.edge_runtime.transport import Link, open_transport

    secret = None if options["secret_file"] is None else Path(options["secret_file"]).read_text("utf-8").strip()
    authority = None if options["authority"] is None else Path(options["authority"])
    link = Link(url, options["device"] or socket.gethostname(), secret, authority, options["timeout"])
    return open_transport(link)


def _sender(spool: Any, transport: Any, options: dict[str, Any]) -> Any:
    from vaecodec.edge_runtime.sender import Sender

    return Sender(spool, transport, most_wait=options["most_wait"], log=_log)


def _form(options: dict[str, Any]) -> Any:
    from vaecodec.edge_runtime.sources import Format
    from vaecodec.io.lines import LineReader, RawReader

    source, step, channels = options["source"], options["step"], options["channels"]
    named = options["form"] or ("csv" if source.startswith("serial:") or source.endswith((".csv", ".txt")) else "raw")
    if named == "csv":
        return Format(lambda: LineReader(step))
    if step is not None:
        raise click.UsageError("--step is for lines of numbers with decimals; raw samples are int16")
    return Format(lambda: RawReader(channels), 2 * channels)


def _source(options: dict[str, Any]) -> Any:
    from vaecodec.edge_runtime.sources import open_source

    return open_source(options["source"], _form(options), baud=options["baud"], follow=options["follow"], log=_log)


def _source_name(options: dict[str, Any]) -> str:
    """What makes samples count alike: the source, by its whole path, and how it is written."""
    source = options["source"]
    path = Path(source.removeprefix("file:"))
    name = f"file:{path.resolve()}" if path.is_file() else source
    return f"{name} ({'lines' if _form(options).lines else 'raw, channels: ' + str(options['channels'])})"


def _encoder(options: dict[str, Any]) -> Any:
    """Makes the encoder of a new stream; makes one now, so that options that cannot be are refused at once."""
    from vaecodec.codec.bundle import Bundle
    from vaecodec.codec.stream_encoder import Encoder

    if options["shift"] and options["offset"] is None:
        raise click.UsageError("--shift needs --offset, without which the scale follows the signal")
    settings = {name: options[name] for name in (*ENCODING, "offset") if options[name] is not None}
    bundle = Bundle.open(options["model"])
    Encoder(bundle, **settings)
    return lambda stream_id: Encoder(bundle, stream_id=stream_id, **settings)
