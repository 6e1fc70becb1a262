import math

import numpy as np
import pytest

from vaecodec.benchmarks.bdrate import bd_rate, interpolate_quality

RATES = np.geomspace(0.08, 3, 10)


def curve(factor: float = 1.0, shift: float = 0.0) -> list[tuple[float, float]]:
    return [(factor * rate, 33 + shift + 6 * math.log2(rate)) for rate in RATES]


def test_a_curve_against_itself_is_zero() -> None:
    assert bd_rate(curve(), curve()) == pytest.approx(0, abs=1e-9)


def test_a_fifth_less_rate_is_minus_twenty() -> None:
    assert bd_rate(curve(), curve(0.8)) == pytest.approx(-20, abs=0.01)


def test_six_decibels_more_are_half_the_rate_on_this_curve() -> None:
    assert bd_rate(curve(), curve(shift=6)) == pytest.approx(-50, abs=0.01)


def test_there_and_back_is_one() -> None:
    there, back = bd_rate(curve(), curve(0.7, 1)), bd_rate(curve(0.7, 1), curve())
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1, abs=1e-6)


def test_points_beyond_two_bits_do_not_count() -> None:
    better_above = [(rate, quality + (5 if rate > 2 else 0)) for rate, quality in curve()]
    inside = [point for point in curve() if point[0] <= 2]
    assert bd_rate(inside, better_above) == pytest.approx(0, abs=1.5)


def test_order_of_points_does_not_matter() -> None:
    assert bd_rate(curve()[::-1], curve(0.9)) == pytest.approx(bd_rate(curve(), curve(0.9)))


def test_a_point_that_costs_more_and_gives_less_is_left_out() -> None:
    assert bd_rate(curve(), [*curve(0.9), (1.0, 20.0)]) == pytest.approx(-10, abs=0.5)


def test_lossless_points_are_left_out() -> None:
    assert bd_rate(curve(), [*curve(0.9), (9.0, math.inf)]) == pytest.approx(-10, abs=0.01)


def test_curves_without_common_quality_have_no_figure() -> None:
    assert math.isnan(bd_rate(curve(), curve(shift=100)))


def test_quality_at_a_rate_lies_on_the_curve() -> None:
    assert interpolate_quality(curve(), 0.5) == pytest.approx(27, abs=0.01)


def test_quality_outside_the_curve_is_unknown() -> None:
    assert math.isnan(interpolate_quality(curve(), 5))
