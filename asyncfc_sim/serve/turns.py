"""One at a time, in the order of asking: a lock that serves whoever has waited longest."""

from __future__ import annotations

from collections import deque
from threading import Lock


class Turns:
    """`with turns:` waits for its turn. A plain lock may be taken again and again by the same thread."""

    def __init__(self) -> None:
        self._inside = Lock()
        self._waiting: deque[Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._inside:
            if not self._taken:
                self._taken = True
                return
            gate = Lock()
            gate.acquire()
            self._waiting.append(gate)
        gate.acquire()  # until it is opened by whoever leaves

    def __exit__(self, *fault: object) -> None:
        with self._inside:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
