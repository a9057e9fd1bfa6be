"""A smaller trial that still fails: fewer calls before, simpler arguments. Greedy; what it tries, it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from asyncfc_sim.core.values import JSON, canonical

from .arguments import accepted, known_values
from .subject import Subject
from .trial import Call, Trial

MOST_RUNS = 400


def shrink(subject: Subject, trial: Trial, fails: Callable[[Trial], bool], most: int = MOST_RUNS) -> Trial:
    """The smallest found. `fails` must hold for `trial`, and holds for what is returned."""
    left = most
    subject.reset(trial.start)
    known = [value for place in known_values([], subject.observe()) for value in place]
    improved = True
    while improved:
        improved = False
        for candidate in _smaller(subject, trial, known):
            if left == 0:
                return trial
            left -= 1
            if fails(candidate):
                trial, improved = candidate, True
                break
    return trial


def _smaller(subject: Subject, trial: Trial, known: Sequence[JSON]) -> Iterator[Trial]:
    if trial.prefix:
        yield replace(trial, prefix=())
    for index in reversed(range(len(trial.prefix))):
        yield replace(trial, prefix=trial.prefix[:index] + trial.prefix[index + 1 :])
    if trial.start:
        yield replace(trial, start=0)
    for index, call in enumerate(trial.prefix):
        for simpler in _simpler_calls(subject, call, known):
            yield replace(trial, prefix=(*trial.prefix[:index], simpler, *trial.prefix[index + 1 :]))
    for second in _simpler_calls(subject, trial.second, known):
        if trial.first.key == trial.second.key:
            yield replace(trial, first=second, second=second)
        yield replace(trial, second=second)
    for first in _simpler_calls(subject, trial.first, known):
        yield replace(trial, first=first)
    if trial.probe is not None:
        for probe in _simpler_calls(subject, trial.probe, known):
            yield replace(trial, probe=probe)
    for index in range(len(trial.switches)):
        yield replace(trial, switches=trial.switches[:index] + trial.switches[index + 1 :])
    if trial.prefix:  # last, because it is many: without any call before, but on something else
        for second in _other_calls(subject, trial.second, known):
            yield replace(trial, prefix=(), second=second)
        for first in _other_calls(subject, trial.first, known):
            yield replace(trial, prefix=(), first=first)


def _other_calls(subject: Subject, call: Call, known: Sequence[JSON]) -> Iterator[Call]:
    """The same call with another value for one of its arguments."""
    for name, value in call.args.items():
        for other in _candidates(subject, call.tool, name, value, known):
            yield from _if_accepted(subject, call, {**call.args, name: other})


def _simpler_calls(subject: Subject, call: Call, known: Sequence[JSON]) -> Iterator[Call]:
    """Fewer arguments, or simpler ones."""
    required = subject.required(call.tool)
    for name, value in call.args.items():
        if name not in required:
            yield from _if_accepted(subject, call, {key: item for key, item in call.args.items() if key != name})
        candidates = _candidates(subject, call.tool, name, value, known)
        texts = [canonical(item) for item in candidates]
        text = canonical(value)
        for simpler in candidates[: texts.index(text)] if text in texts else candidates:
            yield from _if_accepted(subject, call, {**call.args, name: simpler})


def _candidates(subject: Subject, tool: str, name: str, value: JSON, known: Sequence[JSON]) -> list[JSON]:
    """The values of the pool, which begins with what is simplest, then those that the state speaks of."""
    return [*subject.pools(tool).get(name, ()), *(item for item in known if type(item) is type(value))]


def _if_accepted(subject: Subject, call: Call, args: dict[str, JSON]) -> Iterator[Call]:
    smaller = Call(call.tool, args)
    if accepted(subject, smaller):
        yield smaller
