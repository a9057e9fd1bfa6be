"""The real scheduler with one rule left out or turned: tests that cannot tell them from the real one say little.

Each is a few lines of the real scheduler's class, so it is the object that runs which is tested for teeth, not a
model of it. Some are *equivalent*: they run no call too early, and only lose time, which no outcome can show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from asyncfc_sim.core import arguments, events
from asyncfc_sim.core.barrier import Barrier
from asyncfc_sim.core.events import Action, Drained, Event, Pending, Resolved
from asyncfc_sim.core.footprint import Footprint, Pattern
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, inherited

from .baselines import Locks, Sequential


class Overlooking(Scheduler):
    """Does not see some of the conflicts."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        """Whether it lets the earlier call `other` hold back `future`, given that their footprints conflict."""
        raise NotImplementedError

    def _quiet(self, future: int, tool: Tool, footprint: Footprint) -> bool:
        partners = self._commutes.get(tool.name, frozenset())

        def excused(other: int) -> bool:
            return self._tool_of(other) in partners or not self.sees(other, future, footprint)

        blocker = self._tree.blocker(future, footprint, excused)
        if blocker:
            self._watchers.setdefault(blocker, []).append(future)
        return not blocker


def _meet(lefts: tuple[Pattern, ...], rights: tuple[Pattern, ...]) -> bool:
    return any(left.overlaps(right) for left in lefts for right in rights)


class NoRAW(Overlooking):
    """Reads may overtake writes."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        earlier = self._tree.footprint(other)
        return _meet(earlier.reads, footprint.writes) or _meet(earlier.writes, footprint.writes)


class NoWAR(Overlooking):
    """Writes may overtake reads."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        return _meet(self._tree.footprint(other).writes, footprint.reads + footprint.writes)


class NoWAW(Overlooking):
    """Writes may overtake writes."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        earlier = self._tree.footprint(other)
        return _meet(earlier.reads, footprint.writes) or _meet(earlier.writes, footprint.reads)


class NoConflicts(Overlooking):
    """Only references and barriers hold a call back."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        return False


class UnknownIsFree(Scheduler):
    """A call whose footprint is not known yet holds nothing."""

    def _hold(self, future: int, state: Pending) -> None:
        if not self._producers.get(future):
            super()._hold(future, state)


class Textual(Overlooking):
    """Compares the arguments of calls not known yet by their text: `$f1` and `"a"` are different, whatever f1 is."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        earlier, later = self.futures[other], self.futures[future]
        if not isinstance(earlier, Pending) or earlier.args is not None or not isinstance(later, Pending):
            return True
        return bool(_texts(earlier) & _texts(later))


def _texts(state: Pending) -> set[str]:
    return {str(template) for template in state.call.args.values()}


