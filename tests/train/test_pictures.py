"""What TensorBoard shows of a reconstruction."""

from __future__ import annotations

import numpy as np

from vaecodec.train.pictures import HEIGHT, ORIGINAL, RECONSTRUCTION, WIDTH, side_by_side


def test_pictures_lie_beside_each_other():
    x = np.full([4, 6, 3], 10, np.uint8)
    shown = side_by_side(x, np.full([4, 6, 3], 300.0))
    assert (shown.shape, shown.dtype) == ((4, 12, 3), np.uint8)
    assert (shown[:, :6] == 10).all()
    assert (shown[:, 6:] == 255).all()


def test_signals_are_two_curves_in_one_plot():
    x = np.sin(np.arange(200) / 9)[:, None]
    shown = side_by_side(x, 0.5 * x)
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert {ORIGINAL, RECONSTRUCTION} <= {tuple(p) for p in shown.reshape(-1, 3).tolist()}


def test_a_constant_signal_can_be_drawn():
    assert side_by_side(np.zeros([8, 1]), np.zeros([8, 1])).shape == (HEIGHT, WIDTH, 3)
