"""What an order of calls says about time: how long its runs take at least, and at most.

Durations and decoding come from the caller; the order (order.py) knows neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .order import Order


def critical_path(order: Order, duration: Mapping[int, float]) -> tuple[float, tuple[int, ...]]:
    """The longest chain of calls, by the sum of their durations: its length, in their unit, and the futures on it.

    The length is the makespan with unlimited workers if all calls are issued at time zero. Raises KeyError if a future
    has no duration.
    """
    end: dict[int, float] = {}
    via: dict[int, int | None] = {}
    for future, before in order.predecessors.items():
        via[future] = max(before, key=end.__getitem__, default=None)
        last = via[future]
        end[future] = (0 if last is None else end[last]) + duration[future]
    step = max(end, key=end.__getitem__, default=None)
    length = 0 if step is None else end[step]
    path: list[int] = []
    while step is not None:
        path.append(step)
        step = via[step]
    return length, tuple(reversed(path))


@dataclass(frozen=True, slots=True)
class DecodeStep:
    """`decode_s` of decoding, then the issue of a call if there is one, then a wait for the futures touched if any.

    The last step of a run leads up to its answer and touches what the answer refers to.
    """

    decode_s: float
    issue: int | None = None
    touch: tuple[int, ...] = ()


def longest_path_with_decoder(order: Order, duration: Mapping[int, float], steps: Iterable[DecodeStep]) -> float:
    """The makespan in seconds, with unlimited workers, of the decoder and its calls until both have ended.

    It is the longest path through the decode chain, issue -> call, the edges of `order`, and touch -> decode. No
    schedule of the same program and durations is shorter, and a greedy one with a worker for every call is as short.

    Raises ValueError if the steps do not issue the futures of `order` in issue order, each once, KeyError if they touch
    a future before its issue, or if a duration is missing.
    """
    end: dict[int, float] = {}
    now: float = 0
    for step in steps:
        now += step.decode_s
        if step.issue is not None:
            before = order.predecessors.get(step.issue, {})
            end[step.issue] = max([now, *(end[future] for future in before)]) + duration[step.issue]
        now = max([now, *(end[future] for future in step.touch)])
    if tuple(end) != order.futures:
        raise ValueError(f"the decoder issues {list(end)}, but the order is over {list(order.futures)}")
    return max([now, *end.values()])


def graham_brent(work: float, span: float, workers: int) -> tuple[float, float]:
    """Bounds on the makespan of every greedy schedule: max(span, work / workers) and span + work / workers.

    `work` is the sum of the durations of the calls, `span` the makespan with unlimited workers, the decoder included
    (`longest_path_with_decoder`), all in one unit. Greedy: no worker is idle while a call may start. At any time, each
    worker is busy, or a step of the longest path is under way: hence the sum [1]_ [2]_. The decoder is one more serial
    processor, which only ever works on the span.

    Inside these bounds, more workers or shorter calls can make a run longer [1]_. Raises ValueError if `workers` < 1.

    References
    ----------
    .. [1] R. L. Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Applied Mathematics 17(2), 1969.
    .. [2] R. P. Brent, "The parallel evaluation of general arithmetic expressions", JACM 21(2), 1974.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers: there must be at least one")
    return max(span, work / workers), span + work / workers
