"""A (max,+) network: moments that come after others, by the time a call or a part of a message takes.

The time of a moment is the latest of those it comes after, plus what it adds. All samples are computed at once, one
NumPy column per moment, and with the additions in the order in which a simulation does them: to the last bit alike.

References
----------
.. [1] F. Baccelli, G. Cohen, G. J. Olsder, J.-P. Quadrat, "Synchronization and Linearity", Wiley, 1992.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .writing import Written

Column = NDArray[np.float64]
BLOCK = 4096  # samples computed together: so few that the columns of a network stay in the cache


@dataclass(frozen=True, slots=True)
class Decoding:
    """A message: seconds to its first token, then its parts. `thinking_of`: the call that its thinking is drawn for,
    whose tokens come on top of those of the first part; 0 if none are drawn."""

    first_token_s: float
    parts: tuple[Written, ...]
    thinking_of: int = 0


@dataclass(frozen=True, slots=True)
class RunsFor:
    """The running time of a call, by its number in the programs."""

    call: int


@dataclass(frozen=True, slots=True)
class WrittenBy:
    """The time from a request until a part of its message is out."""

    message: int
    part: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Comes after other moments, given by their places; after none: after the start, at zero seconds."""

    after: tuple[int, ...]
    adds: RunsFor | WrittenBy | None


@dataclass(frozen=True, slots=True)
class Draws:
    """What differs between samples: seconds that calls run, tokens of thinking, by call; a column of `n` each."""

    n: int
    call_s: Mapping[int, Column]
    thinking_tokens: Mapping[int, Column]


@dataclass(frozen=True, slots=True)
class Network:
    """Moments in an order in which each comes after earlier ones only. The makespan is the sum of those at `ends`."""

    messages: tuple[Decoding, ...]
    moments: tuple[Moment, ...]
    ends: tuple[int, ...]
    tools: Mapping[int, str]  # of the calls whose time counts

    @property
    def thinks(self) -> set[int]:
        """The calls for which thinking is drawn."""
        return {message.thinking_of for message in self.messages} - {0}

    def makespans(self, draws: Draws) -> Column:
        """The makespan of every sample, in seconds. Raises KeyError if a call of the network was not drawn."""
        makespans = np.zeros(draws.n)
        for first in range(0, draws.n, BLOCK):
            block = slice(first, first + BLOCK)
            at_s = self._times(draws, block)
            for end in self.ends:
                makespans[block] += at_s[end]
        return makespans

    def _times(self, draws: Draws, block: slice) -> list[Column | float]:
        out_s = [_out_s(message, draws, block) for message in self.messages]
        times: list[Column | float] = []
        for moment in self.moments:
            match moment.adds:
                case RunsFor(call):
                    adds_s: Column | float = draws.call_s[call][block]
                case WrittenBy(message, part):
                    adds_s = out_s[message][part]
                case None:
                    adds_s = 0.0
            if not moment.after:
                times.append(adds_s)
                continue
            latest, *others = (times[place] for place in moment.after)
            for other in others:
                latest = np.maximum(latest, other)
            times.append(latest if moment.adds is None else latest + adds_s)
        return times


def _out_s(message: Decoding, draws: Draws, block: slice) -> list[Column | float]:
    """When each part of a message is out, in seconds after its request."""
    first, *others = message.parts
    tokens: Column | float = first.tokens
    if message.thinking_of:
        tokens = draws.thinking_tokens[message.thinking_of][block] + first.tokens
    out_s = [message.first_token_s + tokens * first.itl_s]
    for part in others:
        out_s.append(out_s[-1] + part.tokens * part.itl_s)
    return out_s


class Builder:
    """Puts a network together, without moments that tell nothing and orders that follow from others."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.messages: list[Decoding] = []
        self._before: list[int] = []  # for each moment those that are never later, itself included, as bits

    def write(self, message: Decoding, asked: int | None) -> list[int]:
        """The moments at which the parts of a message are out; `asked`: after which moment, None for the start."""
        self.messages.append(message)
        moments: list[int] = []
        for part in range(len(message.parts)):
            moments.append(self._add([] if asked is None else [asked], WrittenBy(len(self.messages) - 1, part)))
            if part:
                self._before[-1] |= self._before[moments[part - 1]]
        return moments

    def run(self, call: int, after: Iterable[int]) -> int:
        """The moment at which a call ends that starts as soon as it may."""
        return self._add(after, RunsFor(call))

    def latest(self, after: Iterable[int]) -> int:
        """The latest of some moments, at least one."""
        kept = self._latest(after)
        return self._add(kept, None) if len(kept) > 1 else kept[0]

    def sure(self, one: int, other: int) -> bool:
        """Whether one moment is never later than another, by the order alone."""
        return bool(self._before[other] >> one & 1)

    def _add(self, after: Iterable[int], adds: RunsFor | WrittenBy | None) -> int:
        kept = self._latest(after)
        place = len(self.moments)
        self.moments.append(Moment(tuple(kept), adds))
        bits = 1 << place
        for earlier in kept:
            bits |= self._before[earlier]
        self._before.append(bits)
        return place

    def _latest(self, after: Iterable[int]) -> list[int]:
        """Those that no other one of them is sure to be as late as."""
        places = sorted(set(after))
        implied = 0
        for place in places:
            implied |= self._before[place] & ~(1 << place)
        return [place for place in places if not implied >> place & 1]


def network(builder: Builder, ends: Sequence[int], tools: Mapping[int, str]) -> Network:
    """The network put together so far, without moments that nothing depends on."""
    used: set[int] = set()
    stack = list(ends)
    while stack:
        place = stack.pop()
        if place not in used:
            used.add(place)
            stack += builder.moments[place].after
    moved = {place: position for position, place in enumerate(sorted(used))}
    moments = tuple(
        Moment(tuple(moved[place] for place in builder.moments[place].after), builder.moments[place].adds)
        for place in moved
    )
    return Network(tuple(builder.messages), moments, tuple(moved[end] for end in ends), tools)
