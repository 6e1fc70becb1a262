"""From a training run to what ships: bundles, .tflite files, firmware.

    vaecodec.export.cli_export_bundle("runs/photo", "photo.vaemodel", data="photos/")

`symbols` holds the integer program of a model, `wavelets` the filter bank it starts from, `untrained` a model without
training, `encoder_tflite` the analysis for other engines. None of these needs TensorFlow. `prior`, `filters` and
`decoder_tflite` turn trained weights into the parts of a bundle, `report` measures what that costs, `bundle` packs it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vaecodec.codec.errors import UnsupportedError

if TYPE_CHECKING:
    from vaecodec.export.bundle import Result

__all__ = ["cli_export_bundle"]


def cli_export_bundle(
    run: str | Path,
    out: str | Path,
    *,
    data: str | Path | None = None,
    samples: int = 4,
    name: str | None = None,
    version: str = "1",
    licence: str = "Apache-2.0",
    source: Sequence[str] = (),
    description: str = "",
    quiet: bool = False,
) -> Result:
    """Exports a training run as a bundle and prints what every step cost.

    Args:
        run: folder of the run, or a weights file.
        out: .vaemodel file to write; an existing one is replaced.
        data: folder of data as for training; its validation files serve to measure the cost.
        samples: at most so many of them.
        name: the model's name; that of `out` unless given.
        version: of these weights.
        licence: of the weights, an SPDX identifier.
        source: data the weights were trained on, one text each with its licence.
        description: what it codes and for whom.
        quiet: print nothing.

    Raises:
        InputError: no weights, no data, or a wrong name of the output.
        ModelError: the weights cannot be represented, or the bundle fails its self-test.
        UnsupportedError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from vaecodec.export.bundle import write_bundle
        from vaecodec.export.facts import Facts
    except ImportError as error:
        raise UnsupportedError(f"Export needs packages that are not installed ({error}): pip install '.[train]'") from error
    facts = Facts(name, version, licence, tuple(source), description)
    result = write_bundle(run, out, facts, data=data, samples=samples)
    if not quiet:
        print(f"{out}: {len(result.blob)} bytes")
        if result.report is not None:
            print(result.report.table())
    return result
