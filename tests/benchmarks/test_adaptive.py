import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.benchmarks.adaptive import decode_lists, encode_lists, ideal_bits

VALUES = st.integers(-300, 300)
LISTS = st.lists(st.lists(VALUES, max_size=80), min_size=1, max_size=4)


def arrays(lists: list[list[int]]) -> list[np.ndarray]:
    return [np.array(values, dtype=np.int64) for values in lists]


@given(LISTS)
def test_lists_come_back(lists: list[list[int]]) -> None:
    decoded = decode_lists(encode_lists(arrays(lists)), [len(values) for values in lists])
    assert [values.tolist() for values in decoded] == lists


def test_long_carries_come_back() -> None:
    # Nearly certain symbols keep the interval against its upper end.
    values = np.where(np.arange(40_000) % 9973 == 0, -1, 1).astype(np.int64)
    (decoded,) = decode_lists(encode_lists([values]), [len(values)])
    np.testing.assert_array_equal(decoded, values)


@pytest.mark.parametrize("scale", [0.05, 0.3, 2.0, 40.0])
def test_size_is_next_to_the_ideal(scale: float) -> None:
    values = np.rint(np.random.default_rng(1).laplace(0, scale, 30_000)).astype(np.int64)
    assert len(encode_lists([values])) <= 1.03 * ideal_bits(values) / 8 + 100


def test_a_changing_signal_beats_its_stationary_entropy() -> None:
    random = np.random.default_rng(2)
    values = np.rint(np.concatenate([random.laplace(0, scale, 20_000) for scale in (0.2, 8.0)])).astype(np.int64)
    assert len(encode_lists([values])) < ideal_bits(values) / 8


def test_a_constant_list_costs_its_header_only() -> None:
    assert len(encode_lists([np.full(10_000, -70)])) <= 3


def test_entropy_of_a_fair_coin_is_a_bit_a_value() -> None:
    assert math.isclose(ideal_bits(np.arange(1000) % 2), 1000)
