"""Writes what check_sense.c checks: windows measured and coded as this machine's build of the core does.

    python tests/c/make_sense.py OUT      needs vaecodec installed

First u32 bytes of the model, the model. A case: "VCSC"; u32 step code, channels, windows; int16 samples [window * N][channel], int16 measurements
[window][channel][row]; u32 bytes of payload, payload. Little-endian.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from common import beats, sensing_codec


def case(model, x, t):
    """The bytes of one case."""
    z = model.measure(x, t)
    payload = model.encode(z, t)
    parts = struct.pack("<3I", t, x.shape[1], len(z)), x.astype("<i2").tobytes(), z.astype("<i2").tobytes(), struct.pack("<I", len(payload))
    return b"".join([b"VCSC", *parts, payload])


def main():
    model = sensing_codec().bundle.sensing
    signals = [
        np.rint(beats(40 * model.window, channels, scale)).reshape(-1, channels).astype(np.int16)
        for channels in (1, 3)
        for scale in (0.1, 300.0, 20000.0)
    ]
    cases = [case(model, x, t) for x in signals for t in range(0, model.codes, 7)]
    Path(sys.argv[1]).write_bytes(b"".join([struct.pack("<I", len(model.blob)), model.blob, *cases]))


if __name__ == "__main__":
    main()
