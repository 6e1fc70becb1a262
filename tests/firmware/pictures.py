"""What pictures cost on a core, counted under QEMU as in `firmware.figures`: instructions a pixel, flash, memory and stack.

    PYTHONPATH=tests python -m firmware.pictures        writes figures_pictures.json; the tests compare with it

A real photo at quality 60, effort 1, in tiles of 160 x 32: `photo` takes 320 x 240 pixels in colour, `photo-mcu` 160 x 120 grey ones.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from firmware.cores import HERE
from firmware.figures import measure
from PIL import Image

from vaecodec.codec.bundle import Bundle
from vaecodec.demo_data import photo
from vaecodec.export.firmware import Firmware, export_firmware

KEPT = HERE / "figures_pictures.json"
SIZES = {"photo": (320, 240), "photo-mcu": (160, 120)}
TILES = {"photo": (160, 32), "photo-mcu": (160, 32)}
CORES = {"photo": ("M7",), "photo-mcu": ("M0+", "M4F", "M7", "M55", "RV32IMC")}


def picture(model: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """A real photo at the size of the model's camera: uint8 [H, W, 3], or [H, W] for a model of grey pictures."""
    colours = Bundle.open(model).symbols.colours
    image = Image.fromarray(photo()).convert("RGB" if colours == 3 else "L")
    return np.asarray(image.resize(size or SIZES[model], Image.Resampling.LANCZOS))


def export(folder: Path, model: str, pixels: np.ndarray, tile: tuple[int, int]) -> None:
    """Exports a model with the name `model`, and the picture beside it."""
    export_firmware(Bundle.open(model), folder, Firmware(name="model", size=(pixels.shape[1], pixels.shape[0]), tile=tile))
    numbers = ", ".join(map(str, pixels.ravel()))
    settings = "#define SETTINGS {600, 1}"
    (folder / "picture.h").write_text(f"#include <stdint.h>\nstatic const uint8_t picture[] = {{{numbers}}};\n{settings}\n")


def figures(model: str, core: str, folder: Path) -> dict[str, float]:
    """Of one core."""
    pixels = picture(model)
    export(folder / "model", model, pixels, TILES[model])
    return measure(core, folder / "model", pixels.shape[0] * pixels.shape[1], folder, "picture.c")


def everything() -> dict[str, dict[str, dict[str, float]]]:
    """Of all models and cores."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for model, cores in CORES.items():
        for core in cores:
            with tempfile.TemporaryDirectory() as name:
                found.setdefault(model, {})[core] = figures(model, core, Path(name))
    return found


if __name__ == "__main__":
    text = json.dumps(everything(), indent=1)
    KEPT.write_text(text + "\n")
    print(text)
