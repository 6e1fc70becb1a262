"""A trained prior as the integer networks of docs/format.md section 4: float weights in, stages of a `SymbolProgram` out.

Activations keep 8 fractional bits, as `vaecodec.train.layers.prior.Prior` rounds them in quantised training. Weights become
int8 times a power of two per output channel, so that an operation's sum has 8 + e fractional bits and its shift is e:

    out = rshift(bias * 2^(8 + e) + sum(round(w * 2^e) * x), e)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vaecodec.codec.errors import ModelError
from vaecodec.export import symbols
from vaecodec.export.symbols import PlaneKind
from vaecodec.train import topology as top

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ACTIVATION_BITS = 8
MAX_SHIFT = 15
LARGEST = 127.49  # what still rounds to 127
MAX_SUM = 60000.0  # sum of |w| 2^e that training allows, for the rule of format.md section 4
_SUM_LIMIT = 2**31
_KINDS = {
    "signed": PlaneKind.SIGNED,
    "magnitude": PlaneKind.MAGNITUDE,
    "raw": PlaneKind.RAW,
    "best": PlaneKind.BEST,
    "mean": PlaneKind.MEAN,
    "raw_mean": PlaneKind.RAW_MEAN,
    "distance": PlaneKind.DISTANCE,
}


def export_prior(
    topology: top.Topology, kernels: Mapping[str, Sequence[npt.ArrayLike]], biases: Mapping[str, npt.ArrayLike]
) -> tuple[tuple[symbols.Plane, ...], tuple[symbols.Stage, ...]]:
    """Turns a topology and its float weights into planes and stages.

    Args:
        topology: stages, planes and operations, by name.
        kernels: for each convolution one array [kh, kw, n_in, n_out] a term, in real units (an activation of 1.0 is 256).
        biases: for each convolution n_out values.

    Returns:
        Planes by number, and the stages that refer to them.

    Raises:
        ModelError: a weight is missing, of the wrong shape or not finite.
    """
    return _Exporter(topology, kernels, biases).export()


def quantise_conv(kernels: Sequence[npt.ArrayLike], bias: npt.ArrayLike) -> tuple[list[Ints], Ints, Ints]:
    """Rounds one convolution to int8 weights, shifts and int32 biases.

    Every output channel has the largest shift e <= 15 at which all its weights fit int8 and its sum fits 32 bits
    (docs/format.md section 4). Weights above 127 are clipped, as in training.

    Args:
        kernels: float [kh, kw, n_in, n_out], one a term.
        bias: float [n_out].

    Returns:
        Weights [n_out, kh, kw, n_in] a term, shift [n_out], bias [n_out] in units of 2^-(8 + shift).

    Raises:
        ModelError: a value is not finite, or no shift satisfies the 32-bit rule.
    """
    terms = [np.moveaxis(np.asarray(k, np.float64), -1, 0) for k in kernels]
    offset = np.asarray(bias, np.float64)
    n = len(offset)
    flat = np.concatenate([t.reshape(n, -1) for t in terms], axis=1)
    if not (np.isfinite(flat).all() and np.isfinite(offset).all()):
        raise ModelError("a trained weight is not finite: this run has diverged")
    shift = _fitting_shifts(flat, offset)
    scale = np.exp2(shift)
    weights = [_round_weights(t, scale[:, None, None, None]) for t in terms]
    return weights, shift, _round_bias(offset, shift)


def _fitting_shifts(flat: Array, bias: Array) -> Ints:
    size = np.maximum(np.abs(flat), 1e-9)
    room = np.minimum(LARGEST / size.max(axis=1), MAX_SUM / size.sum(axis=1))
    shift = np.clip(np.floor(np.log2(room)), 0, MAX_SHIFT).astype(np.int64)
    # Only a large bias can still break the rule.
    while (over := _sum_bound(flat, bias, shift) >= _SUM_LIMIT).any():
        if (shift[over] == 0).any():
            raise ModelError("the weights of a convolution of the prior are too large for 32-bit sums")
        shift -= over
    return np.asarray(shift)


def _sum_bound(flat: Array, bias: Array, shift: Ints) -> Ints:
    total = np.abs(_round_weights(flat, np.exp2(shift)[:, None])).sum(axis=1)
    return np.asarray(np.abs(_round_bias(bias, shift)) + 32768 * total)


def _round_weights(weights: Array, scale: Array) -> Ints:
    return np.asarray(np.clip(np.rint(weights * scale), -127, 127), np.int64)


def _round_bias(bias: Array, shift: Ints) -> Ints:
    return np.asarray(np.rint(bias * np.exp2(ACTIVATION_BITS + shift)), np.int64)


class _Exporter:
    """Numbers the planes and translates operation by operation."""

    def __init__(self, topology: top.Topology, kernels: Mapping[str, Sequence[npt.ArrayLike]], biases: Mapping[str, npt.ArrayLike]) -> None:
        self._top = topology
        self._kernels = kernels
        self._biases = biases
        self._table = symbols.PlaneTable()
        self._numbers: dict[str, int] = {}

    def export(self) -> tuple[tuple[symbols.Plane, ...], tuple[symbols.Stage, ...]]:
        used = {name for stage in self._top.stages for name in _planes_of(stage)}
        for name, plane in self._top.planes.items():
            if name in used:
                kind = _KINDS.get(name.rpartition(".")[2], PlaneKind.COMPUTED)
                self._numbers[name] = self._table.add(plane.stage, plane.channels, kind)
        stages = tuple(self._stage(stage) for stage in self._top.stages)
        return self._table.freeze(), stages

    def _stage(self, stage: top.Stage) -> symbols.Stage:
        return symbols.Stage(
            level=stage.level,
            symbols=tuple(symbols.Symbol(band, d) for band, d in stage.symbols),
            rows=tuple(join_convs([self._operation(op) for op in stage.row])),
            prelude=tuple(self._operation(op) for op in stage.prelude),
            phases=stage.phases,
        )

    def _operation(self, op: top.Operation) -> symbols.Operation:
        if isinstance(op, top.Conv):
            return self._conv(op)
        if isinstance(op, top.Shuffle):
            return symbols.Shuffle(self._numbers[op.source], self._numbers[op.out])
        if isinstance(op, top.Match):
            return symbols.Match(op.first, op.count)
        if isinstance(op, top.Blend):
            return symbols.Blend(self._numbers[op.params], op.first, op.count)
        return symbols.Code(self._numbers[op.params], op.first, op.count)

    def _conv(self, op: top.Conv) -> symbols.Conv:
        kernels = [np.asarray(k) for k in self._kernels.get(op.name, ())]
        expected = [(t.kh, t.kw, self._inputs(t), op.count) for t in op.terms]
        if [k.shape for k in kernels] != expected:
            raise ModelError(f"convolution {op.name} of the prior needs weights of shapes {expected}, not {[k.shape for k in kernels]}")
        weights, shift, bias = quantise_conv(kernels, self._biases[op.name])
        terms = tuple(self._term(t, w) for t, w in zip(op.terms, weights, strict=True))
        return symbols.Conv(self._numbers[op.out], terms, shift, bias, op.relu, op.first)

    def _term(self, t: top.Term, weights: Ints) -> symbols.Term:
        number = symbols.CONDITION if t.plane == top.CONDITION else self._numbers[t.plane]
        return symbols.Term(number, weights, t.first, t.oy, t.ox, t.dilation)

    def _inputs(self, t: top.Term) -> int:
        if t.plane == top.CONDITION:
            return self._top.condition
        return self._top.planes[t.plane].channels if t.count is None else t.count


def _planes_of(stage: top.Stage) -> Iterator[str]:
    for op in (*stage.prelude, *stage.row):
        if isinstance(op, top.Conv):
            yield from (op.out, *(t.plane for t in op.terms))
        elif isinstance(op, top.Shuffle):
            yield from (op.source, op.out)
        elif isinstance(op, top.Blend):
            yield from (op.params, op.matched)
        elif isinstance(op, top.Code):
            yield op.params


def join_convs(operations: Sequence[symbols.Operation]) -> Iterator[symbols.Operation]:
    """Makes one convolution of neighbours that read the same inputs and write adjacent channels.

    Scale and spike of a group of symbols, and where nothing else feeds it the mean, come from the same hidden layer; as one operation
    the core reads that layer once. The outputs stay the same.
    """
    held: symbols.Conv | None = None
    for op in operations:
        if held is not None and isinstance(op, symbols.Conv) and _joinable(held, op):
            held = _joined(held, op)
            continue
        if held is not None:
            yield held
        held = op if isinstance(op, symbols.Conv) else None
        if held is None:
            yield op
    if held is not None:
        yield held


def _joinable(a: symbols.Conv, b: symbols.Conv) -> bool:
    return a.out == b.out and a.relu == b.relu and a.first + a.channels == b.first and _reads(a) == _reads(b)


def _reads(conv: symbols.Conv) -> list[tuple[object, ...]]:
    return [(t.plane, t.array.shape[1:], t.first, t.oy, t.ox, t.dilation) for t in conv.terms]


def _joined(a: symbols.Conv, b: symbols.Conv) -> symbols.Conv:
    terms = tuple(
        symbols.Term(s.plane, np.concatenate([s.array, t.array]), s.first, s.oy, s.ox, s.dilation)
        for s, t in zip(a.terms, b.terms, strict=True)
    )
    return symbols.Conv(a.out, terms, np.concatenate([a.shift, b.shift]), np.concatenate([a.bias, b.bias]), a.relu, a.first)
