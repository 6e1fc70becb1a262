"""From the points of every picture to means, BD-rates, speeds and tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from vaecodec.benchmarks.bdrate import bd_rate, interpolate_quality
from vaecodec.benchmarks.msssim import decibel
from vaecodec.benchmarks.results import Report
from vaecodec.benchmarks.tables import number, table

__all__ = ["nearest", "summarise", "text"]

Point = Mapping[str, float]
Files = Mapping[str, Sequence[Point]]
T = TypeVar("T", bound=Point)

NEAR = 0.5
READ_AT = (0.25, 0.5, 1.0, 1.5)
SPEEDS = ("encode_s", "decode_s", "entropy_decode_s", "fast_decode_s")


def summarise(name: str, points: Mapping[str, Files]) -> dict[str, Any]:
    """One codec's figures.

    Args:
        name: the codec.
        points: codec -> picture -> points.

    Returns:
        `mean_curve`: means over pictures at each setting that all have; `bd_rate`: against every other codec at equal PSNR, in per cent;
        `bd_rate_ms_ssim`: the same at equal MS-SSIM, not a number if that was not measured;
        `psnr_at`: dB at some rates that the curves of all pictures reach; `mpixel_per_s`: speeds near 0.5 bpp;
        `checks`: of what a quality scale promises, see `_checks`.
    """
    files = points[name]
    return {
        "mean_curve": _mean_curve(files),
        "bd_rate": {other: _mean_bd(points[other], files, _curve) for other in points if other != name},
        "bd_rate_ms_ssim": {other: _mean_bd(points[other], files, _similarity) for other in points if other != name},
        "psnr_at": {str(rate): _at(files, rate) for rate in READ_AT},
        "mpixel_per_s": _speeds(files),
        "checks": _checks(files),
    }


def text(report: Report) -> str:
    """The tables that are printed."""
    codecs: dict[str, Any] = report["codecs"]
    names = list(codecs)
    count = len(next(iter(report["points"].values())))
    parts = [f"{report['folder']}: {count} pictures", "", _bd_table(names, codecs), *_similarity_table(names, codecs)]
    parts += ["", _speed_table(names, codecs)]
    if macs := report["model"].get("macs"):
        total = sum(macs.values())
        parts += ["", *_check_lines(codecs[names[0]]["checks"])]
        parts += ["", f"encoder: {total:.0f} MAC/pixel (" + ", ".join(f"{key} {value:.0f}" for key, value in macs.items()) + ")"]
    for name in names:
        parts += ["", f"{name}, {codecs[name]['chroma']}: mean over pictures", _curve_table(codecs[name]["mean_curve"])]
    return "\n".join([*parts, "", report["protocol"]])


def _bd_table(names: Sequence[str], codecs: Mapping[str, Any]) -> str:
    head = ["BD-rate, %, of", *(f"vs {name}" for name in names), *(f"dB at {rate}" for rate in READ_AT)]
    rows = []
    for name in names:
        bd, at = codecs[name]["bd_rate"], codecs[name]["psnr_at"]
        rows.append([name, *(number(bd.get(other), "+.1f") for other in names), *(number(at[str(rate)]) for rate in READ_AT)])
    return table(head, rows)


def _similarity_table(names: Sequence[str], codecs: Mapping[str, Any]) -> list[str]:
    """BD-rates at equal MS-SSIM, where it was measured."""
    rates = {name: codecs[name]["bd_rate_ms_ssim"] for name in names}
    if all(math.isnan(value) for row in rates.values() for value in row.values()):
        return []
    rows = [[name, *(number(rates[name].get(other), "+.1f") for other in names)] for name in names]
    return ["", table(["at equal MS-SSIM, %, of", *(f"vs {name}" for name in names)], rows)]


def _speed_table(names: Sequence[str], codecs: Mapping[str, Any]) -> str:
    """Speeds, and as multiples of the first peer's (JPEG)."""
    anchor = codecs[names[1]]["mpixel_per_s"] if len(names) > 1 else {}
    head = [
        "Mpixel/s, one core",
        "encode",
        "decode",
        "entropy decoding",
        "fast decode",
        *((f"encode / {names[1]}", f"decode / {names[1]}") if anchor else ()),
    ]
    rows = []
    for name in names:
        speed = codecs[name]["mpixel_per_s"]
        ratios = [number(speed[key] / anchor[key], ".3f") for key in ("encode_s", "decode_s")] if anchor else []
        rows.append([name, *(number(speed.get(key)) for key in SPEEDS), *ratios])
    return table(head, rows)


