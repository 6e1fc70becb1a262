"""Models of a lapped transform, and those of channels together, as bundles."""

from __future__ import annotations

import numpy as np
import pytest
from trained_models import trained

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.signal import SignalCodec
from vaecodec.export.bundle import Facts, export_bundle
from vaecodec.export.golden import signal
from vaecodec.export.symbols import SymbolProgram

SAMPLES = [signal(3000, 1, 16), signal(700, 2, 16)]


@pytest.fixture(scope="module", params=["tiny-lapped", "tiny-joint"])
def result(request):
    return export_bundle(trained(request.param), Facts(name="tiny", command="a test"), SAMPLES)


def test_it_passes_its_self_test(result):
    Bundle(result.blob).verify()


def test_the_decoder_is_the_trained_one_and_the_estimate_the_bytes(result):
    for row in result.report.rows:
        assert row.difference < 0.05
        assert abs(row.analysis_error - row.float_error) < 0.02 * row.float_error + 0.3
    coarsest = result.report.rows[0]  # finer ones need escapes: the weights are random
    assert abs(coarsest.coded_rate / coarsest.analysis_rate - 1) < 0.1


def test_it_codes_any_length_of_any_channels(result):
    codec = SignalCodec(Bundle(result.blob))
    for x in (signal(1, 1, 16), signal(17, 3, 16), signal(5000, 2, 16)):
        decoded = codec.decode(codec.encode(x, quality=100))
        assert decoded.shape == x.shape
        assert np.abs(decoded.astype(int) - x).max() < 60


def test_the_program_says_which_transform_it_is():
    blobs = [export_bundle(trained(name), Facts()).blob for name in ("tiny-lapped", "tiny-joint")]
    lapped, joint = (SymbolProgram.from_bytes(Bundle(blob).member("symbols.bin")) for blob in blobs)
    assert lapped.lapped_shift == 2
    assert joint.lapped_shift is None
