"""Writes the frozen bundles of the conformance streams: an untrained wavelet model each. Needs TensorFlow.

    python conformance/make_bundles.py conformance/0.1

A release's bundles never change after it: new ones go into the next release's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from linear_decoder import HALO, linear_decoder

from vaecodec.codec.bundle import pack
from vaecodec.export.untrained import untrained_program

BUNDLES: dict[str, dict[str, Any]] = {
    "tiny-image": {"rank": 2, "levels": 3, "colours": 3, "phases": 2},
    "tiny-signal": {"rank": 1, "levels": 4},
    "tiny-matching": {"rank": 1, "levels": 4, "lags": (128, 900)},
}


def untrained_bundle(name: str, *, rank: int, levels: int, colours: int | None = None, phases: int = 1,
                     lags: tuple[int, int] | None = None, **fields: Any) -> bytes:  # fmt: skip
    """A bundle of the wavelet with the hand-written prior."""
    program = untrained_program(rank, levels, colours=colours, phases=phases, lags=lags)
    manifest = {
        "name": name,
        "version": "0",
        "modality": "image" if rank == 2 else "signal",
        "levels": levels,
        "rate": None,
        "units": None,
        "bits": 8 if rank == 2 else 11,
        "packet_blocks": None if rank == 2 else 32,
        "halo": HALO,
        "figures": {},
        "data": [],
        "licence": "Apache-2.0",
        "tool": "conformance/make_bundles.py",
        **fields,
    }
    members = {
        "symbols.bin": program.to_bytes(),
        "decoder.tflite": linear_decoder(rank, levels, colours or 1, program.in_offset),
        "MODEL_CARD.md": f"# {name}\n\nThe CDF 9/7 wavelet with a prior written by hand. Not trained on anything.\n".encode(),
    }
    return pack(manifest, members)


def main(folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, arguments in BUNDLES.items():
        path = Path(folder, f"{name}.vaemodel")
        path.write_bytes(untrained_bundle(name, **arguments))
        print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
