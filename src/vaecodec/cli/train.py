"""`vaecodec train`."""

from __future__ import annotations

from typing import Any

import click


@click.command(no_args_is_help=True)
@click.argument("config")
@click.option("--data", type=click.Path(exists=True, file_okay=False), help="Folder of pictures or recordings.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder of the run: checkpoints, logs, figures, weights.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--init", type=click.Path(exists=True, dir_okay=False), help="Float weights to start from.")
@click.option("--steps", type=click.IntRange(1), help="Length in steps, in place of the config's.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Length in minutes, in place of the config's.")
@click.option("--batch", type=click.IntRange(1), help="Examples a step, in place of the config's.")
@click.option("--seed", type=int, help="Seed of weights, order and noise.")
@click.option("--strategy", type=click.Choice(["none", "mirrored", "multiworker"]), help="How to spread over devices (tf.distribute).")
@click.option("--mixed-precision", is_flag=True, help="Compute in float16, for GPUs.")
@click.option("--checkpoint-minutes", type=click.FloatRange(0, min_open=True), help="Minutes between checkpoints.")
@click.option("--quiet", is_flag=True, help="No progress bar and no figures.")
@click.option("--print-config", is_flag=True, help="Print CONFIG and do nothing else: a start for a config of your own.")
def command(config: str, data: str | None, out: str | None, print_config: bool, **options: Any) -> None:
    """Train a model from CONFIG: the name of one that ships (photo, photo-ms, photo-mcu, ecg, ecg-cs, imu, speech8k) or a TOML file.

    \b
    vaecodec train photo --data photos/ --out runs/photo
    vaecodec train imu --print-config > imu.toml
    vaecodec train imu.toml --data imu/ --out runs/imu --steps 3000
    vaecodec train photo --data photos/ --out runs/photo --resume
    """
    from vaecodec.cli.optional import load
    from vaecodec.cli.quiet import hush

    hush()
    if print_config:
        click.echo(load("vaecodec.train.config_io", "config_text", "train")(config), nl=False)
        return
    if data is None or out is None:
        raise click.UsageError("give --data and --out")
    load("vaecodec.train", "cli_train", "train")(config, data, out, **{k: v for k, v in options.items() if v not in (None, False)})
