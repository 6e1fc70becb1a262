"""Writes a trained compressed sensing model as one .vaemodel file.

    weights.npz ──► RecoveryModel ──► symbols.bin (fitted at the end of training), decoder.tflite ──► + golden.npz, card ──► bundle
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecodec.codec.bundle import Bundle, pack
from vaecodec.codec.errors import InputError
from vaecodec.codec.sensing import SensingCodec
from vaecodec.codec.sensing_model import SenseModel
from vaecodec.export.decoder_tflite import convert_signatures
from vaecodec.export.facts import PACKET_SECONDS, Facts
from vaecodec.export.golden import golden_vectors
from vaecodec.train.sensing import CONTEXT, RecoveryModel

Array = npt.NDArray[Any]

DEFAULT_WINDOWS = 80  # a packet, where no sampling rate says how long a window is
QUALITIES = (20.0, 40.0, 60.0, 80.0)


def sensing_bundle(model: RecoveryModel, steps: int, facts: Facts, samples: Sequence[Array] = ()) -> bytes:
    """Packs a model.

    Args:
        model: trained to the end, so that it has its symbols.
        steps: training steps behind it.
        facts: what the manifest and the card say.
        samples: held-out signals, integers [N, channels], to measure rate and error on.

    Raises:
        InputError: the training was not finished.
        ModelError: the symbols are damaged.
    """
    if not model.symbols:
        raise InputError("Expected the weights of a finished training, which fits the prior at its end. Received: one that was stopped")
    members = {"symbols.bin": model.symbols, "decoder.tflite": recovery_tflite(model)}
    manifest = _manifest(model, steps, facts)
    if len(samples):
        manifest["figures"]["held_out"] = _held_out(Bundle(pack(manifest, members)), samples)
    if facts.command:
        manifest["figures"]["command"] = facts.command
    members["golden.npz"] = golden_vectors(Bundle(pack(manifest, members)), model.config.sensor.bits)
    members["MODEL_CARD.md"] = "\n".join(_card(manifest, model)).encode()
    return pack(manifest, members)


def recovery_tflite(model: RecoveryModel) -> bytes:
    """decoder.tflite: signatures ratio_0 .. of measurements [1, windows, M] and the step's exponent [1] to windows [1, windows, N]."""
    module = tf.Module()
    module.kept = [*model.linear, *model.network.weights]
    return convert_signatures(module, {f"ratio_{ratio}": _signature(model, ratio) for ratio in range(len(model.linear))})


def halo(model: RecoveryModel) -> int:
    """Windows to each side that the recovery of one depends on."""
    recovery = model.config.recovery
    places = 1 + sum(recovery.dilations)
    return CONTEXT // 2 + -(-places * recovery.block // model.config.window)


def recovery_macs(model: RecoveryModel) -> float:
    """Multiplications a sample of the decoder, at the last ratio."""
    recovery, measurements = model.config.recovery, len(model.phi[-1])
    places = recovery.channels * (3 * model.network.enter.kernel.shape[1] + len(recovery.dilations) * 4 * recovery.channels + recovery.block)
    return float(places) / recovery.block + CONTEXT * measurements * recovery.nodes + 2.0 * measurements


def _signature(model: RecoveryModel, ratio: int) -> Any:
    measurements, window = model.phi[ratio].shape

    def recover(z: tf.Tensor, exponent: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"x": tf.reshape(model.recover(z, ratio, exponent), [1, -1, window])}

    signature = [tf.TensorSpec([1, None, measurements], name="z"), tf.TensorSpec([1], name="exponent")]
    return tf.function(recover, input_signature=signature)


