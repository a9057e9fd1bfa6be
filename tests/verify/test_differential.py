"""Random programs, every schedule of each (the whole of it: make verify)."""

import numpy as np

from asyncfc_sim.verify.differential import differential


def test_the_real_scheduler_equals_running_in_order_and_naive_often_does_not() -> None:
    tally = differential(150, np.random.default_rng(20))
    print(tally)
    assert tally.different == []
    assert tally.naive_differs > 0.4 * tally.programs
    assert tally.failing > 0.5 * tally.programs
