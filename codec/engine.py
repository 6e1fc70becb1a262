"""Which engine runs the integer analysis: the C core, whose result is normative, or LiteRT on the bundle's encoder.tflite.

Gateways with an accelerator of their own want the second. Its kernels may round otherwise, so that a coefficient is off by one and a latent
comes out different here and there; what it writes decodes like anything else, for a decoder never runs the analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.arguments import shown
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError, ModelError, UnsupportedError
from vaecodec.codec.grids import Bands
from vaecodec.codec.interpreter import Network
from vaecodec.codec.native import SymbolModel

__all__ = ["ENGINES", "LITERT", "Analysis", "C", "LitertAnalysis", "analysis_of", "check_engine", "refuse_litert"]

C, LITERT = "c", "litert"
ENGINES = (C, LITERT)

MEMBER = "encoder.tflite"
SIGNATURE = "analyse"

Int16 = NDArray[np.int16]
# int16 [H, W, C] or [N, channels], padded, as the analysis takes it, to bands of coefficients.
Analysis = Callable[[Int16], Bands]


def check_engine(engine: object) -> str:
    """Gives back the name of an engine; InputError where there is none of that name."""
    if engine not in ENGINES:
        raise InputError(f"an engine is one of {', '.join(ENGINES)}, got {shown(engine)}")
    return str(engine)


def refuse_litert(engine: object, what: str) -> None:
    """Refuses the engine where there is no analysis that a .tflite holds.

    Raises:
        UnsupportedError: it is "litert".
        InputError: there is no such engine.
    """
    if check_engine(engine) == LITERT:
        raise UnsupportedError(f"{what} has no analysis that LiteRT could run; leave the engine at {C!r}")


def analysis_of(bundle: Bundle, engine: object = C, threads: int = 1) -> Analysis:
    """The analysis of a picture's or signal's bundle on an engine.

    Raises:
        UnsupportedError: the bundle has no encoder.tflite, or no interpreter is installed.
        InputError: there is no such engine.
    """
    return bundle.symbols.analyse if check_engine(engine) == C else LitertAnalysis(bundle, threads)


class LitertAnalysis:
    """The analysis of a bundle, run by LiteRT. Threads may share one; it serves one at a time.

    Args:
        bundle: with an encoder.tflite.
        threads: threads an invocation may use.
        reference: use the plain reference kernels, which compute what the C core computes, in place of the fastest ones.

    Raises:
        UnsupportedError: the bundle has no encoder.tflite, or no interpreter is installed.
        ModelError: it is damaged, or lacks the signature.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, *, reference: bool = False) -> None:
        if MEMBER not in bundle.manifest["sha256"]:
            why = "a lapped transform takes finer weights than .tflite has" if bundle.symbols.lapped else "it was packed without"
            raise UnsupportedError(f"{bundle.name} has no {MEMBER} for LiteRT to run ({why}); leave the engine at {C!r}")
        self._name, self._model = bundle.name, bundle.symbols
        self._network = Network(bundle.member(MEMBER), threads, reference=reference)
        self._lock = Lock()

    def __call__(self, x: Int16) -> Bands:
        """Coefficients, as `SymbolModel.analyse` gives them.

        Raises:
            UnsupportedError: the file does not take such a size: reflection at the borders needs a few blocks of 2^L.
        """
        taken = x[None] if self._model.rank == 2 else np.ascontiguousarray(x.T)[:, None, :, None]
        try:
            with self._lock:
                outputs = self._network.outputs(SIGNATURE, samples=taken)
            bands = bands_of_outputs(self._model, outputs)
        except (ModelError, KeyError, IndexError) as error:
            raise UnsupportedError(f"{self._refusal(x)}: {error}") from error
        if [band.shape for band in bands] != self._model.band_shapes((x.shape[0], x.shape[1])):
            raise UnsupportedError(f"{self._refusal(x)}: it was written for one size only")
        return bands

    def _refusal(self, x: Int16) -> str:
        what = f"{x.shape[1]} x {x.shape[0]} pixels" if self._model.rank == 2 else f"{len(x)} samples"
        return f"{MEMBER} of {self._name} does not take {what} (after padding); leave the engine at {C!r}"


def bands_of_outputs(model: SymbolModel, outputs: Mapping[str, NDArray[Any]]) -> Bands:
    """Sorts the outputs of encoder.tflite into bands by number, in the shapes of format.md section 1.

    Args:
        model: the model's symbols.
        outputs: arrays by name, as an interpreter's signature runner gives them; channels of a signal are a batch of signals of one
            channel, or channels.
    """
    details = [outputs[f"detail_{level}"] for level in range(model.levels, 0, -1)]
    if model.rank == 1:
        return [_signal(band) for band in (outputs["approx"], *details)]
    planes = model.colours
    bands = [outputs["approx"][0, :, :, c] for c in range(planes)]
    bands += [detail[0, :, :, o * planes + c] for detail in details for c in range(planes) for o in range(3)]
    return [np.ascontiguousarray(band) for band in bands]


def _signal(output: Int16) -> Int16:
    """[batch, 1, n, channels], one of batch and channels being 1, to [n, channels]."""
    return np.ascontiguousarray(output[0, 0] if len(output) == 1 else output[:, 0, :, 0].T)
