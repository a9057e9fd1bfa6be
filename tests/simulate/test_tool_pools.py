"""Workers shared by all: waits as queueing theory has them, and nobody idle while a call is in line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heapreplace
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from asyncfc_sim.simulate.clock import Clock
from asyncfc_sim.simulate.tool_pools import ToolPools

# Multiples of 1/8: sums of them are exact, and equality is.
seconds = st.integers(0, 40).map(lambda eighths: eighths / 8)
customers = st.lists(st.tuples(seconds, seconds), min_size=1, max_size=30)


@dataclass
class Hall:
    """A pool with customers who come after `gaps_s`, stay for `served_s`, and what was seen of them."""

    gaps_s: Sequence[float]
    served_s: Sequence[float]
    workers: int
    clock: Clock = field(default_factory=Clock)
    ends_s: dict[int, float] = field(default_factory=dict)
    present: int = 0
    present_s: float = 0.0  # customers present, integrated over time
    changed_s: float = 0.0
    idle_while_waiting: bool = False

    def run(self) -> Hall:
        self.pools = ToolPools(self.clock, {"desk": self.workers})
        self.pool = self.pools.pools["desk"]
        self.clock.after(self.gaps_s[0], partial(self._come, 0))
        self.clock.run()
        return self

    def _come(self, number: int) -> None:
        self._change(1)
        self.pools.run("desk", self.served_s[number], partial(self._go, number))
        if number + 1 < len(self.gaps_s):
            self.clock.after(self.gaps_s[number + 1], partial(self._come, number + 1))
        self.idle_while_waiting |= bool(self.pool.queue) and self.pool.busy < self.workers

    def _go(self, number: int) -> None:
        self._change(-1)
        self.ends_s[number] = self.clock.now_s

    def _change(self, by: int) -> None:
        now_s = self.clock.now_s
        self.present_s += self.present * (now_s - self.changed_s)
        self.present, self.changed_s = self.present + by, now_s


def kiefer_wolfowitz(gaps_s: Sequence[float], served_s: Sequence[float], workers: int) -> list[float]:
    """Waits, first come, first served, by the textbook's recursion: who comes gets the worker who is free first."""
    free_s = [0.0] * workers
    waits_s = []
    for came_s, needed_s in zip(accumulate(gaps_s), served_s, strict=True):
        begun_s = max(came_s, free_s[0])
        heapreplace(free_s, begun_s + needed_s)
        waits_s.append(begun_s - came_s)
    return waits_s


@given(customers, st.integers(1, 4))
def test_waits_are_those_of_the_textbooks_recursion(who: list[tuple[float, float]], workers: int) -> None:
    gaps_s, served_s = zip(*who, strict=True)
    hall = Hall(gaps_s, served_s, workers).run()
    waits_s = kiefer_wolfowitz(gaps_s, served_s, workers)
    assert hall.pool.waits_s == waits_s
    came_s = list(accumulate(gaps_s))
    assert hall.ends_s == {n: came_s[n] + waits_s[n] + served_s[n] for n in range(len(who))}


@given(customers, st.integers(1, 4))
def test_nobody_is_idle_while_a_call_waits_and_none_works_longer_than_the_calls(
    who: list[tuple[float, float]], workers: int
) -> None:
    gaps_s, served_s = zip(*who, strict=True)
    hall = Hall(gaps_s, served_s, workers).run()
    assert not hall.idle_while_waiting
    assert hall.pool.busy == 0
    assert not hall.pool.queue
    assert hall.pool.busy_s == sum(served_s)


@given(customers, st.integers(1, 4))
def test_littles_law(who: list[tuple[float, float]], workers: int) -> None:
    """L = lambda W over a span in which the hall begins and ends empty: exactly, whatever the distributions."""
    gaps_s, served_s = zip(*who, strict=True)
    hall = Hall(gaps_s, served_s, workers).run()
    assert hall.present_s == sum(hall.pool.waits_s) + hall.pool.busy_s


def test_customers_sometimes_wait() -> None:
    assert Hall([0.0, 0.0, 0.0, 8.0], [1.0] * 4, 2).run().pool.waits_s == [0.0, 0.0, 1.0, 0.0]


def test_a_kind_without_a_capacity_has_a_worker_for_everybody() -> None:
    clock = Clock()
    pools = ToolPools(clock, {"other": 1})
    ends_s: list[float] = []
    for _ in range(100):
        pools.run("desk", 2.0, lambda: ends_s.append(clock.now_s))
    clock.run()
    assert ends_s == [2.0] * 100


def test_kinds_do_not_wait_for_one_another() -> None:
    clock = Clock()
    pools = ToolPools(clock, {"slow": 1, "fast": 1})
    ends: list[tuple[str, float]] = []
    for kind, duration_s in (("slow", 8.0), ("slow", 8.0), ("fast", 1.0)):
        pools.run(kind, duration_s, lambda kind=kind: ends.append((kind, clock.now_s)))  # type: ignore[misc]
    clock.run()
    assert ends == [("fast", 1.0), ("slow", 8.0), ("slow", 16.0)]


# Two workers, exponential gaps and times: Erlang's formula. ----------------------------------------------------

WORKERS, CUSTOMERS, BATCHES = 2, 60_000, 40


def erlang_c(workers: int, load: float) -> float:
    """The chance that a customer waits in M/M/c (Erlang 1917), by the recursion for the loss formula."""
    offered, blocked = workers * load, 1.0
    for servers in range(1, workers + 1):
        blocked = offered * blocked / (servers + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def lindley(gaps_s: NDArray[np.float64], served_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Waits at a single desk (Lindley 1952), all at once."""
    walk = np.concatenate([[0.0], np.cumsum(served_s[:-1] - gaps_s[1:])])
    return walk - np.minimum.accumulate(walk)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_mean_waits_are_those_of_an_m_m_2_queue(load: float) -> None:
    """Within 2 % of theory.

    Waits are so correlated that the plain mean of 100,000 customers has an error of 6 % at a load of 0.9. So three
    things are measured along with them whose means are known: gaps, times, and the waits that the same customers would
    have at one desk twice as fast (M/M/1). Regression on these leaves an error of 0.3 to 0.8 % (control variates).
    """
    rng = np.random.default_rng(1917)
    gaps_s = rng.exponential(1 / (WORKERS * load), CUSTOMERS)
    served_s = rng.exponential(1.0, CUSTOMERS)
    waits_s = np.array(Hall(gaps_s.tolist(), served_s.tolist(), WORKERS).run().pool.waits_s)
    known = (
        (lindley(gaps_s, served_s / WORKERS), load / (1 - load) / WORKERS),
        (served_s, 1.0),
        (gaps_s, 1 / (WORKERS * load)),
    )
    controls = [values.reshape(BATCHES, -1).mean(axis=1) - mean for values, mean in known]
    design = np.column_stack([np.ones(BATCHES), *controls])
    fitted = np.linalg.lstsq(design, waits_s.reshape(BATCHES, -1).mean(axis=1), rcond=None)[0]
    assert fitted[0] == pytest.approx(erlang_c(WORKERS, load) / (WORKERS * (1 - load)), rel=0.02)


def test_at_one_desk_the_chance_to_wait_is_the_load() -> None:
    assert erlang_c(1, 0.8) == pytest.approx(0.8)
