"""This codec beside its peers, on the same files, by one protocol.

    beat_figure.bench_beat a difficult heartbeat beside the ratios of bench signals
    images.bench_images    photos: JPEG, WebP, JPEG 2000, AVIF, JPEG XL
    signals.bench_signals  sensor signals: DWT with an adaptive range coder, SZ3, FLAC; R-peaks of ECG
    sensing.bench_sensing  compressed sensing: sparse Bayesian learning, random sensing, the wavelet codec
    sheet.bench_sheet      a picture at equal bytes, side by side
    engines.bench_engine   the analysis by the C core and by LiteRT, output by output
    large.bench_large      memory and time of a large picture and its parts
    streams.bench_stream   what packets and bad lines cost, and the memory of a long stream

Rates count every byte of the file. Peers are real encoders in good settings, whose files are decoded again. What is
measured, and how, stands with each function; `protocol` in a report repeats it. Needs `pip install '.[bench]'`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaecodec.benchmarks.beat_figure import bench_beat
    from vaecodec.benchmarks.engines import bench_engine
    from vaecodec.benchmarks.images import bench_images
    from vaecodec.benchmarks.large import bench_large
    from vaecodec.benchmarks.sensing import bench_sensing
    from vaecodec.benchmarks.sheet import bench_sheet
    from vaecodec.benchmarks.signals import bench_signals
    from vaecodec.benchmarks.streams import bench_stream

__all__ = ["bench_beat", "bench_engine", "bench_images", "bench_large", "bench_sensing", "bench_sheet", "bench_signals", "bench_stream"]

_HOME = {
    "bench_beat": "vaecodec.benchmarks.beat_figure",
    "bench_engine": "vaecodec.benchmarks.engines",
    "bench_images": "vaecodec.benchmarks.images",
    "bench_large": "vaecodec.benchmarks.large",
    "bench_sensing": "vaecodec.benchmarks.sensing",
    "bench_sheet": "vaecodec.benchmarks.sheet",
    "bench_signals": "vaecodec.benchmarks.signals",
    "bench_stream": "vaecodec.benchmarks.streams",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
