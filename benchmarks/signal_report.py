"""From the rows of every record to means and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaecodec.benchmarks.fidelity_report import r_peaks_text, summarise_r_peaks
from vaecodec.benchmarks.results import Report
from vaecodec.benchmarks.tables import number, table

__all__ = ["summarise", "text"]

Rows = Sequence[Mapping[str, Any]]


def summarise(name: str, rows: Rows) -> dict[str, Any]:
    """One codec's figures: for each target the means over its records, and `missed`, the records that cannot reach it."""
    own = [row for row in rows if row["codec"] == name]
    targets = sorted({row["target"] for row in own})
    return {"targets": {f"{target:g}": _at_target([row for row in own if row["target"] == target]) for target in targets}}


def text(report: Report) -> str:
    """The tables that are printed."""
    codecs = report["codecs"]
    names = list(codecs)
    parts = [f"{report['folder']}: {len({row['record'] for row in report['points']})} channels", "", _mean_table(names, codecs)]
    parts += ["", _bounded_line(report)]
    if macs := report["model"].get("macs"):
        parts += [
            "",
            f"encoder: {sum(macs.values()):.0f} MAC/sample (" + ", ".join(f"{key} {value:.0f}" for key, value in macs.items()) + ")",
        ]
    for target in next(iter(codecs.values()))["targets"]:
        parts += ["", f"CR at PRDN {target}", _record_table(names, report["points"], float(target))]
    if "r_peaks" in report:
        parts += ["", r_peaks_text(report)]
    return "\n".join([*parts, "", report["protocol"]])


def _bounded_line(report: Report) -> str:
    """Mean CR where every sample is right, beside FLAC's, and where it is within an error; ours with Msample/s of encoding and decoding."""
    found = [("without loss, FLAC", report["lossless"])]
    for error in sorted({row["max_error"] for row in report["bounded"]}):
        what = f"within {error} of every sample" if error else "without loss"
        found.append((f"{what}, vaecodec", [row for row in report["bounded"] if row["max_error"] == error]))
    speeds = [f"{number(_speed(report['bounded'], key))} {what}" for key, what in (("encode_s", "encoding"), ("decode_s", "decoding"))]
    ratios = [f"{what}: {number(float(np.mean([row['cr'] for row in rows])))}" for what, rows in found if rows]
    return f"CR {'; '.join(ratios)} (Msample/s: {', '.join(speeds)})"


def _at_target(rows: Rows) -> dict[str, Any]:
    good = [row for row in rows if not row.get("missed")]
    found: dict[str, Any] = {"records": len(good), "missed": [row["record"] for row in rows if row.get("missed")]}
    if not good:
        return found | {key: float("nan") for key in ("mean_cr", "total_cr", "mean_prdn", "mean_prd")}
    found |= {f"mean_{key}": float(np.mean([row[key] for row in good])) for key in ("cr", "prdn", "prd")}
    found["total_cr"] = sum(row["sensor_bits"] for row in good) / (8 * sum(row["bytes"] for row in good))
    found["not_within_2_percent"] = [row["record"] for row in good if not row["within_2_percent"]]
    found |= summarise_r_peaks(good)
    found["msample_per_s"] = {key: _speed(good, key) for key in ("encode_s", "decode_s", "entropy_decode_s") if all(key in row for row in good)}
    if all("payload_bytes" in row for row in good):
        found["framing_bytes_per_packet"] = sum(row["bytes"] - row["payload_bytes"] for row in good) / sum(row["packets"] for row in good)
        found["packet_s"] = max(row["packet_s"] for row in good)
    return found


def _speed(rows: Rows, key: str) -> float:
    samples, seconds = (float(sum(row[name] for row in rows)) for name in ("samples", key))
    return samples / 1e6 / max(1e-9, seconds)


def _mean_table(names: Sequence[str], codecs: Mapping[str, Any]) -> str:
    head = [
        "codec",
        "PRDN <=",
        "CR, mean",
        "CR, total",
        "PRDN",
        "PRD",
        "missed",
        "not within 2 %",
        "framing B/packet",
        "enc Msample/s",
        "dec",
        "entropy dec",
    ]
    rows = []
    for name in names:
        for target, at in codecs[name]["targets"].items():
            speed = at.get("msample_per_s", {})
            cells = [number(at[key], form) for key, form in (("mean_cr", ".2f"), ("total_cr", ".2f"), ("mean_prdn", ".3f"), ("mean_prd", ".3f"))]
            counts = [str(len(at["missed"])), str(len(at.get("not_within_2_percent", [])))]
            speeds = [number(speed.get(key)) for key in ("encode_s", "decode_s", "entropy_decode_s")]
            rows.append([name, target, *cells, *counts, number(at.get("framing_bytes_per_packet"), ".1f"), *speeds])
    return table(head, rows)


def _record_table(names: Sequence[str], rows: Rows, target: float) -> str:
    ratio = {(row["codec"], row["record"]): row.get("cr") for row in rows if row["target"] == target}
    records = list(dict.fromkeys(row["record"] for row in rows))
    return table(["record", *names], [[record, *(number(ratio.get((name, record))) for name in names)] for record in records])
