"""`vaecodec export`."""

from __future__ import annotations

from typing import Any

import click

from vaecodec.cli.options import Seconds, Size


@click.group(no_args_is_help=True)
def command() -> None:
    """Turn a training run into what devices and decoders use."""


@command.command(no_args_is_help=True)
@click.argument("run", type=click.Path(exists=True))
@click.argument("out", type=click.Path(dir_okay=False))
@click.option("--data", type=click.Path(exists=True), help="Data as for training: its validation files measure what the export costs.")
@click.option("--samples", type=click.IntRange(1), help="At most so many of them.")
@click.option("--name", help="The model's name; that of OUT unless given.")
@click.option("--version", help="Version of these weights.")
@click.option("--licence", help="Licence of the weights, an SPDX identifier.")
@click.option("--source", multiple=True, help="Data the weights were trained on, with its licence; may come several times.")
@click.option("--description", help="What it codes and for whom.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
@click.option("-f", "--force", is_flag=True, help="Replace OUT if it exists.")
def bundle(run: str, out: str, force: bool, **options: Any) -> None:
    """Export RUN (a training's folder, or a weights file) as the bundle OUT, and report what each step costs.

    \b
    vaecodec export bundle runs/photo photo.vaemodel
    vaecodec export bundle runs/imu imu.vaemodel --data imu/ --name imu
    """
    from vaecodec.cli.files import refuse_existing
    from vaecodec.cli.optional import load
    from vaecodec.cli.quiet import hush

    refuse_existing(out, force)
    hush()
    given = {key: value for key, value in options.items() if value not in (None, False, ())}
    load("vaecodec.export", "cli_export_bundle", "train")(run, out, **given)


@command.command(no_args_is_help=True)
@click.argument("bundle")
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@click.option("--packet", type=Seconds(), default=2.0, show_default=True, help="Time of a packet: longer, smaller, more memory.")
@click.option("--key", type=Seconds(), help="From key packet to key packet, with delta packets between; else all decode alone.")
@click.option("--sync", type=Seconds(), default=60.0, show_default=True, help="From sync packet to sync packet, where readers join.")
@click.option("--channels", type=int, default=1, show_default=True, help="Channels sampled together.")
@click.option("--rate", type=float, metavar="HZ", help="Samples a second and channel; the model's own unless given.")
@click.option("--offset", type=int, default=0, show_default=True, help="Middle of the sensor's range, for the examples.")
@click.option("--decoder", is_flag=True, help="Add the decoder for gateways: streams in, latents out.")
@click.option("--ratio", type=int, metavar="M", help="Compressed sensing: measurements a window; the middle of the model's ratios unless given.")
@click.option("--room", type=int, metavar="BYTES", help="Room for a packet; 2 bytes a sample, half a byte a pixel and colour, unless given.")
@click.option("--size", type=Size(), help="Pictures: width and height in pixels, 320x240.")
@click.option("--tile", type=Size(), help="Pictures: size of tiles, rounded up to the model's grid; picture's width x 32 unless given.")
@click.option("--waiting", type=int, metavar="BYTES", help="Pictures: room for latents that wait for their tile; more for high qualities.")
@click.option("--name", help="C identifier of the model; the bundle's name unless given.")
@click.option("-f", "--force", is_flag=True, help="Replace an earlier export.")
@click.option("--json", "as_json", is_flag=True, help="Print the files and figures as JSON.")
def firmware(bundle: str, out: str, force: bool, as_json: bool, **options: Any) -> None:
    """Export BUNDLE (a name or a file) as a C library: the encoder for a microcontroller, without heap, libc or floating point.

    \b
    vaecodec export firmware ecg --out ecg_encoder --offset 1024
    vaecodec export firmware mine.vaemodel --out mine --packet 4 --channels 3
    vaecodec export firmware photo --out camera --size 320x240 --tile 160x32
    vaecodec export firmware ecg-cs --out ecg_cs --ratio 32 --offset 1024
    """
    from vaecodec.cli.firmware import write_firmware

    write_firmware(bundle, out, force, as_json, options)
