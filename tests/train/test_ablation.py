"""The ablation table: its parts on numbers that can be checked by hand, and one row order on a tiny model."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow_compression")

from vaecodec.train import ablation


def test_order_0_bits_of_a_fair_coin_are_one_each():
    assert ablation.order_0_bits([np.tile([0, 1], 50)]) == pytest.approx(100)


def test_order_0_bits_of_a_constant_are_none():
    assert ablation.order_0_bits([np.zeros((4, 4))]) == 0


def test_ratios_interpolate_the_rate_at_each_target():
    x = np.random.default_rng(1).normal(size=1000)
    points = [(2.0**-k, (0.01 * 2**k) ** 2 * float(np.var(x))) for k in range(6)]
    found = ablation.ratios([points], [x], bits=8)
    assert found[0] == pytest.approx(8 * 2, rel=1e-3)  # PRDN 2 % is point k = 1, rate one half


def test_half_the_rate_at_equal_error_is_minus_50_per_cent():
    curve = [(0.1 * 2**k, 100.0 / 4**k) for k in range(5)]
    half = [(rate / 2, error) for rate, error in curve]
    assert ablation.gain([curve], [half]) == pytest.approx(-50, abs=0.1)
