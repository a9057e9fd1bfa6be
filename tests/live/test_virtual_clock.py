"""The virtual clock: time that passes at once, deadlocks that are told, and a ready queue in any order."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.virtual_clock import Deadlock

SEEDS = range(20)


def hostile(seed: int) -> Callable[[int], int]:
    rng = np.random.default_rng(seed)
    return lambda n: int(rng.integers(n))


@given(st.lists(st.floats(0, 1e7), max_size=8), st.none() | st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_sleepers_wake_when_they_should_and_no_time_goes_by(delays_s: list[float], seed: int | None) -> None:
    async def main() -> list[tuple[float, float]]:
        now = asyncio.get_running_loop().time
        woke: list[tuple[float, float]] = []

        async def sleeper(delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            woke.append((delay_s, now()))

        await asyncio.gather(*map(sleeper, delays_s))
        return woke

    began_s = time.monotonic()
    woke = virtual_clock.run(main(), choose=None if seed is None else hostile(seed))
    assert time.monotonic() - began_s < 5
    assert sorted(delay_s for delay_s, _ in woke) == sorted(delays_s)
    assert [at_s for _, at_s in woke] == pytest.approx([delay_s for delay_s, _ in woke], abs=1e-6)
    assert [at_s for _, at_s in woke] == sorted(at_s for _, at_s in woke)


def test_a_timeout_fires_at_its_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(86400 * 30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert virtual_clock.run(main()) == pytest.approx(86400 * 30)


@pytest.mark.parametrize("choose", [None, hostile(0)])
def test_to_wait_for_nothing_is_a_deadlock(choose: Callable[[int], int] | None) -> None:
    cleaned: list[str] = []

    async def main() -> None:
        await asyncio.sleep(7)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("up")

    with pytest.raises(Deadlock, match="at 7 s"):
        virtual_clock.run(main(), choose=choose)
    assert cleaned == ["up"]


def test_time_stands_still_while_a_thread_is_under_way() -> None:
    """Though a timer is due long before it ends."""
    order: list[str] = []

    def work() -> str:
        time.sleep(0.05)
        order.append("thread")
        return threading.current_thread().name

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        loop.call_later(0.001, order.append, "timer")
        name = await asyncio.to_thread(work)
        stood_s = loop.time()
        await asyncio.sleep(1)
        return name, stood_s

    name, stood_s = virtual_clock.run(main())
    assert name != threading.current_thread().name
    assert stood_s == 0
    assert order == ["thread", "timer"]


def test_what_is_raised_comes_out() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        virtual_clock.run(main(), choose=hostile(1))


# ------------------------------------------------------------------------------------------------------ a hostile queue


async def arrivals() -> str:
    """In which order five tasks that are ready, and five timers that are due, get their turn."""
    order: list[str] = []
    loop = asyncio.get_running_loop()
    for number in range(5):
        loop.call_soon(order.append, f"task {number}")
        loop.call_later(1, order.append, f"timer {number}")
    await asyncio.sleep(2)
    return " ".join(order)


def test_ready_callbacks_and_timers_come_in_any_order_with_a_generator_and_else_in_theirs() -> None:
    orders = {virtual_clock.run(arrivals(), choose=hostile(seed)) for seed in SEEDS}
    assert len(orders) > 15
    assert len({order.partition(" timer")[0] for order in orders}) > 10
    assert len({order.partition("timer")[2] for order in orders}) > 10
    assert all("task" not in order.partition("timer")[2] for order in orders)
    assert virtual_clock.run(arrivals()).startswith("task 0 task 1 task 2 task 3 task 4 timer")


def test_the_same_choices_give_the_same_run() -> None:
    assert virtual_clock.run(arrivals(), choose=hostile(3)) == virtual_clock.run(arrivals(), choose=hostile(3))


def test_what_is_cancelled_is_not_called_even_if_it_lies_in_the_bag() -> None:
    """A callback may be cancelled by one that is ready at the same time: whoever is first wins."""

    async def main() -> list[str]:
        called: list[str] = []
        loop = asyncio.get_running_loop()

        def first(name: str, other: list[asyncio.Handle]) -> None:
            called.append(name)
            for handle in other:
                handle.cancel()

        soon: list[asyncio.Handle] = []
        timers: list[asyncio.Handle] = []
        for number in range(4):
            soon.append(loop.call_soon(first, f"soon {number}", soon))
            timers.append(loop.call_later(1, first, f"timer {number}", timers))
        await asyncio.sleep(2)
        return called

    for seed in SEEDS:
        soon, timer = virtual_clock.run(main(), choose=hostile(seed))
        assert (soon[:4], timer[:5]) == ("soon", "timer")


variable = contextvars.ContextVar("variable", default="outside")


def test_callbacks_keep_their_context() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()

        def see(name: str) -> None:
            seen.append(name + variable.get())

        for name in "abc":
            variable.set(name)
            loop.call_soon(see, name)
            loop.call_later(1, see, name)
            loop.call_soon(see, "", context=contextvars.Context())
        await asyncio.sleep(2)
        return seen

    for choose in (None, hostile(4)):
        seen = virtual_clock.run(main(), choose=choose)
        assert sorted(seen) == ["aa", "aa", "bb", "bb", "cc", "cc", *["outside"] * 3]


def test_a_race_that_the_usual_order_hides_is_found() -> None:
    """Who waits for a future is called in order, and this code relies on it."""

    async def main() -> bool:
        shared: list[int] = []

        async def write() -> None:
            await asyncio.sleep(1)
            shared.append(1)

        async def read() -> bool:
            await asyncio.sleep(1)
            return bool(shared)

        _, found = await asyncio.gather(write(), read())
        return found

    assert virtual_clock.run(main())
    assert {virtual_clock.run(main(), choose=hostile(seed)) for seed in SEEDS} == {True, False}
