from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.benchmarks.matching import match

TIMES = st.lists(st.integers(0, 60), max_size=6).map(lambda times: np.array(sorted(times), np.int64))


def cost(reference: np.ndarray, found: np.ndarray, pairs: list[tuple[int, int]]) -> tuple[int, int]:
    return -len(pairs), sum(abs(int(reference[i]) - int(found[j])) for i, j in pairs)


def by_trying_all(reference: np.ndarray, found: np.ndarray, tolerance: int) -> tuple[int, int]:
    """Cost of the best of all one-to-one matchings without crossings."""
    costs = [(0, 0)]
    for size in range(1, min(len(reference), len(found)) + 1):
        for first, second in product(combinations(range(len(reference)), size), combinations(range(len(found)), size)):
            pairs = list(zip(first, second, strict=True))
            if all(abs(reference[i] - found[j]) <= tolerance for i, j in pairs):
                costs.append(cost(reference, found, pairs))
    return min(costs)


@given(TIMES, TIMES, st.integers(0, 20))
def test_no_matching_is_better(reference: np.ndarray, found: np.ndarray, tolerance: int) -> None:
    assert cost(reference, found, match(reference, found, tolerance)) == by_trying_all(reference, found, tolerance)


@given(TIMES, TIMES, st.integers(0, 20))
def test_pairs_are_one_to_one_in_order_and_within_the_tolerance(reference: np.ndarray, found: np.ndarray, tolerance: int) -> None:
    pairs = match(reference, found, tolerance)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    assert all(abs(reference[i] - found[j]) <= tolerance for i, j in pairs)


@given(TIMES, TIMES, st.integers(0, 20))
def test_either_list_may_be_the_reference(reference: np.ndarray, found: np.ndarray, tolerance: int) -> None:
    there, back = (cost(a, b, match(a, b, tolerance)) for a, b in ((reference, found), (found, reference)))
    assert there == back


@given(TIMES, st.integers(0, 20))
def test_a_list_matches_itself(times: np.ndarray, tolerance: int) -> None:
    assert match(times, times, tolerance) == [(i, i) for i in range(len(times))]


@pytest.mark.parametrize("found", [[40, 100], [100, 140]])
def test_the_nearer_of_two_detections_is_taken(found: list[int]) -> None:
    assert match(np.array([100]), np.array(found), 60) == [(0, found.index(100))]


def test_the_tolerance_itself_is_near_enough() -> None:
    assert match(np.array([100]), np.array([118]), 18.0) == [(0, 0)]
    assert match(np.array([100]), np.array([119]), 18.0) == []
