"""The one place that knows which .tflite interpreter is installed: LiteRT, or tflite-runtime on small machines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import ModelError, UnsupportedError

__all__ = ["Network"]

Float = NDArray[np.float32]


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            raise UnsupportedError("no .tflite interpreter is installed: pip install ai-edge-litert (or tflite-runtime)") from None
    return Interpreter


class Network:
    """A float .tflite with named signatures, for inputs of any size.

    Args:
        blob: bytes of the .tflite.
        threads: threads an invocation may use.

    Raises:
        ModelError: the bytes are no model that the interpreter takes.
        UnsupportedError: no interpreter is installed.
    """

    def __init__(self, blob: bytes, threads: int = 1) -> None:
        interpreter = _interpreter_class()
        try:
            self._interpreter = interpreter(model_content=blob, num_threads=threads)
            self._inputs = {name: set(io["inputs"]) for name, io in self._interpreter.get_signature_list().items()}
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"the interpreter refuses this .tflite: {str(error).splitlines()[0]}") from error
        self._runners: dict[str, Any] = {}

    @property
    def signatures(self) -> frozenset[str]:
        """Names of the signatures."""
        return frozenset(self._inputs)

    def run(self, signature: str, **inputs: Float) -> Float:
        """Runs a signature that has one output; inputs that the network does not use are left out.

        Raises:
            ModelError: no such signature, or it fails on these shapes.
        """
        if signature not in self._inputs:
            raise ModelError(f"the decoder lacks the signature {signature!r}; it has {sorted(self._inputs)}")
        try:
            if signature not in self._runners:
                self._runners[signature] = self._interpreter.get_signature_runner(signature)
            used = {name: value for name, value in inputs.items() if name in self._inputs[signature]}
            (output,) = self._runners[signature](**used).values()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"the decoder's {signature} fails: {str(error).splitlines()[0]}") from error
        result: Float = output
        return result
