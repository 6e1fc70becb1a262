"""The C range coder against tensorflow-compression's ops and against itself, escapes included."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.errors import FormatError
from vaecodec.codec.native import crc16, crc32c, decode_rows, encode_rows


def _random_rows(rng, count):
    """CDF rows of all precisions, some with intervals of one count."""
    rows = []
    for _ in range(count):
        precision = int(rng.integers(4, 17))
        values = int(rng.integers(2, min(40, 1 << precision)))
        inner = np.sort(rng.choice(np.arange(1, 1 << precision), values - 1, replace=False))
        rows.append([0, *map(int, inner), 1 << precision])
    return rows


def _random_symbols(rng, rows, n, outside):
    index = rng.integers(0, len(rows), n)
    value = np.array([rng.integers(0, len(rows[i]) - 2) if len(rows[i]) > 2 else 0 for i in index])
    far = rng.random(n) < outside
    value[far] = rng.integers(-40000, 40000, far.sum())
    return index.tolist(), value.tolist()


def _tfc_lookup(rows):
    """Rows as one vector, each after its precision; negative: the last symbol is an escape."""
    return np.array([v for row in rows for v in (-(row[-1].bit_length() - 1), *row)], np.int32)


def _tfc_encode(rows, index, value):
    ops = pytest.importorskip("tensorflow_compression")
    handle = ops.create_range_encoder([], _tfc_lookup(rows))
    handle = ops.entropy_encode_index(handle, np.array(index, np.int32), np.array(value, np.int32))
    return ops.entropy_encode_finalize(handle).numpy()


def _tfc_decode(rows, index, data):
    import tensorflow as tf

    ops = pytest.importorskip("tensorflow_compression")
    handle = ops.create_range_decoder(np.array(data, object), _tfc_lookup(rows))
    handle, value = ops.entropy_decode_index(handle, np.array(index, np.int32), [len(index)], tf.int32)
    assert bool(ops.entropy_decode_finalize(handle))
    return value.numpy()


@pytest.mark.parametrize("outside", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("seed", range(8))
def test_same_bytes_as_tfc_and_each_decodes_the_other(seed, outside):
    rng = np.random.default_rng(seed)
    rows = _random_rows(rng, 12)
    index, value = _random_symbols(rng, rows, int(rng.integers(1, 3000)), outside)
    ours = encode_rows(rows, index, value)
    assert ours == _tfc_encode(rows, index, value)
    np.testing.assert_array_equal(decode_rows(rows, index, ours, len(index)), value)
    np.testing.assert_array_equal(_tfc_decode(rows, index, ours), value)


def test_long_carries_as_tfc():
    """Nearly certain middle symbols keep the interval astride a carry for long."""
    rows = [[0, 1, 65535, 65536], [0, 32767, 32769, 65536]]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        index = (rng.random(20000) < 0.001).astype(int).tolist()
        value = [1] * len(index)
        payload = encode_rows(rows, index, value)
        assert payload == _tfc_encode(rows, index, value)
        np.testing.assert_array_equal(decode_rows(rows, index, payload, len(index)), value)


@given(st.data())
def test_round_trip(data):
    inner = data.draw(st.sets(st.integers(1, 65535), min_size=1, max_size=30))
    rows = [[0, *sorted(inner), 65536]]
    value = data.draw(st.lists(st.one_of(st.integers(0, len(inner)), st.integers(-70000, 70000)), max_size=200))
    payload = encode_rows(rows, [0] * len(value), value)
    np.testing.assert_array_equal(decode_rows(rows, [0] * len(value), payload, len(value)), value)


@given(st.binary(max_size=100))
def test_garbage_decodes_or_is_refused(data):
    rows = [[0, 100, 65000, 65500, 65536]]
    with suppress(FormatError):
        assert len(decode_rows(rows, [0] * 200, data, 200)) == 200


def test_the_decoder_reads_zeros_past_the_end():
    rows = [[0, 32768, 65535, 65536]]
    value = [0, 1, 0]
    payload = encode_rows(rows, [0] * len(value), value)
    assert len(payload) == 1
    np.testing.assert_array_equal(decode_rows(rows, [0] * len(value), payload + bytes(9), len(value)), value)


def test_crc_check_values():
    assert crc16(b"123456789") == 0x29B1
    assert crc32c(b"123456789") == 0xE3069283


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_crcs_go_on_from_an_earlier_piece(a, b):
    assert crc16(b, crc16(a)) == crc16(a + b)
    assert crc32c(b, crc32c(a)) == crc32c(a + b)
