"""Which call uses the result of which: found by watching values, in a conversation that was run one call at a time.

A recorded conversation has literals where a decoder that emits futures would have references. For each string or
number in the arguments of a call we ask where the decoder can have it from.

* Known: it stands in a message of the user so far, in the result of an earlier turn, in a result of this turn that
  the decoder has been shown (touched), or in an earlier argument that is still a literal. It stays a literal.
* Else, if it is a leaf of an earlier result of the turn, the same value with the same type: it becomes a reference.
* Else, if it is made of such a leaf or such a leaf of it (a part of a longer text, a rounded number, a number in a
  sentence): a touch goes before the call, since the decoder must have read the result to write the argument.
* Else it is unexplained: common knowledge ("USD"), or computed from what the decoder has seen. It stays a literal.

Of several producers the earliest is chosen: from then on the value was there to be used. A text of one character and
a number of one digit say nothing about where they come from, and are never traced; true, false and null neither.

What is found is a lower bound. A decoder also *decides* by results that it does not copy: whether to make a call at
all, or with which computed amount. The other bound is that each call needs all results before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from asyncfc_sim.core.references import Ref, Template
from asyncfc_sim.core.syntax import Call, Done, Program, Statement, Touch, refs_in
from asyncfc_sim.core.values import JSON, Value, bind, canonical
from asyncfc_sim.traces.evidence import Seen, found_in_part, found_whole, leaves, tells


@dataclass(frozen=True, slots=True)
class Observed:
    """One turn as it was run: the message of the user, the calls with literal arguments, and their results."""

    prompt: str
    calls: tuple[Call, ...]
    results: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """What was found. `bound` calls have at least one of the `references`; `literals` are those that were looked at."""

    calls: int = 0
    bound: int = 0
    references: int = 0
    touches: int = 0
    literals: int = 0
    unexplained: int = 0

    def __add__(self, other: FlowCounts) -> FlowCounts:
        return FlowCounts(*(left + right for left, right in zip(astuple(self), astuple(other), strict=True)))


def connect(turns: Sequence[Observed]) -> tuple[list[Program], FlowCounts]:
    """The programs of a conversation, with references and touches where values flow; futures keep their numbers.

    Each program ends with a `Done` that names every future of its turn: the closing answer of a turn is taken to need
    all of its results, and the next turn starts with all of them known.
    """
    seen = Seen()
    programs, counts = [], FlowCounts()
    for turn in turns:
        seen.add(turn.prompt)
        tracer = _Tracer(seen)
        for call, result in zip(turn.calls, turn.results, strict=True):
            tracer.trace(call, result)
        for result in turn.results:
            seen.add_leaves(result)
        programs.append(Program((*tracer.body, Done(tuple(Ref(call.future) for call in turn.calls)))))
        counts += tracer.counts
    return programs, counts


class _Tracer:
    """Goes through the calls of one turn."""

    def __init__(self, seen: Seen) -> None:
        self.body: list[Statement] = []
        self.counts = FlowCounts()
        self._seen = seen
        self._results: dict[int, Value] = {}  # those that the decoder has not been shown

    def trace(self, call: Call, result: Value) -> None:
        literals = [value for _, value in leaves(dict(call.args)) if tells(value)]
        unknown = [value for value in literals if not self._seen.knows(value)]
        read = {future for value in unknown if (future := self._made_of(value)) is not None}
        if read:
            self.body.append(Touch(tuple(sorted(read))))
            for future in read:
                self._seen.add_leaves(self._results.pop(future))
        args = {name: self._rewrite(value) for name, value in call.args.items()}
        bound = bind(args, self._results)
        assert canonical(bound) == canonical(dict(call.args)), "a reference stands for the literal it replaced"
        self.body.append(replace(call, args=args))
        refs = sum(1 for _ in refs_in(args))
        unexplained = [value for value in unknown if not self._seen.knows(value) and self._producer(value) is None]
        self.counts += FlowCounts(1, int(refs > 0), refs, int(bool(read)), len(literals), len(unexplained))
        for _, value in leaves(args):
            self._seen.add_leaves(value)
        self._results[call.future] = result

    def _rewrite(self, template: JSON) -> Template:
        match template:
            case list():
                return [self._rewrite(item) for item in template]
            case dict():
                return {name: self._rewrite(item) for name, item in template.items()}
        if not tells(template) or self._seen.knows(template):
            return template
        return self._producer(template) or template

    def _producer(self, literal: JSON) -> Ref | None:
        """The earliest leaf that is the literal itself."""
        found = found_whole(literal, self._results)
        return None if found is None else Ref(*found)

    def _made_of(self, literal: JSON) -> int | None:
        """The earliest future whose result the decoder must have read to write the literal."""
        return None if self._producer(literal) else found_in_part(literal, self._results, self._seen)
