"""What the export costs: rate and distortion of every step against the float model, on the same samples.

    float       float analysis,   float prior's estimate,   Keras synthesis
    analysis    integer analysis, float prior's estimate,   Keras synthesis with corrected inverse
    prior       integer analysis, bytes as coded,           the same
    decoder     integer analysis, bytes as coded,           decoder.tflite, as the codec runs it

Shows what to mend first: taps, weights of the prior, or the decoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecodec.codec import container, rate
from vaecodec.codec import synthesis as codec_synthesis
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import InputError
from vaecodec.codec.grids import Box
from vaecodec.codec.image import ImageCodec, ImageLatents
from vaecodec.codec.signal import SignalCodec, SignalLatents
from vaecodec.codec.synthesis import whole
from vaecodec.export.trained import Exported, Trained
from vaecodec.train.config import LAPPED
from vaecodec.train.layers.lapped import Lapped, LappedBlock, LappedSynthesis
from vaecodec.train.layers.synthesis import LevelSynthesis, ResidualWidths, Synthesis
from vaecodec.train.layers.wavelet import Analysis

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]
Bands = list[Array]

QUALITIES = (20.0, 50.0, 80.0, 100.0)
MOST_EXCESS = 0.5, 64.0
"""Share of the estimate, and bytes a packet, by which payloads may exceed it: beyond both the integer prior is not the one that was trained."""


@dataclass(frozen=True)
class Row:
    """Figures at one quality over all samples.

    Attributes:
        quality: 0..100.
        step_code: t.
        float_rate, analysis_rate: float prior's estimate for the latents of the float and of the integer analysis, bits a pixel or sample.
        coded_rate: entropy-coded payload, without framing.
        packets: data packets with a payload.
        excess_bytes: payload beyond the estimate for the same latents, bytes a packet.
        float_error, analysis_error, decoder_error: PSNR in dB (pictures) or PRDN in % (signals), mean over the samples.
        difference: largest difference of a sample between decoder.tflite and Keras, before rounding.
    """

    quality: float
    step_code: int
    float_rate: float
    analysis_rate: float
    coded_rate: float
    packets: int
    excess_bytes: float
    float_error: float
    analysis_error: float
    decoder_error: float
    difference: float


@dataclass(frozen=True)
class Report:
    """Figures of an export.

    Attributes:
        modality: "image" (errors are PSNR) or "signal" (PRDN).
        samples: number of pictures or signals.
        rows: one a quality.
    """

    modality: str
    samples: int
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """As in the manifest."""
        rows = [{key: round(value, 5) for key, value in asdict(row).items()} for row in self.rows]
        return {"measure": self.measure, "samples": self.samples, "rows": rows}

    @property
    def measure(self) -> str:
        """Name and unit of the errors."""
        return "PSNR dB" if self.modality == "image" else "PRDN %"

    def check(self) -> None:
        """Makes sure that the integer prior codes as the float one.

        Raises:
            InputError: payloads take far more than it estimates.
        """
        for row in self.rows:
            if row.coded_rate > (1 + MOST_EXCESS[0]) * row.analysis_rate and row.excess_bytes > MOST_EXCESS[1]:
                found = f"the integer prior takes {row.coded_rate:.3f} bits where the float one takes {row.analysis_rate:.3f}"
                raise InputError(f"at quality {row.quality:g} {found}: these weights rely on what integers cannot say; train on")

    def table(self) -> str:
        """Text for people: what each step adds."""
        unit = "bit/px" if self.modality == "image" else "bit/sample"
        rate = f"{unit + ' float':>17} {'analysis':>9} {'prior':>8} {'B/packet':>9}"
        head = f"{'q':>4} {rate} {self.measure + ' float':>14} {'analysis':>9} {'decoder':>9}"
        return "\n".join([head, *(self._line(row) for row in self.rows)])

    def _line(self, row: Row) -> str:
        analysis_rate = 100 * (row.analysis_rate / max(row.float_rate, 1e-9) - 1)
        prior_rate = 100 * (row.coded_rate / max(row.analysis_rate, 1e-9) - 1)
        analysis, decoder = row.analysis_error - row.float_error, row.decoder_error - row.analysis_error
        return (
            f"{row.quality:4.0f} {row.float_rate:17.4f} {analysis_rate:+8.2f}% {prior_rate:+7.2f}% {row.excess_bytes:+9.2f} "
            f"{row.float_error:14.3f} {analysis:+9.4f} {decoder:+9.4f}"
        )


def measure(
    trained: Trained, exported: Exported, bundle: Bundle, samples: Sequence[Array], qualities: Sequence[float] = QUALITIES
) -> Report:
    """Measures an export.

    Args:
        trained: the float model.
        exported: its integer parts and corrected synthesis layers.
        bundle: the bundle made of them.
        samples: pictures uint8 [H, W, C], or signals of integers [N, channels].
        qualities: where to measure.

    Raises:
        InputError: no samples.
    """
    if not len(samples):
        raise InputError("at least one sample is needed to measure an export")
    bench = _Bench(trained, exported, bundle)
    rows = tuple(_row(q, [bench.run(sample, q) for sample in samples]) for q in qualities)
    return Report(bundle.modality, len(samples), rows)


@dataclass(frozen=True)
class _Trial:
    """One sample at one quality: bits, bytes and errors."""

    step_code: int
    size: int
    float_bits: float
    analysis_bits: float
    payload: int
    packets: int
    float_error: float
    analysis_error: float
    decoder_error: float
    difference: float


def _row(quality: float, trials: list[_Trial]) -> Row:
    size = sum(t.size for t in trials)
    packets = sum(t.packets for t in trials)
    payload, estimate = sum(t.payload for t in trials), sum(t.analysis_bits for t in trials)

    def mean(name: str) -> float:
        return float(np.mean([getattr(t, name) for t in trials]))

    return Row(
        quality=quality,
        step_code=trials[0].step_code,
        float_rate=sum(t.float_bits for t in trials) / size,
        analysis_rate=estimate / size,
        coded_rate=8 * payload / size,
        packets=packets,
        excess_bytes=(payload - estimate / 8) / max(1, packets),
        float_error=mean("float_error"),
        analysis_error=mean("analysis_error"),
        decoder_error=mean("decoder_error"),
        difference=max(t.difference for t in trials),
    )


class _Bench:
    """Both models side by side."""

    def __init__(self, trained: Trained, exported: Exported, bundle: Bundle) -> None:
        self._trained, self._exported = trained, exported
        self._codec: ImageCodec | SignalCodec = ImageCodec(bundle) if bundle.modality == "image" else SignalCodec(bundle)
        self._rank = trained.config.rank
        self._analysis = _float_analysis(trained)
        self._synthesis = _whole(trained.levels)
        self._corrected = _whole(exported.levels)
        self._weights = [2.0 ** (offset / 16) for offset in trained.config.band_offsets()]

    def run(self, sample: Array, quality: float) -> _Trial:
        stream = self._encode(sample, quality)
        latents = self._codec.latents(stream)
        t = latents.header.step_code
        x, restore = self._centred(sample, latents)
        z = [np.asarray(band, np.float32) for band in latents.bands]
        z_float = self._float_latents(x, t)
        mine = restore(self._reconstruct(z, t))
        pure = restore(self._float_reconstruct(z_float, t))
        decoded = self._decoded(latents)
        payload, packets = _payload(stream)
        return _Trial(
            step_code=t,
            size=sample.shape[0] * sample.shape[1],
            float_bits=self._estimate(z_float, t, latents),
            analysis_bits=self._estimate(z, t, latents),
            payload=payload,
            packets=packets,
            float_error=self._error(sample, pure),
            analysis_error=self._error(sample, mine),
            decoder_error=self._error(sample, decoded),
            difference=float(np.abs(mine - decoded).max()),
        )

    # --- samples ---

    def _encode(self, sample: Array, quality: float) -> bytes:
        """At the step code next to a quality and effort 1, where the rounding is the model's own."""
        steps = self._exported.steps.t_lo, self._exported.steps.t_hi
        quality = rate.quality_of(rate.step_code(rate.setting(quality, *steps)), *steps)
        if isinstance(self._codec, ImageCodec):
            pixels = sample[..., 0] if sample.shape[2] == 1 else sample
            return self._codec.encode(pixels, quality=quality, effort=1, tile=0)
        return self._codec.encode(sample, quality=quality, effort=1)

    def _centred(self, sample: Array, latents: ImageLatents | SignalLatents) -> tuple[Float, Any]:
        """Padded input of the analysis, and what turns its reconstruction back into samples."""
        unit = 1 << self._trained.config.levels
        pads = [(0, -side % unit) for side in sample.shape[: self._rank]] + [(0, 0)] * (sample.ndim - self._rank)
        padded = np.pad(np.asarray(sample, np.float64), pads, mode="edge")
        header = latents.header
        if isinstance(header, container.SignalHeader):
            offsets, scale = np.asarray(header.offsets, np.float64), header.scales
        else:
            offsets, scale = np.zeros(1), (1.0,)
        offsets = offsets + self._exported.program.in_offset
        units = np.asarray(scale)
        crop = tuple(slice(0, side) for side in sample.shape)
        return (padded - offsets) / units, lambda y: (y * units + offsets)[crop]

    def _decoded(self, latents: ImageLatents | SignalLatents) -> Float:
        """The codec's reconstruction before rounding."""
        header, synthesis = latents.header, self._codec._synthesiser()
        if isinstance(header, container.ImageHeader):
            assert isinstance(synthesis, codec_synthesis.Synthesis)
            out = np.empty((header.height, header.width, self._exported.program.colours))
            pieces = [whole(band) for band in latents.bands]
            for row, col, block in synthesis.image(pieces, header.step_code, Box(0, 0, header.height, header.width)):
                out[row : row + block.shape[0], col : col + block.shape[1]] = block
            return out
        assert isinstance(latents, SignalLatents)
        assert isinstance(header, container.SignalHeader)
        values = synthesis.signal(latents.bands, header.step_code)[: latents.samples]
        return np.asarray(values * header.scales + np.asarray(header.offsets))

    def _error(self, sample: Array, reconstruction: Float) -> float:
        if self._rank == 2:
            error = np.mean((np.clip(np.rint(reconstruction), 0, 255) - sample) ** 2)
            return float(10 * np.log10(255**2 / max(float(error), 1e-10)))
        exact = np.asarray(sample, np.float64)
        energy = np.sum((exact - exact.mean(axis=0)) ** 2)
        return float(100 * np.sqrt(np.sum((np.rint(reconstruction) - exact) ** 2) / max(float(energy), 1e-10)))

    # --- the float model ---

    def _position(self, t: int) -> tf.Tensor:
        steps = self._exported.steps
        return tf.constant([(t - steps.t_lo) / (steps.t_hi - steps.t_lo)], tf.float32)

    def _step(self, t: int) -> float:
        return float(2.0 ** (t / 16 - self._exported.steps.in_shift))

    def _float_latents(self, x: Float, t: int) -> Bands:
        if self._trained.mix is not None:
            x = x @ self._trained.mix.T
        rounding = self._trained.config.rounding
        coefficients = self._analysis(tf.constant(x[None], tf.float32))
        bands = [np.asarray(band[0]) / (self._step(t) * weight) for band, weight in zip(coefficients, self._weights, strict=True)]
        first = self._exported.program.colours
        offsets = [rounding.approximation] * first + [rounding.detail] * (len(bands) - first)
        return [np.sign(band) * np.floor(np.abs(band) + r) for band, r in zip(bands, offsets, strict=True)]

    def _float_reconstruct(self, z: Bands, t: int) -> Float:
        y = self._run(self._synthesis, [band * weight for band, weight in zip(z, self._weights, strict=True)], t)
        if self._trained.mix is None:
            return y
        inverse = np.linalg.inv(self._trained.mix) if self._trained.unmix is None else self._trained.unmix
        return np.asarray(y @ inverse.T)

    def _reconstruct(self, z: Bands, t: int) -> Float:
        """Keras on the integer analysis' latents: dequantised with their own steps and gains."""
        gains = self._exported.filters.band_gains()
        codes = [np.clip(t + band.offset, 0, 255) for band in self._exported.program.bands]
        scales = [2.0 ** ((code - t) / 16) / gain for code, gain in zip(codes, gains, strict=True)]
        y = self._run(self._corrected, [band * scale for band, scale in zip(z, scales, strict=True)], t)
        if self._exported.unmix is None:
            return y
        return np.asarray((y * self._exported.filters.colour_gains) @ self._exported.unmix.T)

    def _run(self, synthesis: Synthesis | LappedSynthesis, bands: Bands, t: int) -> Float:
        tensors = [tf.constant(band[None], tf.float32) for band in bands]
        return np.asarray(synthesis(tensors, self._position(t))[0], np.float64) * self._step(t)

    def _estimate(self, z: Bands, t: int, latents: ImageLatents | SignalLatents) -> float:
        """Bits of latents under the float prior, packet by packet as the codec cuts them."""
        total = 0.0
        for batch in self._packets(z, latents):
            position = tf.repeat(self._position(t), len(batch[0]))
            total += sum(float(tf.reduce_sum(bits)) for bits in self._trained.prior([tf.constant(b, tf.float32) for b in batch], position))
        return total

    def _packets(self, z: Bands, latents: ImageLatents | SignalLatents) -> Iterator[Bands]:
        """Bands with a batch axis: a picture is one tile; of a signal first all full packets, then the last."""
        header = latents.header
        if not isinstance(header, container.SignalHeader):
            yield [band[None] for band in z]
            return
        blocks = len(z[0])
        rows = header.rows or blocks
        full = blocks // rows
        scales = [len(band) // blocks for band in z]
        if full:
            yield [b[: full * rows * s].reshape(full, rows * s, -1) for b, s in zip(z, scales, strict=True)]
        if blocks % rows:
            yield [b[None, full * rows * s :] for b, s in zip(z, scales, strict=True)]


def _float_analysis(trained: Trained) -> Analysis | Lapped:
    if trained.config.transform == LAPPED:
        return Lapped(trained.config.levels)
    analysis = Analysis(trained.config.rank, trained.config.levels)
    for variables, taps in zip(analysis.taps, trained.taps, strict=True):
        for variable, value in zip(variables, taps, strict=True):
            variable.assign(value)
    return analysis


def _whole(levels: Sequence[LevelSynthesis] | Sequence[LappedBlock]) -> Synthesis | LappedSynthesis:
    """The layers as one synthesis over whole bands."""
    synthesis: Synthesis | LappedSynthesis
    first = levels[0]
    if isinstance(first, LappedBlock):
        synthesis = LappedSynthesis(first.size.bit_length() - 1, ResidualWidths(0, 0))
    else:
        synthesis = Synthesis(first.rank, first.colours, [ResidualWidths(0, 0)] * len(levels))
    synthesis.steps = [*levels]
    return synthesis


def _payload(stream: bytes) -> tuple[int, int]:
    """Range-coded bytes of a stream and the number of packets that hold any."""
    sizes = []
    for packet in container.read_file(stream).packets:
        cursor = container.Cursor(packet.payload)
        if packet.short:
            cursor.varint("a short packet's number of samples")
        sizes.append(len(packet.payload) - cursor.position)
    return sum(sizes), sum(size > 0 for size in sizes)