class NoExclusion(Overlooking):
    """Calls start in order, and then do not wait for one another."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        return isinstance(self.futures[other], Pending)


class OnlyPrevious(Overlooking):
    """Looks at the call issued just before, and no further back."""

    def sees(self, other: int, future: int, footprint: Footprint) -> bool:
        return other == future - 1


class DataNotAwaited(Scheduler):
    """Starts a call before its arguments are known; what is not known is null."""

    def issue(self, event: events.Issue) -> None:
        super().issue(event)
        self._agenda[event.call.future] = None

    def _pass_gates(self, future: int, state: Pending) -> None:
        if state.args is None and self._producers.get(future):
            known = dict.fromkeys(arguments.needed(state.call)) | self.values
            prepared = arguments.prepare(state.call, self.tools.get(state.call.tool), known)
            if not isinstance(prepared, ErrorValue):
                args, footprint = prepared
                state = Pending(replace(state.call, args=args), footprint, args)  # nulls are part of keys
                self._producers[future] = 0
                self._hold(future, state)
        super()._pass_gates(future, state)


class FirstFreedOnly(Scheduler):
    """Of the calls that waited for one, only the first is looked at again."""

    def _wake_watchers(self, future: int) -> None:
        for watcher in self._watchers.pop(future, ())[:1]:
            self._agenda[watcher] = None


class ResumeOnAny(Scheduler):
    """The decoder goes on when the first of the awaited futures is resolved."""

    def touch(self, event: events.Touch) -> None:
        super().touch(replace(event, any=True))


class NoDrain(Scheduler):
    """The run ends with the program, whatever is still under way."""

    def _drained_if_idle(self) -> None:
        if self._draining:
            self._draining = False
            self._actions.append(Drained())


class _Forgiving(Barrier):
    def failure_before(self, future: int) -> int | None:
        return None


class CompletionBarrier(Scheduler):
    """A barrier that waits for earlier calls to end, and does not ask whether they succeeded."""

    def __init__(self, tools: Mapping[str, Tool], **options: Any) -> None:
        super().__init__(tools, **options)
        self._barrier = _Forgiving()


class NoBarrier(Scheduler):
    """Irreversible calls start like any others."""

    def _needs_barrier(self, tool: Tool, footprint: Footprint) -> bool:
        return False


class _Deaf(Barrier):
    def tell(self, futures: object) -> None:
        pass


class NothingIsTold(Scheduler):
    """A failure that the decoder has seen holds back what it then does in full knowledge."""

    def __init__(self, tools: Mapping[str, Tool], **options: Any) -> None:
        super().__init__(tools, **options)
        self._barrier = _Deaf()


class NoPoison(Scheduler):
    """A call runs even if an argument is an error; it is given the error as a value."""

    def _pass_gates(self, future: int, state: Pending) -> None:
        needs = arguments.needed(state.call)
        if state.args is None and not self._producers.get(future) and needs:
            values = {need: self.values[need] for need in needs}
            plain = {need: each.to_json() if isinstance(each, ErrorValue) else each for need, each in values.items()}
            prepared = arguments.prepare(state.call, self.tools.get(state.call.tool), plain)
            if not isinstance(prepared, ErrorValue):
                args, footprint = prepared
                state = Pending(state.call, footprint, args)
                self._hold(future, state)
        super()._pass_gates(future, state)


class FirstErrorPoisons(Scheduler):
    """A call is settled by the first producer that fails, though one that it names before may still fail, too."""

    def _pass_gates(self, future: int, state: Pending) -> None:
        for ref in state.call.args.values():
            value = self.values.get(ref.future) if isinstance(ref, Ref) else None
            if isinstance(value, ErrorValue) and self._producers.get(future):
                self._settle(future, inherited(value, ref.future))
                return
        super()._pass_gates(future, state)


class DoubtFreesKeys(Scheduler):
    """The keys of a call in doubt are free, though its tool may still act."""

    def feed(self, event: Event) -> list[Action]:
        actions = super().feed(event)
        for future, state in list(self.futures.items()):
            if isinstance(state, Resolved) and state.in_doubt:
                self.futures[future] = Resolved(state.value)
                self._release(future)
        self._run_agenda()
        actions += self._actions
        self._actions = []
        return actions


class CommutingTogether(Scheduler):
    """Calls that commute may also run at the same time: as wholes they commute, their single steps do not."""

    def _partner_under_way(self, tool: str, footprint: Footprint) -> int:
        return 0


class ShrinkingWakesNobody(Scheduler):
    """Those who wait for a region to shrink wait until the call that holds it ends."""

    def _wake_watchers(self, future: int) -> None:
        if not isinstance(self.futures.get(future), Pending):
            super()._wake_watchers(future)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken scheduler. `equivalent` says why no outcome can show it; otherwise it must be found."""

    make: Callable[..., Scheduler]
    failures: tuple[Failure, ...] = ("poison",)
    equivalent: str = ""

    @property
    def rule(self) -> str:
        """What it does instead, in a sentence."""
        return (self.make.__doc__ or "").partition("\n")[0]


MUTANTS: Final[Mapping[str, Mutant]] = {
    "no RAW": Mutant(NoRAW),
    "no WAR": Mutant(NoWAR),
    "no WAW": Mutant(NoWAW),
    "no conflicts": Mutant(NoConflicts),
    "unknown is free": Mutant(UnknownIsFree),
    "textual comparison": Mutant(Textual),
    "locks only": Mutant(Locks),
    "no exclusion": Mutant(NoExclusion),
    "only the previous call": Mutant(OnlyPrevious),
    "data not awaited": Mutant(DataNotAwaited),
    "first freed only": Mutant(FirstFreedOnly),
    "resume on any": Mutant(ResumeOnAny),
    "no drain": Mutant(NoDrain),
    "completion barrier": Mutant(CompletionBarrier, ("poison", "barrier")),
    "no barrier": Mutant(NoBarrier, ("poison", "barrier", "strict")),
    "nothing is told": Mutant(NothingIsTold, ("poison", "barrier")),
    "no poison": Mutant(NoPoison),
    "first error poisons": Mutant(FirstErrorPoisons),
    "doubt frees keys": Mutant(DoubtFreesKeys),
    "commuting together": Mutant(CommutingTogether),
    "one by one": Mutant(Sequential, equivalent="it only loses time"),
    "shrinking wakes nobody": Mutant(ShrinkingWakesNobody, equivalent="it only loses time"),
}
