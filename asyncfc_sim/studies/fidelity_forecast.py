"""The forecast: how long a conversation takes under another policy, from its synchronous runs and a stated alpha only.

What a model would write under futures is not in a synchronous run, and is assumed. Where policies have no futures it is
shown the same values at the same places, so it writes the same. With futures there are two assumptions to choose from:

alpha given   it writes the same messages, and all its decoding takes (1 + alpha) times as long: alpha holds whatever
              futures cost (further requests, awaits), as in the AsyncFC paper. Awaits themselves take no time.
alpha None    it writes all calls of a turn in one message, as far as it can without seeing a value; a value that stands
              in an argument is passed on as a reference; what it has not been shown it awaits before it answers. What
              was looked up and is copied nowhere was looked at to decide: it awaits that before the next message.

Messages have the tokens that they had, at the fitted pace: how far a single message was from that is noise, which will
not come again. Calls take the time that they took, and conflict by the footprints of the tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON
from asyncfc_sim.simulate.decoder import Decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.emitted import AS_RECORDED
from asyncfc_sim.simulate.first_seen import AT_ONCE, FirstSeen, SeenLater
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.scaling import scaled_decoder
from asyncfc_sim.simulate.writing import Writer
from asyncfc_sim.traces.emission import answered_s
from asyncfc_sim.traces.evidence import leaves
from asyncfc_sim.traces.importers.flow import with_flow
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from asyncfc_sim.traces.trace import Header
from asyncfc_sim.workloads.recorded_task import recorded_task
from asyncfc_sim.workloads.tools_file import Entry


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds to the last answer, and how many requests that takes."""

    answered_s: float
    requests: int


def forecast(
    session: RecordedSession,
    policy: Policy,
    tools: Mapping[str, Tool],
    decoder: Decoder,
    *,
    alpha: float | None = None,
    told_tokens: float = 0.0,
    seen: FirstSeen = AT_ONCE,
) -> Forecast:
    """The conversation of `session`, whose prompts are known, under `policy`.

    `told_tokens` is by how much the policy's prompts are longer than those of sync: a model is told of futures. `seen`
    says when something of a message is first seen, by which a live session estimates what a further request costs.
    """
    declared = {name: Entry(replace(tool, validate=None, lacks=None), name) for name, tool in tools.items()}
    turns = with_flow(session.turns)
    session = replace(session, turns=turns, provenance={**session.provenance, "call.deps": "derived"})
    whole_turns = policy.futures and alpha is None
    if whole_turns:
        session = _told_more(_decided_by(_passed_on(session)), round(told_tokens), decoder)
    elif policy.futures and alpha is not None:  # it holds all that futures cost
        decoder = scaled_decoder(decoder, 1 + alpha)
        seen = FirstSeen((1 + alpha) * seen.text_s, (1 + alpha) * seen.calls_s)
    task = recorded_task(session, declared)
    overhead = whole_turns or not policy.futures
    models = Models(decoder, AS_RECORDED, overhead=overhead, await_thinking=False, replay_decoding=False)
    run = Simulation(
        task,
        policy,
        models,
        Header(run=session.session, source="simulate", policy=policy.name, case=session.session),
        messages="turn" if whole_turns else "step",
        writer=SeenLater(Writer(models, 0, task, stream=policy.stream), seen),
        grace_as_live=True,
    ).run()
    return Forecast(answered_s(run.recorder.events), run.requests)


def uncached_share(sessions: Iterable[RecordedSession]) -> float:
    """The share of the first prompts of sessions that was in no prefix cache; all of it where that is not counted."""
    tokens = uncached = 0
    for session in sessions:
        step = next(session.steps())
        tokens += step.prompt_tokens or 0
        uncached += (step.prompt_tokens or 0) - (step.cached_tokens or 0)
    return uncached / tokens if tokens else 1.0


def _told_more(session: RecordedSession, tokens: int, decoder: Decoder) -> RecordedSession:
    """The session with so many tokens more in each prompt that it reads: in the first, or without a prefix cache in
    all."""
    first = next(session.steps())

    def step(one: RecordedStep) -> RecordedStep:
        if one.prompt_tokens is None or (decoder.prefix_cache and one is not first):
            return one
        return replace(one, prompt_tokens=one.prompt_tokens + tokens)

    return replace(session, turns=tuple(replace(turn, steps=tuple(map(step, turn.steps))) for turn in session.turns))


def _passed_on(session: RecordedSession) -> RecordedSession:
    """A result that was read to write it into a longer text is passed on within the text."""
    results: dict[str, JSON] = {}

    def call(one: RecordedCall) -> RecordedCall:
        texts = [leaf for _, leaf in leaves(dict(one.args or {})) if isinstance(leaf, str)]
        inside = [name for name in one.reads or () if _stands_in(results.get(name), texts)]
        results[one.id] = one.result
        if not inside:
            return one
        kept = tuple(name for name in one.reads or () if name not in inside)
        return replace(one, deps=tuple(dict.fromkeys((*(one.deps or ()), *inside))), reads=kept)

    def step(one: RecordedStep) -> RecordedStep:
        return replace(one, calls=tuple(map(call, one.calls)))

    return replace(session, turns=tuple(replace(turn, steps=tuple(map(step, turn.steps))) for turn in session.turns))


def _decided_by(session: RecordedSession) -> RecordedSession:
    """What was looked up before a message with calls, and stands in no later call of the turn, was looked at to decide
    on these calls. What stands in the prompt, too, did not come from there."""

    def turn(one: RecordedTurn) -> RecordedTurn:
        undecided: list[str] = []
        passed_on = {name for step in one.steps for call in step.calls for name in call.deps or ()}
        steps = []
        for place, step in enumerate(one.steps):
            if step.calls and undecided:
                first, *others = step.calls
                reads = tuple(dict.fromkeys((*(first.reads or ()), *undecided)))
                step, undecided = replace(step, calls=(replace(first, reads=reads), *others)), []
            later = [dict(call.args or {}) for after in one.steps[place + 1 :] for call in after.calls]
            texts = [str(leaf) for _, leaf in leaves(later) if isinstance(leaf, str | int | float)]
            undecided += [
                call.id
                for call in step.calls
                if call.effect == "read" and call.result is not None and call.id not in passed_on
                if not _stands_in(call.result, texts, besides=one.prompt or "")
            ]
            steps.append(step)
        return replace(one, steps=tuple(steps))

    return replace(session, turns=tuple(map(turn, session.turns)))


def _stands_in(result: Any, texts: Sequence[str], besides: str = "") -> bool:
    """Whether a leaf of a result stands in one of the texts, letter by letter, and not besides."""
    found = [str(leaf) for _, leaf in leaves(result) if isinstance(leaf, str | int | float)]
    return any(len(leaf) > 1 and leaf in text for leaf in found if leaf not in besides for text in texts)
