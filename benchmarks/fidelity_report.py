"""R-peaks in a report: means over records, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaecodec.benchmarks.beats import detector
from vaecodec.benchmarks.fidelity import EDGE_S, TOLERANCE_S
from vaecodec.benchmarks.tables import number, table

__all__ = ["r_peaks_facts", "r_peaks_text", "summarise_r_peaks"]

Rows = Sequence[Mapping[str, Any]]

RATIOS = ("f1", "sensitivity", "ppv")
TIMES = ("jitter_ms", "offset_ms")
FIGURES = (*RATIOS, *TIMES)
ORIGINAL, ANNOTATED = "against_original", "against_annotations"
PROTOCOL = (
    "R-peaks: {detector} in its default setting, on millivolts, on the original and on each reconstruction. Beats are matched one to one within "
    "{tolerance:g} ms: the most pairs, of those the least sum of distances; the first and last {edge:g} s are not counted. Jitter: standard "
    "deviation of the matched times' differences. F1 lost: the original's own F1 against the annotations (all beat codes), less the reconstruction's."
)


def r_peaks_facts(originals: Rows) -> dict[str, Any]:
    """What a report says of the detector, and how well it does on the originals, one row a channel."""
    facts = {"detector": detector(), "tolerance_ms": 1000 * TOLERANCE_S, "edge_s": EDGE_S, "originals": list(originals)}
    annotated = [row[ANNOTATED] for row in originals if row[ANNOTATED]]
    return facts | ({f"mean_{ANNOTATED}": _means(annotated)} if annotated else {})


def summarise_r_peaks(rows: Rows) -> dict[str, Any]:
    """Means over the records of one codec at one target; nothing where R-peaks were not measured."""
    peaks = [row["r_peaks"] for row in rows if "r_peaks" in row]
    if not peaks:
        return {}
    worst = min((row for row in rows if "r_peaks" in row), key=lambda row: np.nan_to_num(row["r_peaks"][ORIGINAL]["f1"], nan=2.0))
    found: dict[str, Any] = {ORIGINAL: _means([row[ORIGINAL] for row in peaks])}
    found["worst_f1"] = {"record": worst["record"], "f1": worst["r_peaks"][ORIGINAL]["f1"]}
    if annotated := [row for row in peaks if ANNOTATED in row]:
        found |= {ANNOTATED: _means([row[ANNOTATED] for row in annotated]), "f1_lost": _mean([row["f1_lost"] for row in annotated])}
    return {"r_peaks": found}


def r_peaks_text(report: Mapping[str, Any]) -> str:
    """The tables that are printed: means of every codec, then F1 and jitter of every record."""
    facts = report["r_peaks"]
    parts = ["R-peaks, mean over records", _mean_table(report)]
    for target in next(iter(report["codecs"].values()))["targets"]:
        parts += ["", f"R-peaks at PRDN {target}: F1 / jitter in ms, against the original's", _record_table(report, float(target))]
    protocol = PROTOCOL.format(detector=facts["detector"], tolerance=facts["tolerance_ms"], edge=facts["edge_s"])
    return "\n".join([*parts, "", protocol])


def _mean_table(report: Mapping[str, Any]) -> str:
    head = ["codec", "PRDN <=", "F1", "sensitivity", "PPV", "jitter ms", "worst F1", "of", "F1 annotated", "sensitivity", "PPV", "jitter", "F1 lost"]
    own = report["r_peaks"].get(f"mean_{ANNOTATED}", {})
    rows = [["original", *["-"] * 7, *_cells(own), "-"]]
    for name, codec in report["codecs"].items():
        rows += [[name, target, *_mean_cells(at["r_peaks"])] for target, at in codec["targets"].items() if "r_peaks" in at]
    return table(head, rows)


def _mean_cells(found: Mapping[str, Any]) -> list[str]:
    worst = [number(found["worst_f1"]["f1"], ".4f"), found["worst_f1"]["record"]]
    lost = round(found.get("f1_lost", float("nan")), 4) + 0.0  # no minus before a zero
    return [*_cells(found[ORIGINAL]), *worst, *_cells(found.get(ANNOTATED, {})), number(lost, ".4f")]


def _cells(figures: Mapping[str, float]) -> list[str]:
    return [*(number(figures.get(key), ".4f") for key in RATIOS), number(figures.get("jitter_ms"))]


def _record_table(report: Mapping[str, Any], target: float) -> str:
    names = list(report["codecs"])
    found = {(row["codec"], row["record"]): row.get("r_peaks", {}) for row in report["points"] if row["target"] == target}
    rows = []
    for original in report["r_peaks"]["originals"]:
        peaks = [found.get((name, original["record"]), {}) for name in names]
        agreed = [_pair(of.get(ORIGINAL)) for of in peaks]
        annotated = [number((of.get(ANNOTATED) or {}).get("f1"), ".4f") for of in (original, *peaks)]
        rows.append([original["record"], *agreed, *annotated])
    return table(["record", *names, "F1 annotated: original", *names], rows)


def _pair(figures: Mapping[str, float] | None) -> str:
    return "-" if not figures else f"{number(figures['f1'], '.4f')} / {number(figures['jitter_ms'])}"


def _means(rows: Rows) -> dict[str, float]:
    return {key: _mean([row[key] for row in rows]) for key in FIGURES}


def _mean(values: Sequence[float]) -> float:
    """Of those that are numbers: a record without beats has none."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
