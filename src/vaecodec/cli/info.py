"""`vaecodec info`."""

from __future__ import annotations

import json
from typing import Any

import click

from vaecodec.cli.files import Job, read_input, run_all


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True)
@click.option("-m", "--model", metavar="NAME|FILE", help="Model of the streams, if it is not among the known ones.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(files: tuple[str, ...], model: str | None, as_json: bool) -> int:
    """Say what streams hold and where their bytes went; every CRC is checked, nothing is decoded.

    \b
    vaecodec info photo.vae
    vaecodec info --json *.vae
    """
    from vaecodec.codec.bundle import Bundle
    from vaecodec.codec.info import describe

    bundle = None if model is None else Bundle.open(model)

    def one(job: Job) -> None:
        facts = describe(read_input(job.source), bundle)
        if as_json:
            click.echo(json.dumps({"file": job.source, **facts}))
        else:
            _print(job.source, facts)

    return run_all([Job(file, "") for file in files], one, "info")


def _print(file: str, facts: dict[str, Any]) -> None:
    click.echo(file)
    for key, value in facts.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else "unknown" if value is None else str(value)
        click.echo(f"  {key.replace('_', ' '):16} {text if len(text) < 400 else text[:400] + ' ...'}")
