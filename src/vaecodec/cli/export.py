"""`vaecodec export`."""

from __future__ import annotations

from typing import Any

import click


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
