"""The certificate of a recorded run: from its trace to the verdict of core/certificate.py.

The best evidence are `access` events: what each tool really read and wrote, in order. A call for which none was logged
stands with its declared footprint, from its start to its end. So does every call of a trace without such events.

What happened to calls on the way:

tried again     it counts from the start of its first attempt to the end of its last
given up        (cancelled, timed out) it is given up in the run in order too. Until its tool is known to have ended it
                may still act. If it writes nothing, its reads do not matter: nobody is given what they led to
cut             (strict) it never was: that it read does not matter; had it written, no run in order would be equal
shared          a call that shared the future of an earlier one is not in the trace; the claim is about those that are

A run whose trace ends before all of its calls have, or before the decoder has, is not certified, though nothing in it
may be out of order: anything may still have come.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from asyncfc_sim.core import certificate as core
from asyncfc_sim.core.certificate import Access, Certified, NotCertified, Ran, certify, certify_intervals
from asyncfc_sim.core.footprint import NOTHING, Footprint, parse_pattern

from .trace import Event, Run, TraceError


@dataclass(frozen=True, slots=True)
class Incomparable:
    """Nothing is out of order, but there is no run in order that this one could be equal to, or not yet."""

    calls: tuple[int, ...]
    why: str


Verdict = Certified | NotCertified | Incomparable


@dataclass(frozen=True, slots=True)
class Certificate:
    """The verdict on a run, and what it rests on. Calls are named by their futures.

    `unlogged` are the calls that stand with their declared footprints though accesses of others were logged.
    """

    verdict: Verdict
    ran: int  # calls that were started, those that were cut off left out
    accesses: int  # of theirs, logged
    unlogged: tuple[int, ...] = ()
    given_up: tuple[int, ...] = ()

    @property
    def certified(self) -> bool:
        return isinstance(self.verdict, Certified)


def certificate(run: Run) -> Certificate:
    """Judge a run by its trace. Raises TraceError, naming the event, if its events contradict each other."""
    calls = _read(run)
    logged = any(call.accesses for call in calls.values())
    ran = [call for call in calls.values() if call.started is not None and not call.cut]
    matter = [call for call in ran if not (call.given_up and not call.wrote)]
    declared = [call for call in matter if not call.accesses and (call.footprint != NOTHING or not logged)]
    verdict = _verdict(calls, matter, declared, logged)
    if isinstance(verdict, Certified) and not _is_whole(run):
        verdict = Incomparable((), "the trace ends before the decoder did: there is no answer after its last call")
    return Certificate(
        verdict,
        len(ran),
        sum(len(call.accesses) for call in ran),
        tuple(call.future for call in declared) if logged else (),
        tuple(call.future for call in calls.values() if call.given_up and not call.cut),
    )


def _is_whole(run: Run) -> bool:
    """Whether the decoder came to an end, after the last call that it made."""
    last = {event.rule: number for number, event in enumerate(run.events)}
    return max(last.get("answer", -1), last.get("give_up", -1)) > last.get("issue", -2)


@dataclass(slots=True)
class _Call:
    """A call while its events are read. Positions are lines of the file, or else numbers of events."""

    future: int
    started: int | None = None
    ended: int | None = None
    footprint: Footprint = NOTHING
    settled: bool = False
    given_up: bool = False
    cut: bool = False
    accesses: list[tuple[int, Access]] = field(default_factory=list)

    @property
    def wrote(self) -> bool:
        """Whether it may have written: by the log of a call that has ended, or else by its declaration."""
        if any(access.mode == "w" for _, access in self.accesses):
            return True
        return bool(self.footprint.writes) and not (self.accesses and self.ended is not None)

    @property
    def open(self) -> bool:
        """Whether something of it may still be to come that matters."""
        if self.started is None:
            return not self.settled
        return self.ended is None and not (self.given_up and not self.wrote)

    def ran(self) -> Ran:
        assert self.started is not None
        return Ran(self.future, self.footprint, self.started, self.ended)


def _verdict(calls: dict[int, _Call], matter: list[_Call], declared: list[_Call], logged: bool) -> Verdict:
    log = sorted((entry for call in matter for entry in call.accesses), key=lambda entry: entry[0])
    verdict: core.Verdict
    if logged and not declared:
        verdict = certify([access for _, access in log], [at for at, _ in log])
    else:
        moments = [Ran(access.future, _footprint(access), at, at) for at, access in log]
        verdict = certify_intervals([*moments, *(call.ran() for call in declared)])
        if logged and isinstance(verdict, Certified):
            verdict = replace(verdict, assumes=("complete log", *verdict.assumes))
    if isinstance(verdict, NotCertified):
        return verdict
    leaked = tuple(call.future for call in calls.values() if call.cut and call.started is not None and call.wrote)
    if leaked:
        return Incomparable(leaked, f"{_named(leaked)} had an effect, and then was cut off as if it had never run")
    unended = tuple(call.future for call in calls.values() if call.open and not call.cut)
    if unended:
        return Incomparable(unended, f"the trace ends before {_named(unended)} did")
    return verdict


def _named(futures: tuple[int, ...]) -> str:
    rest = len(futures) - 3
    return ", ".join(f"$f{future}" for future in futures[:3]) + (f" and {rest} more calls" if rest > 0 else "")


def _footprint(access: Access) -> Footprint:
    return Footprint(writes=(access.pattern,)) if access.mode == "w" else Footprint(reads=(access.pattern,))


# ----------------------------------------------------------------------------------------------- reading a trace


def _read(run: Run) -> dict[int, _Call]:
    """The calls of a run, by future, in issue order."""
    calls: dict[int, _Call] = {}
    for number, event in enumerate(run.events, 1):
        fault = _apply(event, run.lines[number - 1] if run.lines else number, calls)
        if fault is not None:
            place = None if not run.lines else run.lines[number - 1]
            where = f"run {run.header.run!r}" + ("" if run.lines else f", event {number}")
            raise TraceError(f"{where}: {event.rule}: {fault}", line=place)
    return calls


_OF_A_CALL = frozenset({"start", "finish", "fail", "cancel", "timeout", "end", "cut", "access"})


def _apply(event: Event, at: int, calls: dict[int, _Call]) -> str | None:
    """Note an event; returns what is wrong with it, if anything is."""
    rule, fields = event.rule, event.fields
    if rule == "issue":
        future = fields["future"]
        last = next(reversed(calls), 0)
        if future <= last:
            return f"$f{future} comes after $f{last}: the numbers of calls rise"
        calls[future] = _Call(future)
    if rule not in _OF_A_CALL:
        return None
    future = fields["future"]
    call = calls.get(future)
    if call is None:
        return f"$f{future} was never issued"
    match rule:
        case "start":
            if call.settled or call.ended is not None:
                return f"$f{future} is settled already"
            call.footprint = Footprint(*(tuple(map(parse_pattern, fields[name])) for name in ("reads", "writes")))
            call.started = call.started or at
        case "finish" | "fail":
            if call.settled and not call.given_up:
                return f"$f{future} is settled already"
            if rule == "finish" and (call.started is None or call.given_up):
                return f"$f{future} " + ("was given up" if call.given_up else "never started")
            call.settled = True
            if not call.given_up and call.started is not None:
                call.ended = at
        case "cancel" | "timeout" if not call.settled:
            call.given_up = call.settled = True
        case "end":
            if call.ended is not None:
                return f"$f{future} has ended already"
            call.ended = at  # perhaps of one that a person was still asked about, and that never started
        case "access":
            if call.started is None or call.ended is not None:
                return f"$f{future} is not under way"
            call.accesses.append((at, Access(future, fields["mode"], parse_pattern(fields["key"]))))
        case "cut":
            for later in calls.values():
                later.cut = later.cut or later.future > future
    return None
