"""Qualities, byte targets, tiles and level groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.container import ImageHeader
from vaecodec.codec.errors import InputError
from vaecodec.codec.grids import level_groups, padded, tiles
from vaecodec.codec.rate import SUBSTEPS, fit, fit_psnr, quality_of, rounding_offsets, setting, step_code
from vaecodec.codec.rdoq import SLOPE, plan


@given(st.integers(0, 200), st.integers(1, 55), st.integers(0, 55))
def test_the_quality_of_a_step_code_gives_that_code_with_the_rounding_of_the_model(t_lo: int, span: int, above: int) -> None:
    t = t_lo + min(above, span)
    assert setting(quality_of(t, t_lo, t_lo + span), t_lo, t_lo + span) == SUBSTEPS * t


def test_quality_100_is_the_finest_step() -> None:
    assert (step_code(setting(100, 64, 176)), step_code(setting(0, 64, 176))) == (64, 176)


@pytest.mark.parametrize(("quality", "exact"), [(92.5, 2), (97.5, 0), (87.5, 2), (82.5, 4), (0, 20), (100, 0)])
def test_of_two_settings_as_near_the_even_one_is_taken_as_on_devices(quality: float, exact: int) -> None:
    assert setting(quality, 0, 2) == exact


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_lower_quality_is_no_finer_a_setting(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert setting(low, 64, 176) >= setting(high, 64, 176)


def test_between_step_codes_only_dead_zones_widen() -> None:
    assert rounding_offsets(SUBSTEPS * 70, [128, 102, 102]) == [128, 102, 102]
    assert rounding_offsets(SUBSTEPS * 70 + 7, [128, 102, 3]) == [128, 95, 0]


def test_where_the_coder_chooses_dead_zones_are_narrower_and_tenths_weigh_errors_less() -> None:
    assert plan(2).offsets(SUBSTEPS * 70 + 3, [128, 102, 125, 200]) == [128, 108, 128, 200]
    assert plan(3).offsets(SUBSTEPS * 70 + 3, [128, 102, 125, 200]) == [128, 128, 128, 200]
    assert [plan(1).bits(700), plan(2).bits(700)] == [0, 2 * SLOPE]
    assert plan(2).bits(700) == plan(2).bits(710) > plan(2).bits(701) > plan(2).bits(709) > SLOPE


@pytest.mark.parametrize("wanted", range(1, 12))
def test_fit_psnr_finds_the_coarsest_setting_that_reaches_it(wanted: int) -> None:
    asked: list[int] = []

    def encode(setting: int) -> tuple[bytes, float]:
        asked.append(setting)
        return bytes(setting), 10.0 - setting / SUBSTEPS

    if wanted > 10:
        with pytest.raises(InputError):
            fit_psnr(encode, wanted, (0, 9))
        return
    assert len(fit_psnr(encode, wanted, (0, 9))) == min(9, 10 - wanted) * SUBSTEPS
    assert len(set(asked)) == len(asked)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=60), st.integers(1, 60))
def test_fit_finds_the_finest_step_that_fits(drops: list[int], target: int) -> None:
    sizes = [sum(drops[i:]) for i in range(len(drops))]
    if sizes[-1] > target:
        with pytest.raises(InputError):
            fit(lambda t: bytes(sizes[t]), target, 0, len(sizes) - 1)
    else:
        assert len(fit(lambda t: bytes(sizes[t]), target, 0, len(sizes) - 1)) == max(size for size in sizes if size <= target)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (1, [(0, 0), (1, 1)]),
        (2, [(0, 0), (1, 1), (2, 2)]),
        (3, [(0, 0), (1, 1), (2, 2), (3, 3)]),
        (4, [(0, 1), (2, 2), (3, 3), (4, 4)]),
        (5, [(0, 2), (3, 3), (4, 4), (5, 5)]),
        (8, [(0, 5), (6, 6), (7, 7), (8, 8)]),
    ],
)
def test_level_groups_follow_the_format(levels: int, expected: list[tuple[int, int]]) -> None:
    assert level_groups(levels) == expected


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 9), st.integers(0, 9), st.integers(1, 5))
def test_tiles_cover_the_picture_once(width: int, height: int, tile_width: int, tile_height: int, levels: int) -> None:
    header = ImageHeader(0, 0, 0, width, height, 3, tile_width, tile_height)
    covered = [(row, col) for t in tiles(header, levels) for row in range(t.row, t.row + t.rows) for col in range(t.col, t.col + t.cols)]
    assert len(covered) == len(set(covered)) == (padded(height, levels) >> levels) * (padded(width, levels) >> levels)
