"""The learned prior p(z): a Keras layer that runs a topology with float weights."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

from vaecodec.train.layers.matching import Matcher
from vaecodec.train.topology import CONDITION, Blend, Code, Conv, Shuffle, Stage, Term, Topology

MAX_SHIFT = 15
# Sum of |w| that leaves room for roundings and a bias: 32768 * sum |w| + |bias| < 2^31.
MAX_SUM = 60000.0
ACTIVATION_SCALE = 256.0
ACTIVATION_PEAK = 32767.0 / 256.0
# Scales from the mean within which zero surely has a value of its own: the window of docs/format.md section 5 ends after 12.
REACH_OF_ZERO = 11.0


def compand(n: tf.Tensor) -> tf.Tensor:
    """A(n) / 256 of docs/format.md section 4: piecewise linear log2(1 + n), for n >= 0."""
    m = n + 1.0
    e = tf.floor(tf.math.log(m) * (1 / math.log(2.0)) + 1e-6)
    return e + m * tf.exp(-e * math.log(2.0)) - 1.0


def bits(z: tf.Tensor, mean: tf.Tensor, log2_scale: tf.Tensor, spike: tf.Tensor) -> tf.Tensor:
    """Code length of integers under the mixture of docs/format.md section 5.

    For z between the integers this is the density of the mixture convolved with uniform noise of width one, which is what
    a variational posterior of that noise is measured against (Balle et al. 2017, "End-to-end optimized image compression",
    section 3; docs/training.md).

    Args:
        z: integers as floats, or integers plus noise; any shape.
        mean: in units of z.
        log2_scale: log2 of the logistic's scale; clipped to the table's range [-4, 7.75].
        spike: logit of the extra probability of zero; clipped to [-8, 7.75].

    Returns:
        Bits, the shape of z. Probabilities are floored at 2^-20, about what an escape costs. A zero beyond the reach of the mean costs a bit a
        step more: there is no spike where zero is outside of the window, and the floor would hide where to go.
    """
    scale = tf.exp(tf.clip_by_value(log2_scale, -4.0, 7.75) * math.log(2.0))
    inverse, is_zero = 1.0 / scale, tf.cast(tf.abs(z) < 0.5, scale.dtype)
    w = tf.sigmoid(tf.clip_by_value(spike, -8.0, 7.75))
    d = tf.abs(z - mean)
    p = tf.sigmoid((0.5 - d) * inverse) - tf.sigmoid((-0.5 - d) * inverse)
    p = (1.0 - w) * p + w * is_zero
    beyond = tf.nn.relu(tf.abs(mean) - REACH_OF_ZERO * scale - 1.0) * is_zero
    return tf.math.log(p + 2.0 ** -20) * (-1 / math.log(2.0)) + beyond


def power_of_two_grid(w: tf.Tensor) -> tf.Tensor:
    """Rounds weights to int8 times a power of two per output channel (last axis), straight through for gradients.

    The power is the largest that keeps the weights in int8 and the accumulator in 32 bits (docs/format.md section 4).

    Args:
        w: [..., n_out] over all terms of a convolution.
    """
    size = tf.abs(tf.reshape(w, [-1, w.shape[-1]]))
    e = weight_exponent(tf.reduce_max(size, axis=0), tf.reduce_sum(size, axis=0))
    scale = tf.pow(2.0, e)
    q = tf.clip_by_value(tf.round(w * scale), -127.0, 127.0) / scale
    return w + tf.stop_gradient(q - w)


def weight_exponent(peak: tf.Tensor, total: tf.Tensor | float = 0.0) -> tf.Tensor:
    """Largest shift 0 <= e <= 15 with |w| 2^e <= 127.5 for all |w| <= peak, and with `total` 2^e within the accumulator's room."""
    room = tf.minimum(127.49 / tf.maximum(peak, 1e-9), MAX_SUM / tf.maximum(total, 1e-9))
    return tf.clip_by_value(tf.floor(tf.math.log(room) / math.log(2.0)), 0.0, float(MAX_SHIFT))


def quarters(x: tf.Tensor) -> tf.Tensor:
    """Rounds to quarters, the steps of the tables of scales and spikes, straight through for gradients."""
    return x + tf.stop_gradient(tf.floor(4.0 * x + 0.5) / 4.0 - x)


