"""Inputs and outputs of commands: standard streams, globs, folders, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from vaecodec.codec.errors import InputError, LimitError, VaecodecError

__all__ = ["STDIO", "Job", "followed", "jobs", "progress", "read_input", "refuse_existing", "run_all", "write_outputs"]

STDIO = "-"
# Inputs above this many bytes are refused before they are read into memory.
MAX_INPUT = 1 << 31


@dataclass(frozen=True)
class Job:
    """One input and the path that its output shall have; either may be `-`."""

    source: str
    target: str


def jobs(inputs: Sequence[str], output: str, suffixes: Iterable[str], rename: Callable[[Path], str]) -> list[Job]:
    """Pairs inputs with outputs.

    One file goes to `output`, or into it if it is a folder. Several files, a glob or a folder go into the folder `output`,
    which is made; a folder's tree is kept.

    Args:
        inputs: files, folders, globs, or `-`.
        output: a file, a folder, or `-`.
        suffixes: what to take from folders.
        rename: name of the output of an input, used inside folders.

    Raises:
        InputError: an input does not exist, or two outputs would have one name.
    """
    found = [pair for text in inputs for pair in _expand(text, tuple(suffixes))]
    if not found:
        raise InputError(f"no input files in {' '.join(inputs)}; looked for {' '.join(sorted(suffixes))}")
    single = len(inputs) == 1 and len(found) == 1 and not Path(inputs[0]).is_dir()
    if single and not Path(output).is_dir() and not output.endswith(("/", os.sep)):
        return [Job(str(found[0][0]), output)]
    if output == STDIO or STDIO in inputs:
        raise InputError("standard input and output take one file, not several")
    pairs = [Job(str(path), str(Path(output) / inner.parent / rename(inner))) for path, inner in found]
    _check_distinct(pairs)
    return pairs


def _expand(text: str, suffixes: tuple[str, ...]) -> list[tuple[Path, Path]]:
    """Files that an argument means: (path, path inside the folder that was named)."""
    path = Path(text)
    record = Path(text + ".hea")
    if not path.exists() and record.is_file():
        path = record
    if text == STDIO or path.is_file():
        return [(path, Path(path.name))]
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in suffixes)
        return [(p, p.relative_to(path)) for p in inside]
    matches = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []
    files = [Path(match) for match in matches if Path(match).is_file()]
    if not files:
        raise InputError(f"no such file: {text}")
    return [(p, Path(p.name)) for p in files]


def _check_distinct(pairs: list[Job]) -> None:
    seen: dict[str, str] = {}
    for job in pairs:
        if job.target in seen:
            raise InputError(f"{seen[job.target]} and {job.source} would both be written to {job.target}")
        seen[job.target] = job.source


def read_input(source: str) -> bytes:
    """The content of a file or of standard input.

    Raises:
        InputError: there is no such file.
        LimitError: more than 2 GiB.
    """
    if source == STDIO:
        if sys.stdin is None:
            raise InputError("standard input is closed")
        data = sys.stdin.buffer.read(MAX_INPUT + 1)
    else:
        if not Path(source).exists():
            raise InputError(f"no such file: {source}")
        with Path(source).open("rb") as file:
            data = file.read(MAX_INPUT + 1)
    if len(data) > MAX_INPUT:
        raise LimitError(f"{source} has more than {MAX_INPUT} bytes")
    return data


def refuse_existing(target: str, force: bool) -> None:
    """Stops before any work is done if the output exists and may not be replaced.

    Raises:
        InputError: it exists.
    """
    if target != STDIO and not force and Path(target).exists():
        raise InputError(f"{target} exists; -f replaces it")


def write_outputs(target: str, contents: Mapping[str, bytes], force: bool) -> None:
    """Writes one or several files beside each other, named by the mapping; each appears whole or not at all.

    Args:
        target: path whose folder the files go into, or `-` for standard output.
        contents: file name -> content.
        force: replace files that exist.

    Raises:
        InputError: a file exists, or several should go to standard output.
    """
    if target == STDIO:
        if len(contents) != 1:
            raise InputError("this format is several files; give a path, not -")
        if sys.stdout is None:
            raise InputError("standard output is closed")
        sys.stdout.buffer.write(next(iter(contents.values())))
        sys.stdout.buffer.flush()
        return
    folder = Path(target).parent
    for name in contents:
        refuse_existing(str(folder / name), force)
        if (folder / name).exists() and not (folder / name).is_file():
            raise InputError(f"{folder / name} is no regular file; - writes to standard output")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [followed(folder / name) for name in contents]
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError(f"{' and '.join(str(folder / name) for name in contents)} are one file; give another name")
    with contextlib.ExitStack() as stack:
        # Each file is staged beside the place where it will lie, which a link may put elsewhere.
        pairs = [(stack.enter_context(_staged(path.parent, content)), path) for path, content in zip(paths, contents.values(), strict=True)]
        if len(pairs) == 1:
            pairs[0][0].replace(pairs[0][1])
        else:
            _replace_all(pairs)


def followed(path: Path) -> Path:
    """What a link points at, or the path itself.

    Raises:
        InputError: links that point at each other.
    """
    try:
        return path.resolve() if path.is_symlink() else path
    except (RuntimeError, OSError) as error:
        raise InputError(f"{path} is a link that leads nowhere: {error}") from error


def _replace_all(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Moves files that belong together into their places; if one cannot be, those before it get their old content back."""
    undo: list[Callable[[], Any]] = []
    with tempfile.TemporaryDirectory(dir=pairs[0][1].parent, prefix=".vaecodec-") as spare:
        try:
            for number, (temporary, path) in enumerate(pairs):
                old = Path(spare) / str(number)
                if path.exists():
                    shutil.copy2(path, old)
                temporary.replace(path)
                undo.append(partial(old.replace, path) if old.exists() else partial(path.unlink, missing_ok=True))
        except BaseException:
            for back in reversed(undo):
                back()
            raise


@contextlib.contextmanager
def _staged(folder: Path, content: bytes) -> Iterator[Path]:
    """A file with the content under a temporary name; removed unless it has been renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".vaecodec-", suffix=".part")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        path.chmod(0o666 & ~umask)
        yield path
    finally:
        path.unlink(missing_ok=True)


def run_all(work: list[Job], one: Callable[[Job], Any], verb: str) -> int:
    """Runs all jobs, with a progress bar if there are several. One that fails does not stop the others.

    Returns:
        Exit code: 0, or that of the first job that failed.
    """
    if len(work) == 1:
        one(work[0])
        return 0
    code = 0
    for job in progress(work, verb):
        try:
            one(job)
        except (VaecodecError, OSError, MemoryError) as error:
            code = code or (error.exit_code if isinstance(error, VaecodecError) else 1)
            click.echo(f"vaecodec: error: {job.source}: {error or type(error).__name__}", err=True)
    return code


def progress(items: list[Job], verb: str) -> Iterable[Job]:
    """A bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar: Iterable[Job] = tqdm(items, desc=verb, unit="file", file=sys.stderr)
    return bar
