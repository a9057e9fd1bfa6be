"""A smaller trial that still fails: fewer calls before, simpler arguments. Greedy; what it tries, it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from asyncfc_sim.core.values import JSON, canonical

from .arguments import accepted
from .subject import Subject
from .trial import Call, Trial

MOST_RUNS = 400


def shrink(subject: Subject, trial: Trial, fails: Callable[[Trial], bool], most: int = MOST_RUNS) -> Trial:
    """The smallest found. `fails` must hold for `trial`, and holds for what is returned."""
    left = most
    improved = True
    while improved:
        improved = False
        for candidate in _smaller(subject, trial):
            if left == 0:
                return trial
            left -= 1
            if fails(candidate):
                trial, improved = candidate, True
                break
    return trial


def _smaller(subject: Subject, trial: Trial) -> Iterator[Trial]:
    if trial.prefix:
        yield replace(trial, prefix=())
    for index in reversed(range(len(trial.prefix))):
        yield replace(trial, prefix=trial.prefix[:index] + trial.prefix[index + 1 :])
    if trial.start:
        yield replace(trial, start=0)
    for index, call in enumerate(trial.prefix):
        for simpler in _simpler_calls(subject, call):
            yield replace(trial, prefix=(*trial.prefix[:index], simpler, *trial.prefix[index + 1 :]))
    for second in _simpler_calls(subject, trial.second):
        if trial.first.key == trial.second.key:
            yield replace(trial, first=second, second=second)
        yield replace(trial, second=second)
    for first in _simpler_calls(subject, trial.first):
        yield replace(trial, first=first)
    if trial.probe is not None:
        for probe in _simpler_calls(subject, trial.probe):
            yield replace(trial, probe=probe)
    for index in range(len(trial.switches)):
        yield replace(trial, switches=trial.switches[:index] + trial.switches[index + 1 :])


def _simpler_calls(subject: Subject, call: Call) -> Iterator[Call]:
    required = subject.required(call.tool)
    pools = subject.pools(call.tool)
    for name, value in call.args.items():
        if name not in required:
            yield from _if_accepted(subject, call, {key: item for key, item in call.args.items() if key != name})
        for simpler in pools.get(name, ()):
            if _size(simpler, pools[name]) < _size(value, pools[name]):
                yield from _if_accepted(subject, call, {**call.args, name: simpler})


def _if_accepted(subject: Subject, call: Call, args: dict[str, JSON]) -> Iterator[Call]:
    smaller = Call(call.tool, args)
    if accepted(subject, smaller):
        yield smaller


def _size(value: JSON, pool: object) -> tuple[int, int]:
    """Pools begin with what is simplest; what is in none was taken from a result or the state."""
    texts = [canonical(item) for item in pool] if isinstance(pool, list | tuple) else []
    text = canonical(value)
    return (0, texts.index(text)) if text in texts else (1, len(text))
