"""Two calls at once: their functions, unmodified, in two threads that take turns.

Only the thread that holds the baton runs. A trace function stops it at every line of the tools' code, and inside a line
before each store and each call: between reading and writing back is where updates get lost. (Python promises no more:
`d[k] += 1` is not atomic.) The schedule says after how many steps the other goes on; so it can be run again.

A thread that waits for a lock does not give the baton back. If nothing happens for a while, both run on freely until
they end: then the one that holds the lock gives it up.
"""

from __future__ import annotations

import _thread
import dis
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from asyncfc_sim.core.values import Value

from .subject import CannotCheck, Subject
from .swap import Outcome, finish, reach
from .trial import Trial

PATIENCE_S: Final = 0.05  # without a step: the thread waits for a lock, or does something long
MOST_S: Final = 20.0
_STOPS: Final = frozenset(
    {"STORE_SUBSCR", "STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF", "STORE_SLICE", "DELETE_SUBSCR", "DELETE_ATTR"}
    | {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}
)

Schedule = tuple[tuple[int, ...], bool]  # the switches of a trial, and whether its second call begins


@dataclass(frozen=True, slots=True)
class Overlapped:
    """What came of it, how many steps each call took, and whether one had to wait for a lock that the other held."""

    outcome: Outcome
    steps: tuple[int, int]
    waited: bool


def overlap(subject: Subject, trial: Trial) -> Overlapped:
    """Run both calls as `trial.switches` says."""
    values = reach(subject, trial)
    number = len(values) + 1
    baton = _Baton(trial)
    one = _Lane(baton, subject.traced, lambda: subject.call(number, trial.first))
    two = _Lane(baton, subject.traced, lambda: subject.call(number + 1, trial.second))
    one.other, two.other = two, one
    begins = two if trial.second_begins else one
    begins.go_on()
    baton.await_end(one, two)
    outcome = finish(subject, trial, [*values, one.value(), two.value()])
    return Overlapped(outcome, (one.steps, two.steps), baton.free)


def single_switches(steps: tuple[int, int]) -> list[Schedule]:
    """Every schedule in which one call runs whole inside the other, after some step of it that is not its last."""
    return [((after,), bool(begins)) for begins in (0, 1) for after in range(1, steps[begins])]


class _Baton:
    """Who may run: after so many steps each time, the other; or both, once one waits for what the other holds."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.free = False
        self.moved = 0
        self._switches = list(trial.switches)
        self._left: int | None = None
        self.over = threading.Semaphore(0)
        self.next_leg()

    def next_leg(self) -> None:
        self._left = self._switches.pop(0) if self._switches else None  # None: to its end

    def passes_on(self) -> bool:
        """Count a step: is it the other's turn before it?"""
        self.moved += 1
        if self.free or self._left is None:
            return False
        if self._left == 0:
            return True
        self._left -= 1
        return False

    def await_end(self, *lanes: _Lane) -> None:
        """Wait until both have ended, letting them run freely if nothing happens any more."""
        moved, since = self.moved, time.monotonic()
        while not all(lane.ended for lane in lanes):
            if self.over.acquire(timeout=PATIENCE_S) or moved != self.moved:
                moved, since = self.moved, time.monotonic()
            elif not self.free and all(lane.asleep() for lane in lanes):
                self.free = True
                for lane in lanes:
                    lane.go_on()
            elif time.monotonic() - since > MOST_S:
                calls = f"{self.trial.first} and {self.trial.second}"
                raise CannotCheck(f"{calls}: run at once, they did not end: do they wait for each other?")


class _Lane:
    """One call, in a thread of its own, which begins when it is first its turn."""

    other: _Lane

    def __init__(self, baton: _Baton, traced: Callable[[CodeType], bool], call: Callable[[], Value]) -> None:
        self._baton, self._traced, self._call = baton, traced, call
        self._go = threading.Semaphore(0)
        self._begun = False
        self._thread: int | None = None
        self.steps = 0
        self.ended = False
        self._result: Callable[[], Value] | None = None

    def _run(self) -> None:
        self._thread = threading.get_native_id()
        try:
            sys.settrace(self._trace)
            value = self._call()
            self._result = lambda: value
        except BaseException as error:  # it belongs to the thread that asked for the call
            self._result = _raising(error)
        finally:
            sys.settrace(None)
            self._baton.next_leg()
            self.ended = True
            if self.other.ended:
                self._baton.over.release()
            else:
                self.other.go_on()

    def go_on(self) -> None:
        if not self._begun:
            self._begun = True
            _thread.start_new_thread(self._run, ())
        else:
            self._go.release()

    def asleep(self) -> bool:
        """Whether its thread waits for something, as far as the system tells: it may just be slow to get its turn."""
        if self._thread is None or self.ended:
            return True
        try:
            status = Path(f"/proc/self/task/{self._thread}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # no Linux, or it has just ended
            return True
        return status.rpartition(")")[2].split()[0] != "R"

    def value(self) -> Value:
        assert self._result is not None
        return self._result()

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event != "call" or not self._traced(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        return self._step

    def _step(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" or (event == "opcode" and frame.f_lasti in _stops(frame.f_code)):
            self.steps += 1
            if self._baton.passes_on() and not self.other.ended:
                self._baton.next_leg()
                self.other.go_on()
                self._go.acquire()
        return self._step


def _raising(error: BaseException) -> Callable[[], Value]:
    def again() -> Value:
        raise error

    return again


@cache
def _stops(code: CodeType) -> frozenset[int]:
    return frozenset(each.offset for each in dis.get_instructions(code) if each.opname in _STOPS)
