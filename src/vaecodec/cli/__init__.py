"""The `vaecodec` command.

Exit codes: 0 done; 1 another failure; 2 a command line that cannot be parsed; 3 damaged input; 4 not supported; 5 a
model's fault; 6 above a limit; 7 an input that cannot be coded; 70 a fault of this program; 130 interrupted. Errors are one line on stderr.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

__all__ = ["cli", "main"]

INTERNAL = 70
# Command -> the module that holds it, as `command`; nothing is imported before it is needed.
COMMANDS = {
    "encode": "vaecodec.cli.encode",
    "decode": "vaecodec.cli.decode",
    "info": "vaecodec.cli.info",
    "test": "vaecodec.cli.verify",
    "compare": "vaecodec.cli.compare",
    "models": "vaecodec.cli.models",
    "train": "vaecodec.cli.train",
    "export": "vaecodec.cli.export",
    "edge": "vaecodec.cli.edge",
    "bench": "vaecodec.cli.bench",
    "demo": "vaecodec.cli.demo",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"vaecodec {version('vaecodec')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version.")
def cli() -> None:
    """Learned compression of photos and sensor signals.

    \b
    vaecodec encode photo.jpg photo.vae -m photo -q 60
    vaecodec decode photo.vae photo.png
    vaecodec encode 100.hea 100.vae -m ecg -q 70
    vaecodec info 100.vae
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code."""
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(argv))


def _terminate(number: int, _: object) -> None:
    """Ends the program as an exception does, so that nothing half written stays behind."""
    raise SystemExit(128 + number)


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
        The exit code.
    """
    from vaecodec.codec.errors import LimitError, VaecodecError

    try:
        result: Any = cli.main(args=None if argv is None else list(argv), prog_name="vaecodec", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except VaecodecError as error:
        return _fail(str(error), error.exit_code)
    except MemoryError:
        return _fail("not enough memory for this input", LimitError.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        return _fail(f"{error.filename or ''}: {error.strerror or error}".lstrip(": "), 1)
    except Exception as error:
        if os.environ.get("VAECODEC_VERBOSE"):
            raise
        return _fail(f"this is a fault of vaecodec, please report it: {type(error).__name__}: {error} (VAECODEC_VERBOSE=1 shows where)", INTERNAL)


def _fail(message: str, code: int) -> int:
    click.echo(f"vaecodec: error: {' '.join(message.split())}", err=True)
    return code


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if category.__module__.startswith("vaecodec"):
        click.echo(f"vaecodec: warning: {message}", err=True)
