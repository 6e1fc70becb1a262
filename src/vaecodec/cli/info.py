"""`vaecodec info`."""

from __future__ import annotations

import json
from typing import Any

import click

from vaecodec.cli.files import read_input


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """Say what streams hold and where their bytes went; every CRC is checked, nothing is decoded.

    \b
    vaecodec info photo.vae
    vaecodec info --json *.vae
    """
    from vaecodec.codec.info import describe

    for file in files:
        facts = describe(read_input(file))
        if as_json:
            click.echo(json.dumps({"file": file, **facts}))
        else:
            _print(file, facts)


def _print(file: str, facts: dict[str, Any]) -> None:
    click.echo(file)
    for key, value in facts.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else "unknown" if value is None else str(value)
        click.echo(f"  {key.replace('_', ' '):16} {text if len(text) < 400 else text[:400] + ' ...'}")
