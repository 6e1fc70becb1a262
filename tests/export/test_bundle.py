"""A run becomes a bundle: complete, checked, measured, and the same bytes every time."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trained_models import exported, model, trained

from vaecodec.codec.bundle import MEMBERS, Bundle, pack
from vaecodec.codec.errors import InputError, ModelError
from vaecodec.codec.image import ImageCodec
from vaecodec.export import cli_export_bundle
from vaecodec.export.bundle import export_bundle, load_samples, packet_blocks
from vaecodec.export.facts import Facts
from vaecodec.export.golden import picture, signal
from vaecodec.export.report import measure
from vaecodec.export.trained import convert, from_model
from vaecodec.train import weights
from vaecodec.train.model import build

FACTS = Facts(name="tiny", sources=("Formulas, public domain",), command="a test")


@pytest.fixture(scope="module")
def image():
    return export_bundle(trained("tiny-image"), FACTS, [picture(64, 80)])


@pytest.fixture(scope="module")
def ecg():
    return export_bundle(trained("tiny-signal"), FACTS, [signal(3000, 1, 11), signal(1000, 2, 11)])


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    weights.save(folder / "weights.npz", model("tiny-signal"), 5)
    return folder


def test_the_same_weights_and_facts_give_the_same_bytes(ecg):
    assert export_bundle(trained("tiny-signal"), FACTS, [signal(3000, 1, 11), signal(1000, 2, 11)]).blob == ecg.blob


def test_a_bundle_has_every_member_and_passes_its_self_test(image, ecg):
    for result in (image, ecg):
        bundle = Bundle(result.blob)
        bundle.verify()
        assert set(bundle.manifest["sha256"]) == set(MEMBERS[1:])


def test_golden_vectors_notice_another_decoder(ecg):
    bundle = Bundle(ecg.blob)
    members = {name: bundle.member(name) for name in bundle.manifest["sha256"]}
    quiet = {k: v for k, v in bundle.manifest.items() if k not in ("sha256", "model_id", "synthesis_id")}
    with np.load(io.BytesIO(members["golden.npz"])) as stored:
        arrays = dict(stored)
    arrays["recon_0"] = arrays["recon_0"] + 9
    out = io.BytesIO()
    np.savez(out, **arrays)
    with pytest.raises(ModelError, match="reconstruction"):
        Bundle(pack(quiet, members | {"golden.npz": out.getvalue()})).verify()


def test_the_manifest_states_data_figures_and_the_command(image):
    manifest = Bundle(image.blob).manifest
    assert manifest["data"] == ["Formulas, public domain"]
    assert manifest["figures"]["command"] == "a test"
    assert [row["quality"] for row in manifest["figures"]["export"]["rows"]] == [20, 50, 80, 100]
    json.dumps(manifest)


def test_the_card_says_what_from_what_and_where_it_ends(image):
    card = Bundle(image.blob).member("MODEL_CARD.md").decode()
    assert card.startswith("# tiny 1\n")
    for part in ("## Data and licences", "Formulas, public domain", "## Figures", image.report.table(), "## Limits"):
        assert part in card


def test_decoder_and_keras_give_the_same_samples(image, ecg):
    for result in (image, ecg):
        assert max(row.difference for row in result.report.rows) < 0.01


def test_the_integer_analysis_costs_next_to_nothing(image, ecg):
    for row in image.report.rows:
        assert row.analysis_error > row.float_error - 0.2  # random weights of the synthesis amplify what trained ones do not
        assert row.analysis_rate < 1.02 * row.float_rate
    for row in ecg.report.rows:
        assert row.analysis_error < 1.02 * row.float_error + 0.05
        assert row.analysis_rate < 1.02 * row.float_rate


def test_weighted_steps_reach_the_bundle():
    config = model("tiny-image").config
    config = replace(config, step=replace(config.step, weights=(2.0,) * config.levels + (0.5,)))
    weighted = build(config)
    weighted.set_weights(model("tiny-image").get_weights())
    plain, heavy = exported("tiny-image"), convert(from_model(weighted))
    shift = 16 * (heavy.steps.in_shift - plain.steps.in_shift)
    change = [b.offset - a.offset for a, b in zip(plain.program.bands, heavy.program.bands, strict=True)]
    assert change == [-16] * 3 + [16] * (len(change) - 3)
    assert (heavy.steps.t_lo, heavy.steps.t_hi) == (plain.steps.t_lo + shift, plain.steps.t_hi + shift)
    report = export_bundle(from_model(weighted), FACTS, [picture(64, 80)]).report
    assert max(row.difference for row in report.rows) < 0.01
    assert all(row.analysis_error > row.float_error - 0.2 for row in report.rows)


def test_a_report_needs_samples(ecg):
    with pytest.raises(InputError, match="at least one sample"):
        measure(trained("tiny-signal"), None, Bundle(ecg.blob), [])  # type: ignore[arg-type]


def test_grey_pictures_of_an_exported_model_decode(image):
    codec, grey = ImageCodec(Bundle(image.blob)), picture(40, 50)[..., 0]
    decoded = codec.decode(codec.encode(grey, quality=100))
    assert np.abs(decoded.astype(int) - grey).max() < 20


def test_the_fast_decoder_is_the_same_without_the_finest_residual(image):
    codec, original = ImageCodec(Bundle(image.blob)), picture(64, 80)
    stream = codec.encode(original, quality=100)
    fast, full = (codec.decode(stream, fast=fast).astype(int) for fast in (True, False))
    assert np.abs(fast - original).max() < 20
    assert (fast != full).any()
    assert np.array_equal(codec.decode(stream, fast=True, scale=2), codec.decode(stream, scale=2))


@pytest.mark.parametrize(("rate", "levels", "blocks"), [(360.0, 6, 168), (1.0, 6, 1), (0.0, 4, 128)])
def test_packets_last_at_most_thirty_seconds(rate, levels, blocks):
    assert packet_blocks(rate, levels) == blocks


def test_the_command_writes_a_file_named_after_its_output_and_prints_the_costs(run, tmp_path, capsys):
    folder = tmp_path / "signals"
    folder.mkdir()
    for i in range(3):
        np.save(folder / f"{i}.npy", signal(600, 1, 11))
    out = tmp_path / "mine.vaemodel"
    result = cli_export_bundle(run, out, data=folder, samples=1, source=["Made up, CC0-1.0"])
    manifest = Bundle.open(out).manifest
    assert (manifest["name"], manifest["steps"], manifest["data"]) == ("mine", 5, ["Made up, CC0-1.0"])
    assert manifest["figures"]["command"] == "vaecodec export bundle run0 mine.vaemodel --data signals --samples 1"
    printed = capsys.readouterr().out
    assert result.report.table() in printed


def test_samples_are_the_validation_files(tmp_path):
    for i in range(3):
        np.save(tmp_path / f"{i}.npy", signal(600, 1, 11))
    (sample,) = load_samples(trained("tiny-signal").config, tmp_path, 2)
    assert sample.dtype == np.int32
    assert sample.shape == (128, 1)


def test_a_wrong_suffix_leaves_nothing_behind(run, tmp_path):
    with pytest.raises(InputError, match="ends in .vaemodel"):
        cli_export_bundle(run, tmp_path / "mine.zip")
    assert not list(tmp_path.iterdir())


def test_a_run_without_weights_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="weights"):
        cli_export_bundle(tmp_path, tmp_path / "mine.vaemodel")
