"""Writes what check_bounded.c checks: packets of bounded error as this machine's build of the core has them.

    python tests/c/make_bounded.py OUT                       needs vaecodec installed
    python tests/c/make_bounded.py OUT FOLDER RECORD ...     packets of 30 s of the first channel of records, without loss and within 1

A case: "VBND"; u32 channels, max error, samples a channel; int32 samples, as they are and as they decode; u32 bytes of payload, payload.
Little-endian.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from test_native_bounded import KINDS, signal

from vaecodec.codec.native import decode_bounded, encode_bounded


def case(x, max_error):
    """The bytes of one case."""
    payload = encode_bounded(x, max_error)
    decoded = decode_bounded(payload, *x.shape, max_error)
    head = struct.pack("<3I", x.shape[1], max_error, x.shape[0])
    return b"".join([b"VBND", head, x.astype("<i4").tobytes(), decoded.astype("<i4").tobytes(), struct.pack("<I", len(payload)), payload])


def record_cases(folder, names):
    """Every packet of whole records, as `encode --max-error` cuts them."""
    from vaecodec.benchmarks.recordings import channels

    for channel in channels(Path(folder), names, 0, None, None):
        length = round(30 * float(channel.rate))
        for at in range(0, len(channel.samples), length):
            x = channel.samples[at : at + length, None].astype(np.int32)
            yield from (case(x, e) for e in (0, 1))


def made_up_cases():
    shapes = [(1, 1), (1500, 1), (300, 3), (20, 64)]
    return (case(signal(kind, *shape), e) for kind in KINDS for shape in shapes for e in (0, 1, 3, 65535))


def main():
    out, *records = sys.argv[1:]
    Path(out).write_bytes(b"".join(record_cases(records[0], records[1:]) if records else made_up_cases()))


if __name__ == "__main__":
    main()
