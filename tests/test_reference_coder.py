"""The reference range coder and distribution: against TensorFlow Compression's ops, and on their own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import distribution, quantiser
from reference.distribution import Distribution
from reference.range_coder import Decoder, Encoder

TABLES = Path(__file__).parents[1] / "edge_runtime" / "c" / "vc_tables.c"

int16s = st.integers(-32768, 32767)
parameters = st.tuples(int16s, int16s, int16s)


def encode(rows, values):
    encoder = Encoder()
    for row, value in zip(rows, values, strict=True):
        encoder.value(row, value)
    return encoder.finalise()


def decode(rows, data):
    decoder = Decoder(data)
    return [decoder.row_value(row.__getitem__, len(row) - 1) for row in rows]


@given(parameters)
def test_every_row_is_a_cdf_whose_intervals_are_at_least_one_wide(p):
    row = Distribution(*p).row()
    assert row[0] == 0
    assert row[-1] == 65536
    assert min(np.diff(row)) >= 1


@given(st.integers(-1500, 1500))
def test_a_mean_of_zero_gives_a_symmetric_row(scale):
    widths = np.diff(Distribution(0, scale, -32768).row())[:-1]
    assert np.abs(widths - widths[::-1]).max() <= 2


def test_the_spike_takes_its_share_of_zero():
    without, with_spike = (Distribution(0, 512, spike) for spike in (-32768, 0))
    zero = -without.first
    p0, p1 = ((d.cdf(zero + 1) - d.cdf(zero)) / 65536 for d in (without, with_spike))
    assert p1 == pytest.approx(0.5 + 0.5 * p0, abs=0.001)


def test_the_bins_follow_the_logistic_distribution():
    d = Distribution(mean=24, scale=256, spike=-32768)  # mean 1.5, scale 2
    z = np.arange(d.first, d.first + d.values - 1)
    expected = 1 / (1 + np.exp(-(z + 0.5 - 1.5) / 2)) - 1 / (1 + np.exp(-(z - 0.5 - 1.5) / 2))
    assert np.diff(d.row())[:-1] / 65536 == pytest.approx(expected, abs=2e-3)


@given(st.lists(st.tuples(parameters, st.integers(-70000, 70000)), max_size=40))
def test_what_is_encoded_is_decoded(symbols):
    rows = [Distribution(*p).row() for p, _ in symbols]
    values = [value for _, value in symbols]
    assert decode(rows, encode(rows, values)) == values


def test_an_endless_escape_is_an_error():
    row = [0, 1, 65536]
    data = encode([row], [(1 << 17) - 1])  # 17 zero bits: the longest that is allowed
    assert decode([row], data) == [(1 << 17) - 1]
    with pytest.raises(ValueError, match="escape"):
        decode([row], encode([row], [1 << 18]))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("mantissa", quantiser.M),
        ("half", distribution.HALF),
        ("inv", distribution.INV),
        # The header's last entry once more, so that it has a right neighbour; all less a half, so that 16 bits hold them.
        ("logistic", [value - 32768 for value in (*distribution.T, distribution.T[-1])]),
        ("spike", distribution.SPIKE),
    ],
)
def test_tables_of_the_header_agree_with_the_formulas(name, table):
    arrays = {
        match[1].lower(): [int(v) for v in re.findall(r"\d+", match[2])]
        for match in re.finditer(r"(\w+)\[\w+\]\s*=\s*\{([^}]*)\}", TABLES.read_text())
    }
    assert table in arrays.values(), f"no table like {name} among {sorted(arrays)}"


class TestAgainstTensorFlowCompression:
    """Payloads cross over in both directions, on real rows of section 5, escapes included."""

    @pytest.fixture(autouse=True)
    def _ops(self):
        self.ops = pytest.importorskip("tensorflow_compression")

    def lookup(self, rows):
        """Rows one after the other, each behind its precision; negative turns the escape on."""
        return np.concatenate([[-16, *row] for row in rows]).astype(np.int32)

    def tfc_encode(self, rows, index, values):
        handle = self.ops.create_range_encoder([], self.lookup(rows))
        handle = self.ops.entropy_encode_index(handle, np.array(index, np.int32), np.array(values, np.int32))
        return self.ops.entropy_encode_finalize(handle).numpy()

    def tfc_decode(self, rows, index, data):
        handle = self.ops.create_range_decoder(np.array(data, object), self.lookup(rows))
        _, values = self.ops.entropy_decode_index(handle, np.array(index, np.int32), [len(index)], np.int32)
        return values.numpy().tolist()

    def symbols(self, seed, n):
        """Rows, an index into them and row values, one in six outside the row."""
        rng = np.random.default_rng(seed)
        ranges = rng.integers([-4000, -1500, -3000], [4000, 2300, 3000], (40, 3))
        rows = [Distribution(*map(int, p)).row() for p in ranges]
        index = rng.integers(0, len(rows), n).tolist()
        values = [int(rng.integers(0, len(rows[i]) - 2)) for i in index]
        far = rng.random(n) < 1 / 6
        values = [int(rng.integers(-40000, 40000)) if f else v for f, v in zip(far, values, strict=True)]
        return rows, index, values

    @pytest.mark.parametrize("seed", range(6))
    def test_it_decodes_ours(self, seed):
        rows, index, values = self.symbols(seed, 700)
        assert self.tfc_decode(rows, index, encode([rows[i] for i in index], values)) == values

    @pytest.mark.parametrize("seed", range(6))
    def test_we_decode_its(self, seed):
        rows, index, values = self.symbols(seed, 700)
        assert decode([rows[i] for i in index], self.tfc_encode(rows, index, values)) == values

    @pytest.mark.parametrize("seed", range(6))
    def test_bytes_are_the_same_up_to_a_shorter_ending(self, seed):
        rows, index, values = self.symbols(seed, 700)
        ours, theirs = encode([rows[i] for i in index], values), self.tfc_encode(rows, index, values)
        assert len(theirs) - 1 <= len(ours) <= len(theirs)
        assert ours[:-1] == theirs[: len(ours) - 1]
