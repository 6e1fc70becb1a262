import math

import numpy as np
import pytest

from vaecodec.benchmarks.distortion import mean_squared_error, prd, prdn, psnr
from vaecodec.benchmarks.msssim import MIN_SIDE, decibel, ms_ssim

RANDOM = np.random.default_rng(0)


def picture(side: int = 192) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return (128 + 60 * np.sin(x / 5)[..., None] + 40 * np.cos(y / 7)[..., None] + RANDOM.normal(0, 4, (side, side, 3))).clip(0, 255)


def test_psnr_of_an_error_of_one_level() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    assert math.isclose(psnr(black, black + 1), 48.1308, abs_tol=1e-4)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    assert psnr(np.ones((2, 2, 3)), np.ones((2, 2, 3))) == math.inf


def test_unsigned_samples_do_not_wrap() -> None:
    assert mean_squared_error(np.array([0], np.uint8), np.array([2], np.uint8)) == 4


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        mean_squared_error(np.zeros(3), np.zeros((3, 1)))


def test_prdn_does_not_see_an_offset() -> None:
    x = RANDOM.normal(0, 100, 1000)
    y = x + RANDOM.normal(0, 5, 1000)
    assert math.isclose(prdn(x + 1024, y + 1024), prdn(x, y))


def test_prdn_of_a_signal_replaced_by_its_mean_is_100() -> None:
    x = RANDOM.normal(3, 100, 1000)
    assert math.isclose(prdn(x, np.full(1000, x.mean())), 100)


def test_prd_takes_the_energy_around_the_baseline() -> None:
    assert math.isclose(prd([1124.0, 924.0], [1134.0, 934.0], 1024), 10)


def test_prdn_of_a_constant_signal() -> None:
    assert (prdn([5, 5], [5, 5]), prdn([5, 5], [5, 6])) == (0.0, math.inf)


def test_ms_ssim_of_equal_pictures_is_one() -> None:
    x = picture()
    assert math.isclose(ms_ssim(x, x), 1, abs_tol=1e-6)


def test_ms_ssim_falls_with_noise() -> None:
    x = picture()
    values = [ms_ssim(x, x + RANDOM.normal(0, sigma, x.shape)) for sigma in (2, 8, 32)]
    assert 1 > values[0] > values[1] > values[2] > 0


def test_ms_ssim_of_another_brightness_is_the_luminance_term_of_the_last_scale() -> None:
    # Only the coarsest scale looks at means; structure is that of a flat picture: 1.
    a, b, c1 = 100.0, 120.0, (0.01 * 255) ** 2
    expected = ((2 * a * b + c1) / (a * a + b * b + c1)) ** 0.1333
    flat = np.ones((MIN_SIDE, MIN_SIDE))
    assert math.isclose(ms_ssim(a * flat, b * flat), expected, abs_tol=1e-3)


def test_ms_ssim_refuses_small_pictures() -> None:
    with pytest.raises(ValueError, match="sides of 176"):
        ms_ssim(np.zeros((175, 300)), np.zeros((175, 300)))


def test_decibel_of_ms_ssim() -> None:
    assert (decibel(0.99), decibel(1.0)) == (pytest.approx(20), math.inf)
