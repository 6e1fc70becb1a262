"""Recordings whose channels share a file: ours as one, peers as the sum of a file for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from vaecodec.benchmarks.distortion import prd, prdn
from vaecodec.benchmarks.recordings import Channel
from vaecodec.benchmarks.timing import timed
from vaecodec.codec.errors import InputError

__all__ = ["TOGETHER", "merged", "recordings_of", "rows_of"]

Row = dict[str, Any]

TOGETHER = (
    " Channels together: ours codes all channels of a recording in one file, with a gain for each so that every channel keeps the target; peers "
    "code a file for each channel, whose bytes are added up. PRDN and PRD are those of the worst channel."
)
SUMS = ("bytes", "sensor_bits", "samples", "encode_s", "decode_s")


def recordings_of(channels: Sequence[Channel]) -> list[list[Channel]]:
    """Channels of one file each."""
    return [list(group) for _, group in groupby(channels, key=_stem)]


def rows_of(codec: Any, name: str, group: Sequence[Channel], targets: Sequence[float], options: dict[str, Any]) -> list[Row]:
    """Ours: a row for each target."""
    return [_row(codec, name, group, target, options) for target in targets]


def _row(codec: Any, name: str, group: Sequence[Channel], target: float, options: dict[str, Any]) -> Row:
    table = np.stack([channel.samples for channel in group], 1)
    samples = table.astype(np.int16 if np.abs(table).max(initial=0) < 32768 else np.int32)
    start = {"codec": name, "record": _stem(group[0]), "target": target}
    try:
        data, encode_s = timed(lambda: codec.encode(samples, rate=group[0].rate, prdn=target, **options))
    except InputError:
        return start | {"missed": True}
    decoded, decode_s = timed(lambda: codec.decode(data))
    bits = sum(channel.bits for channel in group) * len(samples)
    worst = max(prdn(x, y) for x, y in zip(samples.T, decoded.T, strict=True))
    return start | {
        "prdn": worst,
        "prd": max(prd(channel.samples, y, channel.baseline) for channel, y in zip(group, decoded.T, strict=True)),
        "bytes": len(data),
        "sensor_bits": bits,
        "cr": bits / (8 * len(data)),
        "samples": samples.size,
        "within_2_percent": 0.98 * target <= worst <= target,
        "encode_s": encode_s,
        "decode_s": decode_s,
    }


def merged(group: Sequence[Channel], rows: Sequence[Row]) -> list[Row]:
    """Rows of a recording's channels as one row a peer and target."""
    names = {channel.name for channel in group}
    own = [row for row in rows if row["record"] in names]
    keys = dict.fromkeys((row["codec"], row["target"]) for row in own)
    return [_merge(group, [row for row in own if (row["codec"], row["target"]) == key]) for key in keys]


def _merge(group: Sequence[Channel], rows: Sequence[Row]) -> Row:
    whole: Row = {"codec": rows[0]["codec"], "record": _stem(group[0]), "target": rows[0]["target"]}
    whole |= {key: sum(row[key] for row in rows) for key in SUMS} | {key: max(row[key] for row in rows) for key in ("prdn", "prd")}
    whole["cr"] = whole["sensor_bits"] / (8 * whole["bytes"])
    return whole | {"within_2_percent": all(row["within_2_percent"] for row in rows)}


def _stem(channel: Channel) -> str:
    return channel.name.partition("/")[0]
