"""`vaecodec export`."""

from __future__ import annotations

from typing import Any

import click


@click.group(no_args_is_help=True)
def command() -> None:
    """Turn a training run into what devices and decoders use."""


@command.command(no_args_is_help=True)
@click.argument("run", type=click.Path(exists=True))
@click.argument("out", type=click.Path())
@click.option("--data", type=click.Path(exists=True), help="Validation data for the report and the golden vectors.")
@click.option("--name", help="The model's name; that of OUT unless given.")
@click.option("-f", "--force", is_flag=True, help="Replace OUT if it exists.")
def bundle(run: str, out: str, force: bool, **options: Any) -> None:
    """Export RUN as a bundle, and report what each step costs in rate and distortion.

    \b
    vaecodec export bundle runs/photo photo.vaemodel
    """
    from vaecodec.cli.files import refuse_existing
    from vaecodec.cli.optional import load

    refuse_existing(out, force)
    load("vaecodec.export", "cli_export_bundle", "train")(run, out, **{k: v for k, v in options.items() if v is not None})
