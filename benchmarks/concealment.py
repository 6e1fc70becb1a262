"""What samples made up for lost packets are worth, by how far the prior runs on before the baseline is held (`stream_timeline.GUESSED`).

    python -m vaecodec.benchmarks.concealment mitdb/ 106 114 124 207 223 230
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaecodec import Decoder, Encoder
from vaecodec.benchmarks.recordings import channels
from vaecodec.codec import stream_timeline

SECONDS, LEAST_APART = 300, 8.0
GAPS = (0.25, 0.533, 1.067, 2.133)
GUESSES = (1, 2, 3, 4, 6, 8, 16)


def gap_error(samples: NDArray[np.int16], rate: float, gap: float, guessed: int) -> tuple[float, float]:
    """Loses a packet of `gap` seconds every 8 s or so.

    Returns:
        PRDN in % of the samples made up, and of those of intact packets near them.
    """
    encoder = Encoder("ecg", rate=rate, packet=gap, stream_id=1)
    packets = encoder.feed(samples) + encoder.flush()
    every = max(2, round(LEAST_APART * rate / encoder.packet_samples))
    data = [packet for i, packet in enumerate(p for p in packets if p[1] & 7 == 0) if i % every or not i]
    kept, stream_timeline.GUESSED = stream_timeline.GUESSED, guessed
    try:
        decoder = Decoder("ecg")
        chunks = decoder.feed(b"".join([packets[0], *data])) + decoder.flush()
    finally:
        stream_timeline.GUESSED = kept
    return _prdn(samples, chunks, "concealed"), _prdn(samples, chunks, "edge")


def _prdn(samples: NDArray[np.int16], chunks: Sequence[stream_timeline.Chunk], origin: str) -> float:
    parts = [(samples[c.first : c.first + len(c.samples)], c.samples[:, 0]) for c in chunks if c.origin == origin]
    true, made = (np.concatenate(part).astype(float) for part in zip(*parts, strict=True))
    return float(100 * np.sqrt(np.mean((true - made) ** 2)) / samples.std())


def main(folder: str, records: Sequence[str]) -> None:
    """Prints a table: rows are gaps, columns how many blocks are guessed."""
    signals = channels(Path(folder), records, 0, None, None)
    print("gap s    " + "".join(f"{f'guess {g}':>14}" for g in GUESSES) + "      (PRDN % of what is made up / at its edges)")
    for gap in GAPS:
        cells = []
        for guessed in GUESSES:
            found = [gap_error(s.samples[: int(SECONDS * s.rate)].astype(np.int16), float(s.rate), gap, guessed) for s in signals]
            cells.append("/".join(f"{v:.1f}" for v in np.mean(found, 0)))
        print(f"{gap:<9.3f}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
