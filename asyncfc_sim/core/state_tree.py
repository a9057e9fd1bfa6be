"""The State Tree: which open calls touch which keys, on a trie of key segments (the AsyncFC paper's structure).

Every open call holds its footprint here from its issue until it has ended. Each node lists the calls that access
exactly its key, those that access its region (the key and all below it), and all accesses further down. The lists
are sorted by future number, that is in issue order, so they are reader/writer queues: a call may go when no call
ahead of it in any of its queues conflicts with it. Unlike a lock table, this gives *the* program order, not just
some serial order.

Costs: a look-up walks one path and bisects a few lists, whatever the number of open calls.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from .footprint import Footprint, Pattern

Excuse = Callable[[int], bool]


class _Queue:
    """The calls that access one place, in issue order. A reader conflicts with `writers`, a writer with both."""

    __slots__ = ("readers", "writers")

    def __init__(self) -> None:
        self.readers: list[int] = []
        self.writers: list[int] = []

    def add(self, future: int, writes: bool) -> None:
        insort(self.writers if writes else self.readers, future)

    def discard(self, future: int, writes: bool) -> None:
        calls = self.writers if writes else self.readers
        del calls[bisect_left(calls, future)]

    def latest(self, before: int, writes: bool, excused: Excuse | None) -> int:
        """The latest call before `before` in the way of one that writes, or only reads; 0 if there is none."""
        latest = _latest(self.writers, before, excused)
        return max(latest, _latest(self.readers, before, excused)) if writes else latest

    def copy(self) -> _Queue:
        twin = _Queue.__new__(_Queue)
        twin.readers, twin.writers = self.readers.copy(), self.writers.copy()
        return twin


class _Node:
    __slots__ = ("below", "children", "exact", "open", "region")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.exact: _Queue | None = None
        self.region: _Queue | None = None
        self.below: _Queue | None = None  # every access further down
        self.open = 0  # accesses here or further down

    def copy(self) -> _Node:
        twin = _Node.__new__(_Node)
        twin.children = {segment: child.copy() for segment, child in self.children.items()}
        twin.exact = self.exact and self.exact.copy()
        twin.region = self.region and self.region.copy()
        twin.below = self.below and self.below.copy()
        twin.open = self.open
        return twin


class StateTree:
    """Open calls and the keys they hold."""

    def __init__(self) -> None:
        self._root = _Node()
        self._held: dict[int, Footprint] = {}

    def hold(self, future: int, footprint: Footprint) -> None:
        """Enter a call, or replace what it holds (its footprint became known, so the region it held shrinks)."""
        if future in self._held:
            self.release(future)
        self._held[future] = footprint
        for pattern in footprint.reads:
            self._enter(future, pattern, False)
        for pattern in footprint.writes:
            self._enter(future, pattern, True)

    def _enter(self, future: int, pattern: Pattern, writes: bool) -> None:
        node = self._root
        for segment in pattern.key:
            node.open += 1
            if node.below is None:
                node.below = _Queue()
            node.below.add(future, writes)
            child = node.children.get(segment)
            if child is None:
                child = node.children[segment] = _Node()
            node = child
        node.open += 1
        if pattern.below:
            node.region = node.region or _Queue()
            node.region.add(future, writes)
        else:
            node.exact = node.exact or _Queue()
            node.exact.add(future, writes)

    def release(self, future: int) -> None:
        """Take a call out."""
        footprint = self._held.pop(future)
        for pattern in footprint.reads:
            self._leave(future, pattern, False)
        for pattern in footprint.writes:
            self._leave(future, pattern, True)

    def _leave(self, future: int, pattern: Pattern, writes: bool) -> None:
        node = self._root
        node.open -= 1
        for segment in pattern.key:
            parent, node = node, node.children[segment]
            assert parent.below is not None
            parent.below.discard(future, writes)
            node.open -= 1
            if not node.open:  # nothing at or below it any more
                del parent.children[segment]
                return
        queue = node.region if pattern.below else node.exact
        assert queue is not None
        queue.discard(future, writes)

    def holds(self, future: int) -> bool:
        return future in self._held

    def footprint(self, future: int) -> Footprint:
        return self._held[future]

    def blocker(self, future: int, footprint: Footprint, excused: Excuse | None = None) -> int:
        """The latest call before `future` that conflicts with `footprint` and is not excused; 0 if there is none.

        The latest, because those before it will mostly have ended when it ends: each end wakes few calls in vain.
        """
        latest = 0
        for pattern in footprint.reads:
            for queue in self._overlapping(pattern):
                latest = max(latest, queue.latest(future, False, excused))
        for pattern in footprint.writes:
            for queue in self._overlapping(pattern):
                latest = max(latest, queue.latest(future, True, excused))
        return latest

    def _overlapping(self, pattern: Pattern) -> Iterator[_Queue]:
        """The queues of all accesses that have a key in common with this pattern."""
        node = self._root
        for segment in pattern.key:
            if node.region is not None:
                yield node.region
            child = node.children.get(segment)
            if child is None:
                return
            node = child
        if node.region is not None:
            yield node.region
        if node.exact is not None:
            yield node.exact
        if pattern.below and node.below is not None:
            yield node.below

    def copy(self) -> StateTree:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._root = self._root.copy()
        twin._held = self._held.copy()
        return twin


def _latest(calls: list[int], before: int, excused: Excuse | None) -> int:
    position = bisect_left(calls, before)
    while position:
        position -= 1
        if excused is None or not excused(calls[position]):
            return calls[position]
    return 0
