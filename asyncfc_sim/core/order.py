"""Happens-before: which calls of one run must follow which, why, and in how many orders that leaves them.

An edge i -> j says that call i has ended before call j starts. Its reasons are

    data      an argument of j refers to future i
    control   j is issued after a touch of i
    conflict  i was issued first, and one of the two writes what the other reads or writes
    address   j cannot be told apart from an earlier call until i, which that call refers to, has been resolved
    barrier   j waits for the success of every earlier call (irreversible tools, and the failure mode strict)

Data, control and conflict are the meaning of a program: all its schedules are linear extensions of that one order.
Address is the price of not knowing a footprint in advance. The order is about calls, not about workers or seconds:
what it says about time is in makespan.py. Calls that commute by declaration are ordered here
like any others: exclusion in either order is not an order.

References
----------
.. [1] L. Lamport, "Time, clocks, and the ordering of events in a distributed system", CACM 21(7), 1978.
.. [2] A. J. Bernstein, "Analysis of programs for parallel processing", IEEE Trans. Electronic Computers 15(5), 1966.
.. [3] A. Mazurkiewicz, "Concurrent program schemes and their interpretations", DAIMI PB-78, Aarhus, 1977.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .arguments import TypeOf, bound, needed, prepare, reference_fault, untyped
from .footprint import NOTHING, Footprint, Key, Pattern
from .syntax import Call
from .tool import Tool
from .values import ErrorValue, Value

if TYPE_CHECKING:
    import networkx

Reason = Literal["data", "control", "conflict", "address", "barrier"]


@dataclass(frozen=True, slots=True)
class Issued:
    """A call of one run, as far as its place in the order goes.

    `footprint` is what the call did, or would have done, with all its arguments known (`NOTHING` if one of them was an
    error). `producers` are the futures that its arguments refer to, each with the bound on the footprint while that
    future alone is unresolved: `EVERYTHING` if the tool declares no bound. `touched` are futures whose values the
    decoder had seen before it issued the call; later calls inherit them. `barrier`: it waits for every earlier call.
    """

    future: int
    footprint: Footprint
    producers: Mapping[int, Footprint] = field(default_factory=dict)
    touched: frozenset[int] = frozenset()
    barrier: bool = False


def observe(
    call: Call,
    tool: Tool,
    values: Mapping[int, Value],
    *,
    touched: Iterable[int] = (),
    barrier: bool = False,
    type_of: TypeOf = untyped,
) -> Issued:
    """The record of a call, from the `values` that the futures before it have in the end.

    Which calls wait at a barrier depends on the failure mode: the caller says so. `type_of` is what the scheduler
    knows of results: a call refused for it as it was issued waited for nothing.
    """
    if reference_fault(call, values, type_of):
        return Issued(call.future, NOTHING, touched=frozenset(touched), barrier=barrier)
    prepared = prepare(call, tool, values)
    producers = {
        producer: bound(call, tool, {future: value for future, value in values.items() if future != producer})
        for producer in sorted(needed(call))
    }
    footprint = NOTHING if isinstance(prepared, ErrorValue) else prepared[1]
    return Issued(call.future, footprint, producers, frozenset(touched), barrier)


@dataclass(frozen=True, slots=True)
class Order:
    """For each future, in issue order: the futures that are resolved before its call starts, each with its reasons.

    Since edges point backwards only, issue order is a topological order, and one pass over it is enough for whatever
    a graph library would sort first.
    """

    predecessors: Mapping[int, Mapping[int, frozenset[Reason]]]

    @property
    def futures(self) -> tuple[int, ...]:
        """All futures, in issue order."""
        return tuple(self.predecessors)

    def closure(self) -> dict[int, frozenset[int]]:
        """For each future, all that happen before it, at whatever distance."""
        futures = self.futures
        closure = _closure(_masks(self))
        return {future: frozenset(futures[bit] for bit in _bits(closure[at])) for at, future in enumerate(futures)}

    def reduced(self) -> Order:
        """The same order without the edges that follow from others: what to draw. The edges kept keep their reasons."""
        at = {future: position for position, future in enumerate(self.futures)}
        closure = _closure(_masks(self))
        reduced: dict[int, dict[int, frozenset[Reason]]] = {}
        for future, before in self.predecessors.items():
            implied = 0
            kept: dict[int, frozenset[Reason]] = {}
            for predecessor in sorted(before, reverse=True):
                if not implied >> at[predecessor] & 1:
                    kept[predecessor] = before[predecessor]
                implied |= closure[at[predecessor]]
            reduced[future] = dict(sorted(kept.items()))
        return Order(reduced)


def happens_before(calls: Sequence[Issued], *, address: bool = True) -> Order:
    """The order of `calls`, which stand in issue order; without `address`, only what is semantic, and barriers.

    Every conflicting pair is an edge, those that follow from others too, so there may be n * n / 2 edges: meant for
    runs of up to a few hundred calls, fine for thousands with mostly disjoint keys. Conflicts are looked up by key;
    no pair of independent calls is ever compared.

    Raises ValueError if futures do not rise, or if a producer or a touched future is not an earlier one.
    """
    _check(calls)
    actual = _Conflicts(call.footprint for call in calls)
    bounds = [(at, producer) for at, call in enumerate(calls) for producer in call.producers]
    bounded = _Conflicts(bound for call in calls for bound in call.producers.values())
    bounds_before = 0
    touched: set[int] = set()
    predecessors: dict[int, dict[int, frozenset[Reason]]] = {}
    for at, call in enumerate(calls):
        reasons: defaultdict[int, set[Reason]] = defaultdict(set)
        touched |= call.touched
        for producer in call.producers:
            reasons[producer].add("data")
        for seen in touched:
            reasons[seen].add("control")
        conflicting = actual.of(call.footprint) & (1 << at) - 1
        for position in _bits(conflicting):
            reasons[calls[position].future].add("conflict")
        if address:
            for bit in _bits(bounded.of(call.footprint) & (1 << bounds_before) - 1):
                position, producer = bounds[bit]
                # Where the two do conflict, waiting for the earlier call includes waiting for its arguments.
                if not conflicting >> position & 1:
                    reasons[producer].add("address")
        if call.barrier:
            for earlier in calls[:at]:
                reasons[earlier.future].add("barrier")
        bounds_before += len(call.producers)
        predecessors[call.future] = {future: frozenset(reasons[future]) for future in sorted(reasons)}
    return Order(predecessors)


def linear_extensions(order: Order) -> Iterator[tuple[int, ...]]:
    """Every order of the calls that `order` allows, lazily, in lexicographic order: issue order comes first.

    There are up to n! of them; `count_linear_extensions` says how many.
    """
    futures, masks = order.futures, _masks(order)

    def after(taken: int) -> Iterator[tuple[int, ...]]:
        if taken == (1 << len(masks)) - 1:
            yield ()
        for position in _ready(masks, taken):
            for rest in after(taken | 1 << position):
                yield (futures[position], *rest)

    return after(0)


def count_linear_extensions(order: Order) -> int:
    """How many orders of the calls `order` allows, by one sum over its down-closed sets.

    Those number at most 2**n, and at most (n + 1)**w at width w, so about 17 calls are quick whatever their order.
    The problem is #P-complete [1]_.

    References
    ----------
    .. [1] G. Brightwell and P. Winkler, "Counting linear extensions", Order 8(3), 1991.
    """
    masks = _masks(order)
    ways = {0: 1}
    for _ in masks:
        longer: defaultdict[int, int] = defaultdict(int)
        for taken, count in ways.items():
            for position in _ready(masks, taken):
                longer[taken | 1 << position] += count
        ways = longer
    return sum(ways.values())


def width(order: Order) -> int:
    """The size of the largest set of calls no two of which are ordered: the most that can ever run at once.

    It equals the least number of chains that cover the order [1]_, which is n less the size of a maximum matching
    between the calls as predecessors and the calls as successors [2]_.

    References
    ----------
    .. [1] R. P. Dilworth, "A decomposition theorem for partially ordered sets", Annals of Mathematics 51(1), 1950.
    .. [2] D. R. Fulkerson, "Note on Dilworth's decomposition theorem for partially ordered sets", Proc. AMS 7(4), 1956.
    """
    from networkx import Graph
    from networkx.algorithms.bipartite import hopcroft_karp_matching

    closure = _closure(_masks(order))
    comparable: Graph[tuple[str, int]] = Graph()
    comparable.add_nodes_from(("after", later) for later in range(len(closure)))
    comparable.add_edges_from(
        (("after", later), ("before", earlier)) for later, mask in enumerate(closure) for earlier in _bits(mask)
    )
    matching = hopcroft_karp_matching(comparable, [("after", later) for later in range(len(closure))])
    return len(closure) - len(matching) // 2


def generations(order: Order) -> list[tuple[int, ...]]:
    """The calls by the length of the longest chain before them: what could start in round 0, 1, 2, ..."""
    depth: dict[int, int] = {}
    rounds: list[list[int]] = []
    for future, before in order.predecessors.items():
        depth[future] = max((depth[predecessor] + 1 for predecessor in before), default=0)
        if depth[future] == len(rounds):
            rounds.append([])
        rounds[depth[future]].append(future)
    return [tuple(futures) for futures in rounds]


def to_networkx(order: Order) -> networkx.DiGraph[int]:
    """The order as a graph of futures; the `reasons` of its edges are one string, which every file format can hold."""
    from networkx import DiGraph

    graph: DiGraph[int] = DiGraph()
    graph.add_nodes_from(order.futures)
    for future, before in order.predecessors.items():
        for predecessor, reasons in before.items():
            graph.add_edge(predecessor, future, reasons=" ".join(sorted(reasons)))
    return graph


def _check(calls: Sequence[Issued]) -> None:
    seen: set[int] = set()
    last = 0
    for call in calls:
        if call.future <= last:
            raise ValueError(f"$f{call.future} after $f{last}: calls must stand in issue order")
        for earlier in (*call.producers, *call.touched):
            if earlier not in seen:
                raise ValueError(f"$f{call.future} depends on $f{earlier}, which is no earlier call of the run")
        seen.add(call.future)
        last = call.future


class _Conflicts:
    """Which of a sequence of footprints conflict with a given one, as a bit mask over positions."""

    def __init__(self, footprints: Iterable[Footprint]) -> None:
        self._written, self._accessed = _Overlaps(), _Overlaps()
        for position, footprint in enumerate(footprints):
            for pattern in footprint.writes:
                self._written.add(pattern, 1 << position)
                self._accessed.add(pattern, 1 << position)
            for pattern in footprint.reads:
                self._accessed.add(pattern, 1 << position)

    def of(self, footprint: Footprint) -> int:
        mask = 0
        for pattern in footprint.writes:
            mask |= self._accessed.overlapping(pattern)
        for pattern in footprint.reads:
            mask |= self._written.overlapping(pattern)
        return mask


class _Overlaps:
    """Bit masks by key: who has this very key, who has the region it heads, who has anything at it or below."""

    def __init__(self) -> None:
        self._exact: defaultdict[Key, int] = defaultdict(int)
        self._region: defaultdict[Key, int] = defaultdict(int)
        self._within: defaultdict[Key, int] = defaultdict(int)

    def add(self, pattern: Pattern, bit: int) -> None:
        (self._region if pattern.below else self._exact)[pattern.key] |= bit
        for length in range(len(pattern.key) + 1):
            self._within[pattern.key[:length]] |= bit

    def overlapping(self, pattern: Pattern) -> int:
        mask = (self._within if pattern.below else self._exact).get(pattern.key, 0)
        for length in range(len(pattern.key) + 1):
            mask |= self._region.get(pattern.key[:length], 0)
        return mask


def _masks(order: Order) -> list[int]:
    """The direct predecessors of each call, as a bit mask over positions in issue order."""
    bit = {future: 1 << position for position, future in enumerate(order.futures)}
    return [sum(bit[predecessor] for predecessor in before) for before in order.predecessors.values()]


def _closure(masks: Sequence[int]) -> list[int]:
    closure: list[int] = []
    for mask in masks:
        before = mask
        for position in _bits(mask):
            before |= closure[position]
        closure.append(before)
    return closure


def _ready(masks: Sequence[int], taken: int) -> Iterator[int]:
    """The positions not in `taken` whose predecessors all are."""
    return (at for at, mask in enumerate(masks) if not taken >> at & 1 and mask & taken == mask)


def _bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set, from low to high."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
