"""Reads and writes a `ModelConfig` as TOML."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from vaecodec.codec.errors import InputError
from vaecodec.train.config import ModelConfig
from vaecodec.train.sensing_config import SENSING, Config, SensingConfig

if sys.version_info >= (3, 11):
    import tomllib
else:  # the package of the same content for Python 3.10
    import tomli as tomllib

SHIPPED = Path(__file__).with_name("configs")
T = TypeVar("T")


def load_config(source: str | Path) -> Config:
    """Reads a config.

    Args:
        source: path of a TOML file, or the name of a shipped one ("photo", "ecg", "imu").

    Raises:
        InputError: if there is no such file, it is not TOML, or a field is unknown or wrong.
    """
    path = _find(source)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml") if not file.stem.startswith("tiny")))
        raise InputError(f"Expected a TOML text file or one of {shipped}. Received: {source} ({error.__class__.__name__})") from error
    try:
        return parse_config(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def config_text(source: str | Path) -> str:
    """The text of a config, comments and all; arguments and errors as `load_config`."""
    load_config(source)
    return _find(source).read_text(encoding="utf-8")


def parse_config(text: str) -> Config:
    """A config from TOML text.

    Raises:
        InputError: if the text is not TOML, or a field is unknown or wrong.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError, and so is an integer of too many digits
        raise InputError(f"Expected TOML. {error}") from error
    if values.get("modality") in ("signal", SENSING) and isinstance(values.setdefault("sensor", {}), dict):
        values["sensor"].setdefault("offset", 0.0)
    try:
        return _build(SensingConfig, values, "") if values.get("modality") == SENSING else _build(ModelConfig, values, "")
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"Expected fields of the types that docs/training.md names. Received: {error}") from error


def dump_config(config: Config) -> str:
    """TOML text with every field, which `parse_config` turns into an equal object."""
    lines, tables = [], []
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            tables += ["", f"[{f.name}]", *(f"{g.name} = {_toml(getattr(value, g.name))}" for g in fields(value))]
        else:
            lines.append(f"{f.name} = {_toml(value)}")
    return "\n".join([*lines, *tables, ""])


def with_options(config: Config, section: str, **options: Any) -> Config:
    """The config with the options that are not None put into a section, checked again."""
    given = {k: v for k, v in options.items() if v is not None}
    return replace(config, **{section: replace(getattr(config, section), **given)})


def _find(source: str | Path) -> Path:
    path = Path(source)
    shipped = SHIPPED / f"{source}.toml"
    if path.is_file() or not shipped.is_file():
        return path
    return shipped


def _build(kind: type[T], values: Any, where: str) -> T:
    """An object of a dataclass from a table, with types as annotated."""
    if not isinstance(values, dict):
        raise InputError(f"Expected a table [{where}]. Received: {values!r}")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"Expected fields of [{where or 'the model'}] among {', '.join(known)}. Received: {', '.join(unknown)}")
    missing = [n for n, f in known.items() if n not in values and f.default is MISSING and f.default_factory is MISSING]
    if missing:
        raise InputError(f"Expected a value for {', '.join(missing)} of [{where or 'the model'}]. Received: none")
    hints = get_type_hints(kind)
    return kind(**{name: _convert(hints[name], value, f"{where}.{name}".lstrip(".")) for name, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, where)  # type: ignore[arg-type]
    if isinstance(value, list):
        if hint in (str, int, float, bool):
            raise InputError(f"Expected {where} to be {hint.__name__}. Received: {value!r}")
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
    if getattr(hint, "__origin__", None) is tuple and isinstance(value, (int, float)) and where == "data.resolution":
        return (float(value),)
    if getattr(hint, "__origin__", None) is tuple:
        raise InputError(f"Expected {where} to be a list. Received: {value!r}")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (str, int, float) and (not isinstance(value, hint) or isinstance(value, bool)):
        raise InputError(f"Expected {where} to be {hint.__name__}. Received: {value!r}")
    return value


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
