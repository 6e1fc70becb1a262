"""Writes small .tflite files operator by operator, without TensorFlow.

The schema classes come with the LiteRT wheel. Only what integer encoders need is here: int16 activations with zero
point 0, int8 weights with a scale for each output channel, int64 biases (the kernels' bit-exact path).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecodec.codec.errors import UnsupportedError

_TYPES = {"int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64"}
# Lowest operator version whose kernels take int16 activations.
_VERSIONS = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 5, "MIRROR_PAD": 3, "STRIDED_SLICE": 4, "CONCATENATION": 3}


class Graph:
    """A graph under construction; tensors are handled by number.

    Args:
        name: of the signature and the subgraph.

    Raises:
        UnsupportedError: if no LiteRT wheel is installed.
    """

    def __init__(self, name: str) -> None:
        self.s = _schema()
        self.name = name
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.codes: list[Any] = []
        self.buffers: list[Any] = [self.s.BufferT()]  # buffer 0 is the empty one, by convention
        self._contents: dict[bytes, int] = {}

    def activation(self, name: str, shape: Sequence[int], scale: float) -> int:
        """An int16 tensor of that shape and scale."""
        return self._tensor(name, shape, "INT16", [scale], 0, 0)

    def constant(self, name: str, value: npt.NDArray[Any], scales: Sequence[float] = (), axis: int = 0) -> int:
        """A constant tensor, with a scale for each index of `axis` if it is quantised."""
        contents = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
        if contents not in self._contents:
            buffer = self.s.BufferT()
            buffer.data = np.frombuffer(contents, np.uint8)
            self._contents[contents] = len(self.buffers)
            self.buffers.append(buffer)
        return self._tensor(name, value.shape, _TYPES[value.dtype.name], scales, axis, self._contents[contents])

    def shape(self, tensor: int) -> list[int]:
        """Shape of a tensor."""
        return list(self.tensors[tensor].shape)

    def scale(self, tensor: int) -> float:
        """Scale of an activation."""
        return float(self.tensors[tensor].quantization.scale[0])

    def convolution(self, name: str, x: int, weights: npt.NDArray[np.int8], shifts: Sequence[int]) -> int:
        """1x1 CONV_2D with weights [out, in] of scale 2^-shift for each output; the scale of x is kept."""
        options = self.s.Conv2DOptionsT()
        options.strideW = options.strideH = 1
        options.padding = self.s.Padding.VALID
        n_out, n_in = weights.shape
        inputs = self._weights(name, x, weights.reshape(n_out, 1, 1, n_in), shifts, axis=0)
        return self._operator("CONV_2D", name, inputs, [*self.shape(x)[:3], n_out], options)

    def halve(self, name: str, x: int, taps: npt.NDArray[np.int8], shifts: Sequence[int], axis: int) -> int:
        """DEPTHWISE_CONV_2D along `axis` (1 rows, 2 columns) with stride 2 and no padding.

        Args:
            name: of the output tensor.
            x: input tensor with c channels.
            taps: [K, c * m]; output channel i reads input channel i // m.
            shifts: scale 2^-shift for each output channel; the scale of x is kept.
            axis: of the filter.
        """
        k, n_out = taps.shape
        shape = self.shape(x)
        options = self.s.DepthwiseConv2DOptionsT()
        options.strideH, options.strideW = (2, 1) if axis == 1 else (1, 2)
        options.padding = self.s.Padding.VALID
        options.depthMultiplier = n_out // shape[3]
        kernel = taps.reshape((1, k, 1, n_out) if axis == 1 else (1, 1, k, n_out))
        inputs = self._weights(name, x, kernel, shifts, axis=3)
        shape[axis] = (shape[axis] - k) // 2 + 1
        return self._operator("DEPTHWISE_CONV_2D", name, inputs, [*shape[:3], n_out], options)

    def mirror_pad(self, name: str, x: int, before: int, after: int, axis: int) -> int:
        """MIRROR_PAD by reflection (the edge itself is not repeated); at most the axis' size - 1 on either side."""
        options = self.s.MirrorPadOptionsT()
        options.mode = self.s.MirrorPadMode.REFLECT
        paddings = np.zeros((4, 2), np.int32)
        paddings[axis] = before, after
        shape = self.shape(x)
        shape[axis] += before + after
        return self._operator("MIRROR_PAD", name, [x, self.constant(f"{name}/paddings", paddings)], shape, options)

    def every(self, name: str, x: int, first: int, step: int) -> int:
        """STRIDED_SLICE of the channels first, first + step, ..., with an end of its own for channels alone: an interpreter may resize the rest."""
        shape = self.shape(x)
        limits = {"begin": [0, 0, 0, first], "end": [0, 0, 0, shape[3]], "strides": [1, 1, 1, step]}
        options = self.s.StridedSliceOptionsT()
        options.endMask = 0b0111
        inputs = [x, *(self.constant(f"{name}/{part}", np.array(v, np.int32)) for part, v in limits.items())]
        channels = len(range(first, shape[3], step))
        return self._operator("STRIDED_SLICE", name, inputs, [*shape[:3], channels], options)

    def concatenate(self, name: str, parts: Sequence[int]) -> int:
        """CONCATENATION of channels; a single part is returned as it is."""
        if len(parts) == 1:
            return parts[0]
        options = self.s.ConcatenationOptionsT()
        options.axis = 3
        channels = sum(self.shape(part)[3] for part in parts)
        return self._operator("CONCATENATION", name, parts, [*self.shape(parts[0])[:3], channels], options)

    def finish(self, inputs: Mapping[str, int], outputs: Mapping[str, int], description: str) -> bytes:
        """The file, with one signature of the graph's name."""
        import flatbuffers

        s = self.s
        subgraph = s.SubGraphT()
        subgraph.name = self.name
        subgraph.tensors, subgraph.operators = self.tensors, self.operators
        subgraph.inputs, subgraph.outputs = list(inputs.values()), list(outputs.values())
        signature = s.SignatureDefT()
        signature.signatureKey = self.name
        signature.inputs, signature.outputs = self._names(inputs), self._names(outputs)
        model = s.ModelT()
        model.version, model.description = 3, description
        model.operatorCodes, model.buffers = self.codes, self.buffers
        model.subgraphs, model.signatureDefs = [subgraph], [signature]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _names(self, tensors: Mapping[str, int]) -> list[Any]:
        maps = []
        for name, tensor in tensors.items():
            entry = self.s.TensorMapT()
            entry.name, entry.tensorIndex = name, tensor
            maps.append(entry)
        return maps

    def _weights(self, name: str, x: int, kernel: npt.NDArray[np.int8], shifts: Sequence[int], axis: int) -> list[int]:
        """Inputs of a convolution: activation, weights, zero bias."""
        scales = [2.0**-shift for shift in shifts]
        weights = self.constant(f"{name}/weights", kernel, scales, axis)
        bias = self.constant(f"{name}/bias", np.zeros(len(scales), np.int64), [self.scale(x) * scale for scale in scales])
        return [x, weights, bias]

    def _tensor(self, name: str, shape: Sequence[int], kind: str, scales: Sequence[float], axis: int, buffer: int) -> int:
        tensor = self.s.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, [int(n) for n in shape], buffer
        tensor.type, tensor.hasRank = getattr(self.s.TensorType, kind), True
        if len(scales):
            tensor.quantization = self.s.QuantizationParametersT()
            tensor.quantization.scale = np.asarray(scales, np.float32)
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
            tensor.quantization.quantizedDimension = axis
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _operator(self, kind: str, name: str, inputs: Sequence[int], shape: Sequence[int], options: Any) -> int:
        out = self.activation(name, shape, self.scale(inputs[0]))
        operator = self.s.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = list(inputs), [out]
        operator.builtinOptionsType = getattr(self.s.BuiltinOptions, type(options).__name__.removesuffix("T"))
        operator.builtinOptions = options
        self.operators.append(operator)
        return out

    def _code(self, kind: str) -> int:
        number = getattr(self.s.BuiltinOperator, kind)
        known = [code.builtinCode for code in self.codes]
        if number not in known:
            code = self.s.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = number
            code.version = _VERSIONS[kind]
            self.codes.append(code)
            return len(self.codes) - 1
        return known.index(number)


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise UnsupportedError("writing .tflite files needs the LiteRT wheel: pip install ai-edge-litert") from error
    return schema_py_generated
