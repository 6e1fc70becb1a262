"""What an export costs must be what integers cost, not a prior that is another one."""

from __future__ import annotations

import pytest

from vaecodec.codec.errors import InputError
from vaecodec.export.report import Report, Row


def report(coded: float, excess: float) -> Report:
    row = Row(50.0, 140, 1.0, 1.0, coded, 10, excess, 2.4, 2.4, 2.4, 1e-5)
    return Report("signal", 1, (row,))


@pytest.mark.parametrize(("coded", "excess"), [(1.01, 5.0), (1.9, 12.0), (1.2, 500.0)])
def test_what_framing_and_rounding_cost_passes(coded, excess):
    report(coded, excess).check()


def test_a_prior_that_integers_cannot_hold_is_refused():
    with pytest.raises(InputError, match="at quality 50 the integer prior takes 9"):
        report(9.0, 10_000.0).check()
