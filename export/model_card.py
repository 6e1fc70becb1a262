"""The model card: a page of Markdown that says what a bundle is, from what it was made, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vaecodec.export.decoder_tflite import inverse_decibels
from vaecodec.export.lapped import LappedAnalysis
from vaecodec.export.report import Report
from vaecodec.export.trained import Exported, Trained


def model_card(manifest: Mapping[str, Any], trained: Trained, exported: Exported, report: Report | None) -> str:
    """The text of MODEL_CARD.md.

    Args:
        manifest: fields of manifest.json so far.
        trained: the float model.
        exported: its integer parts.
        report: what the conversion cost, if it was measured.
    """
    sections = [
        [f"# {manifest['name']} {manifest['version']}", "", manifest.get("description") or _summary(manifest)],
        ["## Input", "", *_input(manifest, exported)],
        ["## Data and licences", "", *_data(manifest)],
        ["## How it works", "", *_method(trained, exported)],
        ["## Figures", "", *_figures(manifest, report)],
        ["## Limits", "", *_limits(manifest)],
    ]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _summary(manifest: Mapping[str, Any]) -> str:
    kind = "8-bit photos" if manifest["modality"] == "image" else f"{manifest['bits']}-bit sensor signals"
    return f"Lossy compression of {kind} with vaecodec. Encoding runs in integers and fits small devices; reconstruction runs on a server."


def _input(manifest: Mapping[str, Any], exported: Exported) -> Iterator[str]:
    if manifest["modality"] == "image":
        yield f"- Pictures of any size: {'RGB or grey' if exported.program.colours == 3 else 'grey'}, 8 bit a component, alpha kept exactly."
    else:
        rate = f"{manifest['rate']:g} Hz" if manifest["rate"] else "any rate"
        yield f"- Signals of one or more channels at {rate}, trained at {manifest['bits']} bit, unit {manifest['units'] or 'of a sample'}."
        yield f"- Packets of {manifest['packet_blocks']} blocks of {1 << manifest['levels']} samples; each decodes alone."
    yield "- Quality 0..100 in one model."


def _data(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield f"Weights: {manifest['licence']}."
    yield ""
    if manifest["data"]:
        yield "Trained on:"
        yield ""
        yield from (f"- {source}" for source in manifest["data"])
    else:
        yield "The training data was not stated when this bundle was made."


def _method(trained: Trained, exported: Exported) -> Iterator[str]:
    levels = trained.config.levels
    network = [layer.widths for layer in trained.levels if layer.widths.channels]
    lapped = isinstance(exported.filters, LappedAnalysis)
    wavelets = f"{levels} levels of a two-channel filter bank, int8 taps"
    transform = f"a lapped transform of {1 << levels} frequencies, int16 cosines" if lapped else wavelets
    yield f"- Analysis: {transform}, int16 coefficients."
    yield "- Prior: int8 convolutions over coefficients already coded; it gives mean, scale and spike of each symbol to a range coder."
    if isinstance(exported.filters, LappedAnalysis):
        yield "- Synthesis: residual convolutions over frequencies and blocks, and the inverse transform, float."
        yield f"- Training steps: {trained.steps}."
        return
    worst = inverse_decibels(exported.filters, trained.taps)
    yield f"- Synthesis: residual convolutions on {len(network)} of {levels} levels and the inverse filter bank, float."
    yield f"- Inverse of the integer taps: error {worst['fitted']:.1f} dB a level and axis ({worst['duals']:.1f} dB with float duals)."
    yield f"- Training steps: {trained.steps}."


def _figures(manifest: Mapping[str, Any], report: Report | None) -> Iterator[str]:
    unit = "pixel" if manifest["modality"] == "image" else "sample"
    macs = manifest["figures"].get("encoder_macs", {})
    if macs:
        parts = ", ".join(f"{name} {value:g}" for name, value in macs.items())
        yield f"Multiplications of the encoder a {unit}: {parts}; {sum(macs.values()):g} in all."
        yield ""
    if report is None:
        yield "The cost of the conversion was not measured."
        return
    held_out = f"{report.samples} held-out {'pictures' if unit == 'pixel' else 'signals'}"
    yield f"Cost of the conversion on {held_out}, step by step against the float model:"
    yield ""
    yield from ("```", report.table(), "```")
    if command := manifest["figures"].get("command"):
        yield ""
        yield f"Made by `{command}`."


def _limits(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "- Reconstruction is lossy; errors of single samples are not bounded."
    if manifest["modality"] == "image":
        yield "- Trained for squared error on photos: screens, drawings and text cost more bits than a lossless format made for them."
    else:
        yield "- Trained for squared error: small events beside large ones are kept only as well as the quality says. Not a medical device."
    yield "- Data unlike the training data decodes correctly, but compresses less well."
    yield "- Latents are the same on every machine; reconstructed samples may differ by rounding (docs/format.md, section 9)."