def _manifest(model: RecoveryModel, steps: int, facts: Facts) -> dict[str, Any]:
    config, symbols = model.config, SenseModel(model.symbols)
    rate = config.sensor.rate
    operations = {_share(r.measurements, config.window): _rounded(_most(symbols, i)) for i, r in enumerate(symbols.ratios)}
    return {
        "name": facts.name or config.name,
        "version": facts.version,
        "description": facts.description,
        "modality": "sensing",
        "window": config.window,
        "rate": rate or None,
        "step": None if not config.data.resolution else list(config.data.resolution),
        "columns": None,
        "units": config.sensor.units,
        "bits": config.sensor.bits,
        "packet_blocks": max(1, int(PACKET_SECONDS * rate) // config.window) if rate else DEFAULT_WINDOWS,
        "halo": halo(model),
        "steps": steps,
        "figures": {"device_additions_per_sample": operations, "decoder_macs": round(recovery_macs(model))},
        "data": list(facts.sources),
        "licence": facts.licence,
        "tool": f"vaecodec {version('vaecodec')}",
    }


def _share(measurements: int, window: int) -> str:
    return f"{measurements}/{window}"


def _most(symbols: SenseModel, ratio: int) -> dict[str, float]:
    """Additions a sample at the step code of a ratio that costs the most."""
    costs = [symbols.ratios[ratio].operations(exponent) for exponent, number, _ in symbols.dial if number == ratio]
    return max(costs or [symbols.ratios[ratio].operations(0)], key=lambda cost: sum(cost.values()))


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 2) for key, value in values.items()} | {"all": round(sum(values.values()), 2)}


def _held_out(bundle: Bundle, samples: Sequence[Array]) -> list[dict[str, float]]:
    """Mean rate and error of the held-out signals at a few qualities, every byte counted."""
    codec, rows = SensingCodec(bundle), []
    for quality in QUALITIES:
        bits, errors = [], []
        for x in samples:
            data = codec.encode(x, quality=quality)
            bits.append(8 * len(data) / x.size)
            errors.append(100 * float(np.linalg.norm(codec.decode(data).reshape(x.shape) - x.astype(np.float64)) / np.linalg.norm(x - x.mean())))
        rows.append({"quality": quality, "bits_per_sample": round(float(np.mean(bits)), 4), "prdn": round(float(np.mean(errors)), 3)})
    return rows


def _card(manifest: Mapping[str, Any], model: RecoveryModel) -> Iterator[str]:
    rate = f"{manifest['rate']:g} Hz" if manifest["rate"] else "any rate"
    yield f"# {manifest['name']} {manifest['version']}"
    yield ""
    yield manifest["description"] or "Compressed sensing of sensor signals with vaecodec: the device only adds, a server recovers."
    yield from ("", "## Input", "")
    yield f"- Signals of one or more channels at {rate}, trained at {manifest['bits']} bit, unit {manifest['units'] or 'of a sample'}."
    yield f"- Windows of {manifest['window']} samples, {manifest['packet_blocks']} a packet; each packet decodes alone."
    yield from ("", "## Data and licences", "", f"Weights: {manifest['licence']}.", "")
    yield from (f"- {source}" for source in manifest["data"] or ["The training data was not stated when this bundle was made."])
    yield from ("", "## How it works", "")
    for patterns, (share, cost) in zip(model.config.measure.ratios, manifest["figures"]["device_additions_per_sample"].items(), strict=True):
        yield f"- {share} measurements a sample ({', '.join(patterns)}): {cost['all']:g} additions a sample before the coder."
    yield f"- Recovery: linear estimate of {CONTEXT} windows, residual convolutions, consistency; {manifest['figures']['decoder_macs']} MAC a sample."
    yield f"- Training steps: {manifest['steps']}."
    yield from ("", "## Figures", "")
    for row in manifest["figures"].get("held_out", []):
        yield f"- Held-out signals, quality {row['quality']:g}: {row['bits_per_sample']} bits a sample, PRDN {row['prdn']} %."
    yield from ("", "## Limits", "")
    yield "- Recovery is an estimate; errors of single samples are not bounded. Not a medical device."
    yield "- Signals unlike the training data are recovered less well than they would be by a codec that measures everything."
    yield ""
