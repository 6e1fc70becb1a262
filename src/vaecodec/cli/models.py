"""`vaecodec models`."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The manifests as one JSON array.")
def command(as_json: bool) -> None:
    """List the known models: those that ship, and those in the folders of VAECODEC_MODELS.

    \b
    vaecodec models
    VAECODEC_MODELS=~/models vaecodec models --json
    """
    from vaecodec import api

    manifests = api.models()
    if as_json:
        click.echo(json.dumps(manifests, indent=1))
        return
    for m in manifests:
        if "error" in m:
            click.echo(f"{m['name']:12} {m['error']}")
            continue
        rate = f"{m['rate']} Hz" if m.get("rate") else ""
        click.echo(f"{m['name']:12} {m['modality']:7} {m.get('version', '')!s:8} {m['model_id']}  {rate:8} {m['path']}")
