import math

import pytest

from vaecodec.benchmarks.search import coarsest_step, lowest_quality, matching_quality


@pytest.mark.parametrize("power", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("guess", [0.01, 3.0, 900.0])
def test_the_step_just_keeps_the_target(power: float, guess: float) -> None:
    step = coarsest_step(lambda s: 0.7 * s**power, 5, guess)
    assert 0.997 * 5 <= 0.7 * step**power <= 5


def test_a_staircase_still_keeps_the_target() -> None:
    assert 5 <= coarsest_step(lambda s: float(int(s)), 5, 1.3) < 6


def test_a_target_that_no_step_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match="no step"):
        coarsest_step(lambda s: 7 + s, 5, 1)


def test_the_lowest_quality_that_keeps_the_target() -> None:
    assert lowest_quality(lambda q: 100 - q, 37) == pytest.approx(63, abs=0.1)


def test_quality_zero_may_do() -> None:
    assert lowest_quality(lambda q: 1.0, 2) == 0


def test_a_target_out_of_reach() -> None:
    assert lowest_quality(lambda q: 200 - q, 37) is None


def test_a_matching_quality_is_within_the_tolerance() -> None:
    met: list[float] = []

    def error(quality: float) -> float:
        met.append(quality)
        return 40 * math.exp(-quality / 20)

    quality = matching_quality(error, 9.0)
    assert quality is not None
    assert 9.0 * 0.985 <= error(quality) <= 9.0
    assert len(met) < 9


def test_a_quality_beside_a_jump_is_the_finer_one() -> None:
    quality = matching_quality(lambda q: 5.0 if q >= 33.3 else 20.0, 9.0)
    assert quality == pytest.approx(33.3, abs=0.06)
    assert matching_quality(lambda q: 9.5, 9.0) is None
    assert matching_quality(lambda q: 8.5, 9.0) == 0.0
