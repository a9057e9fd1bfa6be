"""The barrier: what has settled in issue order, which calls wait for that, and which failures the decoder knows of.

A call behind the barrier goes when every call issued before it has settled. A failure before it holds it back, unless
the decoder had been told of that failure when it issued the call: then the call was made in full knowledge, as it
would have been by a synchronous agent.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Self

from .values import ErrorValue, Value


class Barrier:
    """Issue order, and how far it has settled without a gap."""

    def __init__(self) -> None:
        self.last_issued = 0
        self._order: list[int] = []  # issued futures, rising
        self._position = 0  # in _order: everything before it has settled
        self._waiting: list[int] = []  # heap of calls behind the barrier
        self._failed: list[int] = []  # failed calls, rising
        self._origin: dict[int, int] = {}  # failed call -> the call where the failure began
        self.told: dict[int, int] = {}  # origin of a failure -> last call issued when the decoder was told of it

    def issue(self, future: int) -> None:
        self.last_issued = future
        self._order.append(future)

    @property
    def all_settled(self) -> bool:
        return self._position == len(self._order)

    @property
    def lowest_open(self) -> int:
        """The lowest call that has not settled; 0 if all have."""
        return 0 if self.all_settled else self._order[self._position]

    def holds_back(self, future: int) -> bool:
        """Whether an earlier call has not settled; if so, the call waits here until `released` names it."""
        if self._order[self._position] == future:
            return False
        heappush(self._waiting, future)
        return True

    def fail(self, future: int, error: ErrorValue) -> None:
        insort(self._failed, future)
        self._origin[future] = future if error.origin is None else error.origin

    def advance(self, values: dict[int, Value]) -> Iterator[int]:
        """The calls, in order, up to which everything has settled since the last time."""
        while self._position < len(self._order) and (lowest := self._order[self._position]) in values:
            self._position += 1
            yield lowest

    def released(self) -> Iterator[int]:
        """Take out the waiting calls before which everything has settled."""
        while self._waiting and (self.all_settled or self._waiting[0] <= self._order[self._position]):
            yield heappop(self._waiting)

    def tell(self, futures: Iterable[int]) -> None:
        """The decoder has seen the values of these futures."""
        for future in futures:
            if future in self._origin:
                self.told.setdefault(self._origin[future], self.last_issued)

    def failure_before(self, future: int) -> int | None:
        """Where the first failure before `future` began that the decoder did not know of when it issued it."""
        for failed in self._failed:
            if failed >= future:
                break
            origin = self._origin[failed]
            if self.told.get(origin, future) >= future:
                return origin
        return None

    def cut_after(self, failed: int) -> list[int]:
        """Forget all calls issued after `failed`, and say which they were."""
        position = bisect_left(self._order, failed) + 1
        cut = self._order[position:]
        del self._order[position:]
        self._failed = [future for future in self._failed if future <= failed]
        return cut

    def copy(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._order = list(self._order)
        twin._waiting = list(self._waiting)
        twin._failed = list(self._failed)
        twin._origin = dict(self._origin)
        twin.told = dict(self.told)
        return twin