def _curve_table(points: Sequence[Point]) -> str:
    rows = [[f"{p['setting']:g}", number(p["bpp"], ".3f"), number(p["psnr"]), number(p.get("ms_ssim"), ".4f")] for p in points]
    return table(["setting", "bpp", "PSNR, dB", "MS-SSIM"], rows)


def _mean_curve(files: Files) -> list[dict[str, float]]:
    """Means at each setting that was run on every picture; MS-SSIM in dB is the mean of the dB."""
    by_setting: dict[float, list[Point]] = {}
    for points in files.values():
        for point in points:
            by_setting.setdefault(point["setting"], []).append(point)
    return [_mean_point(setting, group) for setting, group in by_setting.items() if len(group) == len(files)]


def _mean_point(setting: float, group: Sequence[Point]) -> dict[str, float]:
    mean = {"setting": setting, "bpp": _mean(p["bpp"] for p in group), "psnr": _mean(p["psnr"] for p in group)}
    if all("ms_ssim" in p for p in group):
        mean |= {"ms_ssim": _mean(p["ms_ssim"] for p in group), "ms_ssim_db": _mean(decibel(p["ms_ssim"]) for p in group)}
    return mean


def _mean_bd(anchor: Files, test: Files, curve: Callable[[Sequence[Point]], list[tuple[float, float]]]) -> float:
    pairs = [(curve(anchor[file]), curve(test[file])) for file in test]
    return _mean(bd_rate(a, b) for a, b in pairs if min(len(a), len(b)) > 1)


def _at(files: Files, rate: float) -> float:
    """Mean dB at a rate; not a number if some picture's curve does not reach it."""
    found = [interpolate_quality(_curve(curve), rate) for curve in files.values()]
    return math.nan if any(math.isnan(value) for value in found) else _mean(found)


def nearest(points: Sequence[T]) -> T:
    """The point next to 0.5 bpp."""
    return min(points, key=lambda p: abs(math.log(p["bpp"] / NEAR)))


def _checks(files: Files) -> dict[str, Any]:
    """Promises of the quality scale and of decoding parts; only what was measured.

    Returns:
        `monotone`: pictures whose bytes and PSNR never fall as quality rises; `of`: how many were measured;
        `finest_psnr`: least PSNR at the highest setting; `fast_loss`: mean dB that fast decoding loses; `half_psnr`: mean dB of files cut to half.
    """
    near = [nearest(points) for points in files.values()]
    out: dict[str, Any] = {"of": len(files), "monotone": sum(map(_monotone, files.values()))}
    out["finest_psnr"] = min(max(points, key=lambda p: p["setting"])["psnr"] for points in files.values())
    if all("fast_psnr" in p for p in near):
        out["fast_loss"] = _mean(p["psnr"] - p["fast_psnr"] for p in near)
    if all("half_psnr" in p for p in near):
        out["half_psnr"] = _mean(p["half_psnr"] for p in near)
    return out


def _monotone(points: Sequence[Point]) -> bool:
    ordered = sorted(points, key=lambda p: p["setting"])
    return all(a["bytes"] <= b["bytes"] and a["psnr"] <= b["psnr"] for a, b in pairwise(ordered))


def _check_lines(checks: Mapping[str, Any]) -> list[str]:
    lines = [
        f"bytes and PSNR never fall as quality rises: {checks['monotone']} of {checks['of']} pictures",
        f"quality 100: at least {checks['finest_psnr']:.2f} dB",
    ]
    if "fast_loss" in checks:
        lines.append(f"fast decoding near {NEAR} bpp: {checks['fast_loss']:.2f} dB less")
    if "half_psnr" in checks:
        lines.append(f"files of about {NEAR} bpp cut to half of their bytes: {checks['half_psnr']:.2f} dB")
    return lines


def _speeds(files: Files) -> dict[str, float]:
    """Mpixel a second: all pixels over all seconds, each picture at its point nearest to 0.5 bpp."""
    near = [nearest(points) for points in files.values()]
    pixels = sum(p["pixels"] for p in near) / 1e6
    return {key: pixels / max(1e-9, sum(p[key] for p in near)) for key in SPEEDS if all(key in p for p in near)}


def _curve(points: Sequence[Point]) -> list[tuple[float, float]]:
    return [(p["bpp"], p["psnr"]) for p in points]


def _similarity(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Rate and MS-SSIM in dB."""
    return [(p["bpp"], decibel(p["ms_ssim"])) for p in points if p.get("ms_ssim", 1.0) < 1]


def _mean(values: Any) -> float:
    """The mean of the numbers that exist; NaN if none does."""
    finite = [value for value in values if not math.isnan(value)]
    return float(np.mean(finite)) if finite else math.nan
