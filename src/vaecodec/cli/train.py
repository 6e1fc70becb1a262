"""`vaecodec train`."""

from __future__ import annotations

from typing import Any

import click


@click.command(no_args_is_help=True)
@click.argument("config")
@click.option("--data", required=True, type=click.Path(exists=True), help="Folder with the training data.")
@click.option("--out", required=True, type=click.Path(), help="Run folder: checkpoints, logs, figures; an existing one goes on.")
@click.option("--init", type=click.Path(exists=True, dir_okay=False), help="Float weights to start from.")
@click.option("--steps", type=click.IntRange(1), help="Training steps; the config's own unless given.")
@click.option("--seed", type=int, help="Seed of weights, order and noise.")
@click.option("--strategy", type=click.Choice(["none", "mirrored", "multiworker"]), help="How to spread over devices.")
@click.option("--mixed-precision", is_flag=True, help="16-bit activations, for GPUs.")
def command(config: str, data: str, out: str, **options: Any) -> None:
    """Train a model from a config: a name that ships or a TOML file.

    \b
    vaecodec train photo --data photos/ --out runs/photo
    vaecodec train imu.toml --data imu/ --out runs/imu --steps 3000
    """
    from vaecodec.cli.optional import load

    load("vaecodec.train", "cli_train", "train")(config, data, out, **{k: v for k, v in options.items() if v not in (None, False)})
