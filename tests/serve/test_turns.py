"""Turns are taken one at a time, and in the order of asking."""

from __future__ import annotations

import threading
import time

from asyncfc_sim.serve.turns import Turns


def test_whoever_waits_longest_is_next_though_another_asks_again_at_once():
    turns, order = Turns(), list[str]()
    arrived = threading.Event()

    def other(name: str) -> None:
        arrived.set()
        with turns:
            order.append(name)

    threads = []
    with turns:
        for name in "abc":
            arrived.clear()
            threads.append(threading.Thread(target=other, args=(name,)))
            threads[-1].start()
            arrived.wait(10)
            while len(turns._waiting) < len(threads):
                time.sleep(0.001)
    with turns:
        order.append("again")
    for thread in threads:
        thread.join(10)
    assert order == ["a", "b", "c", "again"]


def test_only_one_is_inside():
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with turns:
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (most, inside) == (1, 0)


def test_an_error_inside_ends_the_turn():
    turns = Turns()
    for _ in range(2):
        try:
            with turns:
                raise KeyError
        except KeyError:
            pass
    with turns:
        pass
