"""The one place that knows which .tflite interpreter is installed: LiteRT, or tflite-runtime on small machines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.errors import ModelError, UnsupportedError

__all__ = ["Network"]

Float = NDArray[np.float32]


def _interpreter() -> tuple[Any, Any]:
    """The classes Interpreter and OpResolverType of what is installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter, OpResolverType
        except ImportError:
            raise UnsupportedError("no .tflite interpreter is installed: pip install ai-edge-litert (or tflite-runtime)") from None
    return Interpreter, OpResolverType


class Network:
    """A .tflite with named signatures, for inputs of any size.

    Args:
        blob: bytes of the .tflite.
        threads: threads an invocation may use.
        reference: use the plain reference kernels (BUILTIN_REF) in place of the fastest ones.

    Raises:
        ModelError: the bytes are no model that the interpreter takes.
        UnsupportedError: no interpreter is installed.
    """

    def __init__(self, blob: bytes, threads: int = 1, *, reference: bool = False) -> None:
        interpreter, kernels = _interpreter()
        chosen = {"experimental_op_resolver_type": kernels.BUILTIN_REF} if reference else {}
        try:
            self._interpreter = interpreter(model_content=blob, num_threads=threads, **chosen)
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
        found = list(self.outputs(signature, **inputs).values())
        if len(found) != 1:
            raise ModelError(f"signature {signature} of the .tflite has {len(found)} outputs where one is expected")
        result: Float = found[0]
        return result

    def outputs(self, signature: str, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Runs a signature, like `run`, and gives all its outputs by name; errors as there."""
        if signature not in self._inputs:
            raise ModelError(f"the .tflite lacks the signature {signature!r}; it has {sorted(self._inputs)}")
        try:
            if signature not in self._runners:
                self._runners[signature] = self._interpreter.get_signature_runner(signature)
            used = {name: value for name, value in inputs.items() if name in self._inputs[signature]}
            return dict(self._runners[signature](**used))
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"signature {signature} of the .tflite fails: {str(error).splitlines()[0]}") from error