class Prior(tf.keras.layers.Layer):
    """Runs every stage of a topology with the true symbols as context (teacher forcing).

    Args:
        topology: the stages.
        quantised: train with weights on the int8 grid, activations in 1/256 and table steps, as the C core computes. May be changed between
            calls outside of a `tf.function`.
        matcher: finds what topologies with Match operations look at; None for others.

    Under a mixed-precision dtype the convolutions run in the compute type, everything else in float32.

    Call arguments:
        bands: list of [B, rows, columns] integer-valued float tensors in the band order of docs/format.md section 1
            (rank 1: [B, N / 2^l, channels]).
        position: [B] in [0, 1], where the step lies between t_lo (0) and t_hi (1).
        coefficients: None, or a list like `bands`: what was rounded, in units of the step. The code lengths stay the same, but
            gradients reach these as expected over the rounding's uniform noise (`tfc.perturb_and_apply`; Agustsson and Theis 2020,
            "Universally quantized neural compression", section 4.2). Only a symbol's own code length counts, not what it tells others.

    Returns:
        List over stages of [B, R, S, n_sym] bits.
    """

    def __init__(self, topology: Topology, quantised: bool = False, matcher: Matcher | None = None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.topology = topology
        self.quantised = quantised
        self.matcher = matcher
        self.kernels: dict[str, list[tf.Variable]] = {}
        self.biases: dict[str, tf.Variable] = {}
        for stage in topology.stages:
            for op in [*stage.prelude, *stage.row]:
                if isinstance(op, Conv):
                    self._add_conv(op)

    def _add_conv(self, op: Conv) -> None:
        fan_in = sum(self._inputs(t) for t in op.terms)
        deviation = math.sqrt(2.0 / fan_in) if op.role == "hidden" else 1e-3
        kernels = []
        for i, t in enumerate(op.terms):
            count = self._inputs(t) // (t.kh * t.kw)
            direct = op.role == "mean" and t.plane.endswith(".raw")
            init = tf.keras.initializers.Zeros() if direct else tf.keras.initializers.RandomNormal(0.0, deviation)
            name = f"{op.name}_w{i}".replace(".", "_")
            kernels.append(self.add_weight(name, shape=[t.kh, t.kw, count, op.count], initializer=init, experimental_autocast=False))
        start = {"scale": -1.0, "spike": -2.0, "gate": 0.1}.get(op.role, 0.0)
        self.kernels[op.name] = kernels
        self.biases[op.name] = self.add_weight(op.name.replace(".", "_") + "_b", shape=[op.count], experimental_autocast=False,
                                               initializer=tf.keras.initializers.Constant(start))

    def _inputs(self, t: Term) -> int:
        if t.plane == CONDITION:
            return self.topology.condition
        return t.kh * t.kw * (t.count or self.topology.planes[t.plane].channels)

    def call(self, bands: list[tf.Tensor], position: tf.Tensor, coefficients: list[tf.Tensor] | None = None) -> list[tf.Tensor]:
        planes = self._given(bands, position)
        return [self._stage(number, stage, bands, planes, coefficients) for number, stage in enumerate(self.topology.stages)]

    def _given(self, bands: list[tf.Tensor], position: tf.Tensor) -> dict[str, tf.Tensor]:
        """The condition, and what was matched."""
        found = {} if self.matcher is None else self.matcher(bands, position)
        return {CONDITION: self._condition(position)} | {f"0.{name}": plane for name, plane in found.items()}

    def _condition(self, position: tf.Tensor) -> tf.Tensor:
        n = self.topology.condition
        p = tf.clip_by_value(position, 0.0, 1.0)[:, None] * (n - 1)
        return tf.maximum(0.0, 1.0 - tf.abs(p - tf.range(n, dtype=p.dtype)[None, :]))[:, None, None, :]

    def parameters(self, bands: list[tf.Tensor], position: tf.Tensor) -> list[tf.Tensor]:
        """Mean, log2 scale and spike of every symbol: a list over stages of [B, R, S, n_sym, 3]."""
        planes = self._given(bands, position)
        return [self._run(number, stage, gather_symbols(self.topology, number, bands), planes)
                for number, stage in enumerate(self.topology.stages)]

    def _stage(self, number: int, stage: Stage, bands: list[tf.Tensor], planes: dict[str, tf.Tensor],
               coefficients: list[tf.Tensor] | None) -> tf.Tensor:
        z = gather_symbols(self.topology, number, bands)
        parameters = tf.unstack(self._run(number, stage, z, planes), axis=-1)
        length = bits(z, *parameters)
        if coefficients is not None:
            length += _expected_slope(gather_symbols(self.topology, number, coefficients), parameters)
        return length * existing_symbols(self.topology, number, bands)

    def _run(self, number: int, stage: Stage, z: tf.Tensor, planes: dict[str, tf.Tensor]) -> tf.Tensor:
        """Writes the stage's planes and returns the parameters of its symbols."""
        magnitude = compand(tf.abs(z))
        planes[f"{number}.magnitude"] = magnitude
        planes[f"{number}.signed"] = tf.sign(z) * magnitude
        planes[f"{number}.raw"] = tf.clip_by_value(z, -2048.0, 2047.9) / 16.0
        planes |= self._early(stage, planes)
        out = []
        partial: dict[str, list[tf.Tensor]] = {}
        for op in [*stage.prelude, *stage.row]:
            if isinstance(op, Conv) and op.out in planes:
                continue
            if isinstance(op, Conv):
                value = self._conv(op, planes)
                if op.role == "hidden":
                    planes[op.out] = value
                else:
                    partial.setdefault(op.out, []).append(value)
            elif isinstance(op, Shuffle):
                planes[op.out] = tf.nn.depth_to_space(planes[op.source], 2)
            elif isinstance(op, Blend):
                partial[op.params] = self._blended(partial[op.params], planes[op.matched][..., op.first:op.first + op.count])
            elif isinstance(op, Code):
                mean, scale, spike = partial[op.params]
                if self.quantised:
                    scale, spike = quarters(scale), quarters(spike)
                out.append(tf.stack([16.0 * mean, scale, spike], -1))
        return tf.concat(out, axis=-2)

    def _blended(self, parameters: list[tf.Tensor], matched: tf.Tensor) -> list[tf.Tensor]:
        """Mean, scale and spike after the gates, the fourth parameters, have drawn the means to what was matched."""
        mean, scale, spike, gate = parameters
        move = tf.clip_by_value(gate, 0.0, 1.0) * (matched - mean)
        if self.quantised:
            move += tf.stop_gradient(tf.floor(move * ACTIVATION_SCALE + 0.5) / ACTIVATION_SCALE - move)
        return [mean + move, scale, spike]

    def _early(self, stage: Stage, planes: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The embeddings of coded rows: last in a row's list, but read by the next rows, so computed first here."""
        last = max(i for i, op in enumerate(stage.row) if isinstance(op, Code))
        return {op.out: self._conv(op, planes) for op in stage.row[last + 1 :] if isinstance(op, Conv)}

    def _conv(self, op: Conv, planes: dict[str, tf.Tensor]) -> tf.Tensor:
        kernels: list[tf.Tensor] = list(self.kernels[op.name])
        if self.quantised:
            kernels = self._on_grid(kernels)
        kernels = [tf.cast(k, self.compute_dtype) for k in kernels]
        total: tf.Tensor = self.biases[op.name]
        by_shape: dict[tuple, list[int]] = {}
        for i, t in enumerate(op.terms):
            by_shape.setdefault((t.kh, t.kw, t.oy, t.ox, t.dilation, t.plane == CONDITION), []).append(i)
        for members in by_shape.values():
            terms = [op.terms[i] for i in members]
            x = tf.concat([self._channels(t, planes) for t in terms], -1) if len(terms) > 1 else self._channels(terms[0], planes)
            w = tf.concat([kernels[i] for i in members], 2) if len(terms) > 1 else kernels[members[0]]
            total = total + tf.cast(convolve(tf.cast(x, w.dtype), w, terms[0]), tf.float32)
        y = tf.nn.relu(total) if op.relu else total
        if self.quantised:
            y = tf.clip_by_value(y, -ACTIVATION_PEAK - 1 / ACTIVATION_SCALE, ACTIVATION_PEAK)
            y = y + tf.stop_gradient(tf.floor(y * ACTIVATION_SCALE + 0.5) / ACTIVATION_SCALE - y)
        return y

    def _on_grid(self, kernels: list[tf.Tensor]) -> list[tf.Tensor]:
        flat = [tf.reshape(k, [-1, k.shape[-1]]) for k in kernels]
        joined = power_of_two_grid(tf.concat(flat, 0))
        parts = tf.split(joined, [f.shape[0] for f in flat], 0)
        return [tf.reshape(p, k.shape) for p, k in zip(parts, kernels)]

    @staticmethod
    def _channels(t: Term, planes: dict[str, tf.Tensor]) -> tf.Tensor:
        x = planes[t.plane]
        return x if t.count is None else x[..., t.first:t.first + t.count]


def convolve(x: tf.Tensor, w: tf.Tensor, t: Term) -> tf.Tensor:
    """Convolution of one term with zeros outside; a term of one site is a matrix product."""
    if t.kh == t.kw == 1 and t.oy == t.ox == 0:
        return tf.nn.conv2d(x, w, 1, "VALID")
    reach_y = (t.kh - 1) * t.dilation
    top, bottom = -t.oy, t.oy + reach_y
    left, right = -t.ox, t.ox + t.kw - 1
    crop = max(0, -bottom)
    x = tf.pad(x, [[0, 0], [top, max(0, bottom)], [left, max(0, right)], [0, 0]])
    if crop:
        x = x[:, :-crop]
    if t.dilation == 1:
        return tf.nn.conv2d(x, w, 1, "VALID")
    # TensorFlow has no gradient of a dilated convolution on a CPU: lay the taps side by side as channels instead.
    rows = tf.shape(x)[1] - reach_y
    x = tf.concat([x[:, i * t.dilation:i * t.dilation + rows] for i in range(t.kh)], -1)
    w = tf.reshape(tf.transpose(w, [1, 0, 2, 3]), [1, t.kw, t.kh * w.shape[2], w.shape[3]])
    return tf.nn.conv2d(x, w, 1, "VALID")


def _expected_slope(y: tf.Tensor, parameters: list[tf.Tensor]) -> tf.Tensor:
    """Zeros whose gradient by y is that of the code length, expected over uniform noise: bits(y + 1/2) - bits(y - 1/2)."""
    fixed = [tf.stop_gradient(p) for p in parameters]
    length, _ = tfc.perturb_and_apply(bits, y, *fixed, u=tf.zeros_like(y))
    return length - tf.stop_gradient(length)


def gather_symbols(top: Topology, number: int, bands: list[tf.Tensor]) -> tf.Tensor:
    """Latents of a stage as [B, R, S, n_sym]; columns that do not exist are 0."""
    stage = top.stages[number]
    if top.rank == 1:
        columns = {b: _blocks(bands[b], sum(1 for s, _ in stage.symbols if s == b)) for b in {s for s, _ in stage.symbols}}
    else:
        columns = {b: _phases(bands[b], stage.phases) for b in {s for s, _ in stage.symbols}}
    return tf.stack([columns[b][..., d] for b, d in stage.symbols], axis=-1)


def scatter_symbols(top: Topology, number: int, symbols: tf.Tensor, columns: int | tf.Tensor) -> dict[int, tf.Tensor]:
    """The inverse of `gather_symbols`: the stage's bands by their number.

    Args:
        top: the topology.
        number: of the stage.
        symbols: [B, R, S, n_sym].
        columns: of the stage's bands.
    """
    places: dict[int, list[int]] = {}
    for i, (band, _) in enumerate(top.stages[number].symbols):
        places.setdefault(band, []).append(i)
    shape = tf.shape(symbols)
    found = {}
    for band, members in places.items():
        members.sort(key=lambda i: top.stages[number].symbols[i][1])
        x = tf.gather(symbols, members, axis=-1)
        if top.rank == 1:
            found[band] = tf.reshape(tf.transpose(x, [0, 1, 3, 2]), [shape[0], shape[1] * len(members), shape[2]])
        else:
            found[band] = tf.reshape(x, [shape[0], shape[1], shape[2] * len(members)])[:, :, :columns]
    return found


def existing_symbols(top: Topology, number: int, bands: list[tf.Tensor]) -> tf.Tensor | float:
    """1 for symbols that exist, 0 for those in the last column of a grid whose bands end before it."""
    stage = top.stages[number]
    if top.rank == 1 or stage.phases == 1:
        return 1.0
    columns = tf.shape(bands[stage.symbols[0][0]])[2]
    sites = (columns + stage.phases - 1) // stage.phases
    place = stage.phases * tf.range(sites)[:, None] + tf.constant([d for _, d in stage.symbols])
    return tf.cast(place < columns, tf.float32)


def _blocks(band: tf.Tensor, per_block: int) -> tf.Tensor:
    shape = tf.shape(band)
    x = tf.reshape(band, [shape[0], shape[1] // per_block, per_block, band.shape[2]])
    return tf.transpose(x, [0, 1, 3, 2])


def _phases(band: tf.Tensor, phases: int) -> tf.Tensor:
    odd = (-tf.shape(band)[2]) % phases
    band = tf.pad(band, [[0, 0], [0, 0], [0, odd]])
    shape = tf.shape(band)
    return tf.reshape(band, [shape[0], shape[1], shape[2] // phases, phases])


def parameter_count(prior: Prior) -> int:
    """Number of weights and biases."""
    return int(sum(np.prod(v.shape) for v in prior.trainable_variables))
