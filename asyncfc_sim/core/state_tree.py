"""The State Tree: which open calls touch which keys, on a trie of key segments (the AsyncFC paper's structure).

Every open call holds its footprint here from its issue until it has ended. Each node lists the calls that access
exactly its key, those that access its region (the key and all below it), and all accesses at or below it. The lists
are sorted by future number, that is in issue order, so they are reader/writer queues: a call may go when no call
ahead of it in any of its queues conflicts with it. Unlike a lock table, this gives *the* program order, not just
some serial order.

Costs: a look-up walks one path and bisects a few lists, whatever the number of open calls.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from .footprint import Footprint, Key

Excuse = Callable[[int], bool]


class _Queue:
    """The calls that access one place, in issue order. A reader conflicts with `writers`, a writer with `all`."""

    __slots__ = ("all", "writers")

    def __init__(self) -> None:
        self.all: list[int] = []
        self.writers: list[int] = []

    def add(self, future: int, writes: bool) -> None:
        insort(self.all, future)
        if writes:
            insort(self.writers, future)

    def copy(self) -> _Queue:
        twin = _Queue.__new__(_Queue)
        twin.all, twin.writers = self.all.copy(), self.writers.copy()
        return twin

    def discard(self, future: int, writes: bool) -> None:
        del self.all[bisect_left(self.all, future)]
        if writes:
            del self.writers[bisect_left(self.writers, future)]


class _Node:
    __slots__ = ("children", "exact", "region", "within")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.exact: _Queue | None = None
        self.region: _Queue | None = None
        self.within = _Queue()  # every access at this node or below it

    def copy(self) -> _Node:
        twin = _Node.__new__(_Node)
        twin.children = {segment: child.copy() for segment, child in self.children.items()}
        twin.exact = self.exact and self.exact.copy()
        twin.region = self.region and self.region.copy()
        twin.within = self.within.copy()
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
        for key, below, writes in _accesses(footprint):
            node = self._root
            node.within.add(future, writes)
            for segment in key:
                child = node.children.get(segment)
                if child is None:
                    child = node.children[segment] = _Node()
                node = child
                node.within.add(future, writes)
            if below:
                node.region = node.region or _Queue()
                node.region.add(future, writes)
            else:
                node.exact = node.exact or _Queue()
                node.exact.add(future, writes)

    def release(self, future: int) -> None:
        """Take a call out."""
        for key, below, writes in _accesses(self._held.pop(future)):
            node = self._root
            node.within.discard(future, writes)
            for segment in key:
                parent, node = node, node.children[segment]
                node.within.discard(future, writes)
                if not node.within.all:  # nothing at or below it any more
                    del parent.children[segment]
                    break
            else:
                queue = node.region if below else node.exact
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
        for key, below, writes in _accesses(footprint):
            for queue in self._overlapping(key, below):
                latest = max(latest, _latest(queue, future, writes, excused))
        return latest

    def _overlapping(self, key: Key, below: bool) -> Iterator[_Queue]:
        """The queues of all accesses that have a key in common with this pattern."""
        node = self._root
        for segment in key:
            if node.region is not None:
                yield node.region
            child = node.children.get(segment)
            if child is None:
                return
            node = child
        if below:
            yield node.within
            return
        if node.region is not None:
            yield node.region
        if node.exact is not None:
            yield node.exact

    def copy(self) -> StateTree:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._root = self._root.copy()
        twin._held = self._held.copy()
        return twin


def _accesses(footprint: Footprint) -> Iterator[tuple[Key, bool, bool]]:
    for pattern in footprint.reads:
        yield pattern.key, pattern.below, False
    for pattern in footprint.writes:
        yield pattern.key, pattern.below, True


def _latest(queue: _Queue, future: int, writes: bool, excused: Excuse | None) -> int:
    ahead = queue.all if writes else queue.writers
    position = bisect_left(ahead, future)
    while position:
        position -= 1
        if excused is None or not excused(ahead[position]):
            return ahead[position]
    return 0
