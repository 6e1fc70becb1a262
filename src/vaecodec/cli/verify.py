"""`vaecodec test`."""

from __future__ import annotations

import click

from vaecodec.cli.files import Job, read_input, run_all


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True)
@click.option("-m", "--model", metavar="NAME|FILE", help="Model of the streams, if it is not among the known ones.")
def command(files: tuple[str, ...], model: str | None) -> int:
    """Verify streams (CRCs and a full decode) and .vaemodel bundles (hashes and golden vectors).

    \b
    vaecodec test photo.vae
    vaecodec test my.vaemodel
    """
    from vaecodec.cli.quiet import hush

    hush()
    return run_all([Job(file, "") for file in files], lambda job: _verify(job.source, model), "test")


def _verify(file: str, model: str | None) -> None:
    from vaecodec import api
    from vaecodec.codec.bundle import SUFFIX, Bundle

    if file.endswith(SUFFIX):
        Bundle.open(file).verify()
    else:
        data = read_input(file)
        api.codec_for(data, model=model).decode(data)
    click.echo(f"{file}: OK")
