"""Rate-distortion plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["plot_curves"]


def plot_curves(curves: Mapping[str, Sequence[tuple[float, float]]], path: Path, labels: tuple[str, str, str], limits: tuple[float, float]) -> None:
    """Draws one line a codec and writes a PNG.

    Args:
        curves: codec -> points (x, y); the first codec is drawn thick.
        path: file to write.
        labels: title, x axis, y axis.
        limits: range of x.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, (name, points) in enumerate(curves.items()):
        shown = [point for point in sorted(points) if limits[0] <= point[0] <= limits[1]]
        axes.plot([x for x, _ in shown], [y for _, y in shown], marker="o", markersize=3, linewidth=2.4 if i == 0 else 1.2, label=name)
    axes.set_title(labels[0])
    axes.set_xlabel(labels[1])
    axes.set_ylabel(labels[2])
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
