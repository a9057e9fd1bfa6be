"""The conditional prediction of a run: given what its model wrote, when does it answer? And what of the error is whose.

Given are the messages (their calls, awaits and tokens), where in its message each call was complete, and how long each
tool ran. Predicted is the rest: how long prompts and tokens take, by the timing model that was fitted to synchronous
runs, and what runs when, by the simulated session. So a model that writes something else than a synchronous run let
expect is no error of this prediction, and a wrong timing model or schedule is.

From the forecast to what was measured is a row of steps, each of which replaces one thing that was predicted by what
was: what a step changes is the part of the error that this thing has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.simulate.decoder import Decoder
from asyncfc_sim.simulate.emitted import Pace, Played, modelled, play, recorded, seen_as_recorded
from asyncfc_sim.traces.emission import Emission, emission

from .fidelity_fit import Learnt
from .fidelity_forecast import Forecast

# The causes, in the order of the steps. Those of the conditional prediction are the last three.
CAUSES: Final[Mapping[str, str]] = {
    "requests": "the model wrote other messages than the forecast assumes: further requests, other calls, more tokens",
    "tools": "tools took another time than in the synchronous runs",
    "ttft": "the time to the first token is not the fitted one",
    "decode": "the time per token is not the fitted one",
    "executor": "what the executor adds, and what is left",
}
CONDITIONAL: Final = ("ttft", "decode", "executor")


@dataclass(frozen=True, slots=True)
class Conditional:
    """Seconds to the last answer: predicted and measured. `parts_s` are the causes' parts of measured less forecast;
    `extra_requests` were asked beyond what was written, `left_out` messages were not asked for."""

    answered_s: float
    measured_s: float
    parts_s: Mapping[str, float]
    requests: int
    extra_requests: int
    left_out: int


def conditional(run: AgentRun, policy: Policy, learnt: Learnt, case: str, known: Forecast) -> Conditional:
    """The prediction of one run under `policy`, of which `known` was forecast. Raises EmissionError."""
    decoder = learnt.fit.decoder
    given = emission(run.trace, run.messages, references=policy.references, prefix_cache=decoder.prefix_cache)
    usual = modelled(decoder, learnt.seen)
    expected = _played(given, run, policy, decoder, usual, _as_in_sync(given, learnt, case))
    predicted = _played(given, run, policy, decoder, usual)
    with_ttft = _played(given, run, policy, decoder, seen_as_recorded(usual))
    with_all = _played(given, run, policy, decoder, recorded)
    played = [each.answered_s for each in (expected, predicted, with_ttft, with_all)]
    steps = [known.answered_s, *played, given.answered_s]
    parts = {name: after - before for name, (before, after) in zip(CAUSES, pairwise(steps), strict=True)}
    return Conditional(
        predicted.answered_s, given.answered_s, parts, predicted.requests, predicted.extra_requests, predicted.left_out
    )


def _played(
    given: Emission,
    run: AgentRun,
    policy: Policy,
    decoder: Decoder,
    pace: Pace,
    call_s: Mapping[int, float] | None = None,
) -> Played:
    return play(given, policy, run.tools, decoder, pace, call_s=call_s)


def _as_in_sync(given: Emission, learnt: Learnt, case: str) -> dict[int, float]:
    """How long each call ran under sync; as it ran here, if none like it ran there."""
    return {
        future: seconds if (known := learnt.seconds(case, given.tools[future], given.args[future])) is None else known
        for future, seconds in given.call_s.items()
    }
